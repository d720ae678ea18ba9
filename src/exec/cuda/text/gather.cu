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

/* For every index the next one that names the same row, and whether it is the first of these; neither where it names none. */
DEVICE void follow_indices(const real *index, real *link, whole n, whole rows) {
    EACH(j, n) {
        whole next = n, before = -1;
        if (is_row(index[j], rows)) {
            whole row = (whole)index[j];
            next = j + 1;
            while (next < n && !(is_row(index[next], rows) && (whole)index[next] == row)) next++;
            before = j - 1;
            while (0 <= before && !(is_row(index[before], rows) && (whole)index[before] == row)) before--;
        }
        link[j] = (real)next;
        link[n + j] = (real)(is_row(index[j], rows) && before < 0);
    }
}

/* The same sums, at the first index that names a row; other rows are zero before. */
DEVICE void scatter_followed(const real *dy, const real *index, const real *link, real *dx, whole n, whole rows, whole inner,
                             whole picked) {
    EACH(i, n) {
        whole o = i / inner / picked, first = i / inner % picked;
        if (link[picked + first] != 0) {
            real sum = 0;
            for (whole j = first; j < picked; j = (whole)link[j]) sum += dy[(o * picked + j) * inner + i % inner];
            dx[(o * rows + (whole)index[first]) * inner + i % inner] = sum;
        }
    }
}
