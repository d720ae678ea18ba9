/* Slices picked along the middle axis of outer x rows x inner by a list of indices, and their adjoint. */

DEVICE int is_row(real index, whole rows) { return (real)-1 < index && index < (real)rows; }

/* Writes which step found the first index that is no row, its place, itself and the number of rows. */
DEVICE void check_indices(const real *index, real *trouble, whole n, whole count, whole rows, whole step) {
    SHARED real part[THREADS];
    EACH_TEAM(b, n) {
        EACH_THREAD(t) {
            whole bad = count;
            for (whole j = count - 1 - t; 0 <= j; j -= THREADS) {
                if (!is_row(index[j], rows)) bad = j;
            }
            part[t] = -(real)bad;
        }
        team_max(part);
        EACH_THREAD(t) {
            if (t == 0 && part[0] != -(real)count && trouble[0] == 0) {
                trouble[0] = (real)(step + 1);
                trouble[1] = -part[0];
                trouble[2] = index[(whole)-part[0]];
                trouble[3] = (real)rows;
            }
        }
    }
}

DEVICE void gather(const real *x, const real *index, real *y, whole n, whole rows, whole inner, whole picked) {
    EACH(i, n) {
        whole o = i / inner / picked;
        real row = index[i / inner % picked];
        y[i] = is_row(row, rows) ? x[(o * rows + (whole)row) * inner + i % inner] : (real)0;
    }
}

/* Every element sums over the indices that name its row, in their order. */
DEVICE void scatter(const real *dy, const real *index, real *dx, whole n, whole rows, whole inner, whole picked) {
    EACH(i, n) {
        whole o = i / inner / rows, row = i / inner % rows;
        real sum = 0;
        for (whole j = 0; j < picked; j++) {
            if (is_row(index[j], rows) && (whole)index[j] == row) sum += dy[(o * picked + j) * inner + i % inner];
        }
        dx[i] = sum;
    }
}
