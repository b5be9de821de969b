#!/usr/bin/env bash
# Everything that is to be measured on a machine with a CUDA GPU, as steps that leave one file each. A step whose file
# is there is skipped, so the script can be stopped and started again, on another day and with another OUT folder's
# content copied into its own. No step takes more than LIMIT seconds; a training that needs longer is resumed by the next
# call. README.md beside this file says what to bring.
#
#   SPANBERT=spanbert.xz DATA=data MODEL=minilm VOCAB=bert-base-cased-vocab.txt OUT=results bash gpu_session.sh [STEP…]
#
# It begins with a verdict, after a few minutes: whether the GPU computes what the processor computes, and windows a second
# beside PyTorch. The rest refines it.
#
# REHEARSAL=1 runs the same steps in tiny sizes and on a few questions on the stand-in for CUDA (tests/cuda_on_host), with PyTorch
# on the processor: every line of this script, and the program's real CUDA code, without a GPU. Its numbers mean nothing. Give it
# a program without `autotune` (--no-default-features --features wgpu,cuda): with it, every candidate of every shape of a product is
# compiled and timed on the host, for hours.
set -uo pipefail
# Read as a whole before anything runs: a copy may be replaced while a session goes on.
{
here=$(cd "$(dirname "$0")" && pwd)

: "${SPANBERT:?our program, an optimised build with CUDA; may end in .xz or .gz}"
: "${DATA:?folder with TRAIN and DEV}"
: "${MODEL:?folder of MiniLM-L6-H384, a real checkpoint}"
: "${VOCAB:?vocab.txt of bert-base-cased, for SpanBERT-base of random weights}"
TRAIN=${TRAIN:-$DATA/train-v2.0.json}
DEV=${DEV:-$DATA/dev-v2.0.json}
OUT=${OUT:-results}
PYTHON=${PYTHON:-python3}
# Compiled test programs that compare with the oracle on the device (SPANBERT_SHARED says where it is); may be absent.
PARITY_TESTS=${PARITY_TESTS:-}
LIMIT=${LIMIT:-570}
# No step begins that many seconds after the start of the script.
BUDGET=${BUDGET:-100000}
PRECISIONS=${PRECISIONS:-f32 bf16 fp16}
ROUNDS=${ROUNDS:-3}
REHEARSAL=${REHEARSAL:-}

mkdir -p "$OUT"
OUT=$(cd "$OUT" && pwd)
work=$OUT/work
mkdir -p "$work"
export SPANBERT_COMMIT=${SPANBERT_COMMIT:-$(git -C "$here" rev-parse HEAD 2>/dev/null || echo unknown)}

# The program, unpacked once.
case $SPANBERT in
    *.xz | *.gz)
        "$PYTHON" - "$SPANBERT" "$work/spanbert" <<'PY' || exit 1
import gzip, lzma, shutil, sys
opened = (lzma if sys.argv[1].endswith(".xz") else gzip).open(sys.argv[1])
with opened, open(sys.argv[2], "wb") as file:
    shutil.copyfileobj(opened, file)
PY
        chmod +x "$work/spanbert"
        SPANBERT=$work/spanbert
        ;;
esac

# CUDA's headers and NVRTC, where nobody has named or installed them: those that torch's wheels brought, linked into one
# folder, since the wheels of CUDA 12 have a folder for each part.
if [[ $REHEARSAL ]]; then
    double=$(bash "$here/../cuda_on_host/build.sh") || exit 1
    export LD_LIBRARY_PATH=$double/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} CUDA_PATH=$double/toolkit
    export CUDAHOST_CACHE=$double/kernels CUDAHOST_NAME=rehearsal
elif [[ -z ${CUDA_PATH:-} && ! -e /usr/local/cuda/include/cuda_runtime.h ]]; then
    "$PYTHON" - "$work/cuda" <<'PY'
import glob, os, sys
try:
    import nvidia
except ImportError:
    sys.exit("no CUDA toolkit and no wheels of it: set CUDA_PATH")
for part in ("include", "lib"):
    target = os.path.join(sys.argv[1], part)
    os.makedirs(target, exist_ok=True)
    for root in nvidia.__path__:
        for entry in sorted(glob.glob(os.path.join(root, "*", part, "*"))):
            link = os.path.join(target, os.path.basename(entry))
            if not os.path.lexists(link):
                os.symlink(entry, link)
PY
    export CUDA_PATH=$work/cuda
    export LD_LIBRARY_PATH=$work/cuda/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
fi

# Kernels compiled and tuned in one call are found again in the next.
export XDG_CACHE_HOME=${XDG_CACHE_HOME:-$work/cache}

