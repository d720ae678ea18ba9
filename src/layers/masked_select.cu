/* Elements where a mask is not 0, one after the other. */

DEVICE void masked_select(const real *x, const real *mask, real *y, whole n, whole count, whole room) {
    EACH(i, n) {
        whole next = 0;
        for (whole j = 0; j < count; j++) {
            if (mask[j] != 0 && next < room) y[next++] = x[j];
        }
        while (next < room) y[next++] = 0;
    }
}

DEVICE void masked_select_grad(const real *dy, const real *mask, real *dx, whole n, whole count, whole room) {
    EACH(i, n) {
        whole next = 0;
        for (whole j = 0; j < count; j++) dx[j] = mask[j] != 0 && next < room ? dy[next++] : (real)0;
    }
}
