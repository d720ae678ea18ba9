// The functions of libcuda that cortado, candle and cudarc call, on memory and threads of the processor.

#include "gpu.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <set>

using namespace gpu;

namespace gpu {

std::recursive_mutex everything;

namespace {

constexpr size_t PAGE = 4096;
constexpr size_t ALIGN = 256;

// Bytes at the start of new memory that are no numbers, so that nobody counts on zeros.
constexpr size_t POISONED = 1 << 20;

struct Piece {
    size_t bytes;
    void *mapped;
    size_t size;
    bool device;
};

std::map<uint64_t, Piece> pieces;
std::set<Stream *> streams;
size_t used = 0;
Result sticky = SUCCESS;
std::map<std::string, long> calls;
thread_local bool current = false;

struct Event {
    std::shared_ptr<Point> point;
};

struct Graph {
    std::vector<std::function<void()>> works;
    std::vector<void *> modules;
};

std::set<Graph *> graphs;

// References to the context; with the last the device is reset.
long references = 0;
bool reset = false;

double now() {
    using namespace std::chrono;
    return duration<double>(steady_clock::now().time_since_epoch()).count();
}

size_t total() { return std::stoull(setting("SIMULATED_GPU_MIB", "4096")) << 20; }

// Memory that ends where nothing may be read.
void *reserve(size_t bytes, bool device) {
    size_t wanted = (bytes + ALIGN - 1) / ALIGN * ALIGN;
    size_t size = (wanted + PAGE - 1) / PAGE * PAGE + PAGE;
    void *mapped = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapped == MAP_FAILED) return nullptr;
    mprotect((char *)mapped + size - PAGE, PAGE, PROT_NONE);
    char *start = (char *)mapped + size - PAGE - wanted;
    memset(start, 0xff, std::min(bytes, POISONED));
    pieces[(uint64_t)start] = Piece{bytes, mapped, size, device};
    if (device) used += bytes;
    return start;
}

Result release(uint64_t address, bool device) {
    auto found = pieces.find(address);
    if (found == pieces.end() || found->second.device != device) return INVALID_VALUE;
    if (device) used -= found->second.bytes;
    munmap(found->second.mapped, found->second.size);
    pieces.erase(found);
    return SUCCESS;
}

const Piece *piece_of(uint64_t address, size_t bytes, bool device) {
    auto after = pieces.upper_bound(address);
    if (after == pieces.begin()) return nullptr;
    auto found = std::prev(after);
    bool inside = address - found->first + bytes <= found->second.bytes;
    return inside && found->second.device == device ? &found->second : nullptr;
}

void pass(Point &point) {
    point.passed = true;
    point.when = now();
}

void step(Stream *stream);

void force(const std::shared_ptr<Point> &point) {
    while (!point->passed) step(point->stream);
}

// Does the next work of a stream.
void step(Stream *stream) {
    Work work = std::move(stream->queue.front());
    stream->queue.pop_front();
    if (work.needs) force(work.needs);
    if (work.run) work.run();
    if (work.marks) pass(*work.marks);
}

void add(Stream *stream, Work work) {
    stream->queue.push_back(std::move(work));
    std::string order = setting("SIMULATED_GPU_ORDER", "now");
    if (order == "now" || (order == "ahead" && !stream->first)) finish(stream);
}

Stream *capture_of_this_thread() {
    for (Stream *stream : streams) {
        if (stream->captured && (!stream->local || stream->by == std::this_thread::get_id())) return stream;
    }
    return nullptr;
}

}  // namespace

std::string setting(const char *name, const char *otherwise) {
    const char *said = getenv(name);
    return said && *said ? said : otherwise;
}

void finish(Stream *stream) {
    while (!stream->queue.empty()) step(stream);
}

void finish_all() {
    for (Stream *stream : streams) finish(stream);
}

bool on_device(uint64_t address, size_t bytes) { return piece_of(address, bytes, true) != nullptr; }

