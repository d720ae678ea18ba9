/* Maximum pooling over three axes with windows at places that samples decide; a plane has a sample for each of its axes. */

/* Where a window along an axis starts, in Torch's single precision. */
DEVICE whole fractional_start(real sample, whole i, whole extent, whole windows, whole kernel) {
    float free = (float)(extent - kernel), step = free / ((float)windows - 1.0f), own = (float)sample;
    if (i + 1 == windows) return extent - kernel;
    long long place = (long long)(((float)i + own) * step) - (long long)(own * step);
    return place < 0 ? 0 : extent - kernel < place ? extent - kernel : (whole)place;
}

/* Where the first maximum of a window is in its plane; sd, sh and sw say which sample an axis has, of `samples` of them. */
DEVICE whole fractional_place(const real *x, const real *samples, whole window, whole axes, whole D, whole H, whole W,
                              whole OD, whole OH, whole OW, whole kd, whole kh, whole kw, whole sd, whole sh, whole sw) {
    whole plane = window / OW / OH / OD;
    const real *from = x + plane * D * H * W, *own = samples + plane * axes;
    whole z = fractional_start(own[sd], window / OW / OH % OD, D, OD, kd);
    whole r = fractional_start(own[sh], window / OW % OH, H, OH, kh);
    whole c = fractional_start(own[sw], window % OW, W, OW, kw);
    whole best = (z * H + r) * W + c;
    for (whole a = 0; a < kd; a++) {
        for (whole b = 0; b < kh; b++) {
            for (whole d = 0; d < kw; d++) {
                whole at = ((z + a) * H + r + b) * W + c + d;
                if (from[best] < from[at]) best = at;
            }
        }
    }
    return best;
}

DEVICE void fractional_pool(const real *x, const real *samples, real *y, whole n, whole axes, whole D, whole H, whole W,
                            whole OD, whole OH, whole OW, whole kd, whole kh, whole kw, whole sd, whole sh, whole sw) {
    EACH(i, n) {
        whole at = fractional_place(x, samples, i, axes, D, H, W, OD, OH, OW, kd, kh, kw, sd, sh, sw);
        y[i] = x[i / OW / OH / OD * D * H * W + at];
    }
}

/* A thread for each plane, as windows may overlap. */
DEVICE void fractional_pool_grad(const real *x, const real *samples, const real *dy, real *dx, whole n, whole axes,
                                 whole D, whole H, whole W, whole OD, whole OH, whole OW, whole kd, whole kh, whole kw,
                                 whole sd, whole sh, whole sw) {
    EACH(i, n) {
        real *to = dx + i * D * H * W;
        whole count = OD * OH * OW;
        for (whole j = 0; j < D * H * W; j++) to[j] = 0;
        for (whole j = i * count; j < (i + 1) * count; j++) {
            to[fractional_place(x, samples, j, axes, D, H, W, OD, OH, OW, kd, kh, kw, sd, sh, sw)] += dy[j];
        }
    }
}
