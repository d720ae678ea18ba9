/* One step of a solver over all parameters: a block for each chunk of one parameter.
 *
 * chunks has four integers a chunk: its first element, counted from the start of the parameters, its length, and twice 0.
 * mults has two numbers a chunk: the multipliers of rate and decay; a chunk whose are no numbers stays as it is. numbers are those of the step:
 * 0 rate, 1 weight decay, 2 clip, 3 normalizer, 4 to 9 those of the rule. */

#define STEP_RATE 0
#define STEP_DECAY 1
#define STEP_CLIP 2
#define STEP_NORMALIZER 3
#define STEP_RULE 4

/* The rules, in the order of the executor's list. */
#define RULE_MOMENTUM 0
#define RULE_NESTEROV 1
#define RULE_DAMPED 2
#define RULE_DAMPED_NESTEROV 3
#define RULE_ADAGRAD 4
#define RULE_RMSPROP 5
#define RULE_ADADELTA 6
#define RULE_ADAM 7
#define RULE_ADAMAX 8
#define RULE_AHEAD 9
#define RULE_AVERAGED 10
#define RULE_RPROP 11
#define RULE_RMS_MOMENTUM 12
#define RULE_DUAL_AVERAGING 13
#define RULE_FTRL 14

DEVICE void update_one(int rule, const real *q, real rate, real g, real *w, real *h, real *v) {
    real change = 0, old = *h;
    switch (rule) {
    case RULE_MOMENTUM:
        *h = q[0] * old + rate * g;
        change = *h;
        break;
    case RULE_NESTEROV:
        *h = q[0] * old + rate * g;
        change = ((real)1 + q[0]) * *h - q[0] * old;
        break;
    case RULE_DAMPED:
        *h = q[0] * old + q[1] * g;
        change = rate * *h;
        break;
    case RULE_DAMPED_NESTEROV:
        *h = q[0] * old + q[1] * g;
        change = rate * (g + q[0] * *h);
        break;
    case RULE_ADAGRAD:
        *h = old + g * g;
        change = rate * (g / (r_sqrt(*h) + q[0]));
        break;
    case RULE_RMSPROP:
        *h = q[0] * old + q[1] * (g * g);
        change = rate * (g / (r_sqrt(*h) + q[2]));
        break;
    case RULE_ADADELTA: {
        *h = q[0] * old + ((real)1 - q[0]) * (g * g);
        real step = g * r_sqrt((*v + q[1]) / (*h + q[1]));
        *v = q[0] * *v + ((real)1 - q[0]) * (step * step);
        change = rate * step;
        break;
    }
    case RULE_ADAM:
        *h = q[0] * old + q[2] * g;
        *v = q[1] * *v + q[3] * (g * g);
        change = rate * q[5] * (*h / (r_sqrt(*v) + q[4]));
        break;
    case RULE_ADAMAX: {
        *h = q[0] * old + q[1] * g;
        real last = q[2] * *v, size = r_abs(g) + q[3];
        *v = last < size ? size : last;
        change = rate * q[4] * (*h / *v);
        break;
    }
    case RULE_AHEAD:
        *h = q[0] * old - rate * g;
        change = rate * g;
        break;
    case RULE_AVERAGED:
        *w = q[0] * *w - rate * g;
        *h = old + q[1] * (*w - old);
        return;
    case RULE_RPROP: {
        real agreement = old * g, factor = 1;
        if (0 < agreement) factor = q[0];
        if (agreement < 0) factor = q[1], g = 0;
        real size = *v * factor;
        size = q[3] < size ? q[3] : size;
        *v = size < q[2] ? q[2] : size;
        *h = g;
        change = 0 < g ? *v : g < 0 ? -*v : (real)0;
        break;
    }
    case RULE_RMS_MOMENTUM:
        *h = q[0] * old + q[1] * (g * g);
        *v = q[2] * *v + rate * g / r_sqrt(*h + q[3]);
        change = *v;
        break;
    case RULE_DUAL_AVERAGING:
        *h = old + g;
        *v = *v + g * g;
        *w = -(rate * *h / r_sqrt(*v));
        return;
    case RULE_FTRL: {
        *h = old + g * g;
        *v = *v + (g - (r_sqrt(*h) - r_sqrt(old)) / rate * *w);
        real pull = 0 < *v ? q[0] - *v : -q[0] - *v;
        *w = r_abs(*v) <= q[0] ? (real)0 : pull / (r_sqrt(*h) / rate + q[1] + q[1]);
        return;
    }
    }
    *w -= change;
}

