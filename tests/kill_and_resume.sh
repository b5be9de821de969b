#!/usr/bin/env bash
# Kills a training (SIGKILL) at random moments, resumes it each time, and compares weights, losses and predictions with
# an uninterrupted run: bitwise on the processor, within 1e-4 on a GPU.
#
#   bash tests/kill_and_resume.sh [KILLS=30] [BACKEND=cpu|wgpu] [SEED=1]
set -euo pipefail
cd "$(dirname "$0")/.."
backend=${2:-cpu}
case $backend in
    cpu) features=(--no-default-features) ;;
    # Without `autotune`: on a software rasteriser kernels would be timed for minutes.
    *) features=(--no-default-features --features wgpu,cuda) ;;
esac
SPANBERT_KILLS=${1:-30} SPANBERT_KILL_BACKEND=$backend SPANBERT_KILL_SEED=${3:-1} \
    cargo test -p spanbert-tests "${features[@]}" --test supervised -- --exact --nocapture \
    a_training_killed_at_random_moments_is_resumed_bitwise
