/* The largest element of each part of regions of images; the edges are rounded in the precision of the numbers. */

/* Rounded, halves away from 0. */
DEVICE long long roi_round(real x) {
    real below = r_floor(r_abs(x));
    long long whole_ = !(below < (real)1e9) ? (below == below ? 1000000000 : 0) : (long long)below;
    whole_ += (real)0.5 <= r_abs(x) - below;
    return x < 0 ? -whole_ : whole_;
}

DEVICE whole roi_edge(real edge, long long first, whole extent) {
    long long at = (long long)edge + first;
    return at < 0 ? 0 : extent < at ? extent : (whole)at;
}

/* The size of a part of a region from pixel `first` to `last`. */
DEVICE real roi_part(long long first, long long last, whole parts) {
    long long size = last - first + 1;
    return (real)(size < 1 ? 1 : 16777216 < size ? 16777216 : size) / (real)parts;
}

/* The edge of a part that begins (or ends) at a place: rounded, or so far down (or up) that the place is inside. */
DEVICE real roi_outer(real at, whole rounds, whole ends) {
    return rounds ? (real)roi_round(at) : ends ? -r_floor(-at) : r_floor(at);
}

DEVICE void roi_pool(const real *x, const real *regions, real *y, real *places, whole n, whole N, whole C, whole H,
                     whole W, whole rows, whole columns, real scale, whole from_one, whole rounds) {
    EACH(i, n) {
        const real *region = regions + i / columns / rows / C * 5;
        whole row = i / columns % rows, column = i % columns, channel = i / columns / rows % C;
        places[i] = -1;
        real one = (real)from_one;
        long long image = (real)-1 < region[0] - one ? label_of(region[0] - one) : -1;
        if (image < 0 || N <= image) {
            y[i] = R_NAN;
            continue;
        }
        long long x1 = roi_round((region[1] - one) * scale), y1 = roi_round((region[2] - one) * scale);
        long long less = rounds ? 1 : 0;
        real high = roi_part(y1, roi_round((region[4] - one) * scale) - less, rows);
        real wide = roi_part(x1, roi_round((region[3] - one) * scale) - less, columns);
        whole top = roi_edge(roi_outer((real)row * high, rounds, 0), y1, H);
        whole bottom = roi_edge(roi_outer((real)(row + 1) * high, rounds, 1), y1, H);
        whole left = roi_edge(roi_outer((real)column * wide, rounds, 0), x1, W);
        whole right = roi_edge(roi_outer((real)(column + 1) * wide, rounds, 1), x1, W);
        const real *plane = x + ((whole)image * C + channel) * H * W;
        real best = top < bottom && left < right ? -R_LARGE : (real)0;
        for (whole h = top; h < bottom; h++) {
            for (whole w = left; w < right; w++) {
                if (best < plane[h * W + w]) {
                    best = plane[h * W + w];
                    places[i] = (real)(h * W + w);
                }
            }
        }
        y[i] = best;
    }
}

/* A thread for a share of each plane, of so many: the places whose numbers leave its own when divided by that. It adds up
 * what all regions give them. */
DEVICE void roi_pool_grad(const real *regions, const real *places, const real *dy, real *dx, whole n, whole R, whole C,
                          whole plane, whole parts, whole from_one, whole shares) {
    EACH(i, n) {
        whole channel = i / shares % C, image = i / shares / C, own = i % shares;
        real *to = dx + i / shares * plane;
        for (whole at = own; at < plane; at += shares) to[at] = 0;
        for (whole r = 0; r < R; r++) {
            real named = regions[r * 5] - (real)from_one;
            if (!((real)-1 < named) || label_of(named) != (long long)image) continue;
            for (whole p = (r * C + channel) * parts; p < (r * C + channel + 1) * parts; p++) {
                if (0 <= places[p] && (whole)places[p] % shares == own) to[(whole)places[p]] += dy[p];
            }
        }
    }
}
