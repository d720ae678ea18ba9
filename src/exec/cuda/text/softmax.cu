/* Softmax and its logarithm along the middle axis of outer x axis x inner, with gradients. */

/* A thread for each line. */
DEVICE void softmax_each(const real *x, real *y, whole n, whole axis, whole inner, int logarithm) {
    EACH(i, n) {
        whole first = i / inner * axis * inner + i % inner;
        real max = -R_INFINITY, sum = 0;
        for (whole j = 0; j < axis; j++) max = r_max(max, x[first + j * inner]);
        for (whole j = 0; j < axis; j++) sum += r_exp(x[first + j * inner] - max);
        real shift = max + r_log(sum), scale = (real)1 / sum;
        for (whole j = 0; j < axis; j++) {
            real a = x[first + j * inner];
            y[first + j * inner] = logarithm ? a - shift : r_exp(a - max) * scale;
        }
    }
}

/* A block of threads for each line. */
DEVICE void softmax_teams(const real *x, real *y, whole n, whole axis, whole inner, int logarithm) {
    SHARED real part[THREADS];
    SHARED real largest;
    EACH_TEAM(i, n) {
        whole first = i / inner * axis * inner + i % inner;
        EACH_THREAD(t) {
            real max = -R_INFINITY;
            for (whole j = t; j < axis; j += THREADS) max = r_max(max, x[first + j * inner]);
            part[t] = max;
        }
        team_max(part);
        EACH_THREAD(t) {
            if (t == 0) largest = part[0];
        }
        EACH_THREAD(t) {
            real sum = 0;
            for (whole j = t; j < axis; j += THREADS) sum += r_exp(x[first + j * inner] - largest);
            part[t] = sum;
        }
        team_add(part);
        EACH_THREAD(t) {
            real shift = largest + r_log(part[0]), scale = (real)1 / part[0];
            for (whole j = t; j < axis; j += THREADS) {
                real a = x[first + j * inner];
                y[first + j * inner] = logarithm ? a - shift : r_exp(a - largest) * scale;
            }
        }
    }
}

DEVICE real softmax_slope(int logarithm, real y, real dy, real sum) {
    return logarithm ? dy - r_exp(y) * sum : y * (dy - sum);
}

DEVICE void softmax_grad_each(const real *y, const real *dy, real *dx, whole n, whole axis, whole inner, int logarithm) {
    EACH(i, n) {
        whole first = i / inner * axis * inner + i % inner;
        real sum = 0;
        for (whole j = 0; j < axis; j++) {
            whole at = first + j * inner;
            sum += logarithm ? dy[at] : dy[at] * y[at];
        }
        for (whole j = 0; j < axis; j++) {
            whole at = first + j * inner;
            dx[at] = softmax_slope(logarithm, y[at], dy[at], sum);
        }
    }
}

DEVICE void softmax_grad_teams(const real *y, const real *dy, real *dx, whole n, whole axis, whole inner, int logarithm) {
    SHARED real part[THREADS];
    EACH_TEAM(i, n) {
        whole first = i / inner * axis * inner + i % inner;
        EACH_THREAD(t) {
            real sum = 0;
            for (whole j = t; j < axis; j += THREADS) {
                whole at = first + j * inner;
                sum += logarithm ? dy[at] : dy[at] * y[at];
            }
            part[t] = sum;
        }
        team_add(part);
        EACH_THREAD(t) {
            for (whole j = t; j < axis; j += THREADS) {
                whole at = first + j * inner;
                dx[at] = softmax_slope(logarithm, y[at], dy[at], part[0]);
            }
        }
    }
}
