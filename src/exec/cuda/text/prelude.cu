/* The language of all texts: what CUDA's compiler and a C compiler both read.
 *
 * The executor puts three definitions before this text: REAL is float or double, WHOLE an integer type that counts all
 * elements, THREADS the threads of a block. CUDA's compiler makes each KERNEL a kernel. A C compiler makes it a function
 * that does the work of one block, whose number is in BLOCK, of BLOCKS; the threads of the block are loops.
 *
 * A function's body is one of three kinds. In `EACH(i, n)` every item is worked on by a thread of its own. In
 * `EACH_FOUR(i, n)` a thread has four items, i, i + THREADS, i + 2 THREADS and i + 3 THREADS, those of them that are below
 * n: in `FOUR(k)` it reads all of them before it writes any, so that four loads are under way at once. What is read at the
 * place of an item may be what is written there; anything else that is read must be apart from what is written. In
 * `EACH_TEAM(b, n)` every item is worked on by a block: `EACH_THREAD(t)` is what all threads of the block do before any of
 * them goes on, and only SHARED memory and what is a thread's OWN last from one to the next: `OWN(type, name, count)` are
 * so many numbers of each thread, which `MINE(name, t)` points to. What is outside is the same for all threads.
 */
typedef REAL real;
typedef WHOLE whole;

#ifdef __CUDACC__
#define DEVICE static __device__ __forceinline__
#define KERNEL extern "C" __global__ void __launch_bounds__(THREADS)
#define SHARED __shared__
#define ALIGNED __align__(16)
#define OWN(type, name, count) type name[count]
#define MINE(name, t) name
#define FIRST_BLOCK ((whole)blockIdx.x)
#define EACH(i, n) \
    for (whole i = (whole)blockIdx.x * THREADS + (whole)threadIdx.x; i < (n); i += (whole)gridDim.x * THREADS)
#define EACH_FOUR(i, n)                                                                          \
    for (whole i = (whole)blockIdx.x * (4 * THREADS) + (whole)threadIdx.x; i < (n);              \
         i += (whole)gridDim.x * (4 * THREADS))
#define EACH_TEAM(b, n) for (whole b = (whole)blockIdx.x; b < (n); b += (whole)gridDim.x)
#define EACH_THREAD(t) for (int t = (int)threadIdx.x, again_ = 1; again_; again_ = 0, __syncthreads())
#define UNROLL _Pragma("unroll")
#else
#include <math.h>
#ifdef __cplusplus
#define KERNEL extern "C" void
#else
#define KERNEL void
#endif
#define DEVICE static inline __attribute__((unused))
#define SHARED static
#define ALIGNED __attribute__((aligned(16)))
#define OWN(type, name, count) static type name[THREADS][count]
#define MINE(name, t) name[t]
static long long BLOCK, BLOCKS;
/* With BACKWARDS the last thread and the last block are first: the same bits, since neither waits for another. */
#ifdef BACKWARDS
#define EACH_THREAD(t) for (int t = THREADS - 1; 0 <= t; t--)
#define IN_TURN(turn, n) ((n) - 1 - (turn))
#else
#define EACH_THREAD(t) for (int t = 0; t < THREADS; t++)
#define IN_TURN(turn, n) (turn)
#endif
#define EACH(i, n)        \
    EACH_THREAD(thread_) \
        for (whole i = (whole)(BLOCK * THREADS + thread_); i < (n); i += (whole)(BLOCKS * THREADS))
#define EACH_FOUR(i, n)  \
    EACH_THREAD(thread_) \
        for (whole i = (whole)(BLOCK * 4 * THREADS + thread_); i < (n); i += (whole)(BLOCKS * 4 * THREADS))
#define EACH_TEAM(b, n) for (whole b = (whole)BLOCK; b < (n); b += (whole)BLOCKS)
#define UNROLL
#endif
/* A thread's items within EACH_FOUR: number k is at i + k * THREADS. */
#define FOUR(k) UNROLL for (int k = 0; k < 4; k++)

