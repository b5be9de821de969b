#!/bin/sh
# Kernels that a training step launches: CubeCL's log of a run of four steps minus that of three, counted by name.
#
#     cargo build -p spanbert-tests --bin measure_memory --no-default-features --features wgpu,cuda
#     BIN=$PWD/target/debug/measure_memory OUT=/tmp/launches tests/measurements/launches.sh wgpu 2 64 4 500 4 32
#
# Arguments: backend, layers, hidden size, heads, vocabulary, rows, length. Writes OUT/{unfused,fused}.txt.
set -eu
mkdir -p "$OUT"
cd "$OUT"
# CubeCL reads its settings from the current directory.
printf '[profiling]\nlogger = { level = "minimal", file = "%s/launches.log" }\n' "$PWD" > cubecl.toml
backend=$1
shift
for fusion in unfused fused; do
    for steps in 3 4; do
        rm -f launches.log
        "$BIN" "$backend" "$fusion" "$@" direct "$steps" > "$fusion-$steps.json"
        sed 's/^Executing //; s/ | .*//' launches.log | sort > "$steps.names"
    done
    comm -13 3.names 4.names | sort | uniq -c | sort -rn > "$fusion.txt"
    printf '%s: %s launches a step\n' "$fusion" "$(comm -13 3.names 4.names | wc -l)"
done
