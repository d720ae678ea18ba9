/* Pairs of rows: similar ones are pulled together, others pushed apart up to a margin. */

DEVICE void contrastive_distances(const real *a, const real *b, const real *similar, real *squares, real *terms, whole n,
                                  whole width, real margin, int legacy) {
    SHARED real part[THREADS];
    EACH_TEAM(i, n) {
        EACH_THREAD(t) {
            real sum = 0;
            for (whole j = i * width + t; j < (i + 1) * width; j += THREADS) sum += (a[j] - b[j]) * (a[j] - b[j]);
            part[t] = sum;
        }
        team_add(part);
        EACH_THREAD(t) {
            if (t == 0) {
                real squared = part[0], gap = r_at_least(margin - (legacy ? squared : r_sqrt(squared)), (real)0);
                squares[i] = squared;
                terms[i] = r_trunc(similar[i]) != 0 ? squared : legacy ? gap : gap * gap;
            }
        }
    }
}

DEVICE void contrastive_total(const real *terms, real *loss, whole n, whole count) {
    SHARED real part[THREADS];
    EACH_TEAM(b, n) {
        EACH_THREAD(t) {
            real sum = 0;
            for (whole i = t; i < count; i += THREADS) sum += terms[i];
            part[t] = sum;
        }
        team_add(part);
        EACH_THREAD(t) {
            if (t == 0) loss[b] = part[0] / (real)count / (real)2;
        }
    }
}

DEVICE void contrastive_grad(const real *a, const real *b, const real *similar, const real *squares, const real *dy,
                             real *d, whole n, whole width, whole count, real margin, int legacy, real sign) {
    EACH(i, n) {
        real scale = sign * (dy[0] / (real)count), squared = squares[i / width], factor;
        if (r_trunc(similar[i / width]) != 0) {
            factor = scale;
        } else if (legacy) {
            factor = 0 < margin - squared ? -scale : (real)0;
        } else {
            real distance = r_sqrt(squared), gap = margin - distance;
            factor = 0 < gap ? -scale * gap / (distance + (real)1e-4) : (real)0;
        }
        d[i] = factor * (a[i] - b[i]);
    }
}
