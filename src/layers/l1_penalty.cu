/* The gradient of a penalty on absolute values, beside the one that comes back or instead of it. */

DEVICE void l1_pull(const real *x, const real *dy, real *dx, whole n, real weight, int passes) {
    EACH(i, n) {
        real pull = r_sign(x[i]) * weight;
        dx[i] = passes ? dy[i] + pull : pull;
    }
}
