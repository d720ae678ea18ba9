/* -ln of the probability of the labelled class, and its gradient from the probabilities. */

DEVICE void softmax_loss_terms(const real *p, const real *labels, real *terms, whole n, whole classes, whole inner,
                               int ignores, long long ignored) {
    EACH(i, n) {
        whole class_ = class_of(labels[i], classes);
        int counts = label_counts(labels[i], ignores, ignored);
        terms[i] = !counts      ? (real)0
                   : class_ < 0 ? R_NAN
                                : -r_log(r_max(p[class_start(i, classes, inner) + class_ * inner], R_TINY));
    }
}

DEVICE void softmax_loss_grad(const real *p, const real *labels, const real *dy, const real *divisor, real *dx, whole n,
                              whole classes, whole inner, int ignores, long long ignored) {
    EACH(i, n) {
        whole label = i / inner / classes * inner + i % inner;
        real target = (real)(label_of(labels[label]) == (long long)(i / inner % classes));
        dx[i] = label_counts(labels[label], ignores, ignored) ? (p[i] - target) * (dy[0] / divisor[0]) : (real)0;
    }
}
