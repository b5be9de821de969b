// What threads of a block or lanes of a warp do together: barriers, shuffles, votes.
#pragma once
#include "language.h"

namespace cudahost {

template <class T>
struct Shuffle {
    T value;
    unsigned source;
    T result;
};

template <class T>
inline T shuffle(T value, unsigned source, int line) {
    Shuffle<T> mine{value, source, value};
    whole_warp(mine, line, [](Shuffle<T> **all) {
        for (int lane = 0; lane < 32; ++lane)
            // A lane that is not there gives an undefined value: here NaN.
            if (all[lane] && all[lane]->source < 32) {
                if (Shuffle<T> *from = all[all[lane]->source]) all[lane]->result = from->value;
                else memset(static_cast<void *>(&all[lane]->result), 0xff, sizeof(T));
            }
    });
    return mine.result;
}

inline unsigned ballot(bool predicate, int line) {
    struct Vote {
        bool predicate;
        unsigned result;
    } mine{predicate, 0};
    whole_warp(mine, line, [](Vote **all) {
        unsigned result = 0;
        for (int lane = 0; lane < 32; ++lane)
            if (all[lane]) result |= unsigned(all[lane]->predicate) << lane;
        for (int lane = 0; lane < 32; ++lane)
            if (all[lane]) all[lane]->result = result;
    });
    return mine.result;
}

inline unsigned lane() { return cudahost_runtime->lane; }

}  // namespace cudahost

#define __syncthreads() cudahost_runtime->sync_block(__LINE__)
#define __syncwarp(...) \
    do { \
        int cudahost_nothing = 0; \
        cudahost::whole_warp(cudahost_nothing, __LINE__, [](int **) {}); \
    } while (0)
#define __threadfence() ((void)0)
#define __threadfence_block() ((void)0)
#define __shfl_sync(mask, value, source) cudahost::shuffle(value, unsigned(source) % 32, __LINE__)
#define __shfl_xor_sync(mask, value, by) cudahost::shuffle(value, cudahost::lane() ^ unsigned(by), __LINE__)
// Past either end a lane keeps its own value.
#define __shfl_up_sync(mask, value, by) cudahost::shuffle(value, cudahost::lane() - unsigned(by), __LINE__)
#define __shfl_down_sync(mask, value, by) cudahost::shuffle(value, cudahost::lane() + unsigned(by), __LINE__)
#define __ballot_sync(mask, predicate) cudahost::ballot(predicate, __LINE__)
#define __any_sync(mask, predicate) (cudahost::ballot(predicate, __LINE__) != 0)
#define __all_sync(mask, predicate) (cudahost::ballot(!(predicate), __LINE__) == 0)
#define __activemask() (~0u)

/// A place in shared memory as PTX addresses it.
inline size_t __cvta_generic_to_shared(const void *pointer) {
    return size_t(static_cast<const unsigned char *>(pointer) - cudahost_runtime->shared);
}
