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

/* A thread for each plane, to which all pixels of the moved one give their gradients. */
DEVICE void flow_warp_image_grad(const real *flow, const real *dy, real *dx, whole n, whole C, whole H, whole W, whole P,
                                 whole Q) {
    EACH(i, n) {
        real *to = dx + i * H * W, shares[4];
        whole corners[4];
        for (whole at = 0; at < H * W; at++) to[at] = 0;
        for (whole at = 0; at < P * Q; at++) {
            if (!flow_origin(flow + i / C * 2 * P * Q, at, H, W, P, Q, corners, shares)) continue;
            for (int k = 0; k < 4; k++) to[corners[k]] += shares[k] * dy[i * P * Q + at];
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
