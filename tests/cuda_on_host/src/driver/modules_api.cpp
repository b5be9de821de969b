// Modules, functions and launches.
#include <cstring>
#include <dlfcn.h>
#include <string>

#include "../settings.h"
#include "devices.h"
#include "faults.h"
#include "kernel.h"
#include "log.h"

using namespace cudahost;

API cuModuleLoadData(void **out, const char *image) {
    if (int code = check("cuModuleLoadData")) return code;
    const char prefix[] = "//cudahost ";
    if (!std::strcmp(image, "//cudahost dry")) {
        *out = nullptr;
        return SUCCESS;
    }
    if (std::strncmp(image, prefix, sizeof prefix - 1)) {
        complain("a module was loaded that libnvrtc's double did not make");
        return INVALID_IMAGE;
    }
    *out = dlopen(image + sizeof prefix - 1, RTLD_NOW | RTLD_LOCAL);
    if (!*out) {
        complain("%s", dlerror());
        return INVALID_IMAGE;
    }
    return SUCCESS;
}

API cuModuleUnload(void *) { return SUCCESS; }

API cuModuleGetFunction(void **out, void *module, const char *name) {
    if (int code = check("cuModuleGetFunction")) return code;
    if (!module) {
        *out = new Kernel{name, nullptr, nullptr, nullptr, false};
        return SUCCESS;
    }
    auto symbol = [&](const char *prefix) { return dlsym(module, (prefix + std::string(name)).c_str()); };
    void *thread = symbol("cudahost_thread_");
    if (!thread) return NOT_FOUND;
    Kernel *kernel = new Kernel;
    kernel->name = name;
    kernel->thread = reinterpret_cast<cudahost::Entry>(thread);
    kernel->block = reinterpret_cast<cudahost::Entry>(symbol("cudahost_block_"));
    kernel->bind = reinterpret_cast<cudahost::Bind>(dlsym(module, "cudahost_bind"));
    kernel->cooperative = *static_cast<int *>(symbol("cudahost_cooperative_"));
    *out = kernel;
    return SUCCESS;
}

API cuFuncSetAttribute(void *function, int attribute, int value) {
    if (int code = check("cuFuncSetAttribute")) return code;
    if (attribute == 8) {  // maximum of dynamic shared memory
        if (value > most_shared_memory(current)) return INVALID_VALUE;
        static_cast<Kernel *>(function)->shared_limit = std::max(value, 48 << 10);
    }
    return SUCCESS;
}

API cuFuncGetAttribute(int *out, int, void *) {
    *out = 0;
    return SUCCESS;
}

API cuLaunchKernel(void *function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
                   unsigned shared, void *, void **parameters, void **) {
    if (int code = check("cuLaunchKernel")) return fault(code);
    const Kernel &kernel = *static_cast<Kernel *>(function);
    bool grid_fits = gx && gy && gz && gx <= 0x7fffffff && gy <= 65535 && gz <= 65535;
    bool block_fits = bx && by && bz && bx <= 1024 && by <= 1024 && bz <= 64 && bx * by * bz <= 1024;
    if (!grid_fits || !block_fits || shared > static_cast<unsigned>(kernel.shared_limit)) {
        complain("kernel %s: no launch with grid %u %u %u, block %u %u %u, %u bytes shared", kernel.name.c_str(), gx,
                 gy, gz, bx, by, bz, shared);
        return INVALID_VALUE;
    }
    static long launches = 0;
    log_line("launch %ld device %d %s grid %u %u %u block %u %u %u shared %u\n", ++launches, current,
             kernel.name.c_str(), gx, gy, gz, bx, by, bz, shared);
    // A kernel's error shows at a later call, as on a GPU.
    int code = injected("kernel");
    if (!code && kernel.thread && (dry_after() < 0 || launches <= dry_after())) code = execute(kernel, {gx, gy, gz}, {bx, by, bz}, shared, parameters);
    if (code) devices[current].broken = code;
    return SUCCESS;
}

#ifndef CUDAHOST_BEFORE_12
// Introduced with CUDA 12.0. Tensor maps are made, but no kernel that uses one compiles here.
static int encode_tensor_map(void *out) {
    if (int code = check("cuTensorMapEncode")) return code;
    if (capability(current) < 90) return NOT_SUPPORTED;
    std::memset(out, 0, 128);
    return SUCCESS;
}
API cuTensorMapEncodeTiled(void *out, ...) { return encode_tensor_map(out); }
API cuTensorMapEncodeIm2col(void *out, ...) { return encode_tensor_map(out); }
API cuTensorMapEncodeIm2colWide(void *out, ...) { return encode_tensor_map(out); }
#endif
