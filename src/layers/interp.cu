/* Bilinear interpolation whose corners are those of the image. The intervals of an axis are one fewer than its elements. */

DEVICE whole interp_first(whole i, whole from, whole intervals) {
    return (whole)((long long)i * (from - 1) / intervals);
}

DEVICE real interp_weight(whole i, whole from, whole intervals) {
    return (real)((double)((long long)i * (from - 1) % intervals) / (double)intervals);
}

DEVICE void interpolate(const real *x, real *y, whole n, whole H, whole W, whole OH, whole OW) {
    EACH(i, n) {
        const real *plane = x + i / OW / OH * H * W;
        whole r = i / OW % OH, c = i % OW, rows = most_of(OH - 1, 1), columns = most_of(OW - 1, 1);
        whole top = interp_first(r, H, rows), left = interp_first(c, W, columns);
        whole bottom = least_of(top + 1, H - 1), right = least_of(left + 1, W - 1);
        real down = interp_weight(r, H, rows), over = interp_weight(c, W, columns);
        real above = plane[top * W + left] * ((real)1 - over) + plane[top * W + right] * over;
        real below = plane[bottom * W + left] * ((real)1 - over) + plane[bottom * W + right] * over;
        y[i] = above * ((real)1 - down) + below * down;
    }
}

/* How much of element `at` goes into element i. */
DEVICE real interp_share(whole i, whole at, whole from, whole intervals) {
    whole first = interp_first(i, from, intervals);
    real weight = interp_weight(i, from, intervals), share = 0;
    if (first == at) share += (real)1 - weight;
    if (least_of(first + 1, from - 1) == at) share += weight;
    return share;
}

/* The first element that an element goes into, and one behind the last. */
DEVICE whole interp_low(whole at, whole from, whole intervals) {
    return from == 1 ? 0 : (whole)most_of(0, (whole)((long long)(at - 1) * intervals / (from - 1)));
}

DEVICE whole interp_high(whole at, whole from, whole to, whole intervals) {
    return from == 1 ? to : least_of(to, (whole)((long long)(at + 1) * intervals / (from - 1)) + 1);
}

DEVICE void interpolate_grad(const real *dy, real *dx, whole n, whole H, whole W, whole OH, whole OW) {
    EACH(i, n) {
        const real *plane = dy + i / W / H * OH * OW;
        whole r = i / W % H, c = i % W, rows = most_of(OH - 1, 1), columns = most_of(OW - 1, 1);
        real sum = 0;
        for (whole a = interp_low(r, H, rows); a < interp_high(r, H, OH, rows); a++) {
            real down = interp_share(a, r, H, rows);
            if (down == 0) continue;
            for (whole b = interp_low(c, W, columns); b < interp_high(c, W, OW, columns); b++) {
                sum += plane[a * OW + b] * down * interp_share(b, c, W, columns);
            }
        }
        dx[i] = sum;
    }
}
