/* Items whose selector is not 0, one after the other. */

/* Where each item goes or, with `sources`, which item comes to each of the places that are kept; -1 for none. One block. */
DEVICE void filter_places(const real *selector, real *places, whole n, whole items, whole kept, int sources) {
    SHARED whole counts[THREADS];
    whole share = (items + THREADS - 1) / THREADS;
    EACH_TEAM(b, n) {
        team_count_before(selector, counts, items, share);
        EACH_THREAD(t) {
            whole next = t == 0 ? 0 : counts[t - 1];
            for (whole item = t * share; item < least_of((t + 1) * share, items); item++) {
                int passes = selector[item] != 0 && next < kept;
                if (sources && passes) places[next] = (real)item;
                if (!sources) places[item] = passes ? (real)next : (real)-1;
                next += (whole)passes;
            }
            for (whole place = counts[THREADS - 1] + t; sources && place < kept; place += THREADS) places[place] = -1;
        }
    }
}

/* Items of `each` elements from other places. */
DEVICE void filter(const real *x, const real *places, real *y, whole n, whole each) {
    EACH(i, n) {
        whole place = (whole)places[i / each];
        y[i] = place < 0 ? (real)0 : x[place * each + i % each];
    }
}
