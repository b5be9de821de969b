#!/usr/bin/env bash
# The real run on a CPU: MiniLM fine-tuned on real SQuAD 2.0 questions with our command line, evaluated, asked on two
# backends, repeated in PyTorch and loaded in transformers. README.md beside this file says what each part shows.
#
#   MODEL=minilm TRAIN=train-v2.0.json DEV=dev-v2.0.json OUT=results tests/measurements/minilm_cpu.sh [part ...]
#
# Parts, in order: data train evaluate ask losses transformers yardstick; none means all but the last, which is slow.
# Other settings: QUESTIONS and DEV_QUESTIONS (sizes of the cuts), EPOCHS, THREADS, PYTHON (with torch, transformers,
# safetensors), OTHER_BACKEND (second backend to ask on), CARGO_FLAGS (features of the build).
set -euo pipefail

: "${MODEL:?folder with config.json, model.safetensors, vocab.txt}" "${OUT:?folder for the results}"
QUESTIONS=${QUESTIONS:-8000} DEV_QUESTIONS=${DEV_QUESTIONS:-1500} EPOCHS=${EPOCHS:-2}
PYTHON=${PYTHON:-python3} OTHER_BACKEND=${OTHER_BACKEND:-wgpu} THREADS=${THREADS:-$(nproc)}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
scripts=$root/tests/scripts
target=${CARGO_TARGET_DIR:-$root/target}
spanbert=$target/release/spanbert exporter=$target/release/export_for_pytorch
mkdir -p "$OUT"
train=$OUT/train.json dev=$OUT/dev.json run=$OUT/run

build() { # package, binary
    # shellcheck disable=SC2086 # several flags in one variable
    cargo build --release ${CARGO_FLAGS:-} --manifest-path "$root/Cargo.toml" -p "$1" --bin "$2"
}

# Flags of the recipe that the real run and the repeated steps share.
recipe=(--train-batch-size 16 --learning-rate 5e-5 --num-train-epochs "$EPOCHS" --max-seq-length 384 --doc-stride 128)

part_data() {
    : "${TRAIN:?SQuAD 2.0 training file}" "${DEV:?SQuAD 2.0 development file}"
    "$PYTHON" "$scripts/make_subset.py" "$TRAIN" --questions "$QUESTIONS" --out "$train" | tee "$OUT/train-counts.json"
    "$PYTHON" "$scripts/make_subset.py" "$DEV" --questions "$DEV_QUESTIONS" --out "$dev" | tee "$OUT/dev-counts.json"
    # The repeated steps need no unanswerable questions, and losses that fall make the sharper comparison.
    "$PYTHON" "$scripts/make_subset.py" "$TRAIN" --questions 2000 --out "$OUT/steps-train.json"
}

part_train() {
    build spanbert-core spanbert
    time "$spanbert" train --model "$MODEL" --train-file "$train" --dev-file "$dev" --output-dir "$run" --backend cpu \
        "${recipe[@]}" --eval-metric best_f1 --eval-per-epoch 2 --eval-batch-size 32
}

part_evaluate() {
    time "$spanbert" evaluate --model "$run/best" --data "$dev" --backend cpu --json | tee "$OUT/evaluate.json"
}

part_ask() {
    local questions=() question
    while IFS= read -r question; do questions+=(--question "$question"); done <"$here/minilm_cpu/questions.txt"
    for backend in cpu "$OTHER_BACKEND"; do
        "$spanbert" ask --model "$run/best" --passage "$here/minilm_cpu/passage.txt" --backend "$backend" --json \
            "${questions[@]}" | tee "$OUT/ask-$backend.json"
    done
    "$PYTHON" "$scripts/compare_json.py" "$OUT/ask-cpu.json" "$OUT/ask-$OTHER_BACKEND.json" --tolerance 1e-3 \
        --head 5 --ignore device --ignore secs | tee "$OUT/ask-compared.json"
}

part_losses() {
    build spanbert-core spanbert
    build spanbert-tests export_for_pytorch
    "$spanbert" train --model "$MODEL" --train-file "$OUT/steps-train.json" --output-dir "$OUT/steps-run" \
        --backend cpu "${recipe[@]}" --dropout 0 --max-steps 100
    "$exporter" steps "$OUT/steps-run/recipe.toml" "$MODEL" "$OUT/steps-train.json" "$OUT/steps" 100
    "$PYTHON" "$scripts/pytorch_losses.py" "$OUT/steps" --model "$MODEL" --out "$OUT/pytorch-losses.json" \
        --threads "$THREADS"
    "$PYTHON" "$scripts/compare_losses.py" "$OUT/steps-run/events.jsonl" "$OUT/pytorch-losses.json" \
        --tolerance 1e-3 --out "$OUT/losses-compared.json"
}

part_transformers() {
    build spanbert-tests export_for_pytorch
    "$exporter" logits "$run/best" "$dev" "$OUT/logits.safetensors" 32
    "$PYTHON" "$scripts/pytorch_check_checkpoint.py" "$run/best" --expected "$OUT/logits.safetensors" \
        --tolerance 1e-4 | tee "$OUT/transformers.json"
}

part_yardstick() {
    "$PYTHON" "$scripts/pytorch_finetune.py" --model "$MODEL" --train "$train" --dev "$dev" --epochs "$EPOCHS" \
        --out "$OUT/pytorch-finetune.json" --threads "$THREADS"
}

for part in "${@:-data train evaluate ask losses transformers}"; do
    for name in $part; do
        echo "== $name"
        "part_$name"
    done
done
