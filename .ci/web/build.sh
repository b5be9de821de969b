#!/usr/bin/env bash
# SpanBERT for browsers as a folder of static files, for any web host: bash .ci/web/build.sh FOLDER [--processor] [--app]
#
# With --app its page is SpanBERT Studio, else one without anything to see, for tests of the worker. With --processor it is built
# without WebGPU, which takes a fraction of the time. SPANBERT_WEB_CACHE names a folder for what is
# downloaded and built besides (in the user's cache by default), CARGO_TARGET_DIR that of cargo.
set -euo pipefail
cd "$(dirname "$0")/../.."
out=${1:?name the folder to write into}
features=(--features wgpu)
package=spanbert-web
for option in "${@:2}"; do
    case $option in
        --processor) features=() ;;
        --app) package=spanbert-app ;;
        *) echo "error: unknown option $option" >&2; exit 2 ;;
    esac
done
cache=${SPANBERT_WEB_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/spanbert-web}
target=$(realpath -m "${CARGO_TARGET_DIR:-target}/web")
triple=wasm32-unknown-unknown
mkdir -p "$cache" "$out"

# wasm-bindgen as a program, of the version that the program is built with.
version=$(sed -n '/^name = "wasm-bindgen"$/{n;s/version = "\(.*\)"/\1/p}' Cargo.lock)
grep -q "wasm-bindgen-cli-support = \"=$version\"" .ci/web/bindgen/Cargo.toml || {
    echo "error: Cargo.lock has wasm-bindgen $version; write that into .ci/web/bindgen/Cargo.toml" >&2
    exit 1
}
cargo build --quiet --locked --release --manifest-path .ci/web/bindgen/Cargo.toml --target-dir "$cache/bindgen"

# The standard library for wasm32: rustup's, else, where that is not to be had, Debian's sources compiled by Debian's compiler,
# unpacked beside everything else, so that nothing takes the place of rustup.
cargo=(cargo)
standard=()
has_target() { [ -d "$(rustc --print sysroot)/lib/rustlib/$triple/lib" ]; }
has_target || timeout 300 rustup target add $triple || true
if ! has_target; then
    if [ ! -e "$cache/debian/complete" ]; then
        mkdir -p "$cache/debian/packages"
        apt-get update -qq
        # By pattern what belongs to a version of Rust or LLVM.
        names=$(apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances \
            rustc-web cargo-web libstd-rust-web-dev rust-web-src | grep -E '^[a-z]' |
            grep -E '^(rustc-web|cargo-web|rust-web-src|libstd-rust-web|libllvm|libgit2|libhttp-parser|libmbed)' | sort -u)
        (cd "$cache/debian/packages" && apt-get download -qq $names)
        for package in "$cache"/debian/packages/*.deb; do dpkg -x "$package" "$cache/debian"; done
        rm -r "$cache/debian/packages"
        touch "$cache/debian/complete"
    fi
    linker=("$(rustc --print sysroot)"/lib/rustlib/*/bin/rust-lld)
    export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=${linker[0]} RUSTC="$cache/debian/usr/bin/rustc" RUSTC_BOOTSTRAP=1
    export LD_LIBRARY_PATH="$cache/debian/usr/lib/x86_64-linux-gnu${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
    cargo=("$cache/debian/usr/bin/cargo")
    standard=(-Zbuild-std=std,panic_abort)
fi

# The vectors of 128 bits that every browser with WebGPU has, and those without it since 2021 (Safari: 2023). Messages of panics name
# the sources of dependencies, which need not say in whose home they were.
flags=(-C target-feature=+simd128)
for sources in "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*/; do flags+=("--remap-path-prefix=$sources="); done
RUSTFLAGS="${flags[*]}" "${cargo[@]}" rustc --locked -p "$package" --lib --crate-type cdylib \
    --no-default-features ${features[@]+"${features[@]}"} --profile web --target $triple --target-dir "$target" \
    ${standard[@]+"${standard[@]}"}
# One module for page and workers, of one name whether the app is in it or not.
built=$target/$triple/web/${package//-/_}.wasm
if [ "$package" = spanbert-app ]; then
    mkdir -p "$target/app"
    cp "$built" "$target/app/spanbert_web.wasm"
    built=$target/app/spanbert_web.wasm
fi
"$cache/bindgen/release/bindgen" "$built" "$out"
cp core/web/www/* "$out"
if [ "$package" = spanbert-app ]; then
    # For tests of the worker alone.
    mv "$out/index.html" "$out/worker.html"
    cp app/www/* app/fonts/LICENSE-* "$out"
fi

# As web hosts send them to browsers that take them so, which all do.
rm -f "$out"/*.br "$out"/*.gz
if command -v brotli >/dev/null; then
    pack() { brotli --force --best "$1"; }
else
    # Node has it, too.
    pack() { node -e 'const [,, file] = process.argv, fs = require("fs"), zlib = require("zlib");
        fs.writeFileSync(`${file}.br`, zlib.brotliCompressSync(fs.readFileSync(file), { params: { [zlib.constants.BROTLI_PARAM_LGWIN]: 24 } }))' - "$1"; }
fi
for file in "$out"/*.{js,css,html,wasm}; do
    [ -e "$file" ] || continue
    gzip --force --keep --no-name --best "$file"
    pack "$file" || { echo "warning: $file is not there in Brotli's format, for which brotli or node is needed" >&2; }
done
total() { cat "$@" 2>/dev/null | wc -c; }
echo "page: $(total "$out"/*.{js,css,html,wasm}) bytes, $(total "$out"/*.gz) by gzip, $(total "$out"/*.br) by Brotli"
