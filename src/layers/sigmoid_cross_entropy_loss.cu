/* Cross entropy of logistic probabilities, in the form that cannot overflow. */

DEVICE void sigmoid_loss_terms(const real *x, const real *t, real *terms, whole n, int ignores, long long ignored) {
    EACH(i, n) {
        real linear = (real)0 <= x[i] ? x[i] * (t[i] - (real)1) : x[i] * t[i];
        real term = -(linear - r_log1p(r_exp(-r_abs(x[i]))));
        terms[i] = label_counts(t[i], ignores, ignored) ? term : (real)0;
    }
}

DEVICE void sigmoid_loss_grad(const real *x, const real *t, const real *dy, const real *divisor, real *dx, whole n,
                              int ignores, long long ignored) {
    EACH(i, n) {
        real slope = (r_sigmoid(x[i]) - t[i]) * (dy[0] / divisor[0]);
        dx[i] = label_counts(t[i], ignores, ignored) ? slope : (real)0;
    }
}
