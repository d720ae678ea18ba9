/* Boxes of four corners: their overlap, and the numbers that tell a box by its difference from a default box. */

DEVICE real box_area(const real *a) { return a[2] < a[0] || a[3] < a[1] ? (real)0 : (a[2] - a[0]) * (a[3] - a[1]); }

DEVICE real box_overlap(const real *a, const real *b) {
    real wide = r_min(a[2], b[2]) - r_max(a[0], b[0]), high = r_min(a[3], b[3]) - r_max(a[1], b[1]);
    if (!(0 < wide && 0 < high)) return 0;
    real shared_ = wide * high;
    return shared_ / (box_area(a) + box_area(b) - shared_);
}

/* Code 0 has the differences of corners, 1 those of centres and sizes, 2 those of corners in sizes of the default box. */
DEVICE void box_encode(const real *prior, const real *variances, const real *of, real *numbers, int code, int plain) {
    real half = (real)0.5;
    for (int i = 0; i < 4; i++) {
        real size = prior[i % 2 + 2] - prior[i % 2], apart = of[i] - prior[i];
        if (code == 2) apart = apart / size;
        if (code == 1 && i < 2) apart = ((of[i] + of[i + 2]) * half - (prior[i] + prior[i + 2]) * half) / size;
        if (code == 1 && 2 <= i) apart = r_log((of[i] - of[i - 2]) / size);
        numbers[i] = plain ? apart : apart / variances[i];
    }
}

DEVICE void box_decode(const real *prior, const real *variances, const real *numbers, real *to, int code, int plain) {
    real half = (real)0.5, by[4];
    for (int i = 0; i < 4; i++) by[i] = plain ? numbers[i] : numbers[i] * variances[i];
    for (int i = 0; i < 4; i++) {
        real size = prior[i % 2 + 2] - prior[i % 2];
        to[i] = code == 2 ? prior[i] + by[i] * size : prior[i] + by[i];
    }
    if (code == 1) {
        for (int i = 0; i < 2; i++) {
            real size = prior[i + 2] - prior[i], centre = by[i] * size + (prior[i] + prior[i + 2]) * half;
            real reach = r_exp(by[i + 2]) * size * half;
            to[i] = centre - reach;
            to[i + 2] = centre + reach;
        }
    }
}

/* The largest of the numbers that threads left beside the number of a box, or -1: in values[0], and its box in boxes[0]. Of
 * equals the box with the least number counts. */
DEVICE void box_largest(real *values, whole *boxes) {
    for (int half = THREADS / 2; 0 < half; half /= 2) {
        EACH_THREAD(t) {
            if (t < half && 0 <= boxes[t + half]) {
                int equal = values[t] == values[t + half] && boxes[t + half] < boxes[t];
                if (boxes[t] < 0 || values[t] < values[t + half] || equal) {
                    values[t] = values[t + half];
                    boxes[t] = boxes[t + half];
                }
            }
        }
    }
}
