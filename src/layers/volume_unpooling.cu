/* Elements put to the first maxima of the windows of a larger blob; of several at one place the last counts. */

/* The place of the first maximum of a window in its plane, or -1 for a window without elements. */
DEVICE whole volume_maximum(const real *from, whole window, whole d, whole h, whole w, whole D, whole H, whole W, whole kd,
                            whole kh, whole kw, whole sd, whole sh, whole sw, whole pd, whole ph, whole pw) {
    whole z = window / w / h % d * sd, r = window / w % h * sh, c = window % w * sw, best = -1;
    whole z1 = least_of(most_of(z + kd - pd, 0), D), r1 = least_of(most_of(r + kh - ph, 0), H);
    whole c1 = least_of(most_of(c + kw - pw, 0), W);
    for (whole a = most_of(z - pd, 0); a < z1; a++) {
        for (whole b = most_of(r - ph, 0); b < r1; b++) {
            for (whole e = most_of(c - pw, 0); e < c1; e++) {
                whole at = (a * H + b) * W + e;
                if (best < 0 || from[best] < from[at]) best = at;
            }
        }
    }
    return best;
}

/* A thread for each plane. */
DEVICE void volume_unpool(const real *x, const real *pooled, real *y, whole n, whole d, whole h, whole w, whole D, whole H,
                          whole W, whole kd, whole kh, whole kw, whole sd, whole sh, whole sw, whole pd, whole ph,
                          whole pw) {
    EACH(i, n) {
        whole count = d * h * w, pixels = D * H * W;
        for (whole j = 0; j < pixels; j++) y[i * pixels + j] = 0;
        for (whole j = 0; j < count; j++) {
            whole at = volume_maximum(pooled + i * pixels, j, d, h, w, D, H, W, kd, kh, kw, sd, sh, sw, pd, ph, pw);
            if (0 <= at) y[i * pixels + at] = x[i * count + j];
        }
    }
}

DEVICE void volume_unpool_grad(const real *dy, const real *pooled, real *dx, whole n, whole d, whole h, whole w, whole D,
                               whole H, whole W, whole kd, whole kh, whole kw, whole sd, whole sh, whole sw, whole pd,
                               whole ph, whole pw) {
    EACH(i, n) {
        whole start = i / w / h / d * D * H * W;
        whole at = volume_maximum(pooled + start, i % (d * h * w), d, h, w, D, H, W, kd, kh, kw, sd, sh, sw, pd, ph, pw);
        dx[i] = at < 0 ? (real)0 : dy[start + at];
    }
}
