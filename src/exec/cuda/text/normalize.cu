/* Batch normalisation of images x channels x inner, by channel.
 *
 * Sums over a channel are cut into pieces of neighbouring elements, a block for each; where there are several, each leaves
 * two sums with 64 bits in scratch memory and a second call adds them in their order. */

DEVICE whole in_channel(whole j, whole channel, whole channels, whole inner) {
    return (j / inner * channels + channel) * inner + j % inner;
}

DEVICE real inverse_deviation(real variance, real eps) { return (real)1 / r_sqrt(variance + eps); }

/* An element behind its factor and shift; the forward and the backward pass ask this one function what ReLU cuts off. */
DEVICE real normal(real x, real mean, real factor, real shift) { return (x - mean) * factor + shift; }

/* The gradient behind ReLU, if there is one. */
DEVICE real behind_relu(real dy, real normal, int relu) { return relu && !((real)0 < normal) ? (real)0 : dy; }

/* Mean and biased variance from sums of count elements' distances from `middle` and of their squares. */
DEVICE void moments_of(double middle, double sum, double square, whole count, real *mean, real *variance) {
    double far = sum / (double)count, spread = square / (double)count - far * far;
    *mean = (real)(middle + far);
    *variance = (real)(spread < 0 ? 0 : spread);
}

/* Distances are from the channel's first element, so that a large mean takes nothing from a small variance. */
DEVICE double middle_of(const real *x, whole channel, whole count, whole inner) {
    return 0 < count ? (double)x[channel * inner] : 0.0;
}

/* Mean and variance in one pass; n counts channels x pieces. */
DEVICE void channel_moments(const real *x, real *work, real *mean, real *variance, whole n, whole channels,
                            whole pieces, whole count, whole inner) {
    SHARED double sums[THREADS];
    SHARED double both[THREADS];
    double *parts = (double *)work;
    whole piece = (count + pieces - 1) / pieces;
    EACH_TEAM(b, n) {
        whole c = b % channels, first = b / channels * piece, end = least_of(first + piece, count);
        double middle = middle_of(x, c, count, inner);
        EACH_THREAD(t) {
            double sum = 0, square = 0;
            whole j = first + t;
            for (; j + 3 * THREADS < end; j += 4 * THREADS) {
                real near[4];
                FOUR(k) near[k] = x[in_channel(j + k * THREADS, c, channels, inner)];
                FOUR(k) {
                    double far = (double)near[k] - middle;
                    sum += far;
                    square += far * far;
                }
            }
            for (; j < end; j += THREADS) {
                double far = (double)x[in_channel(j, c, channels, inner)] - middle;
                sum += far;
                square += far * far;
            }
            sums[t] = sum;
            both[t] = square;
        }
        team_add_both(sums, both);
        EACH_THREAD(t) {
            if (t == 0 && pieces == 1) moments_of(middle, sums[0], both[0], count, mean + c, variance + c);
            if (t == 0 && pieces != 1) {
                parts[2 * b] = sums[0];
                parts[2 * b + 1] = both[0];
            }
        }
    }
}

DEVICE void channel_moments_total(const real *x, const real *work, real *mean, real *variance, whole n, whole pieces,
                                  whole count, whole inner) {
    const double *parts = (const double *)work;
    EACH(c, n) {
        double sum = 0, square = 0;
        for (whole p = 0; p < pieces; p++) {
            sum += parts[2 * (p * n + c)];
            square += parts[2 * (p * n + c) + 1];
        }
        moments_of(middle_of(x, c, count, inner), sum, square, count, mean + c, variance + c);
    }
}

/* What is taken from the elements of a channel, what they are multiplied by, and what is added. */
DEVICE void factors_of(const real *mean, const real *variance, const real *scale, const real *shift, whole c, int affine,
                       real eps, real *middle, real *factor, real *offset) {
    real inverse = inverse_deviation(variance[c], eps);
    *middle = mean[c];
    *factor = affine ? inverse * scale[c] : inverse;
    *offset = affine ? shift[c] : (real)0;
}

/* The first plane of a block, and the elements that it works on, of which number 0 is the first of that plane. */
typedef struct {
    whole plane, start, first, end;
} Portion;

DEVICE Portion portion_of(whole b, whole planes, whole inner, whole group, whole cuts) {
    Portion p;
    whole piece = (group * inner + cuts - 1) / cuts;
    p.plane = b / cuts * group;
    p.start = p.plane * inner;
    p.first = p.start + b % cuts * piece;
    p.end = least_of(p.first + piece, least_of(p.plane + group, planes) * inner);
    return p;
}

/* A block works on `group` planes, or, where a plane is large, on one of its `cuts`; what it needs of the channels of these
 * planes it computes once. */
DEVICE void normalize(const real *x, const real *mean, const real *variance, const real *scale, const real *shift,
                      real *y, whole n, whole channels, whole planes, whole inner, whole group, whole cuts, int affine,
                      int relu, real eps) {
    SHARED real middles[THREADS];
    SHARED real factors[THREADS];
    SHARED real shifts[THREADS];
    EACH_TEAM(b, n) {
        Portion p = portion_of(b, planes, inner, group, cuts);
        EACH_THREAD(t) {
            if (t < group) {
                whole c = (p.plane + t) % channels;
                factors_of(mean, variance, scale, shift, c, affine, eps, middles + t, factors + t, shifts + t);
            }
        }
        EACH_THREAD(t) {
            for (whole i = p.first + t; i < p.end; i += 4 * THREADS) {
                real near[4];
                FOUR(k) near[k] = i + k * THREADS < p.end ? x[i + k * THREADS] : (real)0;
                FOUR(k) {
                    whole own = group == 1 ? 0 : (i + k * THREADS - p.start) / inner;
                    if (i + k * THREADS < p.end) {
                        real result = normal(near[k], middles[own], factors[own], shifts[own]);
                        y[i + k * THREADS] = relu ? r_at_least(result, (real)0) : result;
                    }
                }
            }
        }
    }
}

