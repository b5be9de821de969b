// check NAME: one check of the stand-in; without a name the names of all. A process for each, since the stand-in reads its
// variables once.
#include "check.h"

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <map>

static std::map<std::string, void (*)()> &checks() {
    static std::map<std::string, void (*)()> all;
    return all;
}

Check::Check(const char *name, void (*run)()) { checks()[name] = run; }

void expect_at(bool holds, const char *what, const char *file, int line) {
    if (holds) return;
    std::printf("%s:%d: not so: %s\n", file, line, what);
    std::exit(1);
}

void use_device(int index) {
    void *context;
    EXPECT(cuInit(0) == 0);
    EXPECT(cuDevicePrimaryCtxRetain(&context, index) == 0);
    EXPECT(cuCtxSetCurrent(context) == 0);
}

Compiled compile(const std::string &source, const char *architecture) {
    void *program;
    EXPECT(nvrtcCreateProgram(&program, source.c_str(), nullptr, 0, nullptr, nullptr) == 0);
    const std::string include = std::string("--include-path=") + std::getenv("CUDA_PATH") + "/include";
    const std::string target = std::string("--gpu-architecture=") + architecture;
    const char *options[] = {target.c_str(), include.c_str()};
    Compiled compiled{nvrtcCompileProgram(program, 2, options), "", ""};
    size_t size = 0;
    EXPECT(nvrtcGetProgramLogSize(program, &size) == 0);
    compiled.log.resize(size);
    EXPECT(nvrtcGetProgramLog(program, &compiled.log[0]) == 0);
    if (compiled.code == 0) {
        EXPECT(nvrtcGetPTXSize(program, &size) == 0);
        compiled.image.resize(size);
        EXPECT(nvrtcGetPTX(program, &compiled.image[0]) == 0);
    }
    EXPECT(nvrtcDestroyProgram(&program) == 0);
    return compiled;
}

void *kernel(const std::string &parameters, const std::string &body) {
    const std::string head = "#include <cuda_runtime.h>\n#include <cuda_fp16.h>\n#include <cuda_bf16.h>\n#include <mma.h>\n"
                             "typedef unsigned char uint8;\n";
    Compiled compiled =
        compile(head + "extern \"C\" __global__ void __launch_bounds__(1024)\nkernel(" + parameters + ") {\n" + body + "\n}\n");
    if (compiled.code) std::printf("%s\n", compiled.log.c_str());
    EXPECT(compiled.code == 0);
    void *module, *function;
    EXPECT(cuModuleLoadData(&module, compiled.image.c_str()) == 0);
    EXPECT(cuModuleGetFunction(&function, module, "kernel") == 0);
    return function;
}

int launch(void *kernel, unsigned threads, std::vector<unsigned long long> parameters, unsigned shared) {
    std::vector<void *> places;
    for (unsigned long long &parameter : parameters) places.push_back(&parameter);
    return cuLaunchKernel(kernel, 1, 1, 1, threads, 1, 1, shared, nullptr, places.data(), nullptr);
}

std::vector<float> numbers(size_t count, unsigned seed) {
    std::vector<float> values(count);
    unsigned state = seed * 2654435761u + 1;
    for (float &value : values) {
        state = state * 1664525 + 1013904223;
        value = static_cast<float>(state >> 16) / 16384.0f - 2.0f;
    }
    return values;
}

int main(int count, char **arguments) {
    if (count < 2) {
        for (auto &[name, run] : checks()) std::printf("%s\n", name.c_str());
        return 0;
    }
    auto found = checks().find(arguments[1]);
    if (found == checks().end()) return 2;
    found->second();
    return 0;
}
