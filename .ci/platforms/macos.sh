#!/usr/bin/env bash
# What macOS on Apple's processors would be built from, type-checked on Debian, Metal through wgpu included: bash .ci/platforms/macos.sh
#
# Linking needs Apple's SDK. The little C among the dependencies is compiled by Zig (PyPI's ziglang), which carries macOS's headers. Exits with 77 where
# Zig or Rust's standard library for macOS cannot be had. CARGO_TARGET_DIR as for cargo.
set -euo pipefail
cd "$(dirname "$0")/../.."
triple=aarch64-apple-darwin
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
# shellcheck source=/dev/null
source .ci/platforms/tools.sh
have_packages python3-venv && standard_library $triple || exit 77
zig=$target/zig
"$zig/bin/python" -c 'import ziglang' 2>/dev/null || { python3 -m venv "$zig" && "$zig/bin/pip" install --quiet ziglang==0.13.0; } || exit 77

# cc names the target as Rust and Apple do, which Zig does not know.
mkdir -p "$zig/cc"
cat > "$zig/cc/cc" <<EOF
#!/usr/bin/env bash
arguments=()
for argument; do
    case \$argument in --target=* | -arch | arm64 | -mmacosx-version-min=*) ;; *) arguments+=("\$argument") ;; esac
done
exec "$zig/bin/python" -m ziglang cc -target aarch64-macos "\${arguments[@]}"
EOF
printf '#!/usr/bin/env bash\nexec "%s/bin/python" -m ziglang ar "$@"\n' "$zig" > "$zig/cc/ar"
chmod +x "$zig/cc/cc" "$zig/cc/ar"
export CC_aarch64_apple_darwin=$zig/cc/cc CXX_aarch64_apple_darwin=$zig/cc/cc AR_aarch64_apple_darwin=$zig/cc/ar
cargo check --locked --target $triple --workspace --exclude spanbert-web
