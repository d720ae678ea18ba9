/* Local response normalisation across channels: y = x scale^-beta, scale = k + alpha sum of squares. */

DEVICE real lrn_power(real scale, real beta) {
    if (beta == (real)0.75) {
        real root = r_sqrt(scale);
        return (real)1 / (root * r_sqrt(root));
    }
    if (beta == (real)0.5) return (real)1 / r_sqrt(scale);
    if (beta == (real)1) return (real)1 / scale;
    return r_pow(scale, -beta);
}

DEVICE void lrn(const real *x, real *y, real *scale, whole n, whole channels, whole pixels, whole before, whole behind,
                real alpha, real beta, real k) {
    EACH(i, n) {
        whole c = i / pixels % channels;
        real sum = 0;
        for (whole near = most_of(c - before, 0); near < least_of(c + behind + 1, channels); near++) {
            real a = x[i + (near - c) * pixels];
            sum += a * a;
        }
        scale[i] = k + alpha * sum;
        y[i] = x[i] * lrn_power(scale[i], beta);
    }
}

DEVICE void lrn_grad(const real *x, const real *y, const real *scale, const real *dy, real *dx, whole n,
                     whole channels, whole pixels, whole before, whole behind, real alpha, real beta,
                     real factor) {
    EACH(i, n) {
        whole c = i / pixels % channels;
        real result = dy[i] * lrn_power(scale[i], beta);
        for (whole far = most_of(c - behind, 0); far < least_of(c + before + 1, channels); far++) {
            whole at = i + (far - c) * pixels;
            result -= x[i] * (alpha * factor * dy[at] * y[at] / scale[at]);
        }
        dx[i] = result;
    }
}
