// cuBLAS, cuDNN and cuRAND as far as cortado and candle call them, by their definitions.
//
// Products and convolutions are computed in doubles. Where a library may round operands to 10 bits (TF32), they are. Results
// are off by as much as sums of single numbers may be, and convolutions by transforms of images by more: SIMULATED_GPU_NOISE
// and SIMULATED_GPU_TRANSFORM_NOISE, relative to the largest result.

#include "gpu.hpp"

#include <cmath>
#include <cstdio>
#include <cstring>

using namespace gpu;

namespace {

// Results of the libraries that are used here.
constexpr int FINE = 0, BLAS_INVALID = 7, DNN_BAD_PARAM = 2000, DNN_NOT_SUPPORTED = 3000, DNN_FAILED = 5000;

// cudnnDataType_t and cudnnMathType_t.
constexpr int FLOAT = 0, DOUBLE = 1, FMA_MATH = 3;

// cublasMath_t.
constexpr int TF32_MATH = 3;

double tf32(double value) {
    float single = (float)value;
    uint32_t bits;
    memcpy(&bits, &single, 4);
    bits = (bits + 0x0fff + (bits >> 13 & 1)) & 0xffffe000;
    memcpy(&single, &bits, 4);
    return single;
}

template <class Real>
std::vector<double> load(const void *from, size_t count, bool rough) {
    const Real *numbers = (const Real *)from;
    std::vector<double> all(numbers, numbers + count);
    if (rough) {
        for (double &number : all) number = tf32(number);
    }
    return all;
}

std::vector<double> load(int type, const void *from, size_t count, bool rough) {
    return type == FLOAT ? load<float>(from, count, rough) : load<double>(from, count, false);
}

void store(int type, void *to, const std::vector<double> &numbers) {
    for (size_t i = 0; i < numbers.size(); i++) {
        if (type == FLOAT) ((float *)to)[i] = (float)numbers[i];
        else ((double *)to)[i] = numbers[i];
    }
}

// Moves results by up to so much of the largest, each by its place, so that it is the same every time.
void disturb(std::vector<double> &results, double noise) {
    double largest = 0;
    for (double result : results) {
        if (std::isfinite(result)) largest = std::max(largest, std::fabs(result));
    }
    uint32_t bits = 0x9e3779b9;
    for (double &result : results) {
        bits = bits * 1664525 + 1013904223;
        result += noise * largest * ((bits >> 8) / 8388608.0 - 1);
    }
}

double noise() {
    static const double said = std::stod(setting("SIMULATED_GPU_NOISE", "1e-7"));
    return said;
}

double transform_noise() {
    static const double said = std::stod(setting("SIMULATED_GPU_TRANSFORM_NOISE", "4e-6"));
    return said;
}

struct Blas {
    Stream *stream = nullptr;
    int math = 0;
    void *room = nullptr;
};

template <class Real>
int gemm(Blas *blas, int left_way, int right_way, int rows, int columns, int terms, const Real *alpha, const Real *left,
         int left_lead, long long left_step, const Real *right, int right_lead, long long right_step, const Real *beta,
         Real *result, int lead, long long step, int batch) {
    std::lock_guard<std::recursive_mutex> guard(everything);
    if (Result wrong = called("cublasGemmStridedBatched")) return wrong == SUCCESS ? FINE : 13;
    bool fits = (left_way ? terms : rows) <= left_lead && (right_way ? columns : terms) <= right_lead && rows <= lead &&
                0 < left_lead && 0 < right_lead && 0 < lead;
    if (rows < 0 || columns < 0 || terms < 0 || batch < 0 || !fits || *alpha != 1 || *beta != 0) return BLAS_INVALID;
    // Without a room of its own, cuBLAS allocates one, which a capture forbids.
    if (!blas->room) forbidden("cuMemAlloc", "cuBLAS");
    bool rough = blas->math == TF32_MATH && sizeof(Real) == 4;
    int type = sizeof(Real) == 4 ? FLOAT : DOUBLE;
    size_t left_size = (size_t)left_lead * (left_way ? rows : terms), right_size = (size_t)right_lead * (right_way ? terms : columns);
    auto ends = [&](const Real *start, long long far, size_t size) {
        return on_device((uint64_t)(start + far * (batch - 1)), (size - 1) * sizeof(Real)) && on_device((uint64_t)start, 1);
    };
    if (!ends(left, left_step, left_size - left_lead + (left_way ? terms : rows)) ||
        !ends(right, right_step, right_size - right_lead + (right_way ? columns : terms)) ||
        !ends(result, step, (size_t)lead * (columns - 1) + rows)) {
        broken_address("cuBLAS", (uint64_t)result);
        return 14;
    }
    return give(blas->stream, [=] {
        for (int number = 0; number < batch; number++) {
            size_t most_left = left_size - left_lead + (left_way ? terms : rows);
            size_t most_right = right_size - right_lead + (right_way ? columns : terms);
            auto a = load(type, left + number * left_step, most_left, rough);
            auto b = load(type, right + number * right_step, most_right, rough);
            Real *c = result + number * step;
            std::vector<double> all((size_t)rows * columns);
            for (int column = 0; column < columns; column++) {
                double *sums = all.data() + (size_t)column * rows;
                if (left_way) {
                    for (int row = 0; row < rows; row++) {
                        for (int term = 0; term < terms; term++) {
                            size_t at = right_way ? (size_t)term * right_lead + column : (size_t)column * right_lead + term;
                            sums[row] += a[(size_t)row * left_lead + term] * b[at];
                        }
                    }
                } else {
                    for (int term = 0; term < terms; term++) {
                        size_t at = right_way ? (size_t)term * right_lead + column : (size_t)column * right_lead + term;
                        for (int row = 0; row < rows; row++) sums[row] += a[(size_t)term * left_lead + row] * b[at];
                    }
                }
            }
            if (type == FLOAT) disturb(all, noise());
            for (int column = 0; column < columns; column++) {
                for (int row = 0; row < rows; row++) c[(size_t)column * lead + row] = (Real)all[(size_t)column * rows + row];
            }
        }
    });
}

struct Dnn {
    Stream *stream = nullptr;
};

struct Tensor {
    int type = FLOAT;
    std::vector<int> dims;
};

struct Window {
    std::vector<int> pads, strides, holes;
    int type = FLOAT, math = 0, groups = 1;
};

// What cudnnConvolution...AlgoPerf_t are.
struct Perf {
    int algo, status;
    float time;
    size_t memory;
    int determinism, math;
    int reserved[3];
};

// Algorithms that give the same bits every time: by sums, by transforms of the images, and one that turns out not to work. One
// that gives other bits every time is expected to be quicker. Numbers are those of cuDNN in every way of convolving.
constexpr int STEADY = 1, TRANSFORM = 5, BROKEN = 3, UNSTEADY = 0;

size_t count(const Tensor &tensor) {
    size_t all = 1;
    for (int extent : tensor.dims) all *= extent;
    return all;
}

// The extents of a convolution with three axes.
struct Extents {
    int batch, groups, channels, outputs;
    int in[3], out[3], kernel[3], pad[3], stride[3], hole[3];
};

// Whether the descriptions belong together.
bool extents(const Tensor &x, const Tensor &w, const Window &window, const Tensor &y, Extents &e) {
    size_t axes = window.pads.size();
    if (axes < 2 || 3 < axes || x.dims.size() != axes + 2 || w.dims.size() != axes + 2 || y.dims.size() != axes + 2) return false;
    if (x.type != w.type || x.type != y.type || x.type != window.type) return false;
    e.batch = x.dims[0], e.groups = window.groups, e.channels = w.dims[1], e.outputs = w.dims[0] / window.groups;
    if (w.dims[0] % window.groups || x.dims[1] != e.channels * e.groups || y.dims[1] != w.dims[0] || y.dims[0] != e.batch) return false;
    for (int axis = 0; axis < 3; axis++) {
        int from = axis - (3 - (int)axes);
        e.in[axis] = from < 0 ? 1 : x.dims[2 + from];
        e.out[axis] = from < 0 ? 1 : y.dims[2 + from];
        e.kernel[axis] = from < 0 ? 1 : w.dims[2 + from];
        e.pad[axis] = from < 0 ? 0 : window.pads[from];
        e.stride[axis] = from < 0 ? 1 : window.strides[from];
        e.hole[axis] = from < 0 ? 1 : window.holes[from];
        int seen = e.in[axis] + 2 * e.pad[axis] - (e.hole[axis] * (e.kernel[axis] - 1) + 1);
        if (seen < 0 || e.pad[axis] < 0 || e.stride[axis] < 1 || e.hole[axis] < 1) return false;
        if (e.out[axis] != seen / e.stride[axis] + 1) return false;
    }
    return true;
}

// Bytes that the algorithm wants.
size_t room(const Extents &e) { return 4096 + 16 * (size_t)e.outputs; }

// What a kernel's element meets of a row: `visit(first output, number of outputs, first input)`.
template <class Visit>
void along(const Extents &e, int tap, Visit visit) {
    int shift = tap * e.hole[2] - e.pad[2], first = 0, last = e.out[2];
    while (first < last && first * e.stride[2] + shift < 0) first++;
    while (first < last && e.in[2] <= (last - 1) * e.stride[2] + shift) last--;
    if (first < last) visit(first, last - first, first * e.stride[2] + shift);
}

// Every row of outputs with every row of inputs and row of weights that meet there:
// `visit(output row's start, input row's start, weight row's start)`.
template <class Visit>
void rows(const Extents &e, Visit visit) {
    size_t in_plane = (size_t)e.in[0] * e.in[1] * e.in[2], out_plane = (size_t)e.out[0] * e.out[1] * e.out[2];
    size_t taps = (size_t)e.kernel[0] * e.kernel[1] * e.kernel[2];
    for (size_t n = 0; n < (size_t)e.batch; n++)
    for (size_t g = 0; g < (size_t)e.groups; g++)
    for (size_t o = 0; o < (size_t)e.outputs; o++)
    for (size_t c = 0; c < (size_t)e.channels; c++)
    for (int kz = 0; kz < e.kernel[0]; kz++)
    for (int ky = 0; ky < e.kernel[1]; ky++)
    for (int oz = 0; oz < e.out[0]; oz++) {
        int iz = oz * e.stride[0] + kz * e.hole[0] - e.pad[0];
        if (iz < 0 || e.in[0] <= iz) continue;
        for (int oy = 0; oy < e.out[1]; oy++) {
            int iy = oy * e.stride[1] + ky * e.hole[1] - e.pad[1];
            if (iy < 0 || e.in[1] <= iy) continue;
            size_t output = ((n * e.groups + g) * e.outputs + o) * out_plane + ((size_t)oz * e.out[1] + oy) * e.out[2];
            size_t input = ((n * e.groups + g) * e.channels + c) * in_plane + ((size_t)iz * e.in[1] + iy) * e.in[2];
            size_t weight = ((g * e.outputs + o) * e.channels + c) * taps + ((size_t)kz * e.kernel[1] + ky) * e.kernel[2];
            visit(output, input, weight);
        }
    }
}

enum Way { FORWARD, INPUT, FILTER };

int convolve(const char *name, Way way, Dnn *dnn, const void *alpha, Tensor *xd, const void *x, Tensor *wd, const void *w,
             Window *window, int algorithm, void *space, size_t has, const void *beta, Tensor *yd, const void *y) {
    std::lock_guard<std::recursive_mutex> guard(everything);
    if (called(name)) return DNN_FAILED;
    Extents e;
    if (!extents(*xd, *wd, *window, *yd, e)) return DNN_BAD_PARAM;
    int type = xd->type;
    double one = type == FLOAT ? *(const float *)alpha : *(const double *)alpha;
    double zero = type == FLOAT ? *(const float *)beta : *(const double *)beta;
    if (algorithm == BROKEN) return DNN_NOT_SUPPORTED;
    if (one != 1 || zero != 0 || (algorithm != STEADY && algorithm != TRANSFORM) || has < room(e)) return DNN_BAD_PARAM;
    size_t size = type == FLOAT ? 4 : 8;
    const std::pair<const void *, size_t> all[] = {
        {x, count(*xd) * size}, {w, count(*wd) * size}, {y, count(*yd) * size}, {space, room(e)}};
    for (auto [start, bytes] : all) {
        if (on_device((uint64_t)start, bytes)) continue;
        broken_address(name, (uint64_t)start);
        return DNN_FAILED;
    }
    bool rough = window->math != FMA_MATH;
    size_t xs = count(*xd), ws = count(*wd), ys = count(*yd);
    return give(dnn->stream, [=] {
        memset(space, 0xff, room(e));
        std::vector<double> image(xs), weights(ws), result(ys);
        if (way != INPUT) image = load(type, x, xs, rough);
        if (way != FILTER) weights = load(type, w, ws, rough);
        if (way != FORWARD) result = load(type, y, ys, rough);
        int stride = e.stride[2];
        rows(e, [&](size_t output, size_t input, size_t weight) {
            for (int tap = 0; tap < e.kernel[2]; tap++) {
                along(e, tap, [&](int first, int many, int from) {
                    double *out = &result[output + first], *in = &image[input + from], &by = weights[weight + tap];
                    switch (way) {
                        case FORWARD:
                            for (int i = 0; i < many; i++) out[i] += by * in[(size_t)i * stride];
                            break;
                        case INPUT:
                            for (int i = 0; i < many; i++) in[(size_t)i * stride] += by * out[i];
                            break;
                        case FILTER:
                            double sum = 0;
                            for (int i = 0; i < many; i++) sum += out[i] * in[(size_t)i * stride];
                            by += sum;
                            break;
                    }
                });
            }
        });
        if (type == FLOAT) disturb(way == FORWARD ? result : way == INPUT ? image : weights, algorithm == TRANSFORM ? transform_noise() : noise());
        if (way == FORWARD) store(type, (void *)y, result);
        if (way == INPUT) store(type, (void *)x, image);
        if (way == FILTER) store(type, (void *)w, weights);
    });
}

// What a convolution's descriptions were told: the type, math and groups, then image, weights, result, pads, strides, holes.
std::string described(const Tensor &x, const Tensor &w, const Window &window, const Tensor &y) {
    std::string all = std::to_string(x.type) + " " + std::to_string(window.math) + " " + std::to_string(window.groups);
    for (auto *numbers : {&x.dims, &w.dims, &y.dims, &window.pads, &window.strides, &window.holes}) {
        std::string list;
        for (int number : *numbers) list += (list.empty() ? " " : ",") + std::to_string(number);
        all += list;
    }
    return all;
}

// The list of algorithms, as cuDNN orders them: what it expects to be quickest first.
int algorithms(Tensor *x, Tensor *w, Window *window, Tensor *y, int most, int *returned, Perf *found) {
    std::lock_guard<std::recursive_mutex> guard(everything);
    if (called("cudnnGetConvolutionAlgorithm", described(*x, *w, *window, *y))) return DNN_FAILED;
    Extents e;
    if (!extents(*x, *w, *window, *y, e)) return DNN_BAD_PARAM;
    const Perf all[] = {
        {7, DNN_NOT_SUPPORTED, -1, 0, 1, window->math, {}},
        {UNSTEADY, FINE, -1, 0, 0, window->math, {}},
        {BROKEN, FINE, -1, room(e), 1, window->math, {}},
        {TRANSFORM, FINE, -1, room(e), 1, window->math, {}},
        {STEADY, FINE, -1, room(e), 1, window->math, {}},
    };
    *returned = std::min(most, 5);
    for (int i = 0; i < *returned; i++) found[i] = all[i];
    return FINE;
}

int space(Tensor *x, Tensor *w, Window *window, Tensor *y, int algorithm, size_t *bytes) {
    Extents e;
    if (!extents(*x, *w, *window, *y, e)) return DNN_BAD_PARAM;
    *bytes = room(e);
    return algorithm == STEADY || algorithm == TRANSFORM || algorithm == BROKEN ? FINE : DNN_NOT_SUPPORTED;
}

template <class T>
int make(T **made) {
    *made = new T;
    return FINE;
}

template <class T>
int unmake(T *made) {
    delete made;
    return FINE;
}

}  // namespace

