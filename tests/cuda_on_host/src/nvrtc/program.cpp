#include "program.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../settings.h"
#include "files.h"
#include "source.h"

namespace cudahost {
namespace {

const char INCLUDE[] = "--include-path=";
const char ARCHITECTURE[] = "--gpu-architecture=";

bool starts_with(const std::string &text, const char *prefix) {
    return text.compare(0, std::strlen(prefix), prefix) == 0;
}

/// Whether an option asks for an architecture that is not among those known: "--gpu-architecture=sm_90a".
bool unknown_architecture(const std::string &option) {
    size_t number = option.find('_');
    if (!starts_with(option, ARCHITECTURE)) return false;
    int wanted = number == std::string::npos ? 0 : std::atoi(option.c_str() + number + 1);
    for (int known : architectures())
        if (known == wanted) return false;
    return true;
}

/// What the outcome depends on besides the source: the stand-in's headers, and which of the toolkit's are there.
uint64_t hash_of_headers(const std::string &include) {
    uint64_t hash = fnv(read(include + "/cudahost.h"));
    for (const char *name : {"atomics", "functions", "half", "language", "ptx", "runtime", "threads", "vectors", "wmma"})
        hash = fnv(read(include + "/cudahost/" + name + ".h"), hash);
    for (const char *name : {"cuda_runtime.h", "cuda_fp16.h", "cuda_bf16.h", "mma.h", "crt/mma.h"})
        hash = fnv(exists(include + "/" + name) ? "1" : "0", hash);
    return hash;
}

std::string cache_folder() {
    std::string folder = setting("CUDAHOST_CACHE", "/tmp/cudahost-cache");
    mkdir(folder.c_str(), 0755);
    return folder + "/";
}

/// The folder of this library.
std::string here() {
    Dl_info info;
    dladdr(reinterpret_cast<void *>(compile), &info);
    std::string path = info.dli_fname;
    return path.substr(0, path.rfind('/') + 1);
}

std::string architecture(const std::vector<std::string> &options) {
    for (const std::string &option : options)
        if (starts_with(option, ARCHITECTURE)) return option.substr(std::strlen(ARCHITECTURE));
    return "none";
}

/// Keeps the source, and beside it for which architectures it was to be compiled, one a line.
void keep(const std::string &stem, const std::string &source, const std::string &wanted) {
    if (!exists(stem + ".cu")) write(stem + ".cu", source);
    std::string list = exists(stem + ".archs") ? read(stem + ".archs") : "";
    if (("\n" + list).find("\n" + wanted + "\n") == std::string::npos) write(stem + ".archs", list + wanted + "\n");
}

/// Whether the real NVRTC accepts a kernel. Its PTX is kept beside the kernel, or else why not.
bool really_compiles(Program &program, const std::string &stem, const std::vector<std::string> &options) {
    const std::string checked = stem + "." + architecture(options);
    if (exists(checked + ".ptx")) return true;
    // A process of its own, without the doubles on its library path.
    std::string command = "env -u LD_LIBRARY_PATH " + here() + "nvrtc-check " + setting("CUDAHOST_REAL_NVRTC", "") + " " +
                          stem + ".cu " + checked + ".ptx";
    for (const std::string &option : options)
        if (!starts_with(option, INCLUDE)) command += " " + option;
    const std::string toolkit = setting("CUDAHOST_REAL_INCLUDE", "/usr/local/cuda/include");
    command += " " + (INCLUDE + toolkit) + " " + (INCLUDE + toolkit) + "/cccl";
    if (succeeds(command, checked + ".refused")) {
        unlink((checked + ".refused").c_str());
        return true;
    }
    program.log = "the real NVRTC: " + read(checked + ".refused");
    return false;
}

/// Compiles a kernel into a shared object with the host's compiler.
bool compiles_for_host(Program &program, const std::string &stem, const std::string &include) {
    std::string text = for_host(program.source, &program.log);
    if (text.empty()) return false;
    const std::string own = stem + "." + std::to_string(getpid());
    write(own + ".cpp", text);
    // The precompiled header is used only if these options are those it was made with: see build.sh.
    std::string command = std::string(setting("CUDAHOST_CXX", "g++")) + " " +
                          setting("CUDAHOST_CXXFLAGS", "-std=c++17 -O1 -fPIC -march=native -w") + " -shared -I" +
                          include + " -include cudahost.h -o " + own + ".so " + own + ".cpp";
    if (!succeeds(command, own + ".log")) {
        program.log = "the host's compiler: " + read(own + ".log");
        rename((own + ".cpp").c_str(), (stem + ".failed.cpp").c_str());
        rename((own + ".log").c_str(), (stem + ".failed.log").c_str());
        return false;
    }
    rename((own + ".so").c_str(), (stem + ".so").c_str());
    unlink((own + ".cpp").c_str());
    unlink((own + ".log").c_str());
    return true;
}

}  // namespace

std::vector<int> architectures() {
    std::vector<int> list;
    const char *of_nvrtc_12_8 = "50,52,53,60,61,62,70,72,75,80,86,87,89,90,100,101,120";
    for (const std::string &part : split(setting("CUDAHOST_ARCHS", of_nvrtc_12_8), ',')) list.push_back(std::atoi(part.c_str()));
    return list;
}

int compile(Program &program, const std::vector<std::string> &options) {
    std::string include;
    for (const std::string &option : options) {
        if (include.empty() && starts_with(option, INCLUDE)) include = option.substr(std::strlen(INCLUDE));
        if (unknown_architecture(option)) {
            program.log = "nvrtc: error: invalid value for --gpu-architecture (-arch)";
            return INVALID_OPTION;
        }
    }
    char name[40];
    std::snprintf(name, sizeof name, "%016llx",
                  static_cast<unsigned long long>(fnv(program.source, hash_of_headers(include))));
    const std::string stem = cache_folder() + name;
    Turn turn(stem + ".lock");
    keep(stem, program.source, architecture(options));
    if (*setting("CUDAHOST_REAL_NVRTC", "") && !really_compiles(program, stem, options)) return COMPILATION;
    // In a dry run only the first kernels are executed.
    static long programs = 0;
    if (dry_after() >= 0 && programs++ >= dry_after()) {
        program.image = "//cudahost dry";
        return SUCCESS;
    }
    if (!exists(stem + ".so")) {
        long largest = std::atol(setting("CUDAHOST_LARGEST", "0"));
        if (largest > 0 && program.source.size() > static_cast<size_t>(largest)) {
            program.log = "the source is larger than CUDAHOST_LARGEST";
            return COMPILATION;
        }
        if (!compiles_for_host(program, stem, include)) return COMPILATION;
    }
    program.image = "//cudahost " + stem + ".so";
    return SUCCESS;
}

}  // namespace cudahost
