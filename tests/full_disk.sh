#!/usr/bin/env bash
# Trains into a file system of which 16 MB are free until it is full, gives it space, resumes, and compares with an uninterrupted run.
# Mounts a tmpfs, so it needs root.
#
#   sudo bash tests/full_disk.sh
set -euo pipefail
cd "$(dirname "$0")/.."
disk=$(mktemp -d)
trap 'umount "$disk" && rmdir "$disk"' EXIT
mount -t tmpfs -o size=64m tmpfs "$disk"
SPANBERT_SMALL_DISK=$disk cargo test -p spanbert-tests --no-default-features --test full_disk -- --nocapture
