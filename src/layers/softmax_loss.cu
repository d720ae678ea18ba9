/* -ln of the probability of the labelled class, times the weight of that class where there are weights, from the
 * probabilities or, for any scores, from these; and its gradient from the probabilities. */

DEVICE void softmax_loss_terms(const real *p, const real *labels, const real *weights, real *terms, whole n,
                               whole classes, whole inner, int weighted, int ignores, long long ignored) {
    EACH(i, n) {
        whole class_ = class_of(labels[i], classes);
        int counts = label_counts(labels[i], ignores, ignored);
        terms[i] = !counts      ? (real)0
                   : class_ < 0 ? R_NAN
                                : -r_log(r_at_least(p[class_start(i, classes, inner) + class_ * inner], R_TINY)) *
                                      weights[weighted ? class_ : 0];
    }
}

DEVICE void softmax_loss_whole_terms(const real *x, const real *labels, const real *weights, real *terms, whole n,
                                     whole classes, whole inner, int weighted, int ignores, long long ignored) {
    EACH(i, n) {
        whole class_ = class_of(labels[i], classes), start = class_start(i, classes, inner);
        int counts = label_counts(labels[i], ignores, ignored);
        real largest = x[start], total = 0;
        for (whole c = 1; c < classes; c++) {
            largest = x[start + c * inner] > largest ? x[start + c * inner] : largest;
        }
        for (whole c = 0; c < classes; c++) {
            total += r_exp(x[start + c * inner] - largest);
        }
        terms[i] = !counts      ? (real)0
                   : class_ < 0 ? R_NAN
                                : (r_log(total) + (largest - x[start + class_ * inner])) *
                                      weights[weighted ? class_ : 0];
    }
}

DEVICE void softmax_loss_grad(const real *p, const real *labels, const real *weights, const real *dy,
                              const real *divisor, real *dx, whole n, whole classes, whole inner, int weighted,
                              int ignores, long long ignored) {
    EACH(i, n) {
        whole label = i / inner / classes * inner + i % inner;
        real target = (real)(label_of(labels[label]) == (long long)(i / inner % classes));
        whole class_ = class_of(labels[label], classes);
        real factor = dy[0] / divisor[0] * weights[weighted && 0 <= class_ ? class_ : 0];
        dx[i] = label_counts(labels[label], ignores, ignored) ? (p[i] - target) * factor : (real)0;
    }
}
