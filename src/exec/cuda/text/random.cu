/* Philox4x32-10 (Salmon et al., SC 2011): the numbers that the processor draws, by seed, stream, run and place. */

DEVICE void philox(unsigned long long seed, unsigned long long stream, unsigned long long counter, unsigned *words) {
    unsigned k0 = (unsigned)seed, k1 = (unsigned)(seed >> 32);
    unsigned c0 = (unsigned)counter, c1 = (unsigned)(counter >> 32);
    unsigned c2 = (unsigned)stream, c3 = (unsigned)(stream >> 32);
    for (int round = 0; round < 10; round++) {
        unsigned long long a = 0xD2511F53ull * c0, b = 0xCD9E8D57ull * c2;
        c0 = (unsigned)(b >> 32) ^ c1 ^ k0;
        c1 = (unsigned)b;
        c2 = (unsigned)(a >> 32) ^ c3 ^ k1;
        c3 = (unsigned)a;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    words[0] = c0, words[1] = c1, words[2] = c2, words[3] = c3;
}

/* The words at a place of a stream, in the run that is on. */
DEVICE void random_words(const real *control, long long stream, whole i, unsigned *words) {
    const unsigned long long *seed_and_run = (const unsigned long long *)control;
    unsigned long long counter = (seed_and_run[1] << 32) + (unsigned long long)i;
    philox(seed_and_run[0], (unsigned long long)stream, counter, words);
}

/* Four numbers by each thread; n counts the fours, total the numbers. */
DEVICE void random_uniform(const real *control, real *y, whole n, whole total, long long stream) {
    EACH(i, n) {
        unsigned words[4];
        random_words(control, stream, i, words);
        for (int j = 0; j < 4; j++) {
            whole at = 4 * i + j;
            if (at < total) y[at] = (real)((float)(words[j] >> 8) * (1.0f / 16777216.0f));
        }
    }
}

/* A multiple of 2^-53 from two words. */
DEVICE double unit(unsigned low, unsigned high) {
    unsigned long long bits = (unsigned long long)low | (unsigned long long)high << 32;
    return (double)(bits >> 11) * (1.0 / 9007199254740992.0);
}

/* Two numbers by each thread (Box and Muller, 1958); n counts the pairs. */
DEVICE void random_normal(const real *control, real *y, whole n, whole total, long long stream) {
    EACH(i, n) {
        unsigned words[4];
        random_words(control, stream, i, words);
        double radius = sqrt(-2.0 * log(1.0 - unit(words[0], words[1])));
        double angle = 6.283185307179586476925286766559 * unit(words[2], words[3]);
        y[2 * i] = (real)(radius * cos(angle));
        if (2 * i + 1 < total) y[2 * i + 1] = (real)(radius * sin(angle));
    }
}
