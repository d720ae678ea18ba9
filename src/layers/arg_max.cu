/* The k largest of the candidates, with their values, their positions, or both. Of equals the later comes first, what is
 * no number last. */

DEVICE int arg_before(real a, whole at, real b, whole other) {
    int no_a = a != a, no_b = b != b;
    if (no_a != no_b) return no_b;
    if (!no_a && a != b) return b < a;
    return other < at;
}

/* A thread for each candidate: its place is the number of those before it. */
DEVICE void arg_max_each(const real *x, real *y, whole n, whole candidates, whole inner, whole k, int positions,
                         int values) {
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

/* Puts a candidate into the first one's place, if it comes before that one or there is none. */
DEVICE void arg_first(real *best, whole *place, real other, whole at) {
    if (*place < 0 || arg_before(other, at, *best, *place)) {
        *best = other;
        *place = at;
    }
}

/* A block of threads for each line, which seeks the next one k times. */
DEVICE void arg_max_teams(const real *x, real *y, whole n, whole candidates, whole inner, whole k, int positions,
                          int values) {
    SHARED real best[THREADS];
    SHARED whole places[THREADS];
    SHARED real last;
    SHARED whole last_place;
    EACH_TEAM(line, n) {
        const real *from = x + line / inner * candidates * inner + line % inner;
        whole parts = (whole)(positions + values);
        real *to = y + line / inner * parts * k * inner + line % inner;
        for (whole place = 0; place < k; place++) {
            EACH_THREAD(t) {
                places[t] = -1;
                for (whole c = t; c < candidates; c += THREADS) {
                    real own = from[c * inner];
                    if (place == 0 || arg_before(last, last_place, own, c)) arg_first(best + t, places + t, own, c);
                }
            }
            for (int half = THREADS / 2; 0 < half; half /= 2) {
                EACH_THREAD(t) {
                    if (t < half && 0 <= places[t + half]) arg_first(best + t, places + t, best[t + half], places[t + half]);
                }
            }
            EACH_THREAD(t) {
                if (t == 0) {
                    last = best[0];
                    last_place = places[0];
                    if (positions) to[place * inner] = (real)last_place;
                    if (values) to[((parts - 1) * k + place) * inner] = last;
                }
            }
        }
    }
}
