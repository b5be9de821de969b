// NCCL's result codes.
#pragma once

namespace cudahost {

enum NcclResult : int {
    NCCL_SUCCESS = 0,
    NCCL_CUDA_ERROR = 1,
    NCCL_SYSTEM_ERROR = 2,
    NCCL_INTERNAL_ERROR = 3,
    NCCL_INVALID_ARGUMENT = 4,
    NCCL_INVALID_USAGE = 5,
    NCCL_REMOTE_ERROR = 6,
    NCCL_IN_PROGRESS = 7,
};

/// Of `CUDAHOST_FAIL`: what should return or come to an end never does.
const int HANGS = 1000;

}  // namespace cudahost
