// Kernels, and their execution on the calling thread.
#pragma once
#include <string>

#include "cudahost/runtime.h"

namespace cudahost {

struct Kernel {
    std::string name;
    Entry thread, block;
    Bind bind;
    /// Whether its threads wait for each other: then each of them is a fiber.
    bool cooperative;
    int shared_limit = 48 << 10;
};

/// Runs a kernel to its end. Returns the error that it ends with.
int execute(const Kernel &kernel, Dim grid, Dim block, unsigned shared, void **parameters);

/// Ends the running kernel with an error.
[[noreturn]] void abandon(int code);

/// A message about the running kernel, block and thread on standard error; then its end with CUDA_ERROR_LAUNCH_FAILED.
[[noreturn]] void fail(const char *message);

/// The kernel that runs, its parameters, and what its threads see.
extern const Kernel *kernel_now;
extern void **parameters_now;
extern Runtime runtime;

}  // namespace cudahost
