/* Products of small matrices that are stored row by row, and a bias for each column: c = op(a) op(b) + bias. */

/* A block of threads for THREADS / lanes results. Every one is shared by so many lanes, which are threads next to each other
 * where the terms of a result lie next to each other, and every lane adds up every lanes-th term. */
DEVICE void small_product(const real *a, const real *b, const real *bias, real *c, whole n, whole count, whole rows,
                          whole columns, whole terms, int trans_a, int trans_b, int lanes, int biased) {
    SHARED real share[THREADS];
    int along = !trans_a && trans_b, own = THREADS / lanes;
    EACH_TEAM(block, n) {
        EACH_THREAD(t) {
            whole o = block * own + (along ? t / lanes : t % own), k = along ? t % lanes : t / own;
            real sum = 0;
            if (o < count) {
                whole column = o % columns, row = o / columns % rows, matrix = o / columns / rows;
                const real *left = a + matrix * rows * terms + (trans_a ? row : row * terms);
                const real *right = b + matrix * terms * columns + (trans_b ? column * terms : column);
                whole down = trans_a ? rows : 1, across = trans_b ? 1 : columns;
                for (; k + 7 * lanes < terms; k += 8 * lanes) {
                    real x[8], w[8];
                    for (int j = 0; j < 8; j++) {
                        x[j] = left[(k + j * lanes) * down];
                        w[j] = right[(k + j * lanes) * across];
                    }
                    for (int j = 0; j < 8; j++) sum += x[j] * w[j];
                }
                for (; k < terms; k += lanes) sum += left[k * down] * right[k * across];
            }
            share[t] = sum;
        }
        EACH_THREAD(t) {
            whole o = block * own + t;
            if (t < own && o < count) {
                real sum = 0;
                for (int lane = 0; lane < lanes; lane++) sum += share[along ? t * lanes + lane : lane * own + t];
                c[o] = biased ? sum + bias[o % columns] : sum;
            }
        }
    }
}
