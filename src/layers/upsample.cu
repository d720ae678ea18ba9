/* Elements put to their positions in larger planes; of several at one position the last counts. */

DEVICE void unpool(const real *x, const real *positions, real *y, whole n, whole small_, whole large) {
    EACH(i, n) {
        for (whole j = 0; j < large; j++) y[i * large + j] = 0;
        for (whole j = 0; j < small_; j++) {
            real position = positions[i * small_ + j];
            if (0 <= position && position < (real)large) y[i * large + (whole)position] = x[i * small_ + j];
        }
    }
}

DEVICE void unpool_grad(const real *dy, const real *positions, real *dx, whole n, whole small_, whole large) {
    EACH(i, n) {
        real position = positions[i];
        int inside = 0 <= position && position < (real)large;
        dx[i] = inside ? dy[i / small_ * large + (whole)position] : (real)0;
    }
}
