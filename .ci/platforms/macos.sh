#!/usr/bin/env bash
# Type-checks everything for Macs with Apple's processors, on Debian: bash .ci/platforms/macos.sh
#
# Nothing is linked: that takes Apple's SDK. The little C among the dependencies is compiled by Zig, which has the headers it needs. Exits
# with 77 where Zig or Rust's standard library for macOS cannot be had. CARGO_TARGET_DIR as for cargo.
set -euo pipefail
cd "$(dirname "$0")/../.."
triple=aarch64-apple-darwin
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
# shellcheck source=SCRIPTDIR/tools.sh
source .ci/platforms/tools.sh
zig && standard_library $triple || exit 77

# What the cc crate calls. Zig goes by its own name of the target, and Apple's flags for it mean nothing to it.
tools=$target/macos-tools
mkdir -p "$tools"
cat >"$tools/cc" <<'CC'
#!/usr/bin/env bash
arguments=()
while (($#)); do
    case $1 in
        -arch | -target | -isysroot) shift ;;
        --target=* | -mmacosx-version-min=* | -mmacos-version-min=*) ;;
        *) arguments+=("$1") ;;
    esac
    shift
done
exec python -m ziglang cc -target aarch64-macos "${arguments[@]}"
CC
printf '#!/usr/bin/env bash\nexec python -m ziglang ar "$@"\n' >"$tools/ar"
chmod +x "$tools"/{cc,ar}
export CC_aarch64_apple_darwin=$tools/cc CXX_aarch64_apple_darwin=$tools/cc AR_aarch64_apple_darwin=$tools/ar
# Build scripts ask Apple's tools for the SDK where nobody says where it is.
export SDKROOT=/
cargo check --locked --target $triple --workspace --exclude spanbert-web --all-targets