void broken_address(const std::string &who, uint64_t address) {
    fprintf(stderr, "simulated GPU: %s is given %#llx, which is not the device's\n", who.c_str(), (unsigned long long)address);
    sticky = ILLEGAL_ADDRESS;
}

// SIMULATED_GPU_FAIL=NAME:N:RESULT lets the N-th call of a function, and all after it, fail.
Result called(const char *name, const std::string &what) {
    static FILE *log = [] {
        std::string path = setting("SIMULATED_GPU_LOG", "");
        return path.empty() ? nullptr : fopen(path.c_str(), "w");
    }();
    static const std::string fail = setting("SIMULATED_GPU_FAIL", "");
    if (log) {
        fprintf(log, "%s%s%s\n", name, what.empty() ? "" : " ", what.c_str());
        fflush(log);
    }
    if (!current) return INVALID_CONTEXT;
    if (!fail.empty()) {
        size_t first = fail.find(':'), second = fail.find(':', first + 1);
        if (fail.substr(0, first) == name && ++calls[name] >= std::stol(fail.substr(first + 1, second))) {
            Result wrong = (Result)std::stoi(fail.substr(second + 1));
            // Too little memory and captures that fail do not break a device.
            if (wrong == OUT_OF_MEMORY || CAPTURE_UNSUPPORTED <= wrong) return wrong;
            sticky = wrong;
        }
    }
    return sticky;
}

Result forbidden(const char *name, const std::string &what) {
    if (Result wrong = called(name, what)) return wrong;
    Stream *stream = capture_of_this_thread();
    if (!stream) return SUCCESS;
    stream->broken = true;
    return CAPTURE_UNSUPPORTED;
}

Result forbidden_to_all(const char *name) {
    Result wrong = called(name);
    for (Stream *stream : streams) {
        if (!stream->captured) continue;
        stream->broken = true;
        if (wrong == SUCCESS) wrong = CAPTURE_UNSUPPORTED;
    }
    return wrong;
}

Result usable() { return reset ? CONTEXT_DESTROYED : SUCCESS; }

void unloaded(void *module) {
    for (Graph *graph : graphs) {
        if (std::find(graph->modules.begin(), graph->modules.end(), module) == graph->modules.end()) continue;
        fprintf(stderr, "simulated GPU: a module is unloaded before a graph that has kernels of it\n");
        sticky = ILLEGAL_ADDRESS;
    }
}

Result give(Stream *stream, std::function<void()> run, void *module) {
    if (!streams.count(stream)) return INVALID_HANDLE;
    if (!stream->captured) {
        add(stream, Work{std::move(run), nullptr, nullptr});
        return SUCCESS;
    }
    if (stream->broken) return CAPTURE_INVALIDATED;
    stream->graph.push_back(std::move(run));
    if (module) stream->modules.push_back(module);
    return SUCCESS;
}

}  // namespace gpu

#define ENTER std::lock_guard<std::recursive_mutex> guard(everything)
#define CALLED(name)                       \
    ENTER;                                 \
    if (Result wrong = called(name)) return wrong
#define FORBIDDEN(name)                    \
    ENTER;                                 \
    if (Result wrong = forbidden(name)) return wrong

API int cuInit(unsigned) { return SUCCESS; }

API int cuDeviceGetCount(int *count) {
    *count = std::stoi(setting("SIMULATED_GPU_COUNT", "1"));
    return SUCCESS;
}

API int cuDeviceGet(int *device, int ordinal) {
    *device = ordinal;
    return ordinal == 0 ? SUCCESS : INVALID_DEVICE;
}

API int cuDeviceGetName(char *name, int bytes, int) {
    snprintf(name, bytes, "a simulated GPU");
    return SUCCESS;
}

