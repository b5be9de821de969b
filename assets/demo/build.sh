#!/usr/bin/env bash
# Makes the demonstration's models in this folder from nothing but seeds: bash assets/demo/build.sh [FOLDER]
#
# FOLDER keeps the generated text and questions and the run folders (target/demo). On two processor cores it takes about
# half an hour, and gives the same bytes on the same kind of processor. The program is built again in between: the
# pre-trained weights are part of it.
set -euo pipefail
cd "$(dirname "$0")/../.."
work=${1:-target/demo}
spanbert=${CARGO_TARGET_DIR:-target}/release/spanbert
build() { cargo build --release --locked -p spanbert-cli --bin spanbert --no-default-features; }

# SpanBERT's own objective, from random weights, on text about the same world: six passes over 60,000 documents.
build
"$spanbert" demo --write-files "$work"
"$spanbert" pretrain --model "$work/random" --corpus "$work/corpus.txt" --max-seq-length 160 --num-train-epochs 7 \
    --max-steps 12000 --train-batch-size 32 --learning-rate 3e-4 --output-dir "$work/pretraining" --backend cpu
"$spanbert" export "$work/pretraining/last" --dtype bf16 --output-dir assets/demo/pretrained

# Four times the questions that the demonstration itself has time for.
build
"$spanbert" demo --write-files "$work" --passages 40000
"$spanbert" train --preset demo --train-batch-size 16 --learning-rate 7e-4 --warmup-proportion 0.1 --model "$work/model" \
    --train-file "$work/train.json" --dev-file "$work/dev.json" --output-dir "$work/run" --backend cpu
"$spanbert" export "$work/run/best" --dtype bf16 --output-dir assets/demo/model
"$spanbert" evaluate --model assets/demo/model --data "$work/dev.json" --backend cpu