/* A rule that keeps less has another array as `first` or `second`, element by element. decays: 0 by squares, 1 by absolute
 * values. */
DEVICE void update(real *weights, const real *gradients, real *first, real *second, const real *chunks,
                   const real *mults, const real *numbers, whole n, int rule, int two, int decays) {
    const long long *table = (const long long *)chunks;
    EACH_TEAM(b, n) {
        whole start = (whole)table[4 * b], count = (whole)table[4 * b + 1];
        if (mults[2 * b] != mults[2 * b]) continue;
        real rate = numbers[STEP_RATE] * mults[2 * b], decay = numbers[STEP_DECAY] * mults[2 * b + 1];
        real clip = numbers[STEP_CLIP], normalizer = numbers[STEP_NORMALIZER], q[6];
        UNROLL for (int j = 0; j < 6; j++) q[j] = numbers[STEP_RULE + j];
        EACH_THREAD(t) {
            for (whole i = start + t; i < start + count; i += 4 * THREADS) {
                real w[4], h[4], v[4], g[4];
                FOUR(k) {
                    whole at = i + k * THREADS;
                    int inside = at < start + count;
                    w[k] = inside ? weights[at] : (real)0;
                    h[k] = inside ? first[at] : (real)0;
                    v[k] = two && inside ? second[at] : (real)0;
                    g[k] = inside ? gradients[at] : (real)0;
                }
                FOUR(k) {
                    whole at = i + k * THREADS;
                    if (start + count <= at) continue;
                    g[k] = g[k] * clip * normalizer;
                    if (decay != 0) g[k] += decays == 0 ? decay * w[k] : decay * r_sign(w[k]);
                    update_one(rule, q, rate, g[k], w + k, h + k, v + k);
                    weights[at] = w[k];
                    first[at] = h[k];
                    if (two) second[at] = v[k];
                }
            }
        }
    }
}

/* Moves weights by a multiple of their history; the tables are those of an update. */
DEVICE void look_ahead(real *weights, const real *first, const real *chunks, const real *mults, const real *numbers,
                       whole n) {
    const long long *table = (const long long *)chunks;
    EACH_TEAM(b, n) {
        whole start = (whole)table[4 * b], count = (whole)table[4 * b + 1];
        if (mults[2 * b] != mults[2 * b]) continue;
        real share = numbers[STEP_RULE];
        EACH_THREAD(t) {
            for (whole i = start + t; i < start + count; i += 4 * THREADS) {
                real w[4], h[4];
                FOUR(k) {
                    whole at = i + k * THREADS;
                    w[k] = at < start + count ? weights[at] : (real)0;
                    h[k] = at < start + count ? first[at] : (real)0;
                }
                FOUR(k) if (i + k * THREADS < start + count) weights[i + k * THREADS] = w[k] + share * h[k];
            }
        }
    }
}

/* Sums of squares of pieces of the gradients. */
DEVICE void squares(const real *x, real *parts, whole n, whole count, whole piece) {
    SHARED real part[THREADS];
    EACH_TEAM(b, n) {
        EACH_THREAD(t) {
            real sum = 0;
            for (whole i = b * piece + t; i < least_of((b + 1) * piece, count); i += THREADS) sum += x[i] * x[i];
            part[t] = sum;
        }
        team_add(part);
        EACH_THREAD(t) {
            if (t == 0) parts[b] = part[0];
        }
    }
}

/* The factor that brings the norm of the gradients down to `most`, among the numbers of the step. */
DEVICE void clip_factor(const real *parts, real *numbers, whole n, whole count, real most) {
    SHARED real part[THREADS];
    EACH_TEAM(b, n) {
        team_sum(parts, count, part);
        EACH_THREAD(t) {
            real norm = r_sqrt(part[0]);
            if (t == 0) numbers[STEP_CLIP] = most < norm ? most / norm : (real)1;
        }
    }
}

/* The sum of gradients over several passes. */
DEVICE void add_to(const real *x, real *y, whole n) {
    EACH_FOUR(i, n) {
        real old[4], more[4];
        FOUR(k) {
            old[k] = i + k * THREADS < n ? y[i + k * THREADS] : (real)0;
            more[k] = i + k * THREADS < n ? x[i + k * THREADS] : (real)0;
        }
        FOUR(k) if (i + k * THREADS < n) y[i + k * THREADS] = old[k] + more[k];
    }
}
