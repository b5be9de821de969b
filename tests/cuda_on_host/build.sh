#!/usr/bin/env bash
# build.sh [FOLDER]: builds the libraries and the toolkit under FOLDER (target/cuda_on_host) and prints where they are.
# What was built from the same sources by the same compiler is taken as it is.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=${1:-$here/../../target/cuda_on_host}
compiler=${CUDAHOST_CXX:-g++}
mkdir -p "$root"
root=$(cd "$root" && pwd)

# `-march=native` spelt out: kernels of another processor are not taken over.
identity=$("$compiler" --version | head -1
    "$compiler" -march=native -E -v - </dev/null 2>&1 >/dev/null | grep -e ' -E ' || true)
digest() { { echo "$identity"; cat "$@"; } | sha256sum | cut -c1-16; }
mapfile -t headers < <(find "$here/toolkit" -type f -name '*.h' | LC_ALL=C sort)
mapfile -t sources < <(find "$here/src" "$here/check" -type f | LC_ALL=C sort)
built=$root/$(digest "${headers[@]}" "${sources[@]}" "${BASH_SOURCE[0]}")

if [ ! -d "$built" ]; then
    # One builds, others wait; the finished folder appears at once.
    exec 9>"$root/lock"
    flock 9
fi
if [ ! -d "$built" ]; then
    new=$(mktemp -d "$root/new.XXXXXX")
    trap 'rm -rf "$new"' EXIT
    mkdir "$new/lib" "$root/kernels-$(digest "${headers[@]}")" 2>/dev/null || true
    cp -r "$here/toolkit" "$new/toolkit"
    ln -s "../kernels-$(digest "${headers[@]}")" "$new/kernels"
    flags=(-std=c++17 -O2 -g -fPIC -shared -Wall -Wextra -Wno-clobbered -fvisibility=hidden -Wl,-z,defs "-I$here/toolkit/include")
    # The header that every kernel includes is precompiled with the options that src/nvrtc/program.cpp gives to kernels.
    {
        "$compiler" -std=c++17 -O1 -fPIC -march=native -w -x c++-header -o "$new/toolkit/include/cudahost.h.gch" \
            "$new/toolkit/include/cudahost.h" &
        header=$!
        "$compiler" "${flags[@]}" -Wl,-soname,libcuda.so.1 -o "$new/lib/libcuda.so.1" "$here"/src/{settings.cpp,driver/*.cpp} -ldl
        "$compiler" "${flags[@]}" -Wl,-soname,libnvrtc.so.12 -o "$new/lib/libnvrtc.so.12" "$here"/src/{settings.cpp,nvrtc/{api,files,program,source}.cpp} -ldl
        "$compiler" "${flags[@]}" -Wl,-soname,libnccl.so.2 -o "$new/lib/libnccl.so.2" "$here"/src/{settings.cpp,driver/{log,faults}.cpp,nccl/*.cpp} \
            "$new/lib/libcuda.so.1" -pthread
        "$compiler" -std=c++17 -O1 -Wall -Wextra -o "$new/lib/nvrtc-check" "$here"/src/nvrtc/check.cpp -ldl
        "$compiler" -std=c++17 -O1 -Wall -Wextra -o "$new/check" "$here"/check/*.cpp "$new"/lib/{libcuda.so.1,libnvrtc.so.12}
        wait "$header"
    } >&2
    ln -s libcuda.so.1 "$new/lib/libcuda.so"
    ln -s libnvrtc.so.12 "$new/lib/libnvrtc.so"
    mv -T "$new" "$built"
    trap - EXIT
fi
echo "$built"
