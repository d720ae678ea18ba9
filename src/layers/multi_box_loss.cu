/* The loss of a single-shot detector and its gradients. The scratch memory of an image has for each default box the object
 * that it takes, or -1, and its overlap, then what it costs, or -1, and for each object whether it was taken; behind all
 * images lie for each one its part of the loss and the number of boxes taken. */

DEVICE int multi_box_of(const real *row, whole image, int difficult) {
    return (real)-1 < row[0] && label_of(row[0]) == (long long)image && (difficult || label_of(row[7]) == 0);
}

/* The class of an object with an extent, or -1. */
DEVICE whole multi_box_class(const real *row, whole classes, whole background) {
    long long class_ = (real)-1 < row[1] ? label_of(row[1]) : -1;
    int sound = 0 <= class_ && class_ < classes && class_ != background && row[3] < row[5] && row[4] < row[6];
    return sound ? (whole)class_ : -1;
}

DEVICE real multi_box_shared(const real *prior, const real *row) {
    real shared_ = box_overlap(prior, row + 3);
    return (real)1e-6 < shared_ ? shared_ : (real)0;
}

/* Writes the softmax of scores; -ln of the probability of a class. */
DEVICE real multi_box_softmax(const real *scores, real *p, whole classes, whole class_) {
    real most = -R_LARGE, total = 0;
    for (whole c = 0; c < classes; c++) most = r_max(most, scores[c]);
    for (whole c = 0; c < classes; c++) total += p[c] = r_exp(scores[c] - most);
    for (whole c = 0; c < classes; c++) p[c] /= total;
    return -r_log(r_at_least(p[class_], R_TINY));
}

/* Adds up a count of every thread; what it returns is the same for all threads. */
DEVICE whole multi_box_count(real *counts) {
    SHARED whole sum;
    team_add(counts);
    EACH_THREAD(t) {
        if (t == 0) sum = (whole)counts[0];
    }
    return sum;
}

/* Gives default boxes the objects of an image; the number of those that have one. A block works on an image. */
DEVICE whole multi_box_take(const real *priors, const real *objects, real *object, real *cost, real *gone, whole image,
                            whole boxes, whole rows, int each, int difficult, real enough) {
    SHARED real most[THREADS];
    SHARED whole best[THREADS];
    SHARED whole whose[THREADS];
    SHARED whole found;
    EACH_THREAD(t) {
        for (whole at = t; at < boxes; at += THREADS) {
            object[at] = -1;
            cost[at] = 0;
            for (whole r = 0; r < rows; r++) {
                if (gone[r] == 0) cost[at] = r_max(cost[at], multi_box_shared(priors + at * 4, objects + r * 8));
            }
        }
    }
    for (;;) {
        EACH_THREAD(t) {
            most[t] = 0;
            best[t] = -1;
            for (whole at = t; at < boxes; at += THREADS) {
                if (0 <= object[at] || cost[at] <= most[t]) continue;
                for (whole r = 0; r < rows; r++) {
                    if (gone[r] != 0) continue;
                    real now = multi_box_shared(priors + at * 4, objects + r * 8);
                    if (now <= most[t]) continue;
                    best[t] = at;
                    whose[t] = r;
                    most[t] = now;
                }
            }
        }
        box_largest(most, best);
        EACH_THREAD(t) {
            if (t == 0) {
                found = best[0];
                if (0 <= found) {
                    /* Boxes are dealt out to threads in turns. */
                    whole own = whose[found % THREADS];
                    object[found] = (real)own;
                    cost[found] = most[0];
                    gone[own] = 1;
                }
            }
        }
        if (found < 0) break;
    }
    EACH_THREAD(t) {
        real count = 0;
        for (whole at = t; at < boxes; at += THREADS) {
            real largest = 0;
            int taken = 0 <= object[at];
            for (whole r = 0; each && !taken && r < rows; r++) {
                if (!multi_box_of(objects + r * 8, image, difficult)) continue;
                real now = multi_box_shared(priors + at * 4, objects + r * 8);
                if (now <= largest || now < enough) continue;
                object[at] = (real)r;
                largest = now;
            }
            count += (real)(0 <= object[at]);
        }
        most[t] = count;
    }
    return multi_box_count(most);
}

