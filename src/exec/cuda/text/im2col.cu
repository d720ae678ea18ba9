/* Windows of images as columns, and their adjoint, over three spatial axes. */

DEVICE void im2col(const real *x, real *y, whole n, whole D, whole H, whole W, whole OD, whole OH, whole OW, whole kd,
                   whole sd, whole pd, whole dd, whole kh, whole sh, whole ph, whole dh, whole kw, whole sw, whole pw,
                   whole dw) {
    EACH(i, n) {
        whole ow = i % OW, oh = i / OW % OH, od = i / OW / OH % OD, rest = i / OW / OH / OD;
        whole c = rest % kw, b = rest / kw % kh, a = rest / kw / kh % kd, plane = rest / kw / kh / kd;
        whole z = od * sd - pd + a * dd, r = oh * sh - ph + b * dh, q = ow * sw - pw + c * dw;
        int inside = 0 <= z && z < D && 0 <= r && r < H && 0 <= q && q < W;
        y[i] = inside ? x[((plane * D + z) * H + r) * W + q] : (real)0;
    }
}

/* The window that reads an element by this tap, or -1. */
DEVICE whole window_of(whole at, whole tap, whole stride, whole pad, whole dilation, whole windows) {
    whole far = at + pad - tap * dilation;
    return 0 <= far && far % stride == 0 && far / stride < windows ? far / stride : -1;
}

DEVICE void col2im(const real *x, real *y, whole n, whole D, whole H, whole W, whole OD, whole OH, whole OW, whole kd,
                   whole sd, whole pd, whole dd, whole kh, whole sh, whole ph, whole dh, whole kw, whole sw, whole pw,
                   whole dw) {
    EACH(i, n) {
        whole q = i % W, r = i / W % H, z = i / W / H % D, plane = i / W / H / D;
        real sum = 0;
        for (whole a = 0; a < kd; a++) {
            whole od = window_of(z, a, sd, pd, dd, OD);
            if (od < 0) continue;
            for (whole b = 0; b < kh; b++) {
                whole oh = window_of(r, b, sh, ph, dh, OH);
                if (oh < 0) continue;
                for (whole c = 0; c < kw; c++) {
                    whole ow = window_of(q, c, sw, pw, dw, OW);
                    if (ow < 0) continue;
                    whole row = ((plane * kd + a) * kh + b) * kw + c;
                    sum += x[((row * OD + od) * OH + oh) * OW + ow];
                }
            }
        }
        y[i] = sum;
    }
}
