/* Pairs of rows: similar ones are pulled together, others pushed apart up to a margin. */

DEVICE real contrastive_term(real squared, real similar, real margin, int legacy) {
    real gap = r_at_least(margin - (legacy ? squared : r_sqrt(squared)), (real)0);
    return r_trunc(similar) != 0 ? squared : legacy ? gap : gap * gap;
}

/* What the difference of a pair is multiplied by in its gradient. */
DEVICE real contrastive_factor(real squared, real similar, real scale, real margin, int legacy) {
    real distance, gap;
    if (r_trunc(similar) != 0) return scale;
    if (legacy) return 0 < margin - squared ? -scale : (real)0;
    distance = r_sqrt(squared), gap = margin - distance;
    return 0 < gap ? -scale * gap / (distance + (real)1e-4) : (real)0;
}

DEVICE real squared_difference(const real *a, const real *b, whole width) {
    real sum = 0;
    for (whole j = 0; j < width; j++) sum += (a[j] - b[j]) * (a[j] - b[j]);
    return sum;
}

/* The same by a block of threads, in part[0]. */
DEVICE void team_squared_difference(const real *a, const real *b, real *part, whole width) {
    EACH_THREAD(t) {
        real sum = 0;
        for (whole j = t; j < width; j += THREADS) sum += (a[j] - b[j]) * (a[j] - b[j]);
        part[t] = sum;
    }
    team_add(part);
}

/* All pairs by one block: a thread for each. */
DEVICE void contrastive_loss(const real *a, const real *b, const real *similar, real *loss, whole n, whole count,
                             whole width, real margin, int legacy) {
    SHARED real part[THREADS];
    EACH_TEAM(o, n) {
        EACH_THREAD(t) {
            real sum = 0;
            for (whole i = t; i < count; i += THREADS) {
                real squared = squared_difference(a + i * width, b + i * width, width);
                sum += contrastive_term(squared, similar[i], margin, legacy);
            }
            part[t] = sum;
        }
        team_add(part);
        EACH_THREAD(t) {
            if (t == 0) loss[o] = part[0] / (real)count / (real)2;
        }
    }
}

/* A block for each pair. */
DEVICE void contrastive_terms(const real *a, const real *b, const real *similar, real *terms, whole n, whole width,
                              real margin, int legacy) {
    SHARED real part[THREADS];
    EACH_TEAM(i, n) {
        team_squared_difference(a + i * width, b + i * width, part, width);
        EACH_THREAD(t) {
            if (t == 0) terms[i] = contrastive_term(part[0], similar[i], margin, legacy);
        }
    }
}

/* The gradients of both rows of a pair by a thread; where only one is wanted, `first` and `second` are the same place and
 * `sign` says whose it is. */
DEVICE void contrastive_grad(const real *a, const real *b, const real *similar, const real *dy, real *first,
                             real *second, whole n, whole width, real margin, int legacy, real sign) {
    EACH(i, n) {
        real squared = squared_difference(a + i * width, b + i * width, width);
        real factor = contrastive_factor(squared, similar[i], dy[0] / (real)n, margin, legacy);
        for (whole j = i * width; j < (i + 1) * width; j++) {
            real d = factor * (a[j] - b[j]);
            second[j] = -d;
            first[j] = sign * d;
        }
    }
}

/* The same by a block. */
DEVICE void contrastive_team_grad(const real *a, const real *b, const real *similar, const real *dy, real *first,
                                  real *second, whole n, whole width, real margin, int legacy, real sign) {
    SHARED real part[THREADS];
    EACH_TEAM(i, n) {
        team_squared_difference(a + i * width, b + i * width, part, width);
        EACH_THREAD(t) {
            real factor = contrastive_factor(part[0], similar[i], dy[0] / (real)n, margin, legacy);
            for (whole j = i * width + t; j < (i + 1) * width; j += THREADS) {
                real d = factor * (a[j] - b[j]);
                second[j] = -d;
                first[j] = sign * d;
            }
        }
    }
}
