/* Scores of labelled classes by a multiple of the angle to them. */

/* What stands for the cosine of the multiple; its slope to the class's weights; that to the features, times their length. */
DEVICE real margin_stretched(real c, whole times, int which) {
    real whole_ = r_sign(c), square = c * c, s = (real)1, shift = (real)0, value = c, weight = (real)1, row = (real)0;
    if (times == 2) {
        value = (real)2 * whole_ * square - (real)1;
        weight = (real)4 * whole_ * c;
        row = -((real)2 * whole_ * square + (real)1);
    } else if (times == 3) {
        s = r_sign(r_abs(c) - (real)0.5);
        shift = whole_ * ((real)1 + s) - (real)2;
        value = s * ((real)4 * square * c - (real)3 * c) + shift;
        weight = s * ((real)12 * square - (real)3);
        row = -((real)8 * s * square * c - shift);
    } else if (times == 4) {
        s = whole_ * r_sign((real)2 * square - (real)1);
        shift = (real)2 * whole_ + s - (real)3;
        value = s * ((real)8 * square * square - (real)8 * square + (real)1) + shift;
        weight = s * ((real)32 * square * c - (real)16 * c);
        row = -(s * ((real)24 * square * square - (real)8 * square - (real)1) - shift);
    }
    return which == 0 ? value : which == 1 ? weight : row;
}

DEVICE void margin_scores(const real *x, const real *labels, const real *scores, const real *lambda, real *y, whole n,
                          whole width, whole classes, whole times) {
    SHARED real part[THREADS];
    EACH_TEAM(i, n) {
        whole class_ = class_of(labels[i], classes);
        EACH_THREAD(t) {
            real sum = 0;
            for (whole j = t; j < width; j += THREADS) sum += x[i * width + j] * x[i * width + j];
            part[t] = sum;
            for (whole j = t; j < classes; j += THREADS) {
                y[i * classes + j] = class_ < 0 ? R_NAN : scores[i * classes + j];
            }
        }
        team_add(part);
        EACH_THREAD(t) {
            if (t == 0 && 0 <= class_) {
                real length = r_sqrt(part[0]), score = scores[i * classes + class_];
                real value = length * margin_stretched(score / length, times, 0) + lambda[0] * score;
                y[i * classes + class_] = value / ((real)1 + lambda[0]);
            }
        }
    }
}

DEVICE void margin_grad(const real *x, const real *labels, const real *weights, const real *scores, const real *lambda,
                        const real *dy, real *dx, whole n, whole width, whole classes, whole times) {
    SHARED real part[THREADS];
    EACH_TEAM(i, n) {
        whole class_ = class_of(labels[i], classes), at = i * classes + (class_ < 0 ? 0 : class_);
        EACH_THREAD(t) {
            real sum = 0;
            for (whole j = t; j < width; j += THREADS) sum += x[i * width + j] * x[i * width + j];
            part[t] = sum;
        }
        team_add(part);
        EACH_THREAD(t) {
            real length = r_sqrt(part[0]), cosine = scores[at] / length;
            real weight = margin_stretched(cosine, times, 1), row = margin_stretched(cosine, times, 2) / length;
            real all = r_sqrt(weight * weight + row * row), slope = dy[at] * ((real)1 / ((real)1 + lambda[0]));
            for (whole j = t; j < width; j += THREADS) {
                real own = weights[(class_ < 0 ? 0 : class_) * width + j];
                real value = slope * ((weight * own + row * x[i * width + j]) / all - own);
                dx[i * width + j] = class_ < 0 ? (real)0 : value;
            }
        }
    }
}

DEVICE void margin_same(const real *dy, real *dx, whole n) {
    EACH(i, n) { dx[i] = dy[i]; }
}
