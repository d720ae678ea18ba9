/* -ln of the labelled probability, which is taken to be at least `least`. */

DEVICE void multinomial_loss_terms(const real *p, const real *labels, real *terms, whole n, whole classes, real least) {
    EACH(i, n) {
        whole class_ = class_of(labels[i], classes);
        terms[i] = class_ < 0 ? R_NAN : -r_log(r_at_least(p[i * classes + class_], least));
    }
}

DEVICE void multinomial_loss_grad(const real *p, const real *labels, const real *dy, real *dx, whole n, whole classes,
                                  whole count, real least) {
    EACH(i, n) {
        int right = class_of(labels[i / classes], classes) == i % classes;
        dx[i] = right ? -dy[0] / (real)count / r_at_least(p[i], least) : (real)0;
    }
}
