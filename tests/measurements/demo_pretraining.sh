#!/usr/bin/env bash
# What pre-training does for the demonstration's model: the same fine-tuning of the same architecture from random weights
# and after SpanBERT's objective, with spans and with single pieces at equal updates.
#
#     OUT=/tmp/pretraining tests/measurements/demo_pretraining.sh [ROW ...]
#
# Rows: structured, structured-spans, structured-pieces (random weights in which equal words attract each other, with which
# the demonstration's model begins), plain, plain-spans, plain-pieces (independent normal weights, as BERT begins). OUT
# keeps data and run folders; one line a row goes to OUT/results.txt. A minute or two a row on two processor cores, with
# pre-training up to half an hour.
set -euo pipefail
cd "$(dirname "$0")/../.."
: "${OUT:?a folder for data and runs}"
spanbert=${SPANBERT:-${CARGO_TARGET_DIR:-target}/release/spanbert}
mkdir -p "$OUT"
[ -d "$OUT/files" ] || "$spanbert" demo --write-files "$OUT/files"

pretrained() { # ROW, FLAGS of pretrain: the weights' folder
    local row=$1
    shift
    "$spanbert" pretrain --corpus "$OUT/files/corpus.txt" --max-seq-length 160 --num-train-epochs 7 --train-batch-size 32 \
        --output-dir "$OUT/$row-pretraining" --backend cpu "$@" >"$OUT/$row-pretraining.log" 2>&1
    echo "$OUT/$row-pretraining/last"
}

architecture=(--config "$OUT/files/random/config.json" --vocab "$OUT/files/random/vocab.txt")
(($#)) || set -- structured structured-spans structured-pieces plain plain-spans plain-pieces
for row in "$@"; do
    case $row in
    structured) model=$OUT/files/random ;;
    structured-spans) model=$(pretrained "$row" --model "$OUT/files/random" --max-steps 12000 --learning-rate 3e-4) ;;
    structured-pieces)
        model=$(pretrained "$row" --model "$OUT/files/random" --max-steps 12000 --learning-rate 3e-4 --masking pieces)
        ;;
    # One update too small to change a weight.
    plain) model=$(pretrained "$row" "${architecture[@]}" --max-steps 1 --learning-rate 1e-12) ;;
    plain-spans) model=$(pretrained "$row" "${architecture[@]}" --max-steps 3000 --learning-rate 1e-3) ;;
    plain-pieces)
        model=$(pretrained "$row" "${architecture[@]}" --max-steps 3000 --learning-rate 1e-3 --masking pieces)
        ;;
    *) echo "there is no row $row" >&2 && exit 2 ;;
    esac
    "$spanbert" train --preset demo --model "$model" --train-file "$OUT/files/train.json" \
        --dev-file "$OUT/files/dev.json" --output-dir "$OUT/$row" --backend cpu >"$OUT/$row.log" 2>&1
    losses=$(grep -hs '^loss' "$OUT/$row-pretraining.log" || true)
    echo "$row: $(grep -h 'evaluated at' "$OUT/$row.log" | tail -n 1); $losses" | tee -a "$OUT/results.txt"
done
