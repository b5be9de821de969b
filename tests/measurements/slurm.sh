#!/usr/bin/env bash
# Trainings and job arrays under Slurm, beside one process: the digests that have to be equal.
#
#     OUT=/tmp/slurm SPANBERT=target/release/spanbert tests/measurements/slurm.sh
#
# On a machine or cluster where `srun` and `sbatch` work and OUT is seen by all nodes; SPANBERT is the command line. It trains the
# demonstration's model for UPDATES (500) updates with one process, under PMIx with 2 and 4, under PMI2 with 2 and 4 where MPICH is
# (MPICH_LIBRARY, its libmpich.so.12), cancels a job with SIGTERM after SECONDS_BEFORE (14) and resumes it with 4; then answers the
# demonstration's questions in an array of three jobs and merges them.
set -euo pipefail
: "${OUT:?a folder that all nodes see}" "${SPANBERT:?the command line}"
spanbert=$(realpath "$SPANBERT")
mkdir -p "$OUT"
OUT=$(realpath "$OUT")
files=$OUT/files
[ -d "$files" ] || "$spanbert" demo --write-files "$files" >/dev/null
mpich=${MPICH_LIBRARY:-$(find /usr/lib -name 'libmpich.so.12' 2>/dev/null | head -n 1)}
train=("$spanbert" train --distributed --parts 4 --preset demo --backend cpu --model "$files/model" --train-file "$files/train.json"
    --dev-file "$files/dev.json" --max-steps "${UPDATES:-500}" --eval-per-epoch 50 --resume-if-begun --output-dir)

digests() { (cd "$OUT/$1" && sha256sum {last,best}/model.safetensors | sed "s|^\(............\)[^ ]*|$1 \1|"); }

run() {
    local name=$1
    shift
    rm -rf "${OUT:?}/$name"
    "$@" "${train[@]}" "$OUT/$name" >"$OUT/$name.log" 2>&1
    digests "$name"
}

run one
run pmix-2 srun --mpi=pmix -n 2
run pmix-4 srun --mpi=pmix --overcommit -n 4
if [ -n "$mpich" ]; then
    export SPANBERT_MPI_LIBRARY=$mpich
    run pmi2-2 srun --mpi=pmi2 -n 2
    run pmi2-4 srun --mpi=pmi2 --overcommit -n 4
    unset SPANBERT_MPI_LIBRARY
fi

# A job that is cancelled: it saves, and says by its exit code that it is not done.
rm -rf "$OUT/cancelled"
printf '#!/usr/bin/env bash\nsrun --mpi=pmix --kill-on-bad-exit=1 -n 2 %s\necho "exit code $?"\n' \
    "$(printf '%q ' "${train[@]}" "$OUT/cancelled")" >"$OUT/job.sh"
job=$(sbatch --parsable -n 2 -o "$OUT/cancelled.log" "$OUT/job.sh")
sleep "${SECONDS_BEFORE:-14}"
scancel --signal=TERM "$job"
while [ -n "$(squeue --noheader --jobs "$job" 2>/dev/null)" ]; do sleep 1; done
tail -n 1 "$OUT/cancelled.log"
srun --mpi=pmix --overcommit -n 4 "${train[@]}" "$OUT/cancelled" >"$OUT/resumed.log" 2>&1
grep resuming "$OUT/resumed.log"
digests cancelled

# Questions answered in three jobs.
rm -rf "$OUT/shards" "$OUT/whole"
predict=("$spanbert" predict --model "$OUT/one/last" --data "$files/dev.json" --backend cpu --output-dir)
printf '#!/usr/bin/env bash\nexec %s --shard "$SLURM_ARRAY_TASK_ID/3"\n' "$(printf '%q ' "${predict[@]}" "$OUT/shards")" >"$OUT/array.sh"
sbatch --wait --array=1-3 -n 1 -o "$OUT/shard-%a.log" "$OUT/array.sh" >/dev/null
"$spanbert" predict --merge "$OUT/shards"
"${predict[@]}" "$OUT/whole" >"$OUT/whole.log" 2>&1
for file in "$OUT"/whole/*.json; do cmp "$file" "$OUT/shards/$(basename "$file")" && echo "$(basename "$file") equal"; done
