/* max(0, margin - right score + other score)^p over all other scores. share is one over what the sum is divided by. */

DEVICE void multi_margin_terms(const real *x, const real *labels, const real *weights, real *terms, whole n,
                               whole classes, int weighted, int squared, real margin, real share) {
    EACH(i, n) {
        whole right = class_from_1(labels[i], classes);
        real sum = 0;
        for (whole c = 0; 0 <= right && c < classes; c++) {
            real gap = margin - x[i * classes + right] + x[i * classes + c];
            if (c != right && 0 < gap) sum += squared ? gap * gap : gap;
        }
        terms[i] = right < 0 ? R_NAN : sum * (weighted ? share * weights[right] : share);
    }
}

DEVICE void multi_margin_grad(const real *x, const real *labels, const real *weights, const real *dy, real *dx, whole n,
                              whole classes, int weighted, int squared, real margin, real share) {
    EACH(i, n) {
        whole right = class_from_1(labels[i], classes);
        real sum = 0;
        for (whole c = 0; c < classes; c++) {
            dx[i * classes + c] = 0;
            if (right < 0 || c == right) continue;
            real gap = margin - x[i * classes + right] + x[i * classes + c];
            if (gap <= 0 || gap != gap) continue;
            real step = dy[0] * (weighted ? share * weights[right] : share) * (squared ? gap + gap : (real)1);
            dx[i * classes + c] = step;
            sum += step;
        }
        if (0 <= right) dx[i * classes + right] = -sum;
    }
}
