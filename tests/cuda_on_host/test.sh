#!/usr/bin/env bash
# test.sh [CAPABILITY…]: the tests of devices on the stand-in, for each compute capability (7.5 and 8.0): operations, engines, the
# reference's model and trajectories, pre-training losses, half formats. (The self-test and the command
# line on it are among the ordinary tests: cuda_command.)
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$here/../.."
export CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER=$here/with.sh SPANBERT_TEST_DEVICE=cuda
tests=(cargo test --workspace --locked --no-default-features --features wgpu,cuda)

# part NAME ARGUMENTS…: some tests, and how long they took.
part() {
    local name=$1 began=$SECONDS
    shift
    echo "== capability $CUDAHOST_CAPABILITY: $name"
    "${tests[@]}" "$@"
    echo "== capability $CUDAHOST_CAPABILITY: $name: $((SECONDS - began)) s"
}

[ $# -gt 0 ] || set -- 7.5 8.0
began=$SECONDS
for capability; do
    export CUDAHOST_CAPABILITY=$capability
    part operations --test ops -- cuda_fused:: cuda_unfused::
    part engines --test gpu_engine --test gpu_half
    part "reference and pre-training" --test oracle_model --test pretraining -- kernels_follow_the_reference on_a_gpu
done
echo "== CUDA on the host: $(((SECONDS - began + 59) / 60)) min, $(ls "$(bash "$here/build.sh")/kernels" | grep -c '\.so$') kernels"
