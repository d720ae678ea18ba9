/* Comparisons of patches of two images at all displacements between them; zeros are around the images. */

DEVICE real correlation_at(const real *image, whole c, whole h, whole w, whole H, whole W) {
    return 0 <= h && h < H && 0 <= w && w < W ? image[(c * H + h) * W + w] : (real)0;
}

DEVICE void correlation(const real *a, const real *b, real *y, whole n, whole C, whole H, whole W, whole rows,
                        whole columns, whole grid, whole side, whole most, whole pad, whole step, whole apart,
                        int subtracts) {
    EACH(i, n) {
        whole column = i % columns, row = i / columns % rows, d = i / columns / rows % (grid * grid);
        whole item = i / columns / rows / (grid * grid) * C * H * W, radius = grid / 2;
        whole down = (d / grid - radius) * apart, right = (d % grid - radius) * apart;
        real sum = 0;
        for (whole c = 0; c < C; c++) {
            for (whole tap = 0; tap < side * side; tap++) {
                whole h = row * step + most + tap / side - pad, w = column * step + most + tap % side - pad;
                real p = correlation_at(a + item, c, h, w, H, W);
                real q = correlation_at(b + item, c, h + down, w + right, H, W);
                sum += subtracts ? r_abs(p - q) : p * q;
            }
        }
        y[i] = sum / (real)(side * side * C);
    }
}

/* A thread for each element of an image, which adds up what all comparisons with it give. */
DEVICE void correlation_grad(const real *a, const real *b, const real *dy, real *dx, whole n, whole C, whole H, whole W,
                             whole rows, whole columns, whole grid, whole side, whole most, whole pad, whole step,
                             whole apart, int subtracts, int second) {
    EACH(i, n) {
        whole w = i % W, h = i / W % H, c = i / W / H % C, number = i / W / H / C, radius = grid / 2;
        const real *first = a + number * C * H * W, *other = b + number * C * H * W;
        real sum = 0;
        for (whole d = 0; d < grid * grid; d++) {
            whole down = (d / grid - radius) * apart, right = (d % grid - radius) * apart;
            whole p = second ? h - down : h, q = second ? w - right : w;
            real x = correlation_at(first, c, p, q, H, W), z = correlation_at(other, c, p + down, q + right, H, W);
            real slope = !subtracts ? (second ? x : z) : (z <= x) == !second ? (real)1 : (real)-1;
            for (whole tap = 0; tap < side * side; tap++) {
                whole row = p + pad - most - tap / side, column = q + pad - most - tap % side;
                if (row < 0 || column < 0 || row % step || column % step) continue;
                if (rows <= row / step || columns <= column / step) continue;
                sum += slope * dy[((number * grid * grid + d) * rows + row / step) * columns + column / step];
            }
        }
        dx[i] = sum / (real)(side * side * C);
    }
}