/* The gradients to factor and shift, which are also what the gradient through the moments needs, in one pass; n counts
 * channels x pieces. */
DEVICE void normalize_sums(const real *x, const real *mean, const real *variance, const real *scale,
                           const real *shift, const real *dy, real *dscale, real *dshift, real *work, whole n,
                           whole channels, whole pieces, whole count, whole inner, int affine, int relu, real eps) {
    SHARED double products[THREADS];
    SHARED double sums[THREADS];
    double *parts = (double *)work;
    whole piece = (count + pieces - 1) / pieces;
    EACH_TEAM(b, n) {
        whole c = b % channels, first = b / channels * piece, end = least_of(first + piece, count);
        real middle, factor, offset;
        factors_of(mean, variance, scale, shift, c, affine, eps, &middle, &factor, &offset);
        EACH_THREAD(t) {
            double product = 0, sum = 0;
            whole j = first + t;
            for (; j + 3 * THREADS < end; j += 4 * THREADS) {
                real near[4], slope[4];
                FOUR(k) {
                    whole i = in_channel(j + k * THREADS, c, channels, inner);
                    near[k] = x[i];
                    slope[k] = dy[i];
                }
                FOUR(k) {
                    real d = behind_relu(slope[k], normal(near[k], middle, factor, offset), relu);
                    sum += (double)d;
                    product += (double)d * (double)(near[k] - middle);
                }
            }
            for (; j < end; j += THREADS) {
                whole i = in_channel(j, c, channels, inner);
                real d = behind_relu(dy[i], normal(x[i], middle, factor, offset), relu);
                sum += (double)d;
                product += (double)d * (double)(x[i] - middle);
            }
            products[t] = product;
            sums[t] = sum;
        }
        team_add_both(products, sums);
        EACH_THREAD(t) {
            if (t == 0 && pieces == 1) {
                dscale[c] = (real)(products[0] * (double)inverse_deviation(variance[c], eps));
                dshift[c] = (real)sums[0];
            }
            if (t == 0 && pieces != 1) {
                parts[2 * b] = products[0];
                parts[2 * b + 1] = sums[0];
            }
        }
    }
}

DEVICE void normalize_sums_total(const real *variance, const real *work, real *dscale, real *dshift, whole n,
                                 whole pieces, real eps) {
    const double *parts = (const double *)work;
    EACH(c, n) {
        double product = 0, sum = 0;
        for (whole p = 0; p < pieces; p++) {
            product += parts[2 * (p * n + c)];
            sum += parts[2 * (p * n + c) + 1];
        }
        dscale[c] = (real)(product * (double)inverse_deviation(variance[c], eps));
        dshift[c] = (real)sum;
    }
}

/* Blocks as in `normalize`. The gradient of an element is g d, and through the moments also
 * -g (sum of d) / count - g (x - mean) (sum of d normal) / (count deviation). */
DEVICE void normalize_grad(const real *x, const real *mean, const real *variance, const real *scale,
                           const real *shift, const real *dy, const real *dscale, const real *dshift, real *dx,
                           whole n, whole channels, whole planes, whole inner, whole group, whole cuts, whole count,
                           int affine, int batch, int relu, real eps) {
    SHARED real middles[THREADS];
    SHARED real factors[THREADS];
    SHARED real shifts[THREADS];
    SHARED real levels[THREADS];
    SHARED real tilts[THREADS];
    EACH_TEAM(b, n) {
        Portion p = portion_of(b, planes, inner, group, cuts);
        EACH_THREAD(t) {
            if (t < group) {
                whole c = (p.plane + t) % channels;
                factors_of(mean, variance, scale, shift, c, affine, eps, middles + t, factors + t, shifts + t);
                if (batch) {
                    levels[t] = -factors[t] * (dshift[c] / (real)count);
                    tilts[t] = -factors[t] * inverse_deviation(variance[c], eps) * (dscale[c] / (real)count);
                }
            }
        }
        EACH_THREAD(t) {
            for (whole i = p.first + t; i < p.end; i += 4 * THREADS) {
                real near[4], slope[4];
                FOUR(k) {
                    near[k] = i + k * THREADS < p.end ? x[i + k * THREADS] : (real)0;
                    slope[k] = i + k * THREADS < p.end ? dy[i + k * THREADS] : (real)0;
                }
                FOUR(k) {
                    whole own = group == 1 ? 0 : (i + k * THREADS - p.start) / inner;
                    if (i + k * THREADS < p.end) {
                        real result = normal(near[k], middles[own], factors[own], shifts[own]);
                        result = behind_relu(slope[k], result, relu) * factors[own];
                        if (batch) result += tilts[own] * (near[k] - middles[own]) + levels[own];
                        dx[i + k * THREADS] = result;
                    }
                }
            }
        }
    }
}
