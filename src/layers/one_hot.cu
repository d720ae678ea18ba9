/* Rows of zeros with a 1 at the class, counted from 1; a number that is no class makes its row NaN. */

DEVICE void one_hot(const real *x, real *y, whole n, whole classes) {
    EACH(i, n) {
        long long class_ = label_of(x[i / classes]);
        int known = 1 <= class_ && class_ <= classes;
        y[i] = known ? (real)(class_ - 1 == i % classes) : R_NAN;
    }
}
