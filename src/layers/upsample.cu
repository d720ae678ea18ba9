/* Elements put to their positions in larger planes; of several at one position the last counts. */

/* A thread for a share of each plane, of so many: the places whose numbers leave its own when divided by that. */
DEVICE void unpool(const real *x, const real *positions, real *y, whole n, whole small_, whole large, whole shares) {
    EACH(i, n) {
        whole plane = i / shares, own = i % shares;
        for (whole j = own; j < large; j += shares) y[plane * large + j] = 0;
        for (whole j = plane * small_; j < (plane + 1) * small_; j++) {
            real position = positions[j];
            int inside = 0 <= position && position < (real)large;
            if (inside && (whole)position % shares == own) y[plane * large + (whole)position] = x[j];
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
