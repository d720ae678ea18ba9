/* The boxes of a detector that are kept. The scratch memory of an image has for each class the default boxes that are kept
 * and their number, and then for each of them its rank among all that are kept of the image. */

DEVICE whole detections_numbers(whole image, whole at, whole class_, whole boxes, whole sharing) {
    return ((image * boxes + at) * sharing + (sharing == 1 ? 0 : class_)) * 4;
}

/* A block of threads for each class of each image, which seeks the next best score again and again. */
DEVICE void detections_keep(const real *numbers, const real *scores, const real *priors, real *work, whole n,
                            whole boxes, whole classes, whole sharing, whole scratch, long long background, int code,
                            int plain, real least, real nms, real eta, whole top) {
    SHARED real values[THREADS];
    SHARED whole places[THREADS];
    SHARED whole best, kept;
    SHARED real threshold;
    EACH_TEAM(i, n) {
        whole image = i / classes, class_ = i % classes;
        real *list = work + image * scratch + class_ * (boxes + 1), *count = list + boxes;
        const real *score = scores + image * boxes * classes + class_, *variances = priors + boxes * 4;
        EACH_THREAD(t) {
            if (t == 0) {
                best = -1;
                kept = 0;
                threshold = nms;
            }
        }
        for (whole seen = 0; seen < top && class_ != (whole)background; seen++) {
            EACH_THREAD(t) {
                real last_score = best < 0 ? R_INFINITY : score[best * classes];
                places[t] = -1;
                for (whole at = t; at < boxes; at += THREADS) {
                    real s = score[at * classes];
                    int comes = least < s && (s < last_score || (s == last_score && best < at));
                    if (comes && (places[t] < 0 || values[t] < s)) {
                        values[t] = s;
                        places[t] = at;
                    }
                }
            }
            box_largest(values, places);
            EACH_THREAD(t) {
                if (t == 0) best = places[0];
            }
            if (best < 0) break;
            EACH_THREAD(t) {
                real own[4], other[4];
                int fits = 1;
                box_decode(priors + best * 4, variances + best * 4,
                           numbers + detections_numbers(image, best, class_, boxes, sharing), own, code, plain);
                for (whole k = t; fits && k < kept; k += THREADS) {
                    whole at = (whole)list[k];
                    box_decode(priors + at * 4, variances + at * 4,
                               numbers + detections_numbers(image, at, class_, boxes, sharing), other, code, plain);
                    fits = box_overlap(own, other) <= threshold;
                }
                values[t] = (real)!fits;
            }
            team_max(values);
            EACH_THREAD(t) {
                if (t == 0 && values[0] == 0) {
                    list[kept++] = (real)best;
                    if (eta < 1 && (real)0.5 < threshold) threshold *= eta;
                }
            }
        }
        EACH_THREAD(t) {
            if (t == 0) *count = (real)kept;
        }
    }
}

/* How many boxes are kept of an image before it comes to the most that are wanted of one. */
DEVICE whole detections_kept(const real *lists, whole boxes, whole classes) {
    whole all = 0;
    for (whole c = 0; c < classes; c++) all += (whole)lists[c * (boxes + 1) + boxes];
    return all;
}

/* A thread for each place of each class of each image; n counts them. Of equal scores the first written has the lower rank. */
DEVICE void detections_rank(const real *scores, real *work, whole n, whole boxes, whole classes, whole scratch) {
    EACH(i, n) {
        whole image = i / boxes / classes, class_ = i / boxes % classes, place = i % boxes, rank = 0;
        const real *lists = work + image * scratch, *all = scores + image * boxes * classes;
        if (place < (whole)lists[class_ * (boxes + 1) + boxes]) {
            real own = all[(whole)lists[class_ * (boxes + 1) + place] * classes + class_];
            for (whole c = 0; c < classes; c++) {
                const real *list = lists + c * (boxes + 1);
                for (whole k = 0; k < (whole)list[boxes]; k++) {
                    real other = all[(whole)list[k] * classes + c];
                    int before = c < class_ || (c == class_ && k < place);
                    rank += own < other || (own == other && before);
                }
            }
            work[image * scratch + classes * (boxes + 1) + i % (boxes * classes)] = (real)rank;
        }
    }
}

/* Whether a box that is kept is written; `all` are kept of its image. */
DEVICE int detections_stays(const real *lists, whole class_, whole place, whole boxes, whole classes, whole all,
                            whole most) {
    return all <= most || lists[classes * (boxes + 1) + class_ * boxes + place] < (real)most;
}

/* A thread for each place of each class of each image, whose row comes behind those of all before it. */
DEVICE void detections_write(const real *numbers, const real *scores, const real *priors, const real *work, real *rows,
                             whole n, whole boxes, whole classes, whole sharing, whole scratch, int code, int plain,
                             whole most, whole space) {
    EACH(i, n) {
        whole image = i / boxes / classes, class_ = i / boxes % classes, place = i % boxes, found = 0;
        const real *lists = work + image * scratch;
        if ((whole)lists[class_ * (boxes + 1) + boxes] <= place) continue;
        whole all = detections_kept(lists, boxes, classes);
        if (detections_stays(lists, class_, place, boxes, classes, all, most)) {
            for (whole before = 0; before < image; before++) {
                found += least_of(detections_kept(work + before * scratch, boxes, classes), most);
            }
            for (whole c = 0; c <= class_; c++) {
                whole end = c == class_ ? place : (whole)lists[c * (boxes + 1) + boxes];
                for (whole k = 0; k < end; k++) {
                    found += (whole)detections_stays(lists, c, k, boxes, classes, all, most);
                }
            }
            if (found < space) {
                whole at = (whole)lists[class_ * (boxes + 1) + place];
                real *row = rows + found * 7;
                row[0] = (real)image;
                row[1] = (real)class_;
                row[2] = scores[(image * boxes + at) * classes + class_];
                box_decode(priors + at * 4, priors + (boxes + at) * 4,
                           numbers + detections_numbers(image, at, class_, boxes, sharing), row + 3, code, plain);
            }
        }
    }
}

/* A thread for each row: those behind the last box have -1. If there is no box at all, the first ones tell the images. */
DEVICE void detections_rest(const real *work, real *rows, whole n, whole images, whole boxes, whole classes,
                            whole scratch, whole most) {
    EACH(i, n) {
        whole found = 0;
        for (whole image = 0; image < images; image++) {
            found += least_of(detections_kept(work + image * scratch, boxes, classes), most);
        }
        if (found <= i) {
            for (int k = 0; k < 7; k++) rows[i * 7 + k] = -1;
            if (found == 0 && i < images) rows[i * 7] = (real)i;
        }
    }
}
