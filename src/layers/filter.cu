/* Items whose selector is not 0, one after the other. */

/* Numbers the items that pass: where each goes, or -1. One block. */
DEVICE void filter_places(const real *selector, real *places, whole n, whole items) {
    SHARED whole counts[THREADS];
    whole share = (items + THREADS - 1) / THREADS;
    EACH_TEAM(b, n) {
        team_count_before(selector, counts, items, share);
        EACH_THREAD(t) {
            whole next = t == 0 ? 0 : counts[t - 1];
            for (whole item = t * share; item < least_of((t + 1) * share, items); item++) {
                places[item] = selector[item] != 0 ? (real)next++ : (real)-1;
            }
        }
    }
}

/* The item that goes to a place, or -1. One block. */
DEVICE void filter_sources(const real *selector, real *sources, whole n, whole items, whole kept) {
    SHARED whole counts[THREADS];
    whole share = (items + THREADS - 1) / THREADS;
    EACH_TEAM(b, n) {
        team_count_before(selector, counts, items, share);
        EACH_THREAD(t) {
            whole next = t == 0 ? 0 : counts[t - 1];
            for (whole item = t * share; item < least_of((t + 1) * share, items); item++) {
                if (selector[item] != 0 && next < kept) sources[next++] = (real)item;
            }
            for (whole place = counts[THREADS - 1] + t; place < kept; place += THREADS) sources[place] = (real)-1;
        }
    }
}

DEVICE void filter(const real *x, const real *sources, real *y, whole n, whole each) {
    EACH(i, n) {
        whole item = (whole)sources[i / each];
        y[i] = item < 0 ? (real)0 : x[item * each + i % each];
    }
}

DEVICE void filter_grad(const real *dy, const real *places, real *dx, whole n, whole each, whole kept) {
    EACH(i, n) {
        whole place = (whole)places[i / each];
        dx[i] = place < 0 || kept <= place ? (real)0 : dy[place * each + i % each];
    }
}