#ifdef REAL_IS_DOUBLE
#define r_exp exp
#define r_log log
#define r_log1p log1p
#define r_sqrt sqrt
#define r_tanh tanh
#define r_pow pow
#define r_abs fabs
#define r_floor floor
#define r_trunc trunc
#define r_sin sin
#define r_cos cos
#define r_fma fma
#else
#define r_exp expf
#define r_log logf
#define r_log1p log1pf
#define r_sqrt sqrtf
#define r_tanh tanhf
#define r_pow powf
#define r_abs fabsf
#define r_floor floorf
#define r_trunc truncf
#define r_sin sinf
#define r_cos cosf
#define r_fma fmaf
#endif

/* The limits of float, for both types. */
#define R_TINY ((real)1.17549435082228750797e-38)
#define R_LARGE ((real)3.40282346638528859812e+38)
#define R_INFINITY ((real)(1e300 * 1e300))
#define R_NAN (R_INFINITY - R_INFINITY)

DEVICE real r_max(real a, real b) { return b < a ? a : b; }
/* What is not a number stays so. */
DEVICE real r_at_least(real a, real least) { return a < least ? least : a; }
DEVICE real r_min(real a, real b) { return a < b ? a : b; }
DEVICE real r_sign(real a) { return (real)(0 < a) - (real)(a < 0); }
DEVICE real r_sigmoid(real a) { return (real)1 / ((real)1 + r_exp(-a)); }

/* A label or an index: the whole part, 0 of what is no number. */
DEVICE long long label_of(real a) {
    if (a != a) return 0;
    if (9e18 < (double)a) return 9223372036854775807LL;
    if ((double)a < -9e18) return -9223372036854775807LL - 1;
    return (long long)a;
}

DEVICE whole least_of(whole a, whole b) { return a < b ? a : b; }
DEVICE whole most_of(whole a, whole b) { return a < b ? b : a; }

/* Adds up what every thread left in `part`; the sum is in part[0]. */
DEVICE void team_add(real *part) {
    for (int half = THREADS / 2; 0 < half; half /= 2) {
        EACH_THREAD(t) {
            if (t < half) part[t] += part[t + half];
        }
    }
}

/* The sum of many terms, in part[0]. */
DEVICE void team_sum(const real *terms, whole count, real *part) {
    EACH_THREAD(t) {
        real sum = 0;
        for (whole i = t; i < count; i += THREADS) sum += terms[i];
        part[t] = sum;
    }
    team_add(part);
}

/* Adds up two numbers of every thread at once, with 64 bits. */
DEVICE void team_add_both(double *one, double *other) {
    for (int half = THREADS / 2; 0 < half; half /= 2) {
        EACH_THREAD(t) {
            if (t < half) {
                one[t] += one[t + half];
                other[t] += other[t + half];
            }
        }
    }
}

/* Adds to what every thread left in `part` what all threads before it left. */
DEVICE void team_add_before(whole *part) {
    SHARED whole sums[THREADS];
    for (int far = 1; far < THREADS; far *= 2) {
        EACH_THREAD(t) { sums[t] = far <= t ? part[t] + part[t - far] : part[t]; }
        EACH_THREAD(t) { part[t] = sums[t]; }
    }
}

/* How many of the items that are not 0 lie up to the end of each thread's share of them. */
DEVICE void team_count_before(const real *items, whole *counts, whole n, whole share) {
    EACH_THREAD(t) {
        whole own = 0;
        for (whole i = t * share; i < least_of((t + 1) * share, n); i++) own += items[i] != 0;
        counts[t] = own;
    }
    team_add_before(counts);
}

/* The largest of what every thread left in `part`, in part[0]. */
DEVICE void team_max(real *part) {
    for (int half = THREADS / 2; 0 < half; half /= 2) {
        EACH_THREAD(t) {
            if (t < half) part[t] = r_max(part[t], part[t + half]);
        }
    }
}
