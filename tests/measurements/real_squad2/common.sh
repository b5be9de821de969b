# What real_squad2.sh and recipes.sh have in common: settings, the part of the training file, a run with its evaluation. Sourced by
# both, after MODEL, TRAIN, DEV and OUT are known.

QUESTIONS=${QUESTIONS:-30000} EPOCHS=${EPOCHS:-2} SEEDS=${SEEDS:-1 2 3} PYTHON=${PYTHON:-python3}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
root=$(cd "$here/../.." && pwd)
scripts=$root/tests/scripts target=${CARGO_TARGET_DIR:-$root/target}
mkdir -p "$OUT"

# Flags of all trainings; RECIPE stands in for them in a trial.
read -ra recipe <<<"${RECIPE:---train-batch-size 32 --learning-rate 5e-5 --max-seq-length 384 --doc-stride 128}"
recipe+=(--eval-metric best_f1 --eval-batch-size 32 --backend "${BACKEND:-cpu}")

build() { # variable, package, program
    [ -n "${!1:-}" ] && return
    cargo build --release --no-default-features --manifest-path "$root/Cargo.toml" -p "$2" --bin "$3"
    printf -v "$1" %s "$target/release/$3"
}

# The first articles with at least so many questions.
cut() {
    [ -e "$OUT/train.json" ] && return
    "$PYTHON" "$scripts/make_subset.py" "$TRAIN" --questions "$QUESTIONS" --out "$OUT/train.json" >"$OUT/train-counts.json"
}

# Writes what a command prints once it has succeeded.
into() { # file, command ...
    local file=$1
    shift
    "$@" >"$file.part" && mv "$file.part" "$file"
}

# A run on that part, and its last weights on the dev set; what is there already stays.
run() { # name, seed, flags ...
    local run=$OUT/$1-$2 seed=$2
    shift 2
    [ -e "$run.json" ] && [ -e "$run.train.json" ] && return
    "$SPANBERT" train --model "$MODEL" --train-file "$OUT/train.json" --output-dir "$run" --resume-if-begun \
        "${recipe[@]}" --num-train-epochs "$EPOCHS" --seed "$seed" --json "$@" >"$run.train.json.part"
    # A run that is stopped by Ctrl-C ends in peace.
    grep -q '"completed": *true' "$run.train.json.part" || { echo "stopped; the same command goes on" >&2 && exit 1; }
    mv "$run.train.json.part" "$run.train.json"
    into "$run.json" "$SPANBERT" evaluate --model "$run/last" --data "$DEV" --backend "${BACKEND:-cpu}" --json
}
