/* Means of parts of regions of images, each part from channels of its own. */

/* The edge of part `i`, or with `ends` the one behind it, of a region from one pixel to another. */
DEVICE whole position_edge(whole i, real first, real last, whole side, whole extent, real scale, int ends) {
    real start = (real)roi_round(first) * scale, end = ((real)roi_round(last) + (real)1) * scale;
    real size = r_at_least(end - start, (real)0.1) / (real)side;
    real edge = ends ? -r_floor(-((real)(i + 1) * size + start)) : r_floor((real)i * size + start);
    long long at = label_of(edge);
    return at < 0 ? 0 : extent < at ? extent : (whole)at;
}

DEVICE void position_pool(const real *x, const real *regions, real *y, whole n, whole N, whole C, whole H, whole W,
                          whole side, real scale) {
    EACH(i, n) {
        const real *region = regions + i / C * 5;
        whole channel = i % C, row = channel / side % side, column = channel % side;
        long long image = (real)-1 < region[0] ? label_of(region[0]) : -1;
        if (image < 0 || N <= image) {
            y[i] = R_NAN;
            continue;
        }
        whole top = position_edge(row, region[2], region[4], side, H, scale, 0);
        whole bottom = position_edge(row, region[2], region[4], side, H, scale, 1);
        whole left = position_edge(column, region[1], region[3], side, W, scale, 0);
        whole right = position_edge(column, region[1], region[3], side, W, scale, 1);
        const real *plane = x + ((whole)image * C + channel) * H * W;
        real sum = 0;
        for (whole h = top; h < bottom; h++) {
            for (whole w = left; w < right; w++) sum += plane[h * W + w];
        }
        y[i] = top < bottom && left < right ? sum / (real)((bottom - top) * (right - left)) : (real)0;
    }
}

/* A thread for each plane, which adds up what all regions give it. */
DEVICE void position_pool_grad(const real *regions, const real *dy, real *dx, whole n, whole R, whole C, whole H,
                               whole W, whole side, real scale) {
    EACH(i, n) {
        whole channel = i % C, row = channel / side % side, column = channel % side;
        real *plane = dx + i * H * W;
        for (whole j = 0; j < H * W; j++) plane[j] = 0;
        for (whole r = 0; r < R; r++) {
            const real *region = regions + r * 5;
            if (!((real)-1 < region[0]) || label_of(region[0]) != i / C) continue;
            whole top = position_edge(row, region[2], region[4], side, H, scale, 0);
            whole bottom = position_edge(row, region[2], region[4], side, H, scale, 1);
            whole left = position_edge(column, region[1], region[3], side, W, scale, 0);
            whole right = position_edge(column, region[1], region[3], side, W, scale, 1);
            real slope = dy[r * C + channel] / (real)((bottom - top) * (right - left));
            for (whole h = top; h < bottom; h++) {
                for (whole w = left; w < right; w++) plane[h * W + w] += slope;
            }
        }
    }
}
