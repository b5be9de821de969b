#!/usr/bin/env bash
# The processor's part for Linux on Arm (64 bits), built on Debian, and its tests under emulation: bash .ci/platforms/arm.sh
#
# Exits with 77 where the cross compiler, QEMU or Rust's standard library for Arm cannot be had. CARGO_TARGET_DIR as for cargo;
# spanbert_cli is left in its aarch64-unknown-linux-gnu/debug.
set -euo pipefail
cd "$(dirname "$0")/../.."
triple=aarch64-unknown-linux-gnu
# shellcheck source=SCRIPTDIR/tools.sh
source .ci/platforms/tools.sh
have_packages gcc-aarch64-linux-gnu g++-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user qemu-user-binfmt && standard_library $triple || exit 77
# With this the system runs programs for Arm like its own, and they each other: a container has to be allowed to, or its host does it.
binfmt=/proc/sys/fs/binfmt_misc
[ -e $binfmt/register ] || mount -t binfmt_misc binfmt_misc $binfmt || true
[ -e $binfmt/qemu-aarch64 ] || cat /usr/lib/binfmt.d/qemu-aarch64.conf >$binfmt/register || exit 77

export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc QEMU_LD_PREFIX=/usr/aarch64-linux-gnu
export CARGO_PROFILE_DEV_DEBUG=0
# One test is skipped: it needs a program that does not start, and under QEMU every program seems to.
cargo test --locked --target $triple --workspace --exclude spanbert-app --exclude spanbert-web --no-default-features \
    --lib --test dispatch --test oracle_model --test portable --test resume -- \
    --skip without_a_program_that_starts_there_is_no_worker
