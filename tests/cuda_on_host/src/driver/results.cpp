// The driver's words for its result codes.
#include "results.h"

#include <iterator>

using namespace cudahost;

namespace {

struct Words {
    int code;
    const char *name, *text;
};

const Words *words(int code) {
    static const Words all[] = {
        {SUCCESS, "CUDA_SUCCESS", "no error"},
        {INVALID_VALUE, "CUDA_ERROR_INVALID_VALUE", "invalid argument"},
        {OUT_OF_MEMORY, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"},
        {NOT_INITIALIZED, "CUDA_ERROR_NOT_INITIALIZED", "initialization error"},
        {NO_DEVICE, "CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected"},
        {INVALID_DEVICE, "CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal"},
        {INVALID_IMAGE, "CUDA_ERROR_INVALID_IMAGE", "device kernel image is invalid"},
        {INVALID_CONTEXT, "CUDA_ERROR_INVALID_CONTEXT", "invalid device context"},
        {INVALID_HANDLE, "CUDA_ERROR_INVALID_HANDLE", "invalid resource handle"},
        {NOT_FOUND, "CUDA_ERROR_NOT_FOUND", "named symbol not found"},
        {ILLEGAL_ADDRESS, "CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered"},
        {LAUNCH_OUT_OF_RESOURCES, "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES", "too many resources requested for launch"},
        {LAUNCH_FAILED, "CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure"},
        {NOT_SUPPORTED, "CUDA_ERROR_NOT_SUPPORTED", "operation not supported"},
        {DRIVER_MISMATCH, "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH",
         "system has unsupported display driver / cuda driver combination"},
        {COMPAT_NOT_SUPPORTED, "CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE",
         "forward compatibility was attempted on non supported HW"},
        {UNKNOWN, "CUDA_ERROR_UNKNOWN", "unknown error"},
    };
    for (const Words &words : all)
        if (words.code == code) return &words;
    return nullptr;
}

}  // namespace

API cuGetErrorName(int code, const char **out) {
    const Words *found = words(code);
    *out = found ? found->name : nullptr;
    return found ? SUCCESS : INVALID_VALUE;
}

API cuGetErrorString(int code, const char **out) {
    const Words *found = words(code);
    *out = found ? found->text : nullptr;
    return found ? SUCCESS : INVALID_VALUE;
}
