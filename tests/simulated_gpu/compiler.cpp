// NVRTC, modules and launches: the texts of kernels compiled as C, all blocks and threads of a kernel as loops.

#include "gpu.hpp"

#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <map>
#include <sstream>

using namespace gpu;

namespace {

// A kernel that runs all its blocks (see RUNNER in src/exec/cuda/module.rs).
using Runner = void (*)(long long blocks, void **arguments);

struct Program {
    std::string text, log, image;
};

struct Function {
    std::string name;
    Runner run;
    size_t arguments;
    void *module;
};

struct Module {
    void *library;
    std::string text;
    std::map<std::string, Function> functions;
};

std::string folder() {
    static const std::string made = [] {
        char name[] = "/tmp/simulated_gpu.XXXXXX";
        return std::string(mkdtemp(name));
    }();
    static const int removed = atexit([] {
        std::string command = "rm -rf " + folder();
        if (system(command.c_str())) return;
    });
    (void)removed;
    return made;
}

std::string contents(const std::string &path) {
    std::ifstream file(path);
    std::stringstream all;
    all << file.rdbuf();
    return all.str();
}

// The number of parameters of a kernel in a text, -1 if it is not there.
long parameters(const std::string &text, const std::string &name) {
    size_t start = text.find("KERNEL " + name + "(");
    if (start == std::string::npos) return -1;
    size_t end = text.find(')', start);
    long count = 0;
    for (size_t at = text.find('*', start); at < end; at = text.find('*', at + 1)) count++;
    return count;
}

}  // namespace

API int nvrtcCreateProgram(Program **program, const char *text, const char *, int, const char **, const char **) {
    *program = new Program{text, "", ""};
    return 0;
}

API int nvrtcDestroyProgram(Program **program) {
    delete *program;
    return 0;
}

API int nvrtcCompileProgram(Program *program, int count, const char **options) {
    bool arch = false;
    for (int i = 0; i < count; i++) arch |= !strcmp(options[i], "--gpu-architecture=sm_90");
    if (!arch) {
        program->log = "no architecture";
        return 5;  // NVRTC_ERROR_INVALID_OPTION
    }
    static std::mutex alone;
    static std::map<std::string, std::string> known;
    std::string path;
    {
        std::lock_guard<std::mutex> guard(alone);
        std::string &image = known[program->text];
        if (image.empty()) image = folder() + "/" + std::to_string(known.size());
        path = image;
    }
    if (access((path + ".so").c_str(), F_OK)) {
        // Two threads may compile the same text: each writes files of its own.
        std::string own = path + "." + std::to_string(std::hash<std::thread::id>()(std::this_thread::get_id()));
        std::ofstream(own + ".c") << program->text;
        std::string backwards = setting("SIMULATED_GPU_ORDER", "now") == "now" ? "" : "-DBACKWARDS ";
        std::string command = "cc -std=gnu11 -O1 -w -fno-strict-aliasing -ffp-contract=off -shared -fPIC " + backwards + own +
                              ".c -o " + own + ".so -lm 2> " + own + ".log";
        if (system(command.c_str())) {
            program->log = contents(own + ".log");
            return 6;  // NVRTC_ERROR_COMPILATION
        }
        rename((own + ".c").c_str(), (path + ".c").c_str());
        rename((own + ".so").c_str(), (path + ".so").c_str());
    }
    program->image = "simulated " + path;
    return 0;
}

API int nvrtcGetCUBINSize(Program *program, size_t *bytes) {
    *bytes = program->image.size() + 1;
    return 0;
}

API int nvrtcGetCUBIN(Program *program, char *to) {
    strcpy(to, program->image.c_str());
    return 0;
}

API int nvrtcGetProgramLogSize(Program *program, size_t *bytes) {
    *bytes = program->log.size() + 1;
    return 0;
}

API int nvrtcGetProgramLog(Program *program, char *to) {
    strcpy(to, program->log.c_str());
    return 0;
}

API int cuModuleLoadData(Module **module, const char *image) {
    std::lock_guard<std::recursive_mutex> guard(everything);
    if (Result wrong = forbidden("cuModuleLoadData")) return wrong;
    if (strncmp(image, "simulated ", 10)) return INVALID_IMAGE;
    std::string path = image + 10;
    // Modules of one text have memory of their own, so each is a copy.
    static long copies = 0;
    std::string copy = path + "." + std::to_string(copies++) + ".so";
    if (link((path + ".so").c_str(), copy.c_str())) return INVALID_IMAGE;
    void *library = dlopen(copy.c_str(), RTLD_NOW | RTLD_LOCAL);
    unlink(copy.c_str());
    if (!library) return INVALID_IMAGE;
    *module = new Module{library, contents(path + ".c"), {}};
    return SUCCESS;
}

// What was launched is done before its text goes.
API int cuModuleUnload(Module *module) {
    std::lock_guard<std::recursive_mutex> guard(everything);
    if (Result wrong = forbidden("cuModuleUnload")) return wrong;
    finish_all();
    unloaded(module);
    dlclose(module->library);
    delete module;
    return SUCCESS;
}

API int cuModuleGetFunction(Function **function, Module *module, const char *name) {
    std::lock_guard<std::recursive_mutex> guard(everything);
    if (Result wrong = called("cuModuleGetFunction")) return wrong;
    void *run = dlsym(module->library, (std::string("run_") + name).c_str());
    long arguments = parameters(module->text, name);
    if (!run || arguments < 0) return NOT_FOUND;
    Function &place = module->functions[name];
    place = Function{name, (Runner)run, (size_t)arguments, module};
    *function = &place;
    return SUCCESS;
}

API int cuLaunchKernel(Function *function, unsigned x, unsigned y, unsigned z, unsigned threads, unsigned threads_y,
                       unsigned threads_z, unsigned shared, Stream *stream, void **given, void **) {
    std::lock_guard<std::recursive_mutex> guard(everything);
    if (Result wrong = called("cuLaunchKernel", function->name)) return wrong;
    bool sound = 0 < x && x < 1u << 31 && y == 1 && z == 1 && threads_y == 1 && threads_z == 1 && shared == 0;
    if (!sound || threads != 256) return INVALID_VALUE;
    std::vector<uint64_t> arguments;
    for (size_t i = 0; i < function->arguments; i++) {
        arguments.push_back(*(uint64_t *)given[i]);
        if (on_device(arguments.back(), 1)) continue;
        broken_address(function->name, arguments.back());
        return ILLEGAL_ADDRESS;
    }
    Runner run = function->run;
    return give(stream, [run, x, arguments]() mutable {
        std::vector<void *> places;
        for (uint64_t &argument : arguments) places.push_back(&argument);
        run(x, places.data());
    }, function->module);
}
