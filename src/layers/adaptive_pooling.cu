/* Planes cut into parts, which may overlap by a row or a column: the largest element of each, or the mean. */

DEVICE whole part_start(whole i, whole parts, whole extent) { return (whole)((long long)i * extent / parts); }

DEVICE whole part_end(whole i, whole parts, whole extent) {
    return (whole)(((long long)(i + 1) * extent + parts - 1) / parts);
}

/* Where the first maximum of a part is in its plane. */
DEVICE whole part_largest(const real *x, whole W, whole r0, whole r1, whole c0, whole c1) {
    whole best = r0 * W + c0;
    for (whole r = r0; r < r1; r++) {
        for (whole c = c0; c < c1; c++) {
            if (x[best] < x[r * W + c]) best = r * W + c;
        }
    }
    return best;
}

DEVICE void adaptive_pool(const real *x, real *y, whole n, whole H, whole W, whole OH, whole OW, int mean) {
    EACH(i, n) {
        const real *plane = x + i / OW / OH * H * W;
        whole r0 = part_start(i / OW % OH, OH, H), r1 = part_end(i / OW % OH, OH, H);
        whole c0 = part_start(i % OW, OW, W), c1 = part_end(i % OW, OW, W);
        real sum = 0;
        for (whole r = r0; mean && r < r1; r++) {
            for (whole c = c0; c < c1; c++) sum += plane[r * W + c];
        }
        y[i] = mean ? sum / (real)((r1 - r0) * (c1 - c0)) : plane[part_largest(plane, W, r0, r1, c0, c1)];
    }
}

DEVICE void adaptive_pool_grad(const real *x, const real *dy, real *dx, whole n, whole H, whole W, whole OH, whole OW,
                               int mean) {
    EACH(i, n) {
        whole row = i / W % H, column = i % W, p = i / W / H;
        real sum = 0;
        for (whole a = 0; a < OH; a++) {
            whole r0 = part_start(a, OH, H), r1 = part_end(a, OH, H);
            if (row < r0 || r1 <= row) continue;
            for (whole b = 0; b < OW; b++) {
                whole c0 = part_start(b, OW, W), c1 = part_end(b, OW, W);
                if (column < c0 || c1 <= column) continue;
                real gradient = dy[(p * OH + a) * OW + b];
                if (mean) {
                    sum += gradient / (real)((r1 - r0) * (c1 - c0));
                } else if (part_largest(x + p * H * W, W, r0, r1, c0, c1) == row * W + column) {
                    sum += gradient;
                }
            }
        }
        dx[i] = sum;
    }
}
