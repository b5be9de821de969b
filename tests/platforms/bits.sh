#!/usr/bin/env bash
# What one platform computes, as digests: the demonstration's first updates (losses, weights) and its evaluation (logits, scores), in
# default and in portable mode.
#
#   bash tests/platforms/bits.sh NAME FOLDER UPDATES COMMAND…        COMMAND is the command line, with what runs it: wine spanbert.exe
#   bash tests/platforms/bits.sh table FOLDER                        what is equal, of all that is in FOLDER
set -euo pipefail
here=$(realpath "$(dirname "$0")")
# Questions to learn from, six a passage: as many as eight times the updates; and to be evaluated on.
train_passages=400
dev_passages=20

# What has come of a run.
digests() {
    digest() { sha256sum | cut -c1-12; }
    echo "losses $(sed -nE '/"event":"step"/s/.*"step":([0-9]+),.*"loss":([^,]*),.*"grad_norm":([^,}]*).*/\1 \2 \3/p' "$1/events.jsonl" | digest)"
    echo "weights $(digest < "$1/last/model.safetensors")"
    # With the logits of twenty answers each; few updates end before the first evaluation.
    local evaluation=("$1"/eval/step-*)
    if [ -d "${evaluation[0]}" ]; then echo "answers $(cat "${evaluation[0]}"/{nbest_predictions,null_odds}.json | digest)"; fi
}

if [ "$1" = table ]; then
    cd "$2"
    printf '| platform | mode | updates | losses | weights | answers |\n|---|---|---|---|---|---|\n'
    for file in *.txt; do
        get() { sed -n "s/^$1 //p" "$file"; }
        name=${file%.txt}
        printf '| %s | %s | %s | %s | %s | %s |\n' "${name%-*}" "${name##*-}" "$(get updates)" "$(get losses)" "$(get weights)" "$(get answers)"
    done
    exit
fi

name=$1 updates=$3
mkdir -p "$2"
cd "$2"
shift 3
# By the same program, so that its data and its starting weights are compared as well.
rm -rf "$name-made"
"$@" demo --write-files "$name-made" --passages "$train_passages" > /dev/null
node "$here/few.mjs" "$name-made/dev.json" "$dev_passages"
# The process that trains alone, without the one that watches over it: an emulator would not be asked to start another. It ends with its
# standard input, which therefore stays open.
input=$(mktemp -u)
mkfifo "$input"
exec 3<> "$input"
rm "$input"
for mode in default portable; do
    portable=0
    [ $mode = default ] || portable=1
    rm -rf "$name-$mode"
    SPANBERT_WORKER="$name-$mode" SPANBERT_PORTABLE=$portable "$@" train --preset demo --model "$name-made/model" \
        --train-file "$name-made/train.json" --dev-file "$name-made/dev.json" --max-steps "$updates" --output-dir "$name-$mode" \
        --backend cpu <&3 > "$name-$mode.log" 2>&1
    { echo "updates $updates"; digests "$name-$mode"; } > "$name-$mode.txt"
    cat "$name-$mode.txt"
done
