#!/usr/bin/env bash
# Linux on 64-bit Arm, built on Debian and run under qemu: bash .ci/platforms/arm.sh
#
# The tests of the library and its operations on the processor, and the bits of a training beside those of x86-64 in portable mode. Exits with
# 77 where the cross compiler, qemu or Rust's standard library for Arm cannot be had. CARGO_TARGET_DIR as for cargo.
set -euo pipefail
cd "$(dirname "$0")/../.."
triple=aarch64-unknown-linux-gnu
# shellcheck source=/dev/null
source .ci/platforms/tools.sh
have_packages gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user && standard_library $triple || exit 77

export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="qemu-aarch64 -L /usr/aarch64-linux-gnu"
export CARGO_PROFILE_DEV_DEBUG=0
cargo test --locked --target $triple --no-default-features --features spanbert-core/native \
    -p spanbert-backends -p spanbert-cpu -p spanbert-model -p spanbert-core --lib
