#!/usr/bin/env bash
# Builds all targets, with cargo-fuzz if there is one, else the way cargo-fuzz does; prints the folder of the programs.
set -euo pipefail
cd "$(dirname "$0")"
triple=$(rustc +nightly -vV | sed -n 's/^host: //p')
target_dir=${CARGO_TARGET_DIR:-$PWD/target}

if [[ -z ${SPANBERT_FUZZ_PLAIN:-} ]] && cargo fuzz --version >/dev/null 2>&1; then
    # No sanitizer: the readers are safe Rust, and memory is metered by our own allocator (../tests/hostile/memory.rs).
    cargo +nightly fuzz build --fuzz-dir . --sanitizer none --target-dir "$target_dir" >&2
else
    # cargo-fuzz's own flags, so that both ways give the same programs and share what is built.
    flags=(
        -Cpasses=sancov-module
        -Cllvm-args=-sanitizer-coverage-level=4
        -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
        -Cllvm-args=-sanitizer-coverage-pc-table
        -Cllvm-args=-sanitizer-coverage-trace-compares
        --cfg fuzzing
        -Cllvm-args=-simplifycfg-branch-fold-threshold=0
    )
    [[ $triple == *-linux-* ]] && flags+=(-Cllvm-args=-sanitizer-coverage-stack-depth)
    flags+=(-Cdebug-assertions -Ccodegen-units=1)
    RUSTFLAGS="${flags[*]}" cargo +nightly build --release --config 'profile.release.debug="line-tables-only"' \
        --target "$triple" --target-dir "$target_dir" --bins >&2
fi
echo "$target_dir/$triple/release"
