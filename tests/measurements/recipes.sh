#!/usr/bin/env bash
# What options of the recipe bring: each with several seeds beside the reference recipe, on a part of real SQuAD 2.0.
#
#   MODEL=minilm TRAIN=train-v2.0.json DEV=dev-v2.0.json OUT=results TEACHER=teacher tests/measurements/recipes.sh [option ...]
#
# Options, in order: reference, those of `names` below, ensemble, table; none means all. Each run is one `spanbert train` on the
# first QUESTIONS questions, each evaluation one `spanbert evaluate` of its last weights. A run that is finished is kept, one that was
# interrupted is resumed, so that the same command goes on until the table is there; `table` can be had at any time. The reference
# runs are those that real_squad2.sh makes in the same OUT as `ours`.
#
# An update of `adversarial` takes twice as long, so `twice` is the reference with twice the epochs. TEACHER is a larger fine-tuned
# checkpoint with the vocabulary of MODEL; without it `distillation` is left out.
#
# Other settings: QUESTIONS (30000), EPOCHS (2), SEEDS (1 2 3), BACKEND (cpu), RECIPE (the flags of all trainings), PYTHON, SPANBERT
# (the built program).
set -euo pipefail

: "${MODEL:?folder with config.json, model.safetensors, vocab.txt}" "${OUT:?folder for the results}"
: "${TRAIN:?SQuAD 2.0 training file}" "${DEV:?SQuAD 2.0 development file}"
. "$(dirname "${BASH_SOURCE[0]}")/real_squad2/common.sh"
build SPANBERT spanbert-cli spanbert

names=(layer-decay bias-correction average smoothing adversarial twice distillation)
declare -A flags=(
    [layer-decay]="--layer-lr-decay 0.9"
    [bias-correction]="--bias-correction --warmup-proportion 0.2"
    [average]="--ema-decay 0.999"
    [smoothing]="--label-smoothing 0.1"
    [adversarial]="--adversarial-epsilon 0.5"
    [distillation]="--teacher ${TEACHER:-} --distillation-weight 0.5 --distillation-temperature 2"
)

# The reference's seeds together. Nothing is trained.
ensemble() {
    local models=()
    for seed in $SEEDS; do models+=(--ensemble "$OUT/ours-$seed/last"); done
    [ -e "$OUT/ensemble.json" ] && return
    into "$OUT/ensemble.json" "$SPANBERT" evaluate --model "${models[1]}" "${models[@]:2}" --data "$DEV" \
        --backend "${BACKEND:-cpu}" --json
}

cut
for option in ${*:-reference ${names[*]} ensemble table}; do
    echo "== $option"
    case $option in
    reference) for seed in $SEEDS; do run ours "$seed"; done ;;
    ensemble) ensemble ;;
    table)
        # shellcheck disable=SC2086
        "$PYTHON" "$here/recipes/compare.py" "$OUT" --seeds $SEEDS --options "${names[@]}" | tee "$OUT/recipes.md"
        ;;
    twice) for seed in $SEEDS; do EPOCHS=$((2 * EPOCHS)) run twice "$seed"; done ;;
    distillation) [ -n "${TEACHER:-}" ] || { echo "left out: TEACHER is not set" && continue; } ;;&
    *)
        read -ra own <<<"${flags[$option]:?no such option: $option}"
        for seed in $SEEDS; do run "$option" "$seed" "${own[@]}"; done
        ;;
    esac
done
