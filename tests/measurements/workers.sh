#!/usr/bin/env bash
# What workers under MPI take, and that they change nothing.
#
#     OUT=/tmp/workers MINILM=minilm TRAIN=train-v2.0.json DEV=dev-v2.0.json tests/measurements/workers.sh [times] [bits]
#
# times: t0, c and B of T(W) = t0 + c R/W + 2 (W-1)/W S/B, for BERT-base's shape with random weights and for MiniLM: updates of one
#        worker with different numbers of rows R give t0 and c, the recorded exchanges of two give B (S: bytes of the
#        gradients), and the time of two is compared with what follows; also from two that compute side by side without an exchange.
#        Every worker is bound to a core of its own, so that one worker and each of two compute alike.
# bits:  MiniLM on the first questions of TRAIN with 1, 2 and 4 workers under each MPI: digests of weights, answers and scores, and
#        of the losses and scores in the records, side by side with the seconds.
#
# MINILM is a checkpoint folder. Other settings: SPANBERT (the program, else that of the release build); SHAPES (base minilm), ROWS
# (4 8 16), LENGTH (128), STEPS (12); QUESTIONS (4000), UPDATES (500), DEV_QUESTIONS (500), WORKERS (1 2 4); OPEN_MPI and MPICH, the
# launchers (mpirun.openmpi or mpirun, mpirun.mpich or mpiexec.hydra). Tables go to standard output and, with the run folders, to OUT.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
: "${OUT:?a folder for models, data and runs}" "${MINILM:?the folder of a checkpoint}"
spanbert=$(realpath "${SPANBERT:-${CARGO_TARGET_DIR:-$here/../../target}/release/spanbert}")
MINILM=$(realpath "$MINILM")
mkdir -p "$OUT"
OUT=$(realpath "$OUT")
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
first() { for name; do command -v "$name" && return; done; }
open_mpi=${OPEN_MPI:-$(first mpirun.openmpi mpirun || true)}
mpich=${MPICH:-$(first mpirun.mpich mpiexec.hydra || true)}

# launch LAUNCHER WORKERS BOUND: the words before the program.
launch() {
    case $1 in
    open-mpi) echo "$open_mpi --oversubscribe $([ "$3" = bound ] && echo --bind-to core || echo --bind-to none) -n $2" ;;
    mpich) echo "$mpich $([ "$3" = bound ] && echo -bind-to core) -n $2" ;;
    esac
}

# A checkpoint of a shape: one update of pre-training too small to change a weight.
model() {
    case $1 in
    minilm) echo "$MINILM" ;;
    *)
        [ -d "$OUT/$1/last" ] || "$spanbert" pretrain --config "$1" --vocab "$MINILM/vocab.txt" --do-lower-case \
            --corpus "$OUT/files/corpus.txt" --max-seq-length 64 --train-batch-size 1 --max-steps 1 --learning-rate 1e-12 \
            --output-dir "$OUT/$1" --backend cpu >"$OUT/$1.log" 2>&1
        echo "$OUT/$1/last"
        ;;
    esac
}

# timed RUN LAUNCH… : updates of one length, without evaluations.
timed() {
    local run=$1 rows=$2 model=$3
    shift 3
    rm -rf "${OUT:?}/$run"
    "$@" "$spanbert" train --distributed --backend cpu --model "$model" --train-file "$OUT/files/train.json" --learning-rate 1e-5 \
        --train-batch-size "$rows" --micro-batch "$rows" --max-seq-length "${LENGTH:-128}" --max-query-length 32 --doc-stride 32 \
        --pad-to-max-length --max-steps "${STEPS:-12}" --checkpoint-minutes 1000 --output-dir "$OUT/$run" >"$OUT/$run.log" 2>&1
}

times() {
    [ -d "$OUT/files" ] || "$spanbert" demo --write-files "$OUT/files" >/dev/null
    local read_rows largest shape checkpoint rows
    read -ra read_rows <<<"${ROWS:-4 8 16}"
    largest=${read_rows[-1]}
    for shape in ${SHAPES:-base minilm}; do
        checkpoint=$(model "$shape")
        for rows in "${read_rows[@]}"; do
            # shellcheck disable=SC2046
            timed "times-$shape-1-$rows" "$rows" "$checkpoint" $(launch open-mpi 1 bound)
        done
        # shellcheck disable=SC2046
        timed "times-$shape-2-$largest" "$largest" "$checkpoint" $(launch open-mpi 2 bound)
        # Each one's half of the rows once more, side by side without an exchange: what they cost each other by sharing a memory.
        for core in 0 1; do timed "times-$shape-beside-$core" $((largest / 2)) "$checkpoint" taskset -c "$core" & done
        wait
        python3 "$here/workers/fit.py" "$OUT" "$shape" "$checkpoint/model.safetensors" "${read_rows[@]}"
    done | tee "$OUT/times.txt"
}

bits() {
    : "${TRAIN:?SQuAD training data}" "${DEV:?SQuAD development data}"
    python3 "$here/workers/cut.py" "$TRAIN" "${QUESTIONS:-4000}" >"$OUT/train.json"
    python3 "$here/workers/cut.py" "$DEV" "${DEV_QUESTIONS:-500}" >"$OUT/dev.json"
    local launcher workers run began runs=()
    for launcher in open-mpi mpich; do
        [ -n "$([ "$launcher" = mpich ] && echo "$mpich" || echo "$open_mpi")" ] || continue
        for workers in ${WORKERS:-1 2 4}; do
            run=bits-$launcher-$workers
            rm -rf "${OUT:?}/$run"
            began=$EPOCHREALTIME
            # shellcheck disable=SC2046
            $(launch "$launcher" "$workers" free) "$spanbert" train --distributed --parts 4 --backend cpu --model "$MINILM" \
                --train-file "$OUT/train.json" --dev-file "$OUT/dev.json" --learning-rate 5e-5 --train-batch-size 8 \
                --max-seq-length "${LENGTH:-128}" --doc-stride 64 --max-query-length 32 --eval-per-epoch 4 --eval-metric best_f1 \
                --max-steps "${UPDATES:-500}" --checkpoint-steps 100 --output-dir "$OUT/$run" >"$OUT/$run.log" 2>&1
            awk -v b="$began" -v e="$EPOCHREALTIME" 'BEGIN { printf "%.1f\n", e - b }' >"$OUT/$run.seconds"
            runs+=("$run")
        done
    done
    python3 "$here/workers/compare.py" "$OUT" "${runs[@]}" | tee "$OUT/bits.txt"
}

(($#)) || set -- times bits
for part; do "$part"; done
