#!/usr/bin/env bash
# The archives that people download, into dist/: bash .ci/release/build.sh [linux] [windows] [web] [macos-aarch64] [macos-x86_64]
#
# Without names it makes the first three, on Debian 12 with Rust by rustup; the last two take a Mac. What they are made with is
# installed (tools.sh). DIST is the folder to write into, CARGO_TARGET_DIR that of cargo, SPANBERT_WEB_CACHE that of .ci/web/build.sh,
# PAGE a folder which that script has written with --app, for a page that is built already.
#
# Linux: glibc 2.28 (2018) or newer; graphics, CUDA, NCCL and MPI are looked for when the program runs. Windows: 10 or newer.
# SpanBERT's weights are in no archive: their licence excludes commercial use.
#
# check.sh runs what was made for Linux on a Debian without anything. What a workflow does with all this: .github/workflows/release.yml.
set -euo pipefail
cd "$(dirname "$0")/../.."
kinds=("$@")
((${#kinds[@]})) || kinds=(linux windows web)
for kind in "${kinds[@]}"; do
    case $kind in
        linux | windows | web | macos-aarch64 | macos-x86_64) ;;
        *) echo "error: unknown archive $kind" >&2; exit 2 ;;
    esac
done
here=$PWD/.ci/release
folder() { mkdir -p "$1" && (cd "$1" && pwd); }
dist=$(folder "${DIST:-dist}")
target=$(folder "${CARGO_TARGET_DIR:-target}")
export CARGO_TARGET_DIR=$target CARGO_INCREMENTAL=0
# shellcheck source=SCRIPTDIR/tools.sh
source "$here/tools.sh"

version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
# The time of every file in the archives.
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
[ -z "$(git status --porcelain)" ] ||
    echo "warning: these files are not those of the commit that the programs name: $(git status --porcelain | head -n 20)" >&2

# The folder of the page.
page() {
    [ -z "${PAGE:-}" ] || return 0
    PAGE=$target/page
    rm -rf "$PAGE"
    bash .ci/web/build.sh "$PAGE" --app
}

# Both programs, `cargo $1` for target $2, with ending $3, into folder $4.
programs() {
    local home=${CARGO_HOME:-$HOME/.cargo} flags=() sources program
    cargo fetch --locked --target "${2%%.*}"
    # Messages of panics name sources, which need not say in whose home they were.
    for sources in "$home"/registry/src/*/; do flags+=("--remap-path-prefix=$sources="); done
    flags+=("--remap-path-prefix=$target=target")
    RUSTFLAGS="${flags[*]}" CFLAGS="-ffile-prefix-map=$home/registry=registry -ffile-prefix-map=$target=target" \
        cargo "$1" --locked --release --target "$2" -p spanbert-cli -p spanbert-app --bins
    for program in spanbert spanbert-studio; do
        cp "$target/${2%%.*}/release/$program$3" "$4"
        names_no_folder "$4/$program$3" "$home" "$target" "$PWD"
    done
}

# The folder $stage, named $1, with what every archive has.
begin() {
    stage=$target/stage/$1
    rm -rf "$stage"
    mkdir -p "$stage/fonts"
    cp "$target/THIRD-PARTY.html" LICENSE-MIT LICENSE-APACHE "$stage"
    cp app/fonts/LICENSE-* "$stage/fonts"
}

# The same with the page where `spanbert web` looks for it, and what there is to read, with its pictures.
begin_programs() {
    begin "$1"
    copy_page "$stage/web"
    # Compressed files are for hosts that are far away.
    rm -f "$stage"/web/*.{br,gz}
    mkdir -p "$stage/assets"
    cp -R assets/screenshots "$stage/assets"
    # Links to what only the sources have are text.
    local text
    for text in README.md MANUAL.md; do
        sed -E 's/\[([^]]*)\]\((ARCHITECTURE|assets\/demo|tests)[^)]*\)/\1/g' "$text" >"$stage/$text"
    done
}

# The page as people serve it: without what is for tests of the worker alone.
copy_page() {
    mkdir -p "$1"
    cp "$PAGE"/* "$1"
    rm -f "$1"/worker.html*
}

make() {
    local name=spanbert-studio-$version-$1
    case $1 in
        linux)
            name+=-x86_64
            need zig
            need have_packages binutils
            need standard_library x86_64-unknown-linux-gnu
            begin_programs "$name"
            programs zigbuild x86_64-unknown-linux-gnu.2.28 "" "$stage"
            glibc_at_most 2.28 "$stage/spanbert" "$stage/spanbert-studio"
            cp .ci/release/linux/* assets/icon/icon.svg assets/icon/icon.png "$stage"
            python3 "$here/pack.py" "$stage" "$dist/$name.tar.gz"
            ;;
        windows)
            name+=-x86_64
            mingw
            begin_programs "$name"
            programs build x86_64-pc-windows-gnu .exe "$stage"
            of_windows_alone "$stage/spanbert.exe" "$stage/spanbert-studio.exe"
            # Its run-time library is in the programs, and its notice wants to be with them.
            cp /usr/share/doc/mingw-w64-x86-64-dev/copyright "$stage/LICENSE-MinGW-w64.txt"
            python3 "$here/pack.py" "$stage" "$dist/$name.zip"
            ;;
        macos-*)
            # What is older than the first Macs with Apple's processors is not tried.
            export MACOSX_DEPLOYMENT_TARGET=11.0
            rustup target add "${1#macos-}-apple-darwin"
            begin_programs "$name"
            programs build "${1#macos-}-apple-darwin" "" "$stage"
            python3 "$here/pack.py" "$stage" "$dist/$name.tar.gz"
            ;;
        web)
            begin "$name"
            copy_page "$stage"
            cp "$here/web-readme.txt" "$stage/README.txt"
            python3 "$here/pack.py" "$stage" "$dist/$name.zip"
            ;;
    esac
}

[ -n "${PAGE:-}" ] || need has_brotli
licences "$target/THIRD-PARTY.html"
page
for kind in "${kinds[@]}"; do make "$kind"; done
cd "$dist"
shopt -s nullglob
archives=("spanbert-studio-$version"-*.{tar.gz,zip})
if command -v sha256sum >/dev/null; then sha256sum "${archives[@]}"; else shasum -a 256 "${archives[@]}"; fi | LC_ALL=C sort -k2 >SHA256SUMS
cat SHA256SUMS
