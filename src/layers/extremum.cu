/* The first of the largest, or smallest, elements along an axis. */

DEVICE whole extremum_place(const real *x, whole i, whole extent, whole inner, int smallest) {
    whole start = i / inner * extent * inner + i % inner, best = start;
    for (whole k = 1; k < extent; k++) {
        whole at = start + k * inner;
        if (smallest ? x[at] < x[best] : x[best] < x[at]) best = at;
    }
    return best;
}

DEVICE void extremum(const real *x, real *y, whole n, whole extent, whole inner, int smallest) {
    EACH(i, n) { y[i] = x[extremum_place(x, i, extent, inner, smallest)]; }
}

/* The gradient goes to the first, or in equal shares to all that equal it. */
DEVICE void extremum_grad(const real *x, const real *dy, real *dx, whole n, whole extent, whole inner, int smallest,
                          int shared) {
    EACH(i, n) {
        whole place = extremum_place(x, i, extent, inner, smallest), start = i / inner * extent * inner + i % inner;
        whole equals = shared ? 0 : 1;
        for (whole k = 0; shared && k < extent; k++) equals += x[start + k * inner] == x[place];
        for (whole k = 0; k < extent; k++) {
            whole at = start + k * inner;
            dx[at] = at == place || (shared && x[at] == x[place]) ? dy[i] / (real)equals : (real)0;
        }
    }
}
