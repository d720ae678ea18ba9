/* Elements where a mask is not 0, one after the other. One block, whose threads share the mask out. */

DEVICE void masked_select(const real *x, const real *mask, real *y, whole n, whole count, whole room) {
    SHARED whole counts[THREADS];
    whole share = (count + THREADS - 1) / THREADS;
    EACH_TEAM(b, n) {
        team_count_before(mask, counts, count, share);
        EACH_THREAD(t) {
            whole next = t == 0 ? 0 : counts[t - 1];
            for (whole j = t * share; j < least_of((t + 1) * share, count); j++) {
                if (mask[j] != 0 && next < room) y[next++] = x[j];
            }
            for (whole at = counts[THREADS - 1] + t; at < room; at += THREADS) y[at] = 0;
        }
    }
}

DEVICE void masked_select_grad(const real *dy, const real *mask, real *dx, whole n, whole count, whole room) {
    SHARED whole counts[THREADS];
    whole share = (count + THREADS - 1) / THREADS;
    EACH_TEAM(b, n) {
        team_count_before(mask, counts, count, share);
        EACH_THREAD(t) {
            whole next = t == 0 ? 0 : counts[t - 1];
            for (whole j = t * share; j < least_of((t + 1) * share, count); j++) {
                dx[j] = mask[j] != 0 && next < room ? dy[next++] : (real)0;
            }
        }
    }
}
