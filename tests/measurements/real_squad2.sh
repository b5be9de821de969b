#!/usr/bin/env bash
# MiniLM on real SQuAD 2.0: the whole of it, and three seeds each by this program and by PyTorch on a part of it.
#
#   MODEL=minilm TRAIN=train-v2.0.json DEV=dev-v2.0.json OUT=results tests/measurements/real_squad2.sh [part ...]
#
# Parts, in order: full ours theirs table; none means all. `full` takes half a day on two cores, `ours` and `theirs` as long again;
# each goes on where it was interrupted (in `theirs` with the next seed).
# Other settings: QUESTIONS (of the part that seeds are compared on), EPOCHS (on it), SEEDS, THREADS, PYTHON (with torch, transformers,
# safetensors), SPANBERT and EXPORTER (built programs; else they are built).
set -euo pipefail

: "${MODEL:?folder with config.json, model.safetensors, vocab.txt}" "${OUT:?folder for the results}"
: "${TRAIN:?SQuAD 2.0 training file}" "${DEV:?SQuAD 2.0 development file}"
THREADS=${THREADS:-$(nproc)}
. "$(dirname "${BASH_SOURCE[0]}")/real_squad2/common.sh"
build SPANBERT spanbert-cli spanbert

part_full() {
    "$SPANBERT" train --model "$MODEL" --train-file "$TRAIN" --dev-file "$DEV" --output-dir "$OUT/full" --resume-if-begun \
        "${recipe[@]}" --num-train-epochs 2 --eval-per-epoch 10
}

part_ours() {
    cut
    for seed in $SEEDS; do run ours "$seed"; done
}

# From the same weights, head included, on the same windows in the same order, with PyTorch's dropout. The dropout of config.json.
part_theirs() {
    cut
    build EXPORTER spanbert-tests export_for_pytorch
    for seed in $SEEDS; do
        local folder=$OUT/theirs-$seed
        [ -e "$OUT/theirs-$seed.json" ] && continue
        "$EXPORTER" steps "$OUT/ours-$seed/recipe.toml" "$MODEL" "$OUT/train.json" "$folder/steps" 1000000
        mkdir -p "$folder/model"
        "$PYTHON" "$scripts/pytorch_losses.py" "$folder/steps" --model "$MODEL" --out "$folder/losses.json" --dropout 0.1 \
            --seed "$seed" --threads "$THREADS" --save-final "$folder/model/model.safetensors" >"$folder/log"
        cp "$OUT/ours-$seed/last/"{config.json,vocab.txt,tokenizer_config.json} "$folder/model/"
        "$SPANBERT" evaluate --model "$folder/model" --data "$DEV" --backend cpu --json >"$OUT/theirs-$seed.json"
        rm -r "$folder/steps"
    done
}

part_table() {
    "$PYTHON" "$here/real_squad2/table.py" "$OUT" $SEEDS | tee "$OUT/table.md"
}

for part in "${@:-full ours theirs table}"; do
    for name in $part; do
        echo "== $name"
        "part_$name"
    done
done
