// A program of NVRTC, and its compilation.
#pragma once
#include <string>
#include <vector>

namespace cudahost {

enum Result : int { SUCCESS = 0, PROGRAM_CREATION_FAILURE = 2, INVALID_PROGRAM = 4, INVALID_OPTION = 5, COMPILATION = 6 };

struct Program {
    std::string source, log;
    /// What is handed on as PTX: the path of a shared object, for the driver double.
    std::string image;
};

/// Compiles for the host, unless the kernels' folder has the kernel already. With CUDAHOST_REAL_NVRTC the real NVRTC has
/// to accept it first.
int compile(Program &program, const std::vector<std::string> &options);

/// The architectures that the pretended NVRTC compiles for: 75, 80, …
std::vector<int> architectures();

}  // namespace cudahost
