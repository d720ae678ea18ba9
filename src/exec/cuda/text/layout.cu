/* Elements in other places: constants, copies, parts along an axis, permutations of axes. */

DEVICE void fill(real *y, whole n, real value) {
    EACH(i, n) { y[i] = value; }
}

DEVICE void copy(const real *x, real *y, whole n) {
    EACH_FOUR(i, n) {
        real near[4];
        FOUR(k) near[k] = i + k * THREADS < n ? x[i + k * THREADS] : (real)0;
        FOUR(k) if (i + k * THREADS < n) y[i + k * THREADS] = near[k];
    }
}

/* Parts of the memory to other places; n counts the parts. The table has four integers each: where the part is, where it
 * goes, how long it is, and 0. No part goes where another one is. */
DEVICE void copy_parts(real *memory, const real *parts, whole n) {
    const long long *table = (const long long *)parts;
    EACH_TEAM(b, n) {
        const real *x = memory + table[4 * b];
        real *y = memory + table[4 * b + 1];
        whole count = (whole)table[4 * b + 2];
        EACH_THREAD(t) {
            for (whole i = t; i < count; i += 4 * THREADS) {
                real near[4];
                FOUR(k) near[k] = i + k * THREADS < count ? x[i + k * THREADS] : (real)0;
                FOUR(k) if (i + k * THREADS < count) y[i + k * THREADS] = near[k];
            }
        }
    }
}

/* Eight axes of the result with their extents e and the distances s of their elements in x. */
DEVICE void strided(const real *x, real *y, whole n, whole e0, whole e1, whole e2, whole e3, whole e4, whole e5,
                    whole e6, whole e7, whole s0, whole s1, whole s2, whole s3, whole s4, whole s5, whole s6,
                    whole s7) {
    EACH(i, n) {
        whole rest = i, from = 0;
        from += rest % e7 * s7, rest /= e7;
        from += rest % e6 * s6, rest /= e6;
        from += rest % e5 * s5, rest /= e5;
        from += rest % e4 * s4, rest /= e4;
        from += rest % e3 * s3, rest /= e3;
        from += rest % e2 * s2, rest /= e2;
        from += rest % e1 * s1, rest /= e1;
        from += rest % e0 * s0;
        y[i] = x[from];
    }
}

/* Elements start, start + step, ... of the middle axis of outer x extent x inner. */
DEVICE void slice(const real *x, real *y, whole n, whole extent, whole inner, whole count, whole start, whole step) {
    EACH_FOUR(first, n) {
        real near[4];
        FOUR(k) {
            whole i = first + k * THREADS, o = i / inner / count, j = i / inner % count;
            near[k] = i < n ? x[(o * extent + start + j * step) * inner + i % inner] : (real)0;
        }
        FOUR(k) if (first + k * THREADS < n) y[first + k * THREADS] = near[k];
    }
}

/* Zeros, with count elements of the middle axis at start, start + step, ... */
DEVICE void pad(const real *x, real *y, whole n, whole extent, whole inner, whole count, whole start, whole step) {
    EACH(i, n) {
        whole o = i / inner / extent, far = i / inner % extent - start, j = far / step;
        int inside = 0 <= far && far % step == 0 && j < count;
        y[i] = inside ? x[(o * count + j) * inner + i % inner] : (real)0;
    }
}

/* The count elements of the middle axis of x to the places from start on. */
DEVICE void place(const real *x, real *y, whole n, whole extent, whole inner, whole count, whole start) {
    EACH_FOUR(first, n) {
        real near[4];
        FOUR(k) near[k] = first + k * THREADS < n ? x[first + k * THREADS] : (real)0;
        FOUR(k) {
            whole i = first + k * THREADS, o = i / inner / count, j = i / inner % count;
            if (i < n) y[(o * extent + start + j) * inner + i % inner] = near[k];
        }
    }
}

/* Planes with zeros before and behind the elements of three axes: d x h x w inside D x H x W. */
DEVICE void pad_volume(const real *x, real *y, whole n, whole d, whole h, whole w, whole D, whole H, whole W, whole z0,
                       whole y0, whole x0) {
    EACH(i, n) {
        whole c = i % W - x0, r = i / W % H - y0, p = i / W / H % D - z0, plane = i / W / H / D;
        int inside = 0 <= c && c < w && 0 <= r && r < h && 0 <= p && p < d;
        y[i] = inside ? x[((plane * d + p) * h + r) * w + c] : (real)0;
    }
}

/* The inverse: only the elements inside. */
DEVICE void crop_volume(const real *x, real *y, whole n, whole d, whole h, whole w, whole D, whole H, whole W, whole z0,
                        whole y0, whole x0) {
    EACH(i, n) {
        whole c = i % w + x0, r = i / w % h + y0, p = i / w / h % d + z0, plane = i / w / h / d;
        y[i] = x[((plane * D + p) * H + r) * W + c];
    }
}

/* One number for each channel, added to all its elements. */
DEVICE void add_bias(const real *bias, real *y, whole n, whole channels, whole pixels) {
    EACH(i, n) { y[i] += bias[i / pixels % channels]; }
}

/* The elements of x to the row of a ring that belongs to the run. */
DEVICE void keep(const real *control, const real *x, real *ring, whole n, whole rows, whole width, whole offset) {
    const unsigned long long *seed_and_run = (const unsigned long long *)control;
    whole row = (whole)(seed_and_run[1] % (unsigned long long)rows);
    EACH(i, n) { ring[row * width + offset + i] = x[i]; }
}
