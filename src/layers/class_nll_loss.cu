/* Minus the weighted scores of the labelled classes, counted from 1; divided by the sum of their weights for a mean. */

/* What a label adds to the loss, and its weight. */
DEVICE void nll_terms(const real *x, const real *labels, const real *weights, real *terms, real *shares, whole n,
                      whole classes, whole inner, int weighted, long long ignored) {
    EACH(i, n) {
        whole class_ = class_from_1(labels[i], classes);
        terms[i] = 0;
        shares[i] = 0;
        if (label_of(labels[i]) == ignored) continue;
        shares[i] = class_ < 0 ? R_NAN : weighted ? weights[class_] : (real)1;
        terms[i] = class_ < 0 ? R_NAN : -(x[class_start(i, classes, inner) + class_ * inner] * shares[i]);
    }
}

DEVICE void nll_total(const real *terms, const real *shares, real *loss, real *divisor, whole n, whole count, int mean) {
    SHARED real part[THREADS];
    SHARED real share;
    EACH_TEAM(b, n) {
        team_sum(shares, count, part);
        EACH_THREAD(t) {
            if (t == 0) share = mean && part[0] != 0 ? part[0] : (real)1;
        }
        team_sum(terms, count, part);
        EACH_THREAD(t) {
            if (t == 0) {
                divisor[b] = share;
                loss[b] = part[0] / share;
            }
        }
    }
}

/* A label that is no class leaves the divisor of the others at 1, as the loss is no number then. */
DEVICE void nll_grad(const real *labels, const real *weights, const real *divisor, const real *dy, real *dx, whole n,
                     whole classes, whole inner, int weighted, long long ignored) {
    EACH(i, n) {
        whole label = i / inner / classes * inner + i % inner, class_ = i / inner % classes;
        int right = label_of(labels[label]) != ignored && class_from_1(labels[label], classes) == class_;
        real share = divisor[0] == divisor[0] ? divisor[0] : (real)1;
        dx[i] = right ? -(dy[0] / share * (weighted ? weights[class_] : (real)1)) : (real)0;
    }
}
