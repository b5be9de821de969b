// The words of CUDA C++, the built-in variables, and the calls of a kernel from the driver double.
#pragma once
#include <stddef.h>
#include <string.h>
#include "runtime.h"

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __noinline__ __attribute__((noinline))
#define __shared__
#define __constant__
#define __grid_constant__
#define __launch_bounds__(...)
#define __cluster_dims__(...)
#define __align__(n) __attribute__((aligned(n)))

typedef unsigned char uchar;
typedef unsigned short ushort;
typedef unsigned int uint;
typedef unsigned long ulong;

static cudahost::Runtime *cudahost_runtime;
extern "C" void cudahost_bind(cudahost::Runtime *runtime) { cudahost_runtime = runtime; }

#define threadIdx (cudahost_runtime->thread)
#define blockIdx (cudahost_runtime->block)
#define blockDim (cudahost_runtime->block_dim)
#define gridDim (cudahost_runtime->grid_dim)
#define warpSize 32

namespace cudahost {

template <size_t... I>
struct Places {};
template <size_t N, size_t... I>
struct MakePlaces : MakePlaces<N - 1, N - 1, I...> {};
template <size_t... I>
struct MakePlaces<0, I...> : Places<I...> {};

template <class... A, size_t... I>
inline void call_at(void (*kernel)(A...), void **parameters, Places<I...>) {
    kernel(*static_cast<A *>(parameters[I])...);
}

/// Calls a kernel with parameters as `cuLaunchKernel` gets them.
template <class... A>
inline void call(void (*kernel)(A...), void **parameters) {
    call_at(kernel, parameters, MakePlaces<sizeof...(A)>());
}

/// Runs a kernel whose threads need not wait for each other, for all threads of the block.
template <class K>
inline void call_block(K kernel, void **parameters) {
    Dim dim = blockDim;
    for (threadIdx.z = 0; threadIdx.z < dim.z; ++threadIdx.z)
        for (threadIdx.y = 0; threadIdx.y < dim.y; ++threadIdx.y)
            for (threadIdx.x = 0; threadIdx.x < dim.x; ++threadIdx.x) {
                cudahost_runtime->lane = (threadIdx.x + dim.x * (threadIdx.y + dim.y * threadIdx.z)) % 32;
                call(kernel, parameters);
            }
}

template <class To, class From>
inline To bits_as(const From &from) {
    static_assert(sizeof(To) == sizeof(From), "sizes");
    To to;
    memcpy(&to, &from, sizeof to);
    return to;
}

/// Lets one lane act for the whole warp: `act` gets the arguments of all lanes, null for those that are not there.
template <class T, class F>
inline void whole_warp(T &mine, int line, F act) {
    if (void **all = cudahost_runtime->warp_meet(&mine, line)) {
        act(reinterpret_cast<T **>(all));
        cudahost_runtime->warp_release();
    }
}

/// As `whole_warp`, for what the hardware does with all 32 lanes only.
template <class T, class F>
inline void full_warp(T &mine, F act) {
    whole_warp(mine, 0, [&](T **all) {
        for (int lane = 0; lane < 32; ++lane)
            if (!all[lane]) cudahost_runtime->fail("a matrix instruction in a warp of fewer than 32 lanes");
        act(all);
    });
}

}  // namespace cudahost
