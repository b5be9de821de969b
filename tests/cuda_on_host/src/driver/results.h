// Result codes of the driver, and the macro that exports its functions.
#pragma once

#define API extern "C" __attribute__((visibility("default"))) int

namespace cudahost {

enum Result : int {
    SUCCESS = 0,
    INVALID_VALUE = 1,
    OUT_OF_MEMORY = 2,
    NOT_INITIALIZED = 3,
    NO_DEVICE = 100,
    INVALID_DEVICE = 101,
    INVALID_IMAGE = 200,
    INVALID_CONTEXT = 201,
    INVALID_HANDLE = 400,
    NOT_FOUND = 500,
    NOT_READY = 600,
    ILLEGAL_ADDRESS = 700,
    LAUNCH_OUT_OF_RESOURCES = 701,
    LAUNCH_FAILED = 719,
    NOT_SUPPORTED = 801,
    DRIVER_MISMATCH = 803,
    COMPAT_NOT_SUPPORTED = 804,
    UNKNOWN = 999,
};

/// An address in device memory.
using Pointer = unsigned long long;

}  // namespace cudahost
