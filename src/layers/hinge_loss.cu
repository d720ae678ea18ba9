/* max(0, 1 - t x)^p, where t is 1 for the labelled class and -1 for the others. */

DEVICE void hinge_terms(const real *x, const real *labels, real *terms, whole n, whole classes, int squared) {
    EACH(i, n) {
        whole class_ = class_of(labels[i], classes);
        real sum = class_ < 0 ? R_NAN : (real)0;
        for (whole c = 0; c < classes; c++) {
            real missed = r_max((real)1 + (c == class_ ? -x[i * classes + c] : x[i * classes + c]), (real)0);
            sum += squared ? missed * missed : missed;
        }
        terms[i] = sum;
    }
}

DEVICE void hinge_grad(const real *x, const real *labels, const real *dy, real *dx, whole n, whole classes, whole count,
                       int squared) {
    EACH(i, n) {
        real sign = class_of(labels[i / classes], classes) == i % classes ? (real)-1 : (real)1;
        real missed = r_max((real)1 + sign * x[i], (real)0), scale = dy[0] / (real)count;
        dx[i] = squared ? (real)2 * sign * missed * scale : 0 < missed ? sign * scale : (real)0;
    }
}
