/* max(0, 1 - (right score - other score)) over all right and all other scores. A row of labels ends at its first 0. */

DEVICE int is_listed(const real *labels, whole class_, whole classes) {
    for (whole j = 0; j < classes && labels[j] != 0; j++) {
        if (class_from_1(labels[j], classes) == class_) return 1;
    }
    return 0;
}

/* What a row adds to the loss; nothing that is a number if a label is no class. */
DEVICE void multi_label_terms(const real *x, const real *labels, real *terms, whole n, whole classes, real factor) {
    EACH(i, n) {
        const real *row = x + i * classes, *list = labels + i * classes;
        real sum = 0;
        for (whole j = 0; j < classes && list[j] != 0; j++) {
            whole right = class_from_1(list[j], classes);
            if (right < 0) sum = R_NAN;
            for (whole other = 0; 0 <= right && other < classes; other++) {
                real gap = (real)1 - (row[right] - row[other]);
                if (0 < gap && !is_listed(list, other, classes)) sum += gap;
            }
        }
        terms[i] = sum * factor;
    }
}

/* If some label of some row is no class, all gradients are 0: `terms` are those of the loss. */
DEVICE void multi_label_grad(const real *x, const real *labels, const real *dy, const real *loss, real *dx, whole n,
                             whole classes, real factor) {
    EACH(i, n) {
        const real *row = x + i * classes, *list = labels + i * classes;
        real step = loss[0] == loss[0] ? factor * dy[0] : (real)0;
        for (whole c = 0; c < classes; c++) dx[i * classes + c] = 0;
        for (whole j = 0; j < classes && list[j] != 0; j++) {
            whole right = class_from_1(list[j], classes);
            for (whole other = 0; 0 <= right && other < classes; other++) {
                real gap = (real)1 - (row[right] - row[other]);
                if (0 < gap && !is_listed(list, other, classes)) {
                    dx[i * classes + other] += step;
                    dx[i * classes + right] -= step;
                }
            }
        }
    }
}
