// Device memory: the host's, with a limit, and with pages around each allocation that cannot be touched.
#pragma once
#include <cstddef>
#include <cstdint>

namespace cudahost {

int allocate(uintptr_t *address, size_t size);
int release(uintptr_t address);

/// Whether a range of device memory lies in one allocation of the current device.
bool owned(uintptr_t address, size_t size);

/// Whether new memory is filled with NaN: CUDAHOST_POISON.
bool poisons();

}  // namespace cudahost