/* What the difference d costs. */
DEVICE real multi_box_distance(real d, int smooth) {
    return smooth && 1 <= r_abs(d) ? r_abs(d) - (real)0.5 : (real)0.5 * d * d;
}

/* Marks the dearest boxes by -2 - what they cost. */
DEVICE void multi_box_choose(real *cost, whole boxes, whole wanted) {
    SHARED real values[THREADS];
    SHARED whole places[THREADS];
    SHARED whole found;
    if (boxes <= wanted) {
        EACH_THREAD(t) {
            for (whole at = t; at < boxes; at += THREADS) {
                if (0 <= cost[at]) cost[at] = -2 - cost[at];
            }
        }
    }
    for (whole k = 0; k < wanted && wanted < boxes; k++) {
        EACH_THREAD(t) {
            places[t] = -1;
            for (whole at = t; at < boxes; at += THREADS) {
                if (0 <= cost[at] && (places[t] < 0 || values[t] < cost[at])) {
                    values[t] = cost[at];
                    places[t] = at;
                }
            }
        }
        box_largest(values, places);
        EACH_THREAD(t) {
            if (t == 0) {
                found = places[0];
                if (0 <= found) cost[found] = -2 - cost[found];
            }
        }
        if (found < 0) break;
    }
}

/* A block for each image. */
DEVICE void multi_box_image(const real *numbers, const real *scores, const real *priors, const real *objects,
                            real *dnumbers, real *dscores, real *work, real *sums, whole n, whole boxes, whole classes,
                            whole rows, whole background, whole spots, int code, int plain, int smooth, int each,
                            int difficult, int mining, whole sample, real weight, real enough, real far_, real ratio) {
    SHARED real places[THREADS];
    SHARED real classed[THREADS];
    SHARED real counts[THREADS];
    int all = mining == 0, hard = mining == 2;
    EACH_TEAM(image, n) {
        real *object = work + image * (2 * boxes + rows), *cost = object + boxes, *gone = cost + boxes;
        EACH_THREAD(t) {
            places[t] = classed[t] = counts[t] = 0;
            for (whole r = t; r < rows; r += THREADS) {
                int own = multi_box_of(objects + r * 8, image, difficult);
                gone[r] = (real)!own;
                counts[t] += (real)own;
                if (own && multi_box_class(objects + r * 8, classes, background) < 0) places[t] = R_NAN;
            }
            for (whole i = t; i < boxes * spots * 4; i += THREADS) dnumbers[image * boxes * spots * 4 + i] = 0;
            for (whole i = t; i < boxes * classes; i += THREADS) dscores[image * boxes * classes + i] = 0;
            if (t == 0) sums[image * 2] = sums[image * 2 + 1] = 0;
        }
        whole count = multi_box_count(counts);
        if (count == 0 && !all) continue;
        count = multi_box_take(priors, objects, object, cost, gone, image, boxes, rows, each, difficult, enough);
        if (hard) {
            /* Boxes that are not among the hardest, by scores and place together, let their objects go. */
            EACH_THREAD(t) {
                for (whole at = t; at < boxes; at += THREADS) {
                    whole place = image * boxes + at;
                    const real *row = objects + (whole)r_max(object[at], 0) * 8, *prior = priors + at * 4;
                    const real *variances = priors + (boxes + at) * 4;
                    whole class_ = object[at] < 0 ? background : multi_box_class(row, classes, background);
                    if (class_ < 0) class_ = background;
                    cost[at] = multi_box_softmax(scores + place * classes, dscores + place * classes, classes, class_);
                    real want[4];
                    if (0 <= object[at]) box_encode(prior, variances, row + 3, want, code, plain);
                    for (int i = 0; 0 <= object[at] && i < 4; i++) {
                        real scale = plain ? (real)1 / variances[i] : (real)1;
                        cost[at] += multi_box_distance((numbers[place * 4 + i] - want[i]) * scale, smooth);
                    }
                    if (cost[at] != cost[at]) places[t] = R_NAN;
                }
            }
            multi_box_choose(cost, boxes, sample);
            EACH_THREAD(t) {
                counts[t] = 0;
                for (whole at = t; at < boxes; at += THREADS) {
                    cost[at] = cost[at] <= -2 ? -2 - cost[at] : (real)-1;
                    if (cost[at] < 0) object[at] = -1;
                    counts[t] += (real)(0 <= object[at]);
                }
            }
            count = multi_box_count(counts);
        }
        EACH_THREAD(t) {
            for (whole at = t; at < boxes; at += THREADS) {
                whole place = image * boxes + at;
                const real *score = scores + place * classes;
                real *slope = dscores + place * classes;
                if (object[at] < 0) {
                    int counted = all || (hard ? 0 <= cost[at] : cost[at] < far_);
                    real price = multi_box_softmax(score, slope, classes, background);
                    if (counted && price != price) places[t] = R_NAN;
                    cost[at] = counted ? price : (real)-1;
                    continue;
                }
                cost[at] = -1;
                const real *row = objects + (whole)object[at] * 8, *prior = priors + at * 4;
                const real *variances = priors + (boxes + at) * 4;
                whole class_ = multi_box_class(row, classes, background);
                if (class_ < 0) class_ = background;
                classed[t] += multi_box_softmax(score, slope, classes, class_);
                slope[class_] -= 1;
                real want[4];
                whole first = (place * spots + (spots == 1 ? 0 : class_)) * 4;
                box_encode(prior, variances, row + 3, want, code, plain);
                for (int i = 0; i < 4; i++) {
                    real scale = plain ? (real)1 / variances[i] : (real)1;
                    real d = (numbers[first + i] - want[i]) * scale;
                    int far_off = smooth && 1 <= r_abs(d);
                    places[t] += multi_box_distance(d, smooth);
                    dnumbers[first + i] = (far_off ? (d < 0 ? (real)-1 : (real)1) : d) * scale * weight;
                }
            }
        }
        multi_box_choose(cost, boxes, mining == 1 ? (whole)(r_max((real)count * ratio, 0)) : boxes);
        EACH_THREAD(t) {
            for (whole at = t; at < boxes; at += THREADS) {
                real *slope = dscores + (image * boxes + at) * classes;
                if (object[at] < 0 && cost[at] <= -2) {
                    classed[t] += -2 - cost[at];
                    slope[background] -= 1;
                } else if (object[at] < 0) {
                    for (whole c = 0; c < classes; c++) slope[c] = 0;
                }
            }
        }
        team_add(places);
        team_add(classed);
        EACH_THREAD(t) {
            if (t == 0) {
                sums[image * 2] = weight * places[0] + classed[0];
                sums[image * 2 + 1] = (real)count;
            }
        }
    }
}

/* The loss; what it was divided by takes the place of the first image's part. */
DEVICE void multi_box_total(real *sums, real *loss, whole n, whole images, int valid, real constant) {
    EACH(i, n) {
        real total = 0, count = 0;
        for (whole image = 0; image < images; image++) {
            total += sums[image * 2];
            count += sums[image * 2 + 1];
        }
        sums[i] = valid ? r_max((real)1, count) : constant;
        loss[i] = total / sums[i];
    }
}

DEVICE void multi_box_scale(const real *divisor, real *slopes, whole n) {
    EACH(i, n) { slopes[i] /= divisor[0]; }
}

DEVICE void multi_box_grad(const real *slopes, const real *dy, real *dx, whole n) {
    EACH(i, n) { dx[i] = slopes[i] * dy[0]; }
}
