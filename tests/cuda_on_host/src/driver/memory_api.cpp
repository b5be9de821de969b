// The driver's functions of device memory. Every copy is made at once, on whatever stream.
#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "devices.h"
#include "faults.h"
#include "log.h"
#include "memory.h"

using namespace cudahost;

namespace {

int copy(void *to, const void *from, size_t size, uintptr_t on_device) {
    if (size && !owned(on_device, size)) {
        complain("a copy of %zu bytes leaves device memory", size);
        return fault(INVALID_VALUE);
    }
    std::memcpy(to, from, size);
    return SUCCESS;
}

}  // namespace

API cuMemGetInfo_v2(size_t *available, size_t *total) {
    if (int code = check("cuMemGetInfo")) return code;
    *total = device_memory(current);
    *available = *total - std::min(*total, devices[current].used + taken_by_others(current));
    return SUCCESS;
}

API cuMemAlloc_v2(Pointer *out, size_t size) {
    if (int code = check("cuMemAlloc")) return code;
    uintptr_t address;
    int code = allocate(&address, size);
    if (!code) *out = address;
    return code;
}

API cuMemAllocAsync(Pointer *out, size_t size, void *) {
    if (int code = check("cuMemAllocAsync")) return code;
    uintptr_t address;
    int code = allocate(&address, size);
    if (!code) *out = address;
    return code;
}

API cuMemFree_v2(Pointer address) {
    if (int code = check("cuMemFree")) return code;
    return release(address);
}

API cuMemFreeAsync(Pointer address, void *) {
    if (int code = check("cuMemFreeAsync")) return code;
    return release(address);
}

// The default pool is the device itself: what is freed is given back at once, whatever the threshold. Neither function needs
// a context.
API cuDeviceGetDefaultMemPool(void **pool, int device) {
    if (int code = injected("cuDeviceGetDefaultMemPool")) return code;
    if (device < 0 || device >= device_count()) return INVALID_DEVICE;
    *pool = &devices[device];
    return SUCCESS;
}

API cuMemPoolSetAttribute(void *pool, int attribute, void *value) {
    if (int code = injected("cuMemPoolSetAttribute")) return code;
    return pool && value && attribute > 0 ? SUCCESS : INVALID_VALUE;
}

API cuMemAllocHost_v2(void **out, size_t size) {
    if (int code = check("cuMemAllocHost")) return code;
    *out = std::aligned_alloc(4096, (std::max<size_t>(size, 1) + 4095) / 4096 * 4096);
    return *out ? SUCCESS : OUT_OF_MEMORY;
}

API cuMemFreeHost(void *address) {
    std::free(address);
    return SUCCESS;
}

API cuMemcpyHtoDAsync_v2(Pointer to, const void *from, size_t size, void *) {
    if (int code = check("cuMemcpyHtoDAsync")) return code;
    return copy(reinterpret_cast<void *>(to), from, size, to);
}

API cuMemcpyDtoHAsync_v2(void *to, Pointer from, size_t size, void *) {
    if (int code = check("cuMemcpyDtoHAsync")) return code;
    return copy(to, reinterpret_cast<void *>(from), size, from);
}

API cuMemcpyDtoDAsync_v2(Pointer to, Pointer from, size_t size, void *) {
    if (int code = check("cuMemcpyDtoDAsync")) return code;
    if (!owned(from, size)) return fault(INVALID_VALUE);
    return copy(reinterpret_cast<void *>(to), reinterpret_cast<void *>(from), size, to);
}

API cuMemcpyHtoD_v2(Pointer to, const void *from, size_t size) { return cuMemcpyHtoDAsync_v2(to, from, size, nullptr); }
API cuMemcpyDtoH_v2(void *to, Pointer from, size_t size) { return cuMemcpyDtoHAsync_v2(to, from, size, nullptr); }

API cuMemsetD8Async(Pointer to, unsigned char value, size_t size, void *) {
    if (int code = check("cuMemsetD8Async")) return code;
    if (!owned(to, size)) return fault(INVALID_VALUE);
    std::memset(reinterpret_cast<void *>(to), value, size);
    return SUCCESS;
}

struct Copy2D {
    size_t from_x, from_y;
    unsigned from_type;
    const char *from_host;
    Pointer from_device;
    void *from_array;
    size_t from_pitch, to_x, to_y;
    unsigned to_type;
    char *to_host;
    Pointer to_device;
    void *to_array;
    size_t to_pitch, width, height;
};

API cuMemcpy2DAsync_v2(const Copy2D *copy2d, void *) {
    if (int code = check("cuMemcpy2DAsync")) return code;
    const Copy2D &c = *copy2d;
    const unsigned HOST = 1, DEVICE = 2;
    if (c.height > 1 && (c.width > c.from_pitch || c.width > c.to_pitch)) return INVALID_VALUE;
    for (size_t row = 0; row < c.height; ++row) {
        size_t from_offset = (c.from_y + row) * c.from_pitch + c.from_x;
        size_t to_offset = (c.to_y + row) * c.to_pitch + c.to_x;
        if ((c.from_type != HOST && c.from_type != DEVICE) || (c.to_type != HOST && c.to_type != DEVICE))
            return NOT_SUPPORTED;
        if (c.from_type == DEVICE && !owned(c.from_device + from_offset, c.width)) return fault(INVALID_VALUE);
        if (c.to_type == DEVICE && !owned(c.to_device + to_offset, c.width)) return fault(INVALID_VALUE);
        const char *from = c.from_type == HOST ? c.from_host : reinterpret_cast<const char *>(c.from_device);
        char *to = c.to_type == HOST ? c.to_host : reinterpret_cast<char *>(c.to_device);
        std::memcpy(to + to_offset, from + from_offset, c.width);
    }
    return SUCCESS;
}
