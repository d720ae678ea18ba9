// A GPU that is none: memory, streams and events of the processor, behind the functions of NVIDIA's libraries.
//
// What a stream is given waits in a queue. When it is done decides SIMULATED_GPU_ORDER, since a real GPU promises nothing:
// `now` at once, `late` only when somebody waits for it, `ahead` at once on all streams but the first, which is late.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace gpu {

// Results of the driver that are used here (CUresult).
enum Result {
    SUCCESS = 0,
    INVALID_VALUE = 1,
    OUT_OF_MEMORY = 2,
    NO_DEVICE = 100,
    INVALID_DEVICE = 101,
    INVALID_IMAGE = 200,
    INVALID_CONTEXT = 201,
    INVALID_HANDLE = 400,
    NOT_FOUND = 500,
    NOT_READY = 600,
    ILLEGAL_ADDRESS = 700,
    CONTEXT_DESTROYED = 709,
    CAPTURE_UNSUPPORTED = 900,
    CAPTURE_INVALIDATED = 901,
    CAPTURE_UNMATCHED = 903,
};

// Everything below is used by one thread at a time.
extern std::recursive_mutex everything;

struct Stream;

// A point in a stream that has been passed or not.
struct Point {
    Stream *stream;
    bool passed = false;
    double when = 0;
};

// Something that a stream does: it waits for `needs`, runs, and passes `marks`; each may be missing.
struct Work {
    std::function<void()> run;
    std::shared_ptr<Point> needs, marks;
};

struct Stream {
    bool first;
    std::deque<Work> queue;
    // While the stream is captured: what was given to it, by which thread, and whether something was that cannot be.
    bool captured = false, broken = false, local = false;
    std::thread::id by;
    std::vector<std::function<void()>> graph;
    // The modules of the kernels among them.
    std::vector<void *> modules;
};

// Gives work to a stream, or to the graph that it is captured into; `module` is that of a kernel.
Result give(Stream *stream, std::function<void()> run, void *module = nullptr);

// Notes that a module goes: graphs with kernels of it must be gone.
void unloaded(void *module);

// Does everything that was given to a stream, or to all.
void finish(Stream *stream);
void finish_all();

// Notes a call; returns what it must answer instead of doing anything, SUCCESS if nothing.
Result called(const char *name, const std::string &what = "");

// The same for a call that a capture forbids: one of this thread becomes invalid.
Result forbidden(const char *name, const std::string &what = "");

// The same for a call that waits for the whole device, which no capture of any thread survives.
Result forbidden_to_all(const char *name);

// What new libraries and new memory meet: an error once the context has been reset.
Result usable();

// Whether so many bytes from an address on belong to one piece of the device's memory.
bool on_device(uint64_t address, size_t bytes);

// What an environment variable says, or something else.
std::string setting(const char *name, const char *otherwise);

// The error that says that an address is not the device's; every call after it fails the same way.
void broken_address(const std::string &who, uint64_t address);

}  // namespace gpu

// Functions that programs call: of C, and seen from outside.
#define API extern "C" __attribute__((visibility("default")))
