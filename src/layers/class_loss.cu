/* What losses over class labels share: labels along outer x inner of outer x classes x inner scores. */

DEVICE whole class_start(whole i, whole classes, whole inner) { return i / inner * classes * inner + i % inner; }

/* The class that a label names, counted from 0, or -1. */
DEVICE whole class_of(real label, whole classes) {
    long long class_ = label_of(label);
    return 0 <= class_ && class_ < classes ? (whole)class_ : -1;
}

/* The class of a label that counts from 1, or -1. */
DEVICE whole class_from_1(real label, whole classes) {
    return (real)1 <= label ? class_of(label - (real)1, classes) : -1;
}

DEVICE int label_counts(real label, int ignores, long long ignored) { return !ignores || label_of(label) != ignored; }

/* The number of labels that count, in part[0] of a block of threads. */
DEVICE void count_labels(const real *labels, real *part, whole count, int ignores, long long ignored) {
    EACH_THREAD(t) {
        real sum = 0;
        for (whole i = t; i < count; i += THREADS) sum += (real)label_counts(labels[i], ignores, ignored);
        part[t] = sum;
    }
    team_add(part);
}

/* What a loss is divided by where that is the number of labels that count, at least 1. */
DEVICE void loss_divisor(const real *labels, real *divisor, whole n, whole count, int ignores, long long ignored) {
    SHARED real part[THREADS];
    EACH_TEAM(b, n) {
        count_labels(labels, part, count, ignores, ignored);
        EACH_THREAD(t) {
            if (t == 0) divisor[b] = r_max((real)1, part[0]);
        }
    }
}

/* The sum of terms over that number or, if not `valid`, over a constant. */
DEVICE void loss_total(const real *terms, const real *labels, real *loss, whole n, whole count, whole labelled, int valid,
                       real constant, int ignores, long long ignored) {
    SHARED real part[THREADS];
    SHARED real divisor;
    EACH_TEAM(b, n) {
        if (valid) count_labels(labels, part, labelled, ignores, ignored);
        EACH_THREAD(t) {
            if (t == 0) divisor = valid ? r_max((real)1, part[0]) : constant;
        }
        team_sum(terms, count, part);
        EACH_THREAD(t) {
            if (t == 0) loss[b] = part[0] / divisor;
        }
    }
}
