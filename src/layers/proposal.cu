/* The regions of a region proposal network. The scratch memory has for each box around each place the corners of its region
 * and its score, then for each image the places of the best in their order, -1 where there are no more. */

DEVICE void proposal_regions(const real *scores, const real *numbers, const real *info, const real *table, real *regions,
                             real *order, whole n, whole boxes, whole high, whole wide, whole places, whole width,
                             int native, real stride, real least) {
    EACH(i, n) {
        whole k = i % boxes, place = i / boxes % (high * wide), image = i / boxes / (high * wide);
        real *region = regions + i * 5, half = (real)0.5;
        int big = 1;
        for (int axis = 0; axis < 2; axis++) {
            real from = (real)(axis ? place / wide : place % wide) * stride;
            real low = table[k * 4 + axis] + from, size = table[k * 4 + axis + 2] + from - low + 1;
            const real *by = numbers + ((image * boxes + k) * 4 + axis) * high * wide + place;
            real centre = by[0] * size + (low + half * size), reach = half * (r_exp(by[2 * high * wide]) * size);
            real end = info[1 - axis] - 1;
            region[axis] = r_max(r_min(centre - reach, end), 0);
            region[axis + 2] = r_max(r_min(centre + reach, end), 0);
            if (!(least * info[axis ? 2 : width] <= region[axis + 2] - region[axis] + 1)) big = 0;
        }
        real score = scores[(image * 2 * boxes + boxes + k) * high * wide + place];
        int whole_ = score == score && (big || native);
        region[4] = whole_ ? (big ? score : (real)0) : -R_INFINITY;
        if (i < places) order[i] = -1;
    }
}

DEVICE void proposal_order(const real *regions, real *order, whole n, whole each, whole before) {
    EACH(i, n) {
        whole image = i / each, rank = 0;
        real score = regions[i * 5 + 4];
        if (score == -R_INFINITY) continue;
        for (whole j = image * each; j < (image + 1) * each && rank < before; j++) {
            real other = regions[j * 5 + 4];
            rank += score < other || (score == other && j < i);
        }
        if (rank < before) order[image * before + rank] = (real)(i - image * each);
    }
}

DEVICE void proposal_keep(const real *regions, const real *order, real *rows, real *scores, whole n, whole images,
                          whole each, whole before, whole after, real threshold) {
    EACH(i, n) {
        whole found = i;
        for (whole image = 0; image < images; image++) {
            whole start = found;
            for (whole rank = 0; rank < before && found - start < after; rank++) {
                real at = order[image * before + rank];
                if (at < 0) break;
                const real *a = regions + (image * each + (whole)at) * 5;
                real area = (a[2] - a[0] + 1) * (a[3] - a[1] + 1);
                int fits = 1;
                for (whole k = start; fits && k < found; k++) {
                    const real *b = rows + k * 5 + 1;
                    real wide = r_max(r_min(a[2], b[2]) - r_max(a[0], b[0]) + 1, 0);
                    real high = r_max(r_min(a[3], b[3]) - r_max(a[1], b[1]) + 1, 0), both = wide * high;
                    fits = both / ((b[2] - b[0] + 1) * (b[3] - b[1] + 1) + area - both) <= threshold;
                }
                if (!fits) continue;
                rows[found * 5] = (real)image;
                for (int c = 0; c < 4; c++) rows[found * 5 + 1 + c] = a[c];
                scores[found++] = a[4];
            }
        }
        for (; found < images * after; found++) {
            for (int c = 0; c < 5; c++) rows[found * 5 + c] = -1;
            scores[found] = -1;
        }
    }
}