backend=cuda wgpu=wgpu
if [[ $REHEARSAL ]]; then
    printf '{"model_type":"bert","vocab_size":30522,"hidden_size":32,"num_hidden_layers":2,"num_attention_heads":4,"intermediate_size":64}' >"$work/tiny.json"
    # As many questions as the steps need: the stand-in computes a training on all of them in years.
    "$PYTHON" - "$TRAIN" "$work/train.json" 24 "$DEV" "$work/dev.json" 6 <<'PY' || exit 1
import json, sys
for source, target, wanted in zip(*[iter(sys.argv[1:])] * 3):
    paragraphs = []
    left = int(wanted)
    for paragraph in json.load(open(source, encoding="utf-8"))["data"][0]["paragraphs"]:
        questions = paragraph["qas"][:left]
        left -= len(questions)
        paragraphs.append({"context": paragraph["context"], "qas": questions})
        if not left:
            break
    with open(target, "w", encoding="utf-8") as file:
        json.dump({"version": "v2.0", "data": [{"title": "rehearsal", "paragraphs": paragraphs}]}, file)
PY
    TRAIN=$work/train.json DEV=$work/dev.json
    peer_device=cpu config=$work/tiny.json
    lengths=(16 32) batch=4 steps=4 squad_steps=4 recipe_steps=6 longest=64 first_length=32
    ROUNDS=1
    seqs=(--max-seq-length 64 --doc-stride 32 --max-query-length 24)
    tune_length=64 tune_windows=("${seqs[@]}")
    tune_batch=2 tune_eval_batch=4 train_limit=(--max-steps 3) epochs=1 peer_limit=(--steps 2)
else
    peer_device=cuda config=base
    lengths=(128 256 384 512) batch=32 steps=60 squad_steps=300 recipe_steps=500 longest=512 first_length=384
    seqs=(--max-seq-length 512 --doc-stride 128)
    tune_length=384 tune_windows=(--max-seq-length 384 --doc-stride 128)
    tune_batch=32 tune_eval_batch=128 train_limit=() epochs=2 peer_limit=()
fi

have_torch() { "$PYTHON" -c 'import torch, numpy' 2>/dev/null; }
on_device() { [[ $REHEARSAL ]] || "$PYTHON" -c 'import sys, torch; sys.exit(not torch.cuda.is_available())' 2>/dev/null; }

wanted=("$@")
failed=0