API int cuDeviceGetAttribute(int *value, int attribute, int) {
    switch (attribute) {
        case 75: *value = 9; return SUCCESS;   // COMPUTE_CAPABILITY_MAJOR
        case 76: *value = 0; return SUCCESS;   // COMPUTE_CAPABILITY_MINOR
        case 115: *value = 1; return SUCCESS;  // MEMORY_POOLS_SUPPORTED
    }
    fprintf(stderr, "simulated GPU: nobody said attribute %d\n", attribute);
    return INVALID_VALUE;
}

API int cuDeviceTotalMem_v2(size_t *bytes, int) {
    *bytes = total();
    return SUCCESS;
}

API int cuDevicePrimaryCtxRetain(void **context, int) {
    ENTER;
    references++;
    *context = &everything;
    return SUCCESS;
}

API int cuDevicePrimaryCtxRelease_v2(int) {
    ENTER;
    if (--references == 0) reset = true;
    return SUCCESS;
}

API int cuCtxSetCurrent(void *context) {
    current = context != nullptr;
    return SUCCESS;
}

API int cuCtxGetCurrent(void **context) {
    *context = current ? &everything : nullptr;
    return SUCCESS;
}

API int cuCtxSynchronize() {
    ENTER;
    if (Result wrong = forbidden_to_all("cuCtxSynchronize")) return wrong;
    finish_all();
    return sticky;
}

API int cuGetErrorName(int error, const char **name) {
    switch (error) {
        case SUCCESS: *name = "CUDA_SUCCESS"; break;
        case OUT_OF_MEMORY: *name = "CUDA_ERROR_OUT_OF_MEMORY"; break;
        case ILLEGAL_ADDRESS: *name = "CUDA_ERROR_ILLEGAL_ADDRESS"; break;
        case CONTEXT_DESTROYED: *name = "CUDA_ERROR_CONTEXT_IS_DESTROYED"; break;
        case CAPTURE_UNSUPPORTED: *name = "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED"; break;
        default: *name = "CUDA_ERROR_OF_A_SIMULATED_GPU";
    }
    return SUCCESS;
}

API int cuGetErrorString(int error, const char **text) {
    switch (error) {
        case OUT_OF_MEMORY: *text = "out of memory"; break;
        case ILLEGAL_ADDRESS: *text = "an illegal memory access was encountered"; break;
        case CAPTURE_UNSUPPORTED: *text = "operation not permitted when stream is capturing"; break;
        default: *text = "an error of a simulated GPU";
    }
    return SUCCESS;
}

API int cuStreamCreate(Stream **stream, unsigned) {
    CALLED("cuStreamCreate");
    *stream = new Stream{streams.empty(), {}, false, false, false, {}, {}, {}};
    streams.insert(*stream);
    return SUCCESS;
}

API int cuStreamDestroy_v2(Stream *stream) {
    CALLED("cuStreamDestroy");
    if (!streams.count(stream)) return INVALID_HANDLE;
    finish(stream);
    streams.erase(stream);
    delete stream;
    return SUCCESS;
}

API int cuStreamSynchronize(Stream *stream) {
    FORBIDDEN("cuStreamSynchronize");
    if (!streams.count(stream)) return INVALID_HANDLE;
    finish(stream);
    return sticky;
}

API int cuStreamWaitEvent(Stream *stream, Event *event, unsigned) {
    CALLED("cuStreamWaitEvent");
    if (!streams.count(stream)) return INVALID_HANDLE;
    // Events from outside of a capture cannot be waited for in it.
    if (stream->captured) {
        stream->broken = true;
        return CAPTURE_UNSUPPORTED;
    }
    if (event->point) add(stream, Work{nullptr, event->point, nullptr});
    return SUCCESS;
}

API int cuEventCreate(Event **event, unsigned) {
    CALLED("cuEventCreate");
    *event = new Event;
    return SUCCESS;
}

API int cuEventDestroy_v2(Event *event) {
    CALLED("cuEventDestroy");
    delete event;
    return SUCCESS;
}

