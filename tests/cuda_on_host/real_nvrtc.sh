#!/usr/bin/env bash
# real_nvrtc.sh [KERNELS]: has NVIDIA's own NVRTC, which needs no GPU, compile every kernel that tests on the stand-in have made,
# for the architecture it was made for and every newer one. Prints versions, numbers and refusals; KERNELS is the stand-in's
# folder of kernels. The wheels are fetched from PyPI into target/nvrtc; they are no part of the project.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
built=$(bash "$here/build.sh")
kernels=${1:-$built/kernels}
work=$here/../../target/nvrtc
archs=(sm_75 sm_80 sm_86 sm_89 sm_90a sm_100a sm_120a)
wheels=(nvidia-cuda-nvrtc-cu12==12.8.93 nvidia-cuda-runtime-cu12==12.8.90 nvidia-cuda-nvcc-cu12==12.8.93
    nvidia-cuda-cccl-cu12==12.8.90)

mkdir -p "$work"
work=$(cd "$work" && pwd)
if [ ! -d "$work/include" ]; then
    [ -d "$work/wheels" ] || python3 -m pip download --quiet --no-deps --dest "$work/wheels" "${wheels[@]}"
    for wheel in "$work"/wheels/*.whl; do python3 -m zipfile -e "$wheel" "$work/unpacked"; done
    mkdir "$work/new"
    for part in cuda_runtime cuda_nvcc cuda_cccl; do cp -r "$work/unpacked/nvidia/$part/include/." "$work/new/"; done
    mv "$work/new" "$work/include"
fi
library=$(find "$work/unpacked" -name 'libnvrtc.so.*' | head -1)

date -u '+%F'
printf '%s\n' "${wheels[@]}"
options=(--include-path="$work/include" --include-path="$work/include/cccl" -lineinfo)
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

# check SOURCE ARCHITECTURE: quiet if accepted.
check() {
    local name
    name=$(basename "$1" .cu).$2
    "$built/lib/nvrtc-check" "$library" "$1" "$out/$name.ptx" --gpu-architecture="$2" "${options[@]}" \
        >"$out/$name.log" 2>&1 && rm "$out/$name.log" || echo "refused: $name"
    rm -f "$out/$name.ptx"
}
number() { local digits=${1#sm_}; echo "${digits%a}"; }

for arch in "${archs[@]}"; do
    sources=()
    for list in "$kernels"/*.archs; do
        oldest=$(sed 's/sm_//; s/a$//' "$list" | sort -n | head -1)
        [ "$oldest" -gt "$(number "$arch")" ] || sources+=("${list%.archs}.cu")
    done
    began=$SECONDS
    # Two at a time, a line for each refusal.
    refused=$(
        for half in 0 1; do
            for ((i = half; i < ${#sources[@]}; i += 2)); do check "${sources[i]}" "$arch"; done &
        done
        wait
    )
    count=0
    [ -z "$refused" ] || count=$(wc -l <<<"$refused")
    echo "$arch: ${#sources[@]} kernels, $count refused, $((SECONDS - began)) s"
    [ -z "$refused" ] || echo "$refused"
done
for log in "$out"/*.log; do [ ! -e "$log" ] || { echo "== $(basename "$log")"; head -20 "$log"; }; done
