/* The boxes of a detector that are kept. The scratch memory of an image has for each class the default boxes that are kept
 * and their number; a kept box that the best of the image leave no room for is written as -1 - its number. */

DEVICE whole detections_numbers(whole image, whole at, whole class_, whole boxes, whole sharing) {
    return ((image * boxes + at) * sharing + (sharing == 1 ? 0 : class_)) * 4;
}

/* A thread for each class of each image. The next best score is sought again and again. */
DEVICE void detections_keep(const real *numbers, const real *scores, const real *priors, real *work, whole n,
                            whole boxes, whole classes, whole sharing, whole scratch, long long background, int code,
                            int plain, real least, real nms, real eta, whole top) {
    EACH(i, n) {
        whole image = i / classes, class_ = i % classes, kept = 0;
        real *list = work + image * scratch + class_ * (boxes + 1), *count = list + boxes;
        const real *score = scores + image * boxes * classes + class_, *variances = priors + boxes * 4;
        real threshold = nms, last_score = R_INFINITY;
        whole last = -1;
        for (whole seen = 0; seen < top && class_ != (whole)background; seen++) {
            whole best = -1;
            for (whole at = 0; at < boxes; at++) {
                real s = score[at * classes];
                int comes = least < s && (s < last_score || (s == last_score && last < at));
                if (comes && (best < 0 || score[best * classes] < s)) best = at;
            }
            if (best < 0) break;
            last = best;
            last_score = score[best * classes];
            real own[4], other[4];
            box_decode(priors + best * 4, variances + best * 4,
                       numbers + detections_numbers(image, best, class_, boxes, sharing), own, code, plain);
            int fits = 1;
            for (whole k = 0; fits && k < kept; k++) {
                whole at = (whole)list[k];
                box_decode(priors + at * 4, variances + at * 4,
                           numbers + detections_numbers(image, at, class_, boxes, sharing), other, code, plain);
                fits = box_overlap(own, other) <= threshold;
            }
            if (!fits) continue;
            list[kept++] = (real)best;
            if (eta < 1 && (real)0.5 < threshold) threshold *= eta;
        }
        *count = (real)kept;
    }
}

DEVICE void detections_write(const real *numbers, const real *scores, const real *priors, real *work, real *rows,
                             whole n, whole images, whole boxes, whole classes, whole sharing, whole scratch, int code,
                             int plain, whole most, whole space) {
    EACH(i, n) {
        whole found = i;
        for (whole image = 0; image < images; image++) {
            real *lists = work + image * scratch;
            whole all = 0;
            for (whole c = 0; c < classes; c++) all += (whole)lists[c * (boxes + 1) + boxes];
            /* The worst of those that are left goes first, the last written of equal ones. */
            for (; most < all; all--) {
                real *worst = 0;
                real low = 0;
                for (whole c = 0; c < classes; c++) {
                    real *list = lists + c * (boxes + 1);
                    for (whole k = 0; k < (whole)list[boxes]; k++) {
                        if (list[k] < 0) continue;
                        real s = scores[(image * boxes + (whole)list[k]) * classes + c];
                        if (worst && low < s) continue;
                        worst = list + k;
                        low = s;
                    }
                }
                *worst = -1 - *worst;
            }
            for (whole c = 0; c < classes; c++) {
                const real *list = lists + c * (boxes + 1);
                for (whole k = 0; k < (whole)list[boxes] && found < space; k++) {
                    if (list[k] < 0) continue;
                    whole at = (whole)list[k];
                    real *row = rows + found++ * 7;
                    row[0] = (real)image;
                    row[1] = (real)c;
                    row[2] = scores[(image * boxes + at) * classes + c];
                    box_decode(priors + at * 4, priors + (boxes + at) * 4,
                               numbers + detections_numbers(image, at, c, boxes, sharing), row + 3, code, plain);
                }
            }
        }
        int nothing = found == 0;
        for (whole left = 0; found + left < space; left++) {
            real *row = rows + (found + left) * 7;
            for (int k = 0; k < 7; k++) row[k] = -1;
            if (nothing && left < images) row[0] = (real)left;
        }
    }
}
