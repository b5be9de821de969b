#include "devices.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "../settings.h"
#include "faults.h"
#include "log.h"

namespace cudahost {

Device devices[MOST_DEVICES];
thread_local int current = -1;

namespace {

bool initialised = false;

/// Whether a device can be used now: the error to return otherwise.
int check_on(int device, const char *function) {
    if (!initialised) return NOT_INITIALIZED;
    if (device < 0) return INVALID_CONTEXT;
    if (devices[device].broken) return devices[device].broken;
    return injected(function);
}

bool exists(int device) { return device >= 0 && device < device_count(); }

}  // namespace

int device_count() { return std::min(std::atoi(setting("CUDAHOST_DEVICES", "1")), MOST_DEVICES); }

int check(const char *function) { return check_on(current, function); }

int check_handle(void *handle, const char *function) {
    return check_on(handle ? static_cast<Handle *>(handle)->device : current, function);
}

int fault(int code) {
    if (code >= ILLEGAL_ADDRESS && code <= LAUNCH_FAILED && current >= 0) devices[current].broken = code;
    return code;
}

size_t device_memory(int device) { return bytes(part(setting("CUDAHOST_MEMORY", "8G"), device)); }

size_t taken_by_others(int device) { return bytes(part(setting("CUDAHOST_TAKEN", "0"), device)); }

int capability(int device) {
    Version of = version(part(setting("CUDAHOST_CAPABILITY", "8.0"), device));
    return of.major * 10 + of.minor;
}

/// CUDA programming guide, "Technical specifications per compute capability".
int most_shared_memory(int device) {
    int of = capability(device);
    int kilobytes = of >= 120              ? 99
                    : of >= 90             ? 227
                    : of == 87 || of == 80 ? 163
                    : of >= 86             ? 99
                    : of == 75             ? 64
                    : of >= 70             ? 96
                                           : 48;
    return kilobytes << 10;
}

}  // namespace cudahost

using namespace cudahost;

API cuInit(unsigned) {
    if (int code = injected("cuInit")) return code;
    if (device_count() == 0) return NO_DEVICE;
    initialised = true;
    return SUCCESS;
}

API cuDriverGetVersion(int *out) {
    Version driver = version(setting("CUDAHOST_DRIVER", "12.8"));
    *out = driver.major * 1000 + driver.minor * 10;
    return SUCCESS;
}

API cuDeviceGetCount(int *out) {
    if (!initialised) return NOT_INITIALIZED;
    *out = device_count();
    return SUCCESS;
}

API cuDeviceGet(int *out, int ordinal) {
    if (!initialised) return NOT_INITIALIZED;
    if (!exists(ordinal)) return INVALID_DEVICE;
    *out = ordinal;
    return SUCCESS;
}

API cuDeviceGetName(char *out, int length, int device) {
    if (!exists(device)) return INVALID_DEVICE;
    std::snprintf(out, static_cast<size_t>(length), "%s", part(setting("CUDAHOST_NAME", "CUDA on the host"), device).c_str());
    return SUCCESS;
}

API cuDeviceTotalMem_v2(size_t *out, int device) {
    if (!exists(device)) return INVALID_DEVICE;
    *out = device_memory(device);
    return SUCCESS;
}

API cuDeviceGetUuid_v2(char *out, int device) {
    std::memset(out, device + 1, 16);
    return SUCCESS;
}

API cuDeviceGetAttribute(int *out, int attribute, int device) {
    if (!exists(device)) return INVALID_DEVICE;
    switch (attribute) {
        case 1: *out = 1024; break;                 // threads per block
        case 2: case 3: *out = 1024; break;         // block, x and y
        case 4: *out = 64; break;                   // block, z
        case 5: *out = 0x7fffffff; break;           // grid, x
        case 6: case 7: *out = 65535; break;        // grid, y and z
        case 8: *out = 48 << 10; break;             // shared memory per block
        case 10: *out = 32; break;                  // warp
        case 16: *out = std::atoi(setting("CUDAHOST_MULTIPROCESSORS", "16")); break;
        case 41: *out = 1; break;                   // unified addressing
        case 75: *out = capability(device) / 10; break;
        case 76: *out = capability(device) % 10; break;
        case 97: *out = most_shared_memory(device); break;  // shared memory per block, opted in
        case 115: *out = 1; break;                  // memory pools
        default:
            complain("device attribute %d was asked for and is not known here: 0", attribute);
            *out = 0;
    }
    return SUCCESS;
}

API cuDevicePrimaryCtxRetain(void **out, int device) {
    if (!exists(device)) return INVALID_DEVICE;
    if (int code = injected("cuDevicePrimaryCtxRetain")) return code;
    *out = &devices[device];
    return SUCCESS;
}

API cuDevicePrimaryCtxRelease_v2(int) { return SUCCESS; }

API cuCtxSetCurrent(void *context) {
    if (!context) {
        current = -1;
        return SUCCESS;
    }
    ptrdiff_t index = static_cast<Device *>(context) - devices;
    if (!exists(static_cast<int>(index))) return INVALID_CONTEXT;
    current = static_cast<int>(index);
    return SUCCESS;
}

API cuCtxGetCurrent(void **out) {
    *out = current < 0 ? nullptr : &devices[current];
    return SUCCESS;
}

API cuCtxSynchronize() { return check("cuCtxSynchronize"); }
