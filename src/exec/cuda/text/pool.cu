/* Pooling of planes, with the windows that Caffe clips. An index is the place of a maximum in its plane. */

/* The largest element of a window that is inside the plane, after a bias and ReLU if there are any, and its place. */
DEVICE real largest_of(const real *x, whole H, whole W, whole top, whole left, whole kh, whole kw, whole dh, whole dw,
                       int biased, real bias, int relu, real *place) {
    real best = -R_LARGE;
    *place = -1;
    for (whole a = 0; a < kh; a++) {
        whole row = top + a * dh;
        if (row < 0 || H <= row) continue;
        for (whole b = 0; b < kw; b++) {
            whole column = left + b * dw;
            if (column < 0 || W <= column) continue;
            real value = biased ? x[row * W + column] + bias : x[row * W + column];
            if (relu) value = r_at_least(value, (real)0);
            if (best < value) {
                best = value;
                *place = (real)(row * W + column);
            }
        }
    }
    return best;
}

DEVICE void max_pool(const real *x, real *y, real *index, whole n, whole H, whole W, whole OH, whole OW, whole kh,
                     whole sh, whole ph, whole dh, whole kw, whole sw, whole pw, whole dw) {
    EACH(i, n) {
        const real *plane = x + i / OW / OH * H * W;
        real at;
        y[i] = largest_of(plane, H, W, i / OW % OH * sh - ph, i % OW * sw - pw, kh, kw, dh, dw, 0, 0, 0, &at);
        index[i] = at;
    }
}

/* The same of what a bias by channel, and ReLU, make of the planes. */
DEVICE void max_pool_biased(const real *x, const real *bias, real *y, real *index, whole n, whole H, whole W, whole OH,
                            whole OW, whole kh, whole sh, whole ph, whole dh, whole kw, whole sw, whole pw, whole dw,
                            whole channels, int biased, int relu) {
    EACH(i, n) {
        const real *plane = x + i / OW / OH * H * W;
        real own = biased ? bias[i / OW / OH % channels] : (real)0, at;
        y[i] = largest_of(plane, H, W, i / OW % OH * sh - ph, i % OW * sw - pw, kh, kw, dh, dw, biased, own, relu, &at);
        index[i] = at;
    }
}

/* The first window, and one behind the last, that may reach an element. */
DEVICE whole first_window(whole at, whole pad, whole reach, whole stride) {
    return at + pad < reach ? 0 : (at + pad - reach) / stride + 1;
}

DEVICE whole end_window(whole at, whole pad, whole stride, whole windows) {
    return least_of((at + pad) / stride + 1, windows);
}

/* The gradient through kept places: every element sums over the windows that chose it, in their order. */
DEVICE void index_grad(const real *dy, const real *index, real *dx, whole n, whole H, whole W, whole OH, whole OW,
                       whole kh, whole sh, whole ph, whole dh, whole kw, whole sw, whole pw, whole dw) {
    EACH(i, n) {
        whole column = i % W, row = i / W % H, plane = i / W / H * OH * OW;
        whole a1 = end_window(row, ph, sh, OH), b1 = end_window(column, pw, sw, OW);
        real own = (real)(row * W + column), sum = 0;
        for (whole a = first_window(row, ph, dh * (kh - 1) + 1, sh); a < a1; a++) {
            for (whole b = first_window(column, pw, dw * (kw - 1) + 1, sw); b < b1; b++) {
                whole at = plane + a * OW + b;
                if (index[at] == own) sum += dy[at];
            }
        }
        dx[i] = sum;
    }
}

/* The element count of a window along an axis: what Caffe or Torch divides by. */
DEVICE whole counted(whole window, whole extent, whole reach, whole stride, whole before, whole after, int pads) {
    whole start = window * stride - before, end = least_of(start + reach, extent + after);
    return pads ? end - start : least_of(end, extent) - most_of(start, 0);
}

DEVICE void average_pool(const real *x, real *y, whole n, whole H, whole W, whole OH, whole OW, whole kh, whole sh,
                         whole ph, whole dh, whole kw, whole sw, whole pw, whole dw, whole ah, whole aw, int pads) {
    EACH(i, n) {
        const real *plane = x + i / OW / OH * H * W;
        whole oh = i / OW % OH, ow = i % OW;
        real sum = 0;
        for (whole a = 0; a < kh; a++) {
            whole row = oh * sh - ph + a * dh;
            if (row < 0 || H <= row) continue;
            for (whole b = 0; b < kw; b++) {
                whole column = ow * sw - pw + b * dw;
                if (0 <= column && column < W) sum += plane[row * W + column];
            }
        }
        whole count = counted(oh, H, dh * (kh - 1) + 1, sh, ph, ah, pads) *
                      counted(ow, W, dw * (kw - 1) + 1, sw, pw, aw, pads);
        y[i] = sum / (real)count;
    }
}

DEVICE void average_grad(const real *dy, real *dx, whole n, whole H, whole W, whole OH, whole OW, whole kh, whole sh,
                         whole ph, whole dh, whole kw, whole sw, whole pw, whole dw, whole ah, whole aw, int pads) {
    EACH(i, n) {
        whole column = i % W, row = i / W % H, plane = i / W / H * OH * OW;
        whole rh = dh * (kh - 1) + 1, rw = dw * (kw - 1) + 1;
        whole a1 = end_window(row, ph, sh, OH), b1 = end_window(column, pw, sw, OW);
        real sum = 0;
        for (whole a = first_window(row, ph, rh, sh); a < a1; a++) {
            if ((row + ph - a * sh) % dh != 0) continue;
            for (whole b = first_window(column, pw, rw, sw); b < b1; b++) {
                if ((column + pw - b * sw) % dw != 0) continue;
                whole count = counted(a, H, rh, sh, ph, ah, pads) * counted(b, W, rw, sw, pw, aw, pads);
                sum += dy[plane + a * OW + b] / (real)count;
            }
        }
        dx[i] = sum;
    }
}

/* Spreads the gradients of maxima over zeroed planes without knowing their windows: a thread for each plane. */
DEVICE void spread_maxima(const real *dy, const real *index, real *dx, whole n, whole maxima, whole pixels) {
    EACH(i, n) {
        for (whole j = 0; j < pixels; j++) dx[i * pixels + j] = 0;
        for (whole j = 0; j < maxima; j++) {
            whole at = (whole)index[i * maxima + j];
            if (0 <= index[i * maxima + j] && at < pixels) dx[i * pixels + at] += dy[i * maxima + j];
        }
    }
}
