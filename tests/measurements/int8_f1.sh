#!/usr/bin/env bash
# What low precision costs in answers: one checkpoint on one development file in f32, bf16 and int8, each compared with f32 question
# by question (differences of EM and F1 with paired intervals, by `breakdown --compare`).
#
#   MODEL=run/best DEV=dev-v2.0.json OUT=results tests/measurements/int8_f1.sh
#
# Thresholds: each evaluation is compared at the checkpoint's stored one. Other settings: FORMATS, BATCH (windows at once),
# SPANBERT (a built program), CARGO_FLAGS. An evaluation that is there already is not repeated.
set -euo pipefail

: "${MODEL:?folder of a checkpoint}" "${DEV:?SQuAD development file}" "${OUT:?folder for the results}"
FORMATS=${FORMATS:-f32 bf16 int8} BATCH=${BATCH:-8}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
mkdir -p "$OUT"
if [ -z "${SPANBERT:-}" ]; then
    # shellcheck disable=SC2086 # several flags in one variable
    cargo build --release ${CARGO_FLAGS:-} --manifest-path "$root/Cargo.toml" -p spanbert-cli --bin spanbert
    SPANBERT=${CARGO_TARGET_DIR:-$root/target}/release/spanbert
fi

for format in $FORMATS; do
    [ -s "$OUT/$format.json" ] && continue
    "$SPANBERT" evaluate --model "$MODEL" --data "$DEV" --backend cpu --precision "$format" --eval-batch-size "$BATCH" \
        --output-dir "$OUT/$format" --overwrite --json >"$OUT/$format.json.part"
    mv "$OUT/$format.json.part" "$OUT/$format.json"
done
for format in $FORMATS; do
    [ "$format" = f32 ] && continue
    echo "== $format against f32"
    "$SPANBERT" breakdown "$OUT/$format" --data "$DEV" --compare "$OUT/f32" | tee "$OUT/$format-against-f32.txt"
    "$SPANBERT" breakdown "$OUT/$format" --data "$DEV" --compare "$OUT/f32" --json >"$OUT/$format-against-f32.json"
done
