/* Sums and maxima over axes, in an order that depends on the shapes alone.
 *
 * A result is found by its number along four axes of extents k and distances t, the elements that it combines by theirs
 * along four axes of extents r and distances u. Long reductions are cut into pieces of neighbouring elements; the result
 * of piece p of result o goes to y[p results + o], and a second call combines the pieces. Where there are parts, `apart`
 * elements from each other, every part is combined by itself, and then these. */

/* Sums are added with 64 bits: reading takes longer. */
DEVICE double combine(int largest, double a, real b) { return largest ? r_max((real)a, b) : a + (double)b; }

DEVICE double nothing_combined(int largest) { return largest ? -(double)R_INFINITY : 0.0; }

DEVICE whole along(whole number, whole e1, whole e2, whole e3, whole s0, whole s1, whole s2, whole s3) {
    whole at = number % e3 * s3;
    number /= e3;
    at += number % e2 * s2, number /= e2;
    at += number % e1 * s1, number /= e1;
    return at + number * s0;
}

/* Combines the elements first, first + step, ... before end; eight of them are on their way at a time. */
DEVICE real combined(const real *from, int largest, whole first, whole end, whole step, whole r1, whole r2, whole r3,
                     whole u0, whole u1, whole u2, whole u3) {
    double result = nothing_combined(largest);
    whole j = first;
    for (; j + 7 * step < end; j += 8 * step) {
        real next[8];
        for (int k = 0; k < 8; k++) next[k] = from[along(j + k * step, r1, r2, r3, u0, u1, u2, u3)];
        for (int k = 0; k < 8; k++) result = combine(largest, result, next[k]);
    }
    for (; j < end; j += step) result = combine(largest, result, from[along(j, r1, r2, r3, u0, u1, u2, u3)]);
    return (real)result;
}

/* A thread for each piece. */
DEVICE void reduce_each(const real *x, real *y, whole n, int largest, whole results, whole terms, whole piece,
                        whole parts, whole apart, whole k1, whole k2, whole k3, whole t0, whole t1, whole t2, whole t3,
                        whole r1, whole r2, whole r3, whole u0, whole u1, whole u2, whole u3) {
    EACH(i, n) {
        const real *from = x + along(i % results, k1, k2, k3, t0, t1, t2, t3);
        whole first = i / results * piece, end = least_of(first + piece, terms);
        double all = nothing_combined(largest);
        for (whole part = 0; part < parts; part++) {
            const real *own = from + part * apart;
            all = combine(largest, all, combined(own, largest, first, end, 1, r1, r2, r3, u0, u1, u2, u3));
        }
        y[i] = (real)all;
    }
}

/* A block of threads for a piece of 32 results, whose elements lie next to each other: eight of each at a time. */
DEVICE void reduce_columns(const real *x, real *y, whole n, int largest, whole results, whole terms, whole piece,
                           whole parts, whole apart, whole k1, whole k2, whole k3, whole t0, whole t1, whole t2,
                           whole t3, whole r1, whole r2, whole r3, whole u0, whole u1, whole u2, whole u3) {
    SHARED real share[THREADS];
    SHARED double all[32];
    EACH_TEAM(b, n) {
        whole groups = (results + 31) / 32, start = b % groups * 32;
        whole first = b / groups * piece, end = least_of(first + piece, terms);
        for (whole part = 0; part < parts; part++) {
            EACH_THREAD(t) {
                whole i = start + t % 32;
                if (i < results) {
                    const real *from = x + along(i, k1, k2, k3, t0, t1, t2, t3) + part * apart;
                    share[t] = combined(from, largest, first + t / 32, end, THREADS / 32, r1, r2, r3, u0, u1, u2, u3);
                }
            }
            EACH_THREAD(t) {
                if (t < 32 && start + t < results) {
                    double own = nothing_combined(largest);
                    for (int row = t; row < THREADS; row += 32) own = combine(largest, own, share[row]);
                    all[t] = combine(largest, part == 0 ? nothing_combined(largest) : all[t], (real)own);
                    if (part == parts - 1) y[b / groups * results + start + t] = (real)all[t];
                }
            }
        }
    }
}

/* A block of threads for each piece. */
DEVICE void reduce_teams(const real *x, real *y, whole n, int largest, whole results, whole terms, whole piece,
                         whole parts, whole apart, whole k1, whole k2, whole k3, whole t0, whole t1, whole t2, whole t3,
                         whole r1, whole r2, whole r3, whole u0, whole u1, whole u2, whole u3) {
    SHARED real share[THREADS];
    SHARED double all;
    EACH_TEAM(i, n) {
        const real *from = x + along(i % results, k1, k2, k3, t0, t1, t2, t3);
        whole first = i / results * piece, end = least_of(first + piece, terms);
        for (whole part = 0; part < parts; part++) {
            const real *own = from + part * apart;
            EACH_THREAD(t) {
                share[t] = combined(own, largest, first + t, end, THREADS, r1, r2, r3, u0, u1, u2, u3);
            }
            if (largest) {
                team_max(share);
            } else {
                team_add(share);
            }
            EACH_THREAD(t) {
                if (t == 0) {
                    all = combine(largest, part == 0 ? nothing_combined(largest) : all, share[0]);
                    if (part == parts - 1) y[i] = (real)all;
                }
            }
        }
    }
}