// The libraries cannot be closed on a broken device, and wait for all of it.
#define CLOSE(name, type, wrong)                                                \
    API int name(type *library) {                                               \
        std::lock_guard<std::recursive_mutex> guard(everything);                \
        return forbidden_to_all(#name) == SUCCESS ? unmake(library) : wrong;    \
    }
CLOSE(cublasDestroy_v2, Blas, 14)
CLOSE(curandDestroyGenerator, char, 199)
CLOSE(cudnnDestroy, Dnn, DNN_FAILED)

API int cublasCreate_v2(Blas **blas) { return usable() == SUCCESS ? make(blas) : 1; }

// A new stream takes the library's own room again.
API int cublasSetStream_v2(Blas *blas, Stream *stream) {
    blas->stream = stream;
    blas->room = nullptr;
    return FINE;
}

API int cublasSetMathMode(Blas *blas, int math) {
    blas->math = math;
    return FINE;
}

API int cublasSetWorkspace_v2(Blas *blas, void *room, size_t bytes) {
    if (room && !on_device((uint64_t)room, bytes)) return BLAS_INVALID;
    blas->room = room;
    return FINE;
}

#define GEMM(name, real)                                                                                                \
    API int name(Blas *blas, int left_way, int right_way, int m, int n, int k, const real *alpha, const real *a, int lda,  \
                 long long a_step, const real *b, int ldb, long long b_step, const real *beta, real *c, int ldc,           \
                 long long c_step, int batch) {                                                                         \
        return gemm(blas, left_way, right_way, m, n, k, alpha, a, lda, a_step, b, ldb, b_step, beta, c, ldc, c_step, batch); \
    }
GEMM(cublasSgemmStridedBatched, float)
GEMM(cublasDgemmStridedBatched, double)

API int curandCreateGenerator(char **generator, int) { return make(generator); }
API int curandSetStream(char *, Stream *) { return FINE; }
API int curandSetPseudoRandomGeneratorSeed(char *, unsigned long long) { return FINE; }

API int cudnnCreate(Dnn **dnn) { return usable() == SUCCESS ? make(dnn) : 1001; }
API int cudnnSetStream(Dnn *dnn, Stream *stream) {
    dnn->stream = stream;
    return FINE;
}

API int cudnnCreateTensorDescriptor(Tensor **tensor) { return make(tensor); }
API int cudnnDestroyTensorDescriptor(Tensor *tensor) { return unmake(tensor); }
API int cudnnCreateFilterDescriptor(Tensor **tensor) { return make(tensor); }
API int cudnnDestroyFilterDescriptor(Tensor *tensor) { return unmake(tensor); }
API int cudnnCreateConvolutionDescriptor(Window **window) { return make(window); }
API int cudnnDestroyConvolutionDescriptor(Window *window) { return unmake(window); }

API int cudnnSetTensorNdDescriptor(Tensor *tensor, int type, int axes, const int *dims, const int *steps) {
    *tensor = Tensor{type, std::vector<int>(dims, dims + axes)};
    long long step = 1;
    for (int axis = axes - 1; 0 <= axis; step *= dims[axis--]) {
        // Other layouts than rows of rows are not simulated.
        if (dims[axis] < 1 || steps[axis] != step) return DNN_BAD_PARAM;
    }
    if (INT32_MAX < step) return DNN_NOT_SUPPORTED;
    return axes < 4 || 5 < axes ? DNN_BAD_PARAM : FINE;
}

API int cudnnSetFilterNdDescriptor(Tensor *tensor, int type, int format, int axes, const int *dims) {
    *tensor = Tensor{type, std::vector<int>(dims, dims + axes)};
    return format != 0 || axes < 4 || 5 < axes ? DNN_BAD_PARAM : FINE;
}

API int cudnnSetConvolutionNdDescriptor(Window *window, int axes, const int *pads, const int *strides, const int *holes, int mode, int type) {
    window->pads.assign(pads, pads + axes);
    window->strides.assign(strides, strides + axes);
    window->holes.assign(holes, holes + axes);
    window->type = type;
    return mode == 1 ? FINE : DNN_BAD_PARAM;  // CUDNN_CROSS_CORRELATION
}

API int cudnnSetConvolutionMathType(Window *window, int math) {
    window->math = math;
    return FINE;
}

API int cudnnSetConvolutionGroupCount(Window *window, int groups) {
    window->groups = groups;
    return FINE;
}

API int cudnnGetConvolutionForwardAlgorithm_v7(Dnn *, Tensor *x, Tensor *w, Window *window, Tensor *y, int most, int *returned, Perf *found) {
    return algorithms(x, w, window, y, most, returned, found);
}
API int cudnnGetConvolutionBackwardDataAlgorithm_v7(Dnn *, Tensor *w, Tensor *y, Window *window, Tensor *x, int most, int *returned, Perf *found) {
    return algorithms(x, w, window, y, most, returned, found);
}
API int cudnnGetConvolutionBackwardFilterAlgorithm_v7(Dnn *, Tensor *x, Tensor *y, Window *window, Tensor *w, int most, int *returned, Perf *found) {
    return algorithms(x, w, window, y, most, returned, found);
}

API int cudnnGetConvolutionForwardWorkspaceSize(Dnn *, Tensor *x, Tensor *w, Window *window, Tensor *y, int algorithm, size_t *bytes) {
    return space(x, w, window, y, algorithm, bytes);
}
API int cudnnGetConvolutionBackwardDataWorkspaceSize(Dnn *, Tensor *w, Tensor *y, Window *window, Tensor *x, int algorithm, size_t *bytes) {
    return space(x, w, window, y, algorithm, bytes);
}
API int cudnnGetConvolutionBackwardFilterWorkspaceSize(Dnn *, Tensor *x, Tensor *y, Window *window, Tensor *w, int algorithm, size_t *bytes) {
    return space(x, w, window, y, algorithm, bytes);
}

API int cudnnConvolutionForward(Dnn *dnn, const void *alpha, Tensor *xd, const void *x, Tensor *wd, const void *w, Window *window, int algorithm,
                                void *space, size_t has, const void *beta, Tensor *yd, void *y) {
    return convolve("cudnnConvolutionForward", FORWARD, dnn, alpha, xd, x, wd, w, window, algorithm, space, has, beta, yd, y);
}
API int cudnnConvolutionBackwardData(Dnn *dnn, const void *alpha, Tensor *wd, const void *w, Tensor *yd, const void *y, Window *window, int algorithm,
                                     void *space, size_t has, const void *beta, Tensor *xd, void *x) {
    return convolve("cudnnConvolutionBackwardData", INPUT, dnn, alpha, xd, x, wd, w, window, algorithm, space, has, beta, yd, y);
}
API int cudnnConvolutionBackwardFilter(Dnn *dnn, const void *alpha, Tensor *xd, const void *x, Tensor *yd, const void *y, Window *window, int algorithm,
                                       void *space, size_t has, const void *beta, Tensor *wd, void *w) {
    return convolve("cudnnConvolutionBackwardFilter", FILTER, dnn, alpha, xd, x, wd, w, window, algorithm, space, has, beta, yd, y);
}
