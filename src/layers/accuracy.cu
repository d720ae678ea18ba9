/* The share of labels whose score is among the best: over all, and for each class. */

/* 1 for a hit, 0 for a miss, -1 for a label that is no class, -2 for one that is ignored. Scores as good as that of the label
   are better: all with ties 0, those of earlier classes with 1, none with 2. */
DEVICE void accuracy_hits(const real *x, const real *labels, real *hits, whole n, whole classes, whole inner, whole top,
                          whole ties, int ignores, long long ignored) {
    EACH(i, n) {
        whole class_ = class_of(labels[i], classes), start = class_start(i, classes, inner), better = 0;
        real own = class_ < 0 ? (real)0 : x[start + class_ * inner];
        for (whole c = 0; 0 <= class_ && c < classes; c++) {
            real other = x[start + c * inner];
            int counts = other != own || ties == 0 || (ties == 1 && c < class_);
            better += (whole)(c != class_ && !(other < own) && counts);
        }
        real hit = class_ < 0 ? (real)-1 : (real)(better < top);
        hits[i] = label_counts(labels[i], ignores, ignored) ? hit : (real)-2;
    }
}

/* A block for each class, and one more for all together. */
DEVICE void accuracy_shares(const real *labels, const real *hits, real *overall, real *shares, whole n, whole classes,
                            whole count) {
    SHARED real part[THREADS];
    SHARED real right;
    EACH_TEAM(b, n) {
        int all = b == classes;
        EACH_THREAD(t) {
            real sum = 0;
            for (whole i = t; i < count; i += THREADS) {
                if (all || class_of(labels[i], classes) == b) sum += (real)(hits[i] == (real)1);
            }
            part[t] = sum;
        }
        team_add(part);
        EACH_THREAD(t) {
            if (t == 0) right = part[0];
        }
        EACH_THREAD(t) {
            real sum = 0;
            for (whole i = t; i < count; i += THREADS) {
                if (all || class_of(labels[i], classes) == b) sum += (real)(hits[i] != (real)-2);
            }
            part[t] = sum;
        }
        team_add(part);
        EACH_THREAD(t) {
            if (t == 0) {
                real share = right / r_max((real)1, part[0]);
                if (all) {
                    overall[0] = share;
                } else {
                    shares[b] = share;
                }
            }
        }
    }
}
