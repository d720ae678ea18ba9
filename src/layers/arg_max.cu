/* The k largest of the candidates, with their values, their positions, or both. Of equals the later comes first, what is
 * no number last. */

DEVICE int arg_before(real a, whole at, real b, whole other) {
    int no_a = a != a, no_b = b != b;
    if (no_a != no_b) return no_b;
    if (!no_a && a != b) return b < a;
    return other < at;
}

/* A thread for each candidate: its place is the number of those before it. */
DEVICE void arg_max(const real *x, real *y, whole n, whole candidates, whole inner, whole k, int positions, int values) {
    EACH(i, n) {
        whole block = i / inner / candidates, own = i / inner % candidates, line = i % inner, place = 0;
        const real *from = x + block * candidates * inner + line;
        for (whole c = 0; c < candidates; c++) place += (whole)arg_before(from[c * inner], c, x[i], own);
        if (k <= place) continue;
        whole parts = (whole)(positions + values);
        real *to = y + block * parts * k * inner + line;
        if (positions) to[place * inner] = (real)own;
        if (values) to[((parts - 1) * k + place) * inner] = x[i];
    }
}
