#!/usr/bin/env bash
# Both programs for Windows, every backend included, built on Debian, and their tests under Wine: bash .ci/platforms/windows.sh
#
# Trainings, killed and resumed; locks, paths, a full disk; wgpu, where Wine finds a Vulkan driver; and the window: its first frame, and a
# training that outlives it. Exits with 77 where MinGW-w64, Wine or Rust's standard library for Windows cannot be had. CARGO_TARGET_DIR as
# for cargo; spanbert_cli.exe and spanbert-studio.exe are left in its x86_64-pc-windows-gnu/debug.
set -euo pipefail
cd "$(dirname "$0")/../.."
triple=x86_64-pc-windows-gnu
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
# shellcheck source=SCRIPTDIR/tools.sh
source .ci/platforms/tools.sh
have_packages gcc-mingw-w64-x86-64 wine wine64 xvfb mesa-vulkan-drivers && standard_library $triple || exit 77

# A Windows of its own, which asks for nothing.
export WINEPREFIX=$target/wine WINEDEBUG=-all WINEDLLOVERRIDES="mscoree=d;mshtml=d;winemenubuilder.exe=d"
library=$WINEPREFIX/drive_c/windows/system32/bcryptprimitives.dll
mkdir -p "$target"
# A display, and a Windows that has been started on it.
exec {display}< <(exec Xvfb -displayfd 1 -screen 0 1280x900x24 -nolisten tcp 2>/dev/null)
xvfb=$!
end() {
    wineserver -k || true
    kill $xvfb
    ! mountpoint -q "$disk" || umount "$disk"
}
disk=$target/small-disk
wineserver -k || true
trap end EXIT
read -r DISPLAY <&"$display"
export DISPLAY=:$DISPLAY
[ -e "$WINEPREFIX/system.reg" ] || wineboot --init
# Rust's standard library takes random numbers from a library that Wine 8 lacks.
[ -e "$library" ] || x86_64-w64-mingw32-gcc -shared -O1 -o "$library" .ci/platforms/bcryptprimitives.c -ladvapi32

# A file system that can be filled, where mounting is allowed.
mkdir -p "$disk"
if mount -t tmpfs -o size=64m tmpfs "$disk" 2>/dev/null; then
    export SPANBERT_SMALL_DISK=Z:${disk//\//\\}
fi

export CARGO_TARGET_X86_64_PC_WINDOWS_GNU_LINKER=x86_64-w64-mingw32-gcc CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER=wine
export CARGO_PROFILE_DEV_DEBUG=0
cargo test --locked --target $triple --workspace --exclude spanbert-web --no-default-features --features wgpu,cuda \
    --test portable --test oracle_model --test training --test resume --test outputs --test cli --test bad_input --test supervised --test paths \
    --test full_disk --test devices --test end_to_end -- --skip a_newcomer_trains_the_demo

echo "== the window's first frame"
# Not by Wine's Direct3D 12, which does not compile egui's shaders.
WGPU_BACKEND=vulkan timeout 300 wine "$target/$triple/debug/spanbert-studio.exe" --first-frame
