/* Images moved by flows: the values between four pixels that these point to. Planes of images are H x W, of flows P x Q. */

/* Writes the places of the four neighbours, and what each counts; whether the origin of a pixel lies inside. */
DEVICE int flow_origin(const real *flow, whole at, whole H, whole W, whole P, whole Q, whole *corners, real *shares) {
    real x = (real)(at % Q) + flow[at], y = (real)(at / Q) + flow[P * Q + at];
    if (!(0 <= x && x < (real)W && 0 <= y && y < (real)H)) return 0;
    whole left = least_of((whole)x, W - 1), top = least_of((whole)y, H - 1);
    whole next = least_of(left + 1, W - 1), below = least_of(top + 1, H - 1);
    real right = x - (real)left, down = y - (real)top;
    corners[0] = top * W + left;
    corners[1] = top * W + next;
    corners[2] = below * W + left;
    corners[3] = below * W + next;
    shares[0] = ((real)1 - right) * ((real)1 - down);
    shares[1] = right * ((real)1 - down);
    shares[2] = ((real)1 - right) * down;
    shares[3] = right * down;
    return 1;
}

DEVICE void flow_warp(const real *x, const real *flow, real *y, whole n, whole C, whole H, whole W, whole P, whole Q,
                      int fills_nan) {
    EACH(i, n) {
        whole at = i % (P * Q), plane = i / (P * Q), corners[4];
        real shares[4], sum = fills_nan ? R_NAN : (real)0;
        if (flow_origin(flow + plane / C * 2 * P * Q, at, H, W, P, Q, corners, shares)) {
            sum = 0;
            for (int k = 0; k < 4; k++) sum += shares[k] * x[plane * H * W + corners[k]];
        }
        y[i] = sum;
    }
}

/* The least and the largest row and column that a run of `run` pixels comes from; n counts the runs of all images. */
DEVICE void flow_reach(const real *flow, real *reach, whole n, whole H, whole W, whole P, whole Q, whole runs,
                       whole run) {
    SHARED real top[THREADS];
    SHARED real bottom[THREADS];
    SHARED real left[THREADS];
    SHARED real right[THREADS];
    EACH_TEAM(b, n) {
        EACH_THREAD(t) {
            whole first = b % runs * run, corners[4];
            real shares[4];
            top[t] = bottom[t] = left[t] = right[t] = -R_LARGE;
            for (whole at = first + t; at < least_of(first + run, P * Q); at += THREADS) {
                if (!flow_origin(flow + b / runs * 2 * P * Q, at, H, W, P, Q, corners, shares)) continue;
                real row = (real)(corners[0] / W), column = (real)(corners[0] % W);
                top[t] = r_max(top[t], -row);
                bottom[t] = r_max(bottom[t], row);
                left[t] = r_max(left[t], -column);
                right[t] = r_max(right[t], column);
            }
        }
        team_max(top);
        team_max(bottom);
        team_max(left);
        team_max(right);
        EACH_THREAD(t) {
            if (t == 0) {
                reach[b * 4] = -top[0];
                reach[b * 4 + 1] = bottom[0];
                reach[b * 4 + 2] = -left[0];
                reach[b * 4 + 3] = right[0];
            }
        }
    }
}

/* A thread for each pixel of an image adds up, in their order, what the pixels give it that come from there; n counts the
 * pixels of all images. */
DEVICE void flow_warp_image_grad(const real *flow, const real *dy, const real *reach, real *dx, whole n, whole C, whole H,
                                 whole W, whole P, whole Q, whole runs, whole run) {
    EACH(i, n) {
        whole item = i / (H * W), own = i % (H * W), corners[4];
        real *to = dx + item * C * H * W + own, row = (real)(own / W), column = (real)(own % W), shares[4];
        for (whole c = 0; c < C; c++) to[c * H * W] = 0;
        for (whole b = 0; b < runs; b++) {
            const real *ends = reach + (item * runs + b) * 4;
            if (row < ends[0] || ends[1] + (real)1 < row || column < ends[2] || ends[3] + (real)1 < column) continue;
            for (whole at = b * run; at < least_of((b + 1) * run, P * Q); at++) {
                if (!flow_origin(flow + item * 2 * P * Q, at, H, W, P, Q, corners, shares)) continue;
                for (int k = 0; k < 4; k++) {
                    if (corners[k] != own) continue;
                    for (whole c = 0; c < C; c++) to[c * H * W] += shares[k] * dy[(item * C + c) * P * Q + at];
                }
            }
        }
    }
}

DEVICE void flow_warp_flow_grad(const real *x, const real *flow, const real *dy, real *dflow, whole n, whole C, whole H,
                                whole W, whole P, whole Q) {
    EACH(i, n) {
        whole at = i % (P * Q), item = i / (P * Q), corners[4];
        real shares[4], right = 0, down = 0;
        if (flow_origin(flow + item * 2 * P * Q, at, H, W, P, Q, corners, shares)) {
            real beside = shares[1] + shares[3], below = shares[2] + shares[3];
            for (whole c = 0; c < C; c++) {
                const real *image = x + (item * C + c) * H * W;
                real slope = dy[(item * C + c) * P * Q + at];
                real p = image[corners[0]], q = image[corners[1]], r = image[corners[2]], s = image[corners[3]];
                right += (((real)1 - below) * (q - p) + below * (s - r)) * slope;
                down += (((real)1 - beside) * (r - p) + beside * (s - q)) * slope;
            }
        }
        dflow[item * 2 * P * Q + at] = right;
        dflow[(item * 2 + 1) * P * Q + at] = down;
    }
}
