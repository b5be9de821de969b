#!/usr/bin/env bash
# Makes the demonstration's trained model in this folder from nothing but seeds: bash assets/demo/build.sh [FOLDER]
#
# FOLDER keeps the generated questions and the run folder (target/demo). On two processor cores it takes about ten minutes,
# and gives the same bytes on the same kind of processor.
set -euo pipefail
cd "$(dirname "$0")/../.."
work=${1:-target/demo}
cargo build --release --locked -p spanbert-core --bin spanbert --no-default-features --features cli
spanbert=${CARGO_TARGET_DIR:-target}/release/spanbert

# Five times the questions that the demonstration itself has time for.
"$spanbert" demo --write-files "$work" --passages 40000
"$spanbert" train --preset demo --train-batch-size 16 --learning-rate 1e-3 --warmup-proportion 0.05 --model "$work/model" \
    --train-file "$work/train.json" --dev-file "$work/dev.json" --output-dir "$work/run" --backend cpu
"$spanbert" export "$work/run/best" --dtype fp16 --output-dir assets/demo/model
"$spanbert" evaluate --model assets/demo/model --data "$work/dev.json" --backend cpu
