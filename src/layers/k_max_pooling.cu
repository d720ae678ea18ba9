/* The largest elements of every feature along the frames, in their order there. */

/* Larger numbers first, in the order of all floats, where what is no number counts as the largest; then earlier ones. */
DEVICE int k_max_before(real a, whole at, real b, whole other) {
    int no_a = a != a, no_b = b != b;
    if (no_a != no_b) return no_a;
    if (!no_a && a != b) return b < a;
    return at < other;
}

/* Whether an element is kept, by counting those that come before it. */
DEVICE int k_max_kept(const real *x, whole item, whole frame, whole feature, whole frames, whole features, whole kept) {
    whole before = 0;
    real own = x[(item * frames + frame) * features + feature];
    for (whole f = 0; f < frames; f++) {
        before += (whole)k_max_before(x[(item * frames + f) * features + feature], f, own, frame);
    }
    return before < kept;
}

/* forward: y from x. Else dx from dy. A thread for each feature of each item. */
DEVICE void k_max(const real *x, const real *from, real *to, whole n, whole frames, whole features, whole kept,
                  int forward) {
    EACH(i, n) {
        whole item = i / features, feature = i % features, place = 0;
        for (whole f = 0; f < frames; f++) {
            whole at = (item * frames + f) * features + feature;
            int keeps = k_max_kept(x, item, f, feature, frames, features, kept);
            whole small = (item * kept + place) * features + feature;
            if (forward && keeps) to[small] = x[at];
            if (!forward) to[at] = keeps ? from[small] : (real)0;
            place += (whole)keeps;
        }
    }
}
