/* - sum over classes of gain[label, class] ln p, and its gradient from the probabilities p. */

DEVICE void infogain_terms(const real *p, const real *labels, const real *gain, real *terms, whole n, whole classes,
                           whole inner, int ignores, long long ignored, real least) {
    EACH(i, n) {
        whole class_ = class_of(labels[i], classes), start = class_start(i, classes, inner);
        real sum = class_ < 0 ? R_NAN : (real)0;
        for (whole k = 0; 0 <= class_ && k < classes; k++) {
            sum -= gain[class_ * classes + k] * r_log(r_at_least(p[start + k * inner], least));
        }
        terms[i] = label_counts(labels[i], ignores, ignored) ? sum : (real)0;
    }
}

DEVICE void infogain_grad(const real *p, const real *labels, const real *gain, const real *dy, const real *divisor,
                          real *dx, whole n, whole classes, whole inner, int ignores, long long ignored) {
    EACH(i, n) {
        whole class_ = class_of(labels[i], classes), start = class_start(i, classes, inner);
        int counts = 0 <= class_ && label_counts(labels[i], ignores, ignored);
        real row = 0;
        for (whole k = 0; counts && k < classes; k++) row += gain[class_ * classes + k];
        for (whole k = 0; k < classes; k++) {
            whole at = start + k * inner;
            dx[at] = counts ? (p[at] * row - gain[class_ * classes + k]) * (dy[0] / divisor[0]) : (real)0;
        }
    }
}
