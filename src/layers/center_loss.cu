/* Half of the squared distances between rows and the centres of their classes, and centres that follow the rows. */

DEVICE void center_terms(const real *x, const real *labels, const real *centers, real *terms, whole n, whole width,
                         whole classes) {
    SHARED real part[THREADS];
    EACH_TEAM(i, n) {
        whole class_ = class_of(labels[i], classes);
        EACH_THREAD(t) {
            real sum = 0;
            for (whole j = t; 0 <= class_ && j < width; j += THREADS) {
                real apart = x[i * width + j] - centers[class_ * width + j];
                sum += apart * apart;
            }
            part[t] = sum;
        }
        team_add(part);
        EACH_THREAD(t) {
            if (t == 0) terms[i] = class_ < 0 ? R_NAN : part[0] / (real)2;
        }
    }
}

DEVICE void center_grad(const real *x, const real *labels, const real *centers, const real *dy, real *dx, whole n,
                        whole width, whole classes, whole count) {
    EACH(i, n) {
        whole class_ = class_of(labels[i / width], classes);
        dx[i] = class_ < 0 ? (real)0 : dy[0] / (real)count * (x[i] - centers[class_ * width + i % width]);
    }
}

DEVICE void center_follow(const real *x, const real *labels, const real *centers, real *dcenters, whole n, whole width,
                          whole classes, whole count) {
    EACH(i, n) {
        real sum = 0, rows = 1;
        for (whole row = 0; row < count; row++) {
            if (class_of(labels[row], classes) == i / width) {
                sum += centers[i] - x[row * width + i % width];
                rows += 1;
            }
        }
        dcenters[i] = sum / rows;
    }
}
