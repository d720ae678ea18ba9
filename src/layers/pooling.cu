/* Stochastic pooling in training: the element at which the sum of a window passes a random share of the whole. */

DEVICE void stochastic_pool(const real *x, const real *uniform, real *y, real *index, whole n, whole H, whole W, whole OH,
                            whole OW, whole kh, whole sh, whole ph, whole dh, whole kw, whole sw, whole pw, whole dw) {
    EACH(i, n) {
        const real *plane = x + i / OW / OH * H * W;
        real sum = 0, threshold = 0, passed = 0;
        y[i] = 0;
        index[i] = -1;
        for (int drawing = 0; drawing < 2; drawing++) {
            if (drawing) threshold = uniform[i] * sum;
            for (whole a = 0; a < kh; a++) {
                whole row = i / OW % OH * sh - ph + a * dh;
                if (row < 0 || H <= row) continue;
                for (whole b = 0; b < kw; b++) {
                    whole column = i % OW * sw - pw + b * dw;
                    if (column < 0 || W <= column) continue;
                    real value = plane[row * W + column];
                    if (!drawing) {
                        sum += value;
                        continue;
                    }
                    passed += value;
                    if (index[i] < 0 && threshold <= passed) {
                        y[i] = value;
                        index[i] = (real)(row * W + column);
                    }
                }
            }
        }
    }
}
