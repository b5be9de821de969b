#!/usr/bin/env bash
# Runs an archive for Linux on a Debian without anything: bash .ci/release/check.sh ARCHIVE [SUITE]
#
# SUITE is a Debian that debootstrap can have (bookworm if not named; older ones have older versions of glibc). As root, since it changes
# into another root. A device other than the processor is not there.
set -euo pipefail
archive=$(realpath "${1:?name an archive for Linux}")
suite=${2:-bookworm}
cd "$(dirname "$0")/../.."
# shellcheck source=SCRIPTDIR/../platforms/tools.sh
source .ci/platforms/tools.sh
have_packages debootstrap debian-archive-keyring || { echo "error: debootstrap cannot be had" >&2; exit 1; }

mkdir -p "${CARGO_TARGET_DIR:-target}"
root=$(mktemp -d "$(realpath "${CARGO_TARGET_DIR:-target}")/bare-XXXXXX")
end() {
    ! mountpoint -q "$root/proc" || umount "$root/proc"
    rm -rf --one-file-system "$root"
}
trap end EXIT
debootstrap --variant=minbase "$suite" "$root" >"$root.log" 2>&1 || { tail "$root.log" >&2; exit 1; }
rm "$root.log"
mount -t proc proc "$root/proc"
tar -xzf "$archive" -C "$root/opt"
folder=/opt/$(basename "$archive" .tar.gz)

bare() {
    echo "\$ $*"
    chroot "$root" /usr/bin/env -i HOME=/root PATH="$folder:/usr/bin:/bin" "$@"
}
# A command that is to end with exit code $1.
ends_with() {
    local code=0
    bare "${@:2}" || code=$?
    [ $code = "$1" ] || { echo "error: exit code $code instead of $1" >&2; exit 1; }
}

bare ldd --version | sed -n 1,2p
bare spanbert --version
bare spanbert-studio --version
# Drivers and CUDA are missing, which is said and not fallen over.
bare spanbert devices
bare spanbert demo --backend cpu --epochs 1 --output-dir /root/demo
bare sh -c 'echo "In 1842, Marra built the mill of Kelford." | spanbert ask --model demo --backend cpu "Who built the mill of Kelford?"'
# The page is found: without it, the server would end by itself.
ends_with 124 timeout 3 spanbert web --no-open
# There is no desktop.
ends_with 1 spanbert-studio
bare sh "$folder/install.sh"
bare /root/.local/bin/spanbert --version
bare sh "$folder/install.sh" --remove
echo "passed: $(basename "$archive") on a bare $suite"
