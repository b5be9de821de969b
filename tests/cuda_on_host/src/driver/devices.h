// The devices that are made up, and what state they are in.
#pragma once
#include <atomic>
#include <cstddef>

#include "results.h"

namespace cudahost {

const int MOST_DEVICES = 16;

struct Device {
    size_t used = 0, peak = 0, largest = 0;
    /// An error of a kernel; every later call on the device returns it, as on a GPU.
    int broken = SUCCESS;
};

extern Device devices[MOST_DEVICES];
int device_count();

/// The device of this thread's current context; negative without one.
extern thread_local int current;

/// A stream or an event: it knows its device, so that it can be used on threads without a context.
struct Handle {
    int device;
    /// Work of NCCL that is not done yet.
    std::atomic<int> busy{0};
};

/// The error to return if a function cannot be called now, or must fail: on the current device, or on that of a handle.
int check(const char *function);
int check_handle(void *handle, const char *function);

/// Keeps an error that is one of the device, and returns it.
int fault(int code);

size_t device_memory(int device);
/// What other programs have taken of it.
size_t taken_by_others(int device);
/// Most shared memory that a block may have, in bytes.
int most_shared_memory(int device);
/// Compute capability, major and minor in one: 80.
int capability(int device);

}  // namespace cudahost
