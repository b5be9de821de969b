#include "memory.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <sys/mman.h>

#include "../settings.h"
#include "devices.h"
#include "log.h"

namespace cudahost {
namespace {

struct Allocation {
    size_t size;
    int device;
};

std::mutex mutex;
std::map<uintptr_t, Allocation> allocations;

using Lock = std::lock_guard<std::mutex>;

const size_t PAGE = 4096;
size_t round_up(size_t size, size_t unit) { return (size + unit - 1) / unit * unit; }

}  // namespace

bool poisons() {
    static const bool poison = std::atoi(setting("CUDAHOST_POISON", "0")) != 0;
    return poison;
}

int allocate(uintptr_t *address, size_t size) {
    Lock lock(mutex);
    if (size == 0) return INVALID_VALUE;
    Device &device = devices[current];
    size_t taken = round_up(size, 512);
    if (device.used + taken + taken_by_others(current) > device_memory(current)) {
        log_line("out of memory: %zu wanted, %zu used\n", size, device.used);
        return OUT_OF_MEMORY;
    }
    // A page that cannot be touched on either side; the end of the allocation is at its guard's beginning but for
    // the alignment of 512 bytes that CUDA promises.
    size_t mapped = round_up(taken, PAGE);
    void *base = mmap(nullptr, mapped + 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED) return OUT_OF_MEMORY;
    char *inner = static_cast<char *>(base) + PAGE;
    mprotect(inner, mapped, PROT_READ | PROT_WRITE);
    char *start = inner + (mapped - taken);
    if (poisons()) std::memset(start, 0xff, taken);
    device.used += taken;
    device.peak = std::max(device.peak, device.used);
    device.largest = std::max(device.largest, taken);
    allocations[reinterpret_cast<uintptr_t>(start)] = {taken, current};
    *address = reinterpret_cast<uintptr_t>(start);
    log_line("alloc %d %zu used %zu\n", current, size, device.used);
    return SUCCESS;
}

int release(uintptr_t address) {
    Lock lock(mutex);
    auto found = allocations.find(address);
    if (found == allocations.end()) {
        complain("free of %#zx, which is no allocation", address);
        return INVALID_VALUE;
    }
    devices[found->second.device].used -= found->second.size;
    log_line("free %d %zu used %zu\n", found->second.device, found->second.size,
             devices[found->second.device].used);
    size_t mapped = round_up(found->second.size, PAGE);
    munmap(reinterpret_cast<char *>(address) - (mapped - found->second.size) - PAGE, mapped + 2 * PAGE);
    allocations.erase(found);
    return SUCCESS;
}

bool owned(uintptr_t address, size_t size) {
    Lock lock(mutex);
    auto after = allocations.upper_bound(address);
    if (after == allocations.begin()) return false;
    auto &[start, allocation] = *std::prev(after);
    return address + size <= start + allocation.size && allocation.device == current;
}

}  // namespace cudahost
