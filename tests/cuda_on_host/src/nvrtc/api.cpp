// NVRTC's functions.
#include <cstring>
#include <mutex>

#include "../settings.h"
#include "program.h"

using namespace cudahost;

#define API extern "C" __attribute__((visibility("default"))) int

API nvrtcVersion(int *major, int *minor) {
    Version nvrtc = version(setting("CUDAHOST_NVRTC", "12.8"));
    *major = nvrtc.major;
    *minor = nvrtc.minor;
    return SUCCESS;
}

API nvrtcGetNumSupportedArchs(int *count) {
    *count = static_cast<int>(architectures().size());
    return SUCCESS;
}

API nvrtcGetSupportedArchs(int *out) {
    for (int known : architectures()) *out++ = known;
    return SUCCESS;
}

API nvrtcCreateProgram(Program **out, const char *source, const char *, int, const char **, const char **) {
    if (!source) return PROGRAM_CREATION_FAILURE;
    *out = new Program{source, "", ""};
    return SUCCESS;
}

API nvrtcDestroyProgram(Program **program) {
    delete *program;
    *program = nullptr;
    return SUCCESS;
}

API nvrtcCompileProgram(Program *program, int count, const char **options) {
    static std::mutex one;
    std::lock_guard<std::mutex> lock(one);
    return compile(*program, std::vector<std::string>(options, options + count));
}

API nvrtcGetPTXSize(Program *program, size_t *size) {
    *size = program->image.size() + 1;
    return program->image.empty() ? INVALID_PROGRAM : SUCCESS;
}

API nvrtcGetPTX(Program *program, char *out) {
    std::memcpy(out, program->image.c_str(), program->image.size() + 1);
    return SUCCESS;
}

API nvrtcGetProgramLogSize(Program *program, size_t *size) {
    *size = program->log.size() + 1;
    return SUCCESS;
}

API nvrtcGetProgramLog(Program *program, char *out) {
    std::memcpy(out, program->log.c_str(), program->log.size() + 1);
    return SUCCESS;
}

extern "C" __attribute__((visibility("default"))) const char *nvrtcGetErrorString(int code) {
    switch (code) {
        case SUCCESS: return "NVRTC_SUCCESS";
        case PROGRAM_CREATION_FAILURE: return "NVRTC_ERROR_PROGRAM_CREATION_FAILURE";
        case INVALID_PROGRAM: return "NVRTC_ERROR_INVALID_PROGRAM";
        case INVALID_OPTION: return "NVRTC_ERROR_INVALID_OPTION";
        case COMPILATION: return "NVRTC_ERROR_COMPILATION";
        default: return "NVRTC_ERROR unknown";
    }
}