API int cuEventRecord(Event *event, Stream *stream) {
    CALLED("cuEventRecord");
    if (!streams.count(stream)) return INVALID_HANDLE;
    if (stream->captured) {
        stream->broken = true;
        return CAPTURE_UNSUPPORTED;
    }
    event->point = std::make_shared<Point>(Point{stream});
    add(stream, Work{nullptr, nullptr, event->point});
    return SUCCESS;
}

// Waiting for an event that has passed costs nothing, so the log tells both apart.
API int cuEventSynchronize(Event *event) {
    ENTER;
    bool passed = !event->point || event->point->passed;
    if (Result wrong = forbidden("cuEventSynchronize", passed ? "passed" : "waits")) return wrong;
    if (!passed) force(event->point);
    return sticky;
}

API int cuEventQuery(Event *event) {
    FORBIDDEN("cuEventQuery");
    return !event->point || event->point->passed ? SUCCESS : NOT_READY;
}

API int cuEventElapsedTime_v2(float *milliseconds, Event *start, Event *end) {
    CALLED("cuEventElapsedTime");
    if (!start->point || !end->point) return INVALID_HANDLE;
    if (!start->point->passed || !end->point->passed) return NOT_READY;
    *milliseconds = (float)(1e3 * (end->point->when - start->point->when));
    return SUCCESS;
}

API int cuEventElapsedTime(float *milliseconds, Event *start, Event *end) {
    return cuEventElapsedTime_v2(milliseconds, start, end);
}

API int cuMemGetInfo_v2(size_t *free, size_t *all) {
    CALLED("cuMemGetInfo");
    *all = total();
    *free = *all - used;
    return SUCCESS;
}

static int allocate(uint64_t *address, size_t bytes) {
    if (bytes == 0) return INVALID_VALUE;
    if (total() - used < bytes) return OUT_OF_MEMORY;
    *address = (uint64_t)reserve(bytes, true);
    return *address ? SUCCESS : OUT_OF_MEMORY;
}

API int cuMemAlloc_v2(uint64_t *address, size_t bytes) {
    FORBIDDEN("cuMemAlloc");
    return allocate(address, bytes);
}

API int cuMemAllocAsync(uint64_t *address, size_t bytes, Stream *stream) {
    FORBIDDEN("cuMemAllocAsync");
    if (Result wrong = usable()) return wrong;
    if (!streams.count(stream)) return INVALID_HANDLE;
    return allocate(address, bytes);
}

API int cuMemFree_v2(uint64_t address) {
    FORBIDDEN("cuMemFree");
    finish_all();
    return release(address, true);
}

API int cuMemFreeAsync(uint64_t address, Stream *stream) {
    FORBIDDEN("cuMemFreeAsync");
    return give(stream, [address] { release(address, true); });
}

API int cuMemHostAlloc(void **address, size_t bytes, unsigned) {
    FORBIDDEN("cuMemHostAlloc");
    *address = reserve(bytes, false);
    return *address ? SUCCESS : OUT_OF_MEMORY;
}

API int cuMemFreeHost(void *address) {
    FORBIDDEN("cuMemFreeHost");
    return release((uint64_t)address, false);
}

// Pinned memory is read when the copy is done; other memory before the call returns, as CUDA does.
API int cuMemcpyHtoDAsync_v2(uint64_t to, const void *from, size_t bytes, Stream *stream) {
    ENTER;
    bool pinned = piece_of((uint64_t)from, bytes, false);
    std::string what = std::to_string(bytes) + (pinned ? " pinned" : " pageable");
    if (Result wrong = called("cuMemcpyHtoDAsync", what)) return wrong;
    if (!on_device(to, bytes)) {
        broken_address("a copy to the device", to);
        return sticky;
    }
    if (pinned) return give(stream, [=] { memcpy((void *)to, from, bytes); });
    auto copy = std::make_shared<std::vector<char>>((const char *)from, (const char *)from + bytes);
    return give(stream, [=] { memcpy((void *)to, copy->data(), bytes); });
}

