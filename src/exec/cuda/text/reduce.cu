/* Sums and maxima over axes, in an order that depends on the shapes alone.
 *
 * A result is found by its number along four axes of extents k and distances t, the elements that it combines by theirs
 * along four axes of extents r and distances u. Long reductions are cut into pieces of neighbouring elements; the result
 * of piece p of result o goes to y[p results + o], and a second call combines the pieces. */

/* Sums are added with 64 bits: reading takes longer. */
DEVICE double combine(int largest, double a, real b) { return largest ? r_max((real)a, b) : a + (double)b; }

DEVICE whole along(whole number, whole e1, whole e2, whole e3, whole s0, whole s1, whole s2, whole s3) {
    whole at = number % e3 * s3;
    number /= e3;
    at += number % e2 * s2, number /= e2;
    at += number % e1 * s1, number /= e1;
    return at + number * s0;
}

/* A thread for each piece. */
DEVICE void reduce_each(const real *x, real *y, whole n, int largest, whole results, whole terms, whole piece,
                        whole k1, whole k2, whole k3, whole t0, whole t1, whole t2, whole t3, whole r1, whole r2,
                        whole r3, whole u0, whole u1, whole u2, whole u3) {
    EACH(i, n) {
        const real *from = x + along(i % results, k1, k2, k3, t0, t1, t2, t3);
        whole first = i / results * piece, end = least_of(first + piece, terms);
        double result = largest ? -(double)R_INFINITY : 0.0;
        for (whole j = first; j < end; j++) {
            result = combine(largest, result, from[along(j, r1, r2, r3, u0, u1, u2, u3)]);
        }
        y[i] = (real)result;
    }
}

/* A block of threads for each piece. */
DEVICE void reduce_teams(const real *x, real *y, whole n, int largest, whole results, whole terms, whole piece,
                         whole k1, whole k2, whole k3, whole t0, whole t1, whole t2, whole t3, whole r1, whole r2,
                         whole r3, whole u0, whole u1, whole u2, whole u3) {
    SHARED real part[THREADS];
    EACH_TEAM(i, n) {
        const real *from = x + along(i % results, k1, k2, k3, t0, t1, t2, t3);
        whole first = i / results * piece, end = least_of(first + piece, terms);
        EACH_THREAD(t) {
            double result = largest ? -(double)R_INFINITY : 0.0;
            for (whole j = first + t; j < end; j += THREADS) {
                result = combine(largest, result, from[along(j, r1, r2, r3, u0, u1, u2, u3)]);
            }
            part[t] = (real)result;
        }
        if (largest) {
            team_max(part);
        } else {
            team_add(part);
        }
        EACH_THREAD(t) {
            if (t == 0) y[i] = part[0];
        }
    }
}
