#!/usr/bin/env bash
# The command line for Windows, built on Debian, and its end-to-end tests under Wine: bash .ci/platforms/windows.sh
#
# For the processor alone. Exits with 77 where MinGW-w64, Wine or Rust's standard library for Windows cannot be had. CARGO_TARGET_DIR as for
# cargo; spanbert_cli.exe is left in its x86_64-pc-windows-gnu/debug.
set -euo pipefail
cd "$(dirname "$0")/../.."
triple=x86_64-pc-windows-gnu
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
# shellcheck source=/dev/null
source .ci/platforms/tools.sh
have_packages gcc-mingw-w64-x86-64 wine wine64 && standard_library $triple || exit 77

# A Windows of its own, which opens no windows and asks for nothing.
export WINEPREFIX=$target/wine WINEDEBUG=-all WINEDLLOVERRIDES="mscoree=d;mshtml=d;winemenubuilder.exe=d"
library=$WINEPREFIX/drive_c/windows/system32/bcryptprimitives.dll
mkdir -p "$target"
[ -e "$WINEPREFIX/system.reg" ] || wineboot --init
# Rust's standard library takes random numbers from a library that Wine 8 lacks.
[ -e "$library" ] || x86_64-w64-mingw32-gcc -shared -O1 -o "$library" .ci/platforms/bcryptprimitives.c -ladvapi32

export CARGO_TARGET_X86_64_PC_WINDOWS_GNU_LINKER=x86_64-w64-mingw32-gcc CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER=wine
export CARGO_PROFILE_DEV_DEBUG=0
cargo test --locked --target $triple --workspace --exclude spanbert-app --exclude spanbert-web --no-default-features \
    --test portable --test training --test resume --test outputs --test cli --test bad_input