API int cuMemcpyDtoHAsync_v2(void *to, uint64_t from, size_t bytes, Stream *stream) {
    ENTER;
    if (Result wrong = called("cuMemcpyDtoHAsync", std::to_string(bytes))) return wrong;
    if (!on_device(from, bytes)) {
        broken_address("a copy from the device", from);
        return sticky;
    }
    return give(stream, [=] { memcpy(to, (const void *)from, bytes); });
}

API int cuMemcpyDtoDAsync_v2(uint64_t to, uint64_t from, size_t bytes, Stream *stream) {
    ENTER;
    if (Result wrong = called("cuMemcpyDtoDAsync", std::to_string(bytes))) return wrong;
    for (uint64_t end : {to, from}) {
        if (on_device(end, bytes)) continue;
        broken_address("a copy on the device", end);
        return sticky;
    }
    return give(stream, [=] { memmove((void *)to, (const void *)from, bytes); });
}

API int cuMemsetD8Async(uint64_t to, unsigned char value, size_t bytes, Stream *stream) {
    CALLED("cuMemsetD8Async");
    if (!on_device(to, bytes)) {
        broken_address("a fill", to);
        return sticky;
    }
    return give(stream, [=] { memset((void *)to, value, bytes); });
}

static int begin_capture(Stream *stream, int mode) {
    CALLED("cuStreamBeginCapture");
    if (!streams.count(stream) || stream->captured) return INVALID_HANDLE;
    stream->captured = true;
    stream->broken = false;
    stream->local = mode == 1;
    stream->by = std::this_thread::get_id();
    stream->graph.clear();
    stream->modules.clear();
    return SUCCESS;
}

// SIMULATED_GPU_CAPTURE=MILLISECONDS lets captures take so long.
API int cuStreamBeginCapture_v2(Stream *stream, int mode) {
    int result = begin_capture(stream, mode);
    usleep(1000 * std::stoul(setting("SIMULATED_GPU_CAPTURE", "0")));
    return result;
}

API int cuStreamIsCapturing(Stream *stream, int *status) {
    ENTER;
    *status = !stream->captured ? 0 : stream->broken ? 2 : 1;
    return SUCCESS;
}

API int cuStreamEndCapture(Stream *stream, Graph **graph) {
    ENTER;
    if (!streams.count(stream) || !stream->captured) return CAPTURE_UNMATCHED;
    stream->captured = false;
    if (Result wrong = called("cuStreamEndCapture")) return wrong;
    *graph = nullptr;
    if (stream->broken) return CAPTURE_INVALIDATED;
    *graph = new Graph{std::move(stream->graph), std::move(stream->modules)};
    graphs.insert(*graph);
    return SUCCESS;
}

API int cuGraphInstantiateWithFlags(Graph **instance, Graph *graph, unsigned long long) {
    CALLED("cuGraphInstantiate");
    *instance = new Graph{graph->works, graph->modules};
    graphs.insert(*instance);
    return SUCCESS;
}

API int cuGraphUpload(Graph *, Stream *) {
    CALLED("cuGraphUpload");
    return SUCCESS;
}

API int cuGraphLaunch(Graph *graph, Stream *stream) {
    ENTER;
    if (Result wrong = called("cuGraphLaunch", std::to_string(graph->works.size()))) return wrong;
    if (!streams.count(stream) || stream->captured) return INVALID_HANDLE;
    for (auto &work : graph->works) {
        if (Result wrong = give(stream, work)) return wrong;
    }
    return sticky;
}

API int cuGraphDestroy(Graph *graph) {
    CALLED("cuGraphDestroy");
    graphs.erase(graph);
    delete graph;
    return SUCCESS;
}

// What was launched has copies of its own of everything, so that nothing waits here.
API int cuGraphExecDestroy(Graph *graph) {
    CALLED("cuGraphExecDestroy");
    graphs.erase(graph);
    delete graph;
    return SUCCESS;
}
