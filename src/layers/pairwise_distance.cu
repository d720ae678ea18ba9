/* The p-norm of the difference of rows. */

DEVICE void distance_rows(const real *a, const real *b, real *y, whole n, whole width, real norm) {
    EACH(i, n) {
        real sum = 0;
        for (whole j = 0; j < width; j++) {
            real gap = r_abs(a[i * width + j] - b[i * width + j]);
            sum += norm == (real)1 ? gap : norm == (real)2 ? gap * gap : r_pow(gap, norm);
        }
        y[i] = norm == (real)1 ? sum : norm == (real)2 ? r_sqrt(sum) : r_pow(sum, (real)1 / norm);
    }
}

DEVICE void distance_grad(const real *a, const real *b, const real *y, const real *dy, real *d, whole n, whole width,
                          real norm, real power, real factor) {
    EACH(i, n) {
        real gap = a[i] - b[i], far = y[i / width] + (real)1e-6, slope;
        if (norm == (real)1) {
            slope = r_sign(gap);
        } else if (norm == (real)2) {
            slope = gap / far;
        } else {
            slope = gap == 0 ? (real)0 : r_sign(gap) * r_pow(r_abs(gap), power) / r_pow(far, power);
        }
        d[i] = factor * (dy[i / width] * slope);
    }
}
