/* Batch normalisation of images x channels x inner, by channel. */

DEVICE whole in_channel(whole j, whole channel, whole channels, whole inner) {
    return (j / inner * channels + channel) * inner + j % inner;
}

/* What an element was before its factor and shift. */
DEVICE real normal(real x, real mean, real variance, real eps) { return (x - mean) / r_sqrt(variance + eps); }

/* The gradient behind ReLU, if there is one. */
DEVICE real behind_relu(real dy, real normal, real scale, real shift, int relu) {
    return relu && !((real)0 < normal * scale + shift) ? (real)0 : dy;
}

/* Mean and biased variance; a block for each channel. */
DEVICE void channel_moments(const real *x, real *mean, real *variance, whole n, whole count, whole inner) {
    SHARED real part[THREADS];
    SHARED real middle;
    EACH_TEAM(c, n) {
        EACH_THREAD(t) {
            double sum = 0;
            for (whole j = t; j < count; j += THREADS) sum += (double)x[in_channel(j, c, n, inner)];
            part[t] = (real)sum;
        }
        team_add(part);
        EACH_THREAD(t) {
            if (t == 0) middle = part[0] / (real)count;
        }
        EACH_THREAD(t) {
            double sum = 0;
            for (whole j = t; j < count; j += THREADS) {
                double far = (double)(x[in_channel(j, c, n, inner)] - middle);
                sum += far * far;
            }
            part[t] = (real)sum;
        }
        team_add(part);
        EACH_THREAD(t) {
            if (t == 0) {
                mean[c] = middle;
                variance[c] = part[0] / (real)count;
            }
        }
    }
}

DEVICE void normalize(const real *x, const real *mean, const real *variance, const real *scale, const real *shift,
                      real *y, whole n, whole channels, whole inner, int affine, int relu, real eps) {
    EACH(i, n) {
        whole c = i / inner % channels;
        real result = normal(x[i], mean[c], variance[c], eps);
        if (affine) result = result * scale[c] + shift[c];
        y[i] = relu ? r_max(result, (real)0) : result;
    }
}

/* The gradients to factor and shift, which are also what the gradient through the moments needs; a block for each
 * channel. */
DEVICE void normalize_sums(const real *x, const real *mean, const real *variance, const real *scale,
                           const real *shift, const real *dy, real *dscale, real *dshift, whole n, whole count,
                           whole inner, int affine, int relu, real eps) {
    SHARED real part[THREADS];
    EACH_TEAM(c, n) {
        for (int first = 0; first < 2; first++) {
            EACH_THREAD(t) {
                double sum = 0;
                for (whole j = t; j < count; j += THREADS) {
                    whole i = in_channel(j, c, n, inner);
                    real own = normal(x[i], mean[c], variance[c], eps);
                    real d = behind_relu(dy[i], own, affine ? scale[c] : (real)1, affine ? shift[c] : (real)0, relu);
                    sum += (double)(first ? d : d * own);
                }
                part[t] = (real)sum;
            }
            team_add(part);
            EACH_THREAD(t) {
                if (t == 0) {
                    if (first) {
                        dshift[c] = part[0];
                    } else {
                        dscale[c] = part[0];
                    }
                }
            }
        }
    }
}

DEVICE void normalize_grad(const real *x, const real *mean, const real *variance, const real *scale,
                           const real *shift, const real *dy, const real *dscale, const real *dshift, real *dx,
                           whole n, whole channels, whole inner, whole count, int affine, int batch, int relu,
                           real eps) {
    EACH(i, n) {
        whole c = i / inner % channels;
        real own = normal(x[i], mean[c], variance[c], eps), factor = affine ? scale[c] : (real)1;
        real d = behind_relu(dy[i], own, factor, affine ? shift[c] : (real)0, relu);
        if (batch) d -= (dshift[c] + own * dscale[c]) / (real)count;
        dx[i] = d * factor / r_sqrt(variance[c] + eps);
    }
}
