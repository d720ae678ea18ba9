/* How improbable labels are in any alignment: forward and backward variables of Graves et al. 2006, in logarithms. */

/* ln(e^a + e^b). */
DEVICE real ctc_add(real a, real b) {
    real large = b < a ? a : b, small = b < a ? b : a;
    return small == -R_INFINITY ? large : large + r_log1p(r_exp(small - large));
}

/* The class of a state: labels with blanks around them. */
DEVICE whole ctc_class(const real *labels, whole state, whole blank) {
    return state % 2 ? (whole)label_of(labels[state / 2]) : blank;
}

DEVICE int ctc_stays(const real *labels, whole state, whole blank, int merge) {
    return merge || ctc_class(labels, state, blank) == blank;
}

/* Whether the blank before a label may be left out. */
DEVICE int ctc_leaps(const real *labels, whole state, whole blank, int merge) {
    whole class_ = ctc_class(labels, state, blank);
    return class_ != blank && !(merge && class_ == ctc_class(labels, state - 2, blank));
}

/* A team for each sequence. Its scratch: labels, forward variables of all steps, two steps of backward variables. What
 * becomes the gradient holds the logarithm of the softmax until then. */
DEVICE void ctc_align(const real *scores, const real *second, const real *third, const real *labels, real *work,
                      real *rows, real *terms, whole n, whole T, whole C, whole longest, whole fixed, whole delay,
                      whole blank, int by_rows, int lengths, int collapse, int merge) {
    SHARED whole found[3];
    SHARED real likelihood;
    whole S = 2 * longest + 1;
    EACH_TEAM(i, n) {
        real *own = work + i * (longest + (T + 2) * S), *ahead = own + longest, *behind = ahead + T * S;
        EACH_THREAD(t) {
            for (whole step = t; step < T; step += THREADS) {
                const real *x = scores + (step * n + i) * C;
                real *y = rows + (step * n + i) * C, largest = -R_LARGE, total = 0;
                for (whole k = 0; k < C; k++) largest = r_max(largest, x[k]);
                for (whole k = 0; k < C; k++) total += r_exp(x[k] - largest);
                total = r_log(total);
                for (whole k = 0; k < C; k++) y[k] = x[k] - largest - total;
            }
            if (t == 0) {
                whole count = 0, end = by_rows ? fixed : T, written = longest, known = 1;
                if (!by_rows && lengths) {
                    long long said = label_of(second[i]), told = label_of(third[i]);
                    end = said < 0 ? 0 : said < T ? (whole)said : T;
                    written = told < 0 ? 0 : told < longest ? (whole)told : longest;
                } else if (!by_rows) {
                    for (whole step = T - 1; 0 < step; step--) {
                        if (label_of(second[step * n + i] + (real)0.5) == 0) end = step;
                    }
                }
                for (whole j = 0; j < written; j++) {
                    real x = by_rows ? labels[i * longest + j] : labels[j * n + i];
                    if (!by_rows && x < 0) break;
                    long long class_ = label_of(by_rows ? x : x + (real)0.5);
                    int repeats = collapse && 0 < j && labels[(j - 1) * n + i] == x;
                    int counts = by_rows ? class_ != blank : !repeats && class_ < C - 1;
                    if (counts) {
                        if (class_ < 0 || C <= class_) known = 0;
                        own[count++] = class_ < 0 ? (real)0 : class_ < C ? (real)class_ : (real)(C - 1);
                    }
                }
                found[0] = count;
                found[1] = known && (by_rows || 0 < count) ? end : 0;
                found[2] = known && (by_rows || 0 < count);
            }
        }
        whole states = 2 * found[0] + 1, end = found[1], first = delay < end ? delay : end;
        for (whole step = first; step < end; step++) {
            EACH_THREAD(t) {
                real *now = ahead + (step - first) * S, *past = now - S;
                for (whole s = t; s < states; s += THREADS) {
                    real sum = s < 2 ? (real)0 : -R_INFINITY;
                    if (first < step) {
                        sum = ctc_stays(own, s, blank, merge) ? past[s] : -R_INFINITY;
                        if (0 < s) sum = ctc_add(sum, past[s - 1]);
                        if (1 < s && ctc_leaps(own, s, blank, merge)) sum = ctc_add(sum, past[s - 2]);
                    }
                    now[s] = sum + rows[(step * n + i) * C + ctc_class(own, s, blank)];
                }
            }
        }
        /* The next loop writes where the last forward variables are. */
        EACH_THREAD(t) {
            if (t == 0) {
                const real *last = ahead + (end - first - 1) * S;
                likelihood = -R_INFINITY;
                if (first < end) likelihood = 1 < states ? ctc_add(last[states - 2], last[states - 1]) : last[0];
            }
        }
        real p = likelihood;
        int fails = p == -R_INFINITY;
        for (whole step = end - 1; first <= step; step--) {
            EACH_THREAD(t) {
                real *now = behind + (step % 2) * S, *next = behind + ((step + 1) % 2) * S;
                real *share = ahead + (step - first) * S;
                for (whole s = t; s < states; s += THREADS) {
                    real sum = states <= s + 2 ? (real)0 : -R_INFINITY;
                    if (step + 1 < end) {
                        sum = ctc_stays(own, s, blank, merge) ? next[s] : -R_INFINITY;
                        if (s + 1 < states) sum = ctc_add(sum, next[s + 1]);
                        if (s + 2 < states && ctc_leaps(own, s + 2, blank, merge)) sum = ctc_add(sum, next[s + 2]);
                    }
                    now[s] = sum + rows[(step * n + i) * C + ctc_class(own, s, blank)];
                    int passes = !fails && share[s] != -R_INFINITY && sum != -R_INFINITY;
                    share[s] = passes ? r_exp(share[s] + sum - p) : (real)0;
                }
            }
            EACH_THREAD(t) {
                const real *share = ahead + (step - first) * S;
                for (whole k = t; k < C; k += THREADS) {
                    real *y = rows + (step * n + i) * C + k, slope = r_exp(*y);
                    for (whole s = 0; s < states; s++) {
                        if (ctc_class(own, s, blank) == k) slope -= share[s];
                    }
                    *y = fails && by_rows ? (real)0 : slope;
                }
            }
        }
        EACH_THREAD(t) {
            for (whole step = 0; step < T; step++) {
                if (first <= step && step < end) continue;
                for (whole k = t; k < C; k += THREADS) rows[(step * n + i) * C + k] = 0;
            }
            if (t == 0) terms[i] = !found[2] ? R_NAN : end == 0 || (fails && by_rows) ? (real)0 : -p;
        }
    }
}

DEVICE void ctc_grad(const real *gradient, const real *dy, real *dx, whole n, int scaled) {
    EACH(i, n) { dx[i] = scaled ? dy[0] * gradient[i] : gradient[i]; }
}
