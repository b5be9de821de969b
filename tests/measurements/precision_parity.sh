#!/usr/bin/env bash
# Whether half precision learns what f32 learns: the same fine-tuning, data order and dropout in f32, bf16 and fp16. For
# a measure of chance f32 is run again with learning rates off by as little as half precision rounds, and with batches
# computed in parts, so that sums round differently. README.md beside this file says how to read the result.
#
#   MODEL=minilm TRAIN=train-v2.0.json DEV=dev-v2.0.json OUT=results tests/measurements/precision_parity.sh [part ...]
#
# Parts, in order: data train evaluate compare; none means all. A run that is there already is not repeated.
# Other settings: BACKEND (a processor imitates the half formats), RUNS, QUESTIONS and DEV_QUESTIONS (sizes of the cuts),
# EPOCHS, BATCH, LENGTH, STRIDE, RATE, SEED, TOLERANCE, PYTHON, SPANBERT (a built program), CARGO_FLAGS.
set -euo pipefail

: "${MODEL:?folder with config.json, model.safetensors, vocab.txt}" "${OUT:?folder for the results}"
BACKEND=${BACKEND:-auto} RUNS=${RUNS:-f32 bf16 fp16 f32-in-parts f32-1 f32-2 f32-3}
QUESTIONS=${QUESTIONS:-8000} DEV_QUESTIONS=${DEV_QUESTIONS:-1500} EPOCHS=${EPOCHS:-2}
BATCH=${BATCH:-16} LENGTH=${LENGTH:-384} STRIDE=${STRIDE:-128} RATE=${RATE:-5e-5} SEED=${SEED:-42}
PYTHON=${PYTHON:-python3} TOLERANCE=${TOLERANCE:-0.02}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
scripts=$root/tests/scripts
mkdir -p "$OUT"
if [ -z "${SPANBERT:-}" ]; then
    # shellcheck disable=SC2086 # several flags in one variable
    cargo build --release ${CARGO_FLAGS:-} --manifest-path "$root/Cargo.toml" -p spanbert-cli --bin spanbert
    SPANBERT=${CARGO_TARGET_DIR:-$root/target}/release/spanbert
fi

part_data() {
    : "${TRAIN:?SQuAD 2.0 training file}" "${DEV:?SQuAD 2.0 development file}"
    "$PYTHON" "$scripts/make_subset.py" "$TRAIN" --questions "$QUESTIONS" --out "$OUT/train.json" | tee "$OUT/train-counts.json"
    "$PYTHON" "$scripts/make_subset.py" "$DEV" --questions "$DEV_QUESTIONS" --out "$OUT/dev.json" | tee "$OUT/dev-counts.json"
}

scaled() { # factor
    "$PYTHON" -c "print($RATE * $1)"
}

part_train() {
    local run rate parts
    for run in $RUNS; do
        [ -d "$OUT/$run/last" ] && continue
        rate=$RATE parts=auto
        case $run in
            f32-in-parts) parts=$(((BATCH + 2) / 3)) ;;
            f32-1) rate=$(scaled 1.0005) ;;
            f32-2) rate=$(scaled 0.9995) ;;
            f32-3) rate=$(scaled 1.001) ;;
        esac
        # The same optimizer for all: only the arithmetic of the products differs.
        time "$SPANBERT" train --model "$MODEL" --train-file "$OUT/train.json" --output-dir "$OUT/$run" \
            --backend "$BACKEND" --precision "${run%%-*}" --seed "$SEED" --micro-batch "$parts" --optimizer fused_adam \
            --train-batch-size "$BATCH" --learning-rate "$rate" --num-train-epochs "$EPOCHS" \
            --max-seq-length "$LENGTH" --doc-stride "$STRIDE"
    done
}

part_evaluate() {
    local run
    for run in $RUNS; do
        [ -s "$OUT/$run.json" ] && continue
        "$SPANBERT" evaluate --model "$OUT/$run/last" --data "$OUT/dev.json" --backend "$BACKEND" \
            --precision "${run%%-*}" --eval-batch-size 32 --json >"$OUT/$run.json.part"
        mv "$OUT/$run.json.part" "$OUT/$run.json"
    done
}

part_compare() {
    # shellcheck disable=SC2086 # several runs in one variable
    "$PYTHON" "$scripts/compare_precisions.py" "$OUT" $RUNS --tolerance "$TOLERANCE" | tee "$OUT/summary.json"
}

for part in "${@:-data train evaluate compare}"; do
    for name in $part; do
        echo "== $name"
        "part_$name"
    done
done
