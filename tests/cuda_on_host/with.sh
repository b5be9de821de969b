#!/usr/bin/env bash
# with.sh PROGRAM ARGUMENTS…: runs a program on the stand-in. As cargo's runner it does so for every test program:
#   CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER=$PWD/tests/cuda_on_host/with.sh cargo test …
# (Set for cargo itself, CUDA_PATH would have half of the dependencies built again.)
set -euo pipefail
built=$(bash "$(dirname "${BASH_SOURCE[0]}")/build.sh")
export LD_LIBRARY_PATH=$built/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export CUDA_PATH=$built/toolkit CUDAHOST_CACHE=${CUDAHOST_CACHE:-$built/kernels}
exec "$@"
