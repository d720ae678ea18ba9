/* Local response normalisation across channels: y = x scale^-beta, scale = k + alpha sum of squares. */

DEVICE real lrn_power(real scale, real beta) {
    if (beta == (real)0.75) {
        real root = r_sqrt(scale);
        return (real)1 / (root * r_sqrt(root));
    }
    if (beta == (real)0.5) return (real)1 / r_sqrt(scale);
    if (beta == (real)1) return (real)1 / scale;
    return r_pow(scale, -beta);
}

/* A thread for each element. */
DEVICE void lrn_wide(const real *x, real *y, real *scale, whole n, whole channels, whole pixels, whole before,
                     whole behind, real alpha, real beta, real k) {
    EACH(i, n) {
        whole c = i / pixels % channels;
        real sum = 0;
        for (whole near = most_of(c - before, 0); near < least_of(c + behind + 1, channels); near++) {
            real a = x[i + (near - c) * pixels];
            sum += a * a;
        }
        scale[i] = k + alpha * sum;
        y[i] = x[i] * lrn_power(scale[i], beta);
    }
}

DEVICE void lrn_wide_grad(const real *x, const real *y, const real *scale, const real *dy, real *dx, whole n,
                          whole channels, whole pixels, whole before, whole behind, real alpha, real beta,
                          real factor) {
    EACH(i, n) {
        whole c = i / pixels % channels;
        real result = dy[i] * lrn_power(scale[i], beta);
        for (whole far = most_of(c - behind, 0); far < least_of(c + before + 1, channels); far++) {
            whole at = i + (far - c) * pixels;
            result -= x[i] * (alpha * factor * dy[at] * y[at] / scale[at]);
        }
        dx[i] = result;
    }
}

/* Most channels that a thread keeps while it walks along them: the neighbours of one, and itself. */
#define LRN_MOST 9

/* A thread for each pixel of an image walks along the channels, four at a time, and keeps the neighbours, so that each
 * element is read once; n counts pixels of images. Channels that are not there add 0 in their turn, which gives the bits of
 * the sums above. */
DEVICE void lrn(const real *x, real *y, real *scale, whole n, whole channels, whole pixels, whole before, whole behind,
                real alpha, real beta, real k) {
    EACH(i, n) {
        whole at = i / pixels * channels * pixels + i % pixels, kept = before + behind;
        /* Number j is of channel c - before + j. */
        real near[LRN_MOST + 3];
        UNROLL for (int j = 0; j < LRN_MOST + 3; j++) {
            whole channel = j - before;
            near[j] = j < kept && 0 <= channel && channel < channels ? x[at + channel * pixels] : (real)0;
        }
        for (whole c = 0; c < channels; c += 4) {
            FOUR(m) {
                whole next = c + behind + m;
                near[kept + m] = next < channels ? x[at + next * pixels] : (real)0;
            }
            FOUR(m) {
                real sum = 0;
                UNROLL for (int j = 0; j < LRN_MOST; j++) {
                    if (j <= kept) sum += near[m + j] * near[m + j];
                }
                if (c + m < channels) {
                    real level = k + alpha * sum;
                    scale[at + (c + m) * pixels] = level;
                    y[at + (c + m) * pixels] = near[m + before] * lrn_power(level, beta);
                }
            }
            UNROLL for (int j = 0; j < LRN_MOST - 1; j++) {
                if (j < kept) near[j] = near[j + 4];
            }
        }
    }
}

/* Likewise; each quotient, which is part of the gradients of several channels, is computed once. */
DEVICE void lrn_grad(const real *x, const real *y, const real *scale, const real *dy, real *dx, whole n,
                     whole channels, whole pixels, whole before, whole behind, real alpha, real beta, real factor) {
    EACH(i, n) {
        whole at = i / pixels * channels * pixels + i % pixels, kept = before + behind;
        /* Number j is of channel c - behind + j. */
        real share[LRN_MOST + 3], slope[LRN_MOST + 3];
        UNROLL for (int j = 0; j < LRN_MOST + 3; j++) {
            whole channel = j - behind;
            share[j] = slope[j] = 0;
            if (j < kept && 0 <= channel && channel < channels) {
                whole from = at + channel * pixels;
                share[j] = alpha * factor * dy[from] * y[from] / scale[from];
                slope[j] = dy[from] * lrn_power(scale[from], beta);
            }
        }
        for (whole c = 0; c < channels; c += 4) {
            real own[4], above[4], result[4], level[4];
            FOUR(m) {
                whole next = c + before + m, from = at + next * pixels;
                above[m] = next < channels ? dy[from] : (real)0;
                result[m] = next < channels ? y[from] : (real)0;
                level[m] = next < channels ? scale[from] : (real)1;
                own[m] = c + m < channels ? x[at + (c + m) * pixels] : (real)0;
            }
            FOUR(m) {
                share[kept + m] = alpha * factor * above[m] * result[m] / level[m];
                slope[kept + m] = above[m] * lrn_power(level[m], beta);
            }
            FOUR(m) {
                real sum = slope[m + behind];
                UNROLL for (int j = 0; j < LRN_MOST; j++) {
                    if (j <= kept) sum -= own[m] * share[m + j];
                }
                if (c + m < channels) dx[at + (c + m) * pixels] = sum;
            }
            UNROLL for (int j = 0; j < LRN_MOST - 1; j++) {
                if (j < kept) {
                    share[j] = share[j + 4];
                    slope[j] = slope[j + 4];
                }
            }
        }
    }
}
