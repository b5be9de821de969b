#!/usr/bin/env bash
# Runs every target (or those named) for a number of executions: run.sh [EXECUTIONS] [TARGET...]
# Prints a JSON line for each: executions, crashes, peak memory. Ends with 1 if anything crashed.
set -euo pipefail
cd "$(dirname "$0")"
executions=${1:-20000}
shift || true
targets=("$@")
((${#targets[@]})) || mapfile -t targets < <(sed -n 's/^name = "\(.*_.*\|pickle\|safetensors\)"$/\1/p' Cargo.toml)
programs=$(./build.sh | tail -n 1)

failed=0
for target in "${targets[@]}"; do
    corpus=corpus/$target artifacts=artifacts/$target/
    mkdir -p "$corpus" "$artifacts"
    dictionary=dictionaries/json.dict
    [[ $target == pickle ]] && dictionary=dictionaries/pickle.dict
    log=$(mktemp)
    started=$SECONDS
    # The limits are those of the process; what an input of a given size may take is checked by the target itself.
    SPANBERT_FUZZ_SEEDS=$corpus nice -n 10 "$programs/$target" -runs="$executions" -max_len=16384 -timeout=10 \
        -rss_limit_mb=1000 -malloc_limit_mb=500 -dict="$dictionary" -artifact_prefix="$artifacts" \
        -print_final_stats=1 -verbosity=1 "$corpus" >"$log" 2>&1 || failed=1
    stat() { sed -n "s/^stat::$1: *//p" "$log" | tail -n 1; }
    done_executions=$(stat number_of_executed_units)
    peak=$(stat peak_rss_mb)
    crashes=$(find "$artifacts" -type f | wc -l)
    printf '{"target": "%s", "executions": %d, "crashes": %d, "peak_rss_mb": %d, "seconds": %d, "corpus": %d}\n' \
        "$target" "${done_executions:-0}" "$crashes" "${peak:-0}" $((SECONDS - started)) "$(find "$corpus" -type f | wc -l)"
    if ((crashes)); then
        grep -m 3 -E 'panicked at|ERROR: libFuzzer|bytes of memory' -A 1 "$log" >&2 || tail -n 5 "$log" >&2
    fi
    rm -f "$log"
done
exit $failed