# step NAME COMMAND…: its standard output becomes OUT/NAME once it has succeeded; its messages are OUT/NAME.log.
step() {
    local name=$1
    shift
    if ((${#wanted[@]})) && [[ " ${wanted[*]} " != *" ${name%%.*} "* ]]; then return 0; fi
    if [[ -s $OUT/$name ]]; then
        echo "there     $name"
        return 0
    fi
    if ((SECONDS > BUDGET)); then
        echo "no time   $name"
        return 1
    fi
    local begun=$SECONDS
    # SIGINT: our program ends after its step, with everything saved.
    if timeout --signal=INT --kill-after=20 "$LIMIT" "$@" >"$work/$name.part" 2>"$OUT/$name.log"; then
        mv "$work/$name.part" "$OUT/$name"
        echo "done      $name ($((SECONDS - begun)) s)"
    else
        local code=$?
        echo "failed    $name (code $code after $((SECONDS - begun)) s): $(tail -n 1 "$OUT/$name.log")"
        failed=$((failed + 1))
        return 1
    fi
}

# `timeout` starts programs, not functions.
B=("$SPANBERT" bench)

# 1. The machine.
step machine.txt bash -c 'uname -a; nproc; free -g; nvidia-smi; '"$PYTHON"' --version; '"$PYTHON"' -m pip list; true'
step devices.json "$SPANBERT" devices --json
step check.txt "$SPANBERT" devices --check

# 2. Parity: the oracle's tests where they were brought, the self-test above, and losses of the same updates on the
# processor and on the GPU in every format, fused and not. `last_loss` of each file is what to compare.
index=0
for test in $PARITY_TESTS; do
    index=$((index + 1))
    step "parity-$index.txt" "$test" --nocapture
done
if [[ $REHEARSAL ]]; then
    same=(train --config "$config" --length "$first_length" --steps 9)
else
    # Real weights on real text: the loss of random ones is that of guessing, whatever the kernels do.
    same=(train --model "$MODEL" --data "$DEV" --length squad "${tune_windows[@]}" --steps 29)
fi
same+=(--batch 8 --warmup 1 --block-steps 1 --dropout 0 --seed 7 --json)
step losses-cpu.json "${B[@]}" "${same[@]}" --backend cpu
for precision in $PRECISIONS; do
    step "losses-$precision.json" "${B[@]}" "${same[@]}" --backend "$backend" --precision "$precision"
    step "losses-$precision-unfused.json" "${B[@]}" "${same[@]}" --backend "$backend" --precision "$precision" --unfused
done

# 3. The verdict: the parity of the steps above, and the recipe's batch beside PyTorch in one round of each format.
have_peer=
if have_torch && on_device; then have_peer=1; fi
turns=("$PYTHON" "$here/compare.py" --spanbert "$SPANBERT" --python "$PYTHON" --out "$OUT/compare" --config "$config"
    --batch "$batch" --peer-device "$peer_device")
for precision in $PRECISIONS; do
    if [[ $have_peer ]]; then
        step "verdict-$precision.txt" "${turns[@]}" "train-$backend" --name "verdict-$precision" --rounds 1 --peers pytorch \
            --precision "$precision" --length "$first_length" --steps "$steps"
    else
        step "verdict-$precision.json" "${B[@]}" train --config "$config" --backend "$backend" --batch "$batch" \
            --length "$first_length" --steps "$steps" --precision "$precision" --json
    fi
done
# Not where only some steps are wanted: what was not measured is no bad verdict.
if ((${#wanted[@]} == 0)); then
    "$PYTHON" "$here/verdict.py" "$OUT" "$backend" "$PRECISIONS" | tee "$OUT/VERDICT.txt"
    ((PIPESTATUS[0] == 0)) || failed=$((failed + 1))
fi

# 4. The first step, without any cache and with one: `first_step_secs`.
first=(train --config "$config" --backend "$backend" --batch "$batch" --length "$first_length" --steps 4 --warmup 1 --json)
for precision in $PRECISIONS; do
    step "first-cold-$precision.json" env XDG_CACHE_HOME="$work/cold-$precision" CUDA_CACHE_PATH="$work/driver-$precision" \
        "${B[@]}" "${first[@]}" --precision "$precision"
    step "first-warm-$precision.json" env XDG_CACHE_HOME="$work/cold-$precision" CUDA_CACHE_PATH="$work/driver-$precision" \
        "${B[@]}" "${first[@]}" --precision "$precision"
done

# 5. Training speed. Each length alone, ours first, so that tuning is done when the turns with PyTorch begin.
for precision in $PRECISIONS; do
    for length in "${lengths[@]}"; do
        step "train-$precision-$length.json" "${B[@]}" train --config "$config" --backend "$backend" --batch "$batch" \
            --length "$length" --steps "$steps" --precision "$precision" --json
    done
    step "train-$precision-$first_length-unfused.json" "${B[@]}" train --config "$config" --backend "$backend" \
        --batch "$batch" --length "$first_length" --steps "$steps" --precision "$precision" --unfused --json
    step "train-$precision-squad.json" "${B[@]}" train --config "$config" --backend "$backend" --batch "$batch" \
        --length squad --data "$TRAIN" --vocab "$VOCAB" --do-lower-case=false "${seqs[@]}" --steps "$squad_steps" \
        --precision "$precision" --json
done

# 6. The same in turns with PyTorch: its bf16 with sdpa beside all of ours, and its f32 (TF32) beside our f32.
if [[ $have_peer ]]; then
    turns+=(--rounds "$ROUNDS")
    for precision in $PRECISIONS; do
        for theirs in bf16 f32; do
            [[ $theirs == f32 && $precision != f32 ]] && continue
            for length in "${lengths[@]}"; do
                name=compare-train-$precision-$theirs-$length
                step "$name.txt" "${turns[@]}" "train-$backend" --name "$name" --precision "$precision" \
                    --peer-precision "$theirs" --length "$length" --steps "$steps"
                name=compare-infer-$precision-$theirs-$length
                step "$name.txt" "${turns[@]}" "infer-$backend" --name "$name" --precision "$precision" \
                    --peer-precision "$theirs" --length "$length" --steps "$steps"
            done
            # Length buckets against padding to the longest, as the reference pads, and against the same buckets.
            for pad in "$longest" none; do
                name=compare-squad-$precision-$theirs-pad-$pad
                padding=()
                [[ $pad != none ]] && padding=(--pad-to "$pad")
                step "$name.txt" "${turns[@]}" "train-$backend" --name "$name" --precision "$precision" \
                    --peer-precision "$theirs" --length squad --data "$TRAIN" --vocab "$VOCAB" "${seqs[@]}" \
                    "${padding[@]}" --steps "$squad_steps"
            done
        done
    done
else
    echo "skipped   PyTorch: $PYTHON has no torch that sees the GPU"
fi

# 7. Memory at the recipe's batch, each in a process of its own.
for precision in $PRECISIONS; do
    step "memory-$precision.json" "${B[@]}" train --config "$config" --backend "$backend" --batch "$batch" \
        --length "$longest" --steps 3 --warmup 1 --precision "$precision" --json
    step "memory-$precision-recompute.json" "${B[@]}" train --config "$config" --backend "$backend" --batch "$batch" \
        --length "$longest" --steps 3 --warmup 1 --precision "$precision" --recompute --json
done

# 8. The whole recipe of SpanBERT-base by extrapolation.
step text-train.json "${B[@]}" preprocess --data "$TRAIN" --vocab "$VOCAB" --cased "${seqs[@]}" --training --runs 3 --json
step text-dev.json "${B[@]}" preprocess --data "$DEV" --vocab "$VOCAB" --cased "${seqs[@]}" --runs 3 --json
step score-dev.json "${B[@]}" postprocess --data "$DEV" --vocab "$VOCAB" --cased "${seqs[@]}" --runs 3 --json
for precision in $PRECISIONS; do
    step "recipe-train-$precision.json" "${B[@]}" train --config "$config" --backend "$backend" --batch "$batch" \
        --length squad --data "$TRAIN" --vocab "$VOCAB" --do-lower-case=false "${seqs[@]}" --steps "$recipe_steps" \
        --precision "$precision" --json
    step "recipe-infer-$precision.json" "${B[@]}" infer --config "$config" --backend "$backend" --batch "$batch" \
        --length squad --data "$DEV" --vocab "$VOCAB" --do-lower-case=false "${seqs[@]}" --steps "$squad_steps" \
        --precision "$precision" --json
    step "recipe-$precision.json" "$PYTHON" "$here/extrapolate.py" --train "$OUT/recipe-train-$precision.json" \
        --infer "$OUT/recipe-infer-$precision.json" --train-text "$OUT/text-train.json" --dev-text "$OUT/text-dev.json" \
        --score "$OUT/score-dev.json"
done

# 9. wgpu on the same card.
for length in "${lengths[@]}"; do
    step "wgpu-train-$length.json" "${B[@]}" train --config "$config" --backend "$wgpu" --batch "$batch" --length "$length" \
        --steps "$steps" --json
    step "wgpu-infer-$length.json" "${B[@]}" infer --config "$config" --backend "$wgpu" --batch "$batch" --length "$length" \
        --steps "$steps" --json
done

# 10. MiniLM on all training data, three seeds, ours and PyTorch's: `best_f1` of ours is in the run's last evaluations,
# PyTorch's in the scores of its logits. A training that LIMIT breaks off is saved, and goes on in the next call.
fine_tune() {
    local run=$1 seed=$2
    shift 2
    if [[ -d $run ]]; then
        exec "$SPANBERT" train --resume "$run" --json
    fi
    exec "$SPANBERT" train --model "$MODEL" --train-file "$TRAIN" --dev-file "$DEV" --output-dir "$run" \
        --backend "$backend" --train-batch-size "$tune_batch" --eval-batch-size "$tune_eval_batch" --learning-rate 5e-5 \
        --num-train-epochs "$epochs" --eval-metric best_f1 --eval-per-epoch 1 --seed "$seed" --json "$@"
}
export -f fine_tune
export SPANBERT MODEL TRAIN DEV backend epochs tune_batch tune_eval_batch
for seed in 1 2 3; do
    run=$work/minilm-$seed
    step "minilm-$seed.json" bash -c 'fine_tune "$@"' bash "$run" "$seed" "${tune_windows[@]}" \
        "${train_limit[@]}"
    [[ -d $run ]] && step "minilm-$seed-run.json" "$SPANBERT" runs show "$run" --json
done
if [[ $have_peer ]]; then
    step features-train.txt bash -c 'file=$1; shift; "$@" >"$file" && wc -l "$file"' bash \
        "$work/train.jsonl" "$SPANBERT" features --training --data "$TRAIN" --model "$MODEL" "${tune_windows[@]}"
    step features-dev.txt bash -c 'file=$1; shift; "$@" >"$file" && wc -l "$file"' bash \
        "$work/dev.jsonl" "$SPANBERT" features --data "$DEV" --model "$MODEL" "${tune_windows[@]}"
    for seed in 1 2 3; do
        step "minilm-pytorch-$seed.json" "$PYTHON" "$here/peers/pytorch_finetune.py" --model "$MODEL" \
            --windows "$work/train.jsonl" --dev-windows "$work/dev.jsonl" --logits "$work/pytorch-$seed" --seed "$seed" \
            --device "$peer_device" --precision bf16 --epochs "$epochs" --batch "$tune_batch" \
            --max-seq-length "$tune_length" "${peer_limit[@]}"
        for ((epoch = 1; epoch <= epochs; epoch++)); do
            step "minilm-pytorch-$seed-epoch-$epoch.json" "${B[@]}" postprocess --data "$DEV" --model "$MODEL" \
                "${tune_windows[@]}" --logits "$work/pytorch-$seed-epoch-$epoch.npy" --runs 1 --json
        done
    done
fi

echo "steps that failed: $failed; results are in $OUT"
exit $((failed > 0))
}
