# What cross-compiling takes, for the scripts beside this one, which source it.
# shellcheck shell=bash

# Whether Debian's packages are there, or could be installed.
have_packages() {
    local missing=() package
    for package in "$@"; do
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
    done
    ((${#missing[@]})) || return 0
    command -v apt-get >/dev/null || return 1
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends --no-remove "${missing[@]}"
}

# Whether Rust's standard library for a target is there, or could be had.
standard_library() {
    has_standard_library "$1" || timeout 300 rustup target add "$1" || true
    has_standard_library "$1"
}

# Zig as a C compiler and linker for other systems and for every version of glibc: whether it is there, or could be had.
zig() {
    local tools=${target:?set by who sources this}/zig
    have_packages python3-venv || return 1
    cmp -s .ci/platforms/zig.txt "$tools/installed" || {
        python3 -m venv "$tools" && "$tools/bin/pip" install --quiet --requirement .ci/platforms/zig.txt &&
            cp .ci/platforms/zig.txt "$tools/installed" || return 1
    }
    export PATH=$tools/bin:$PATH
}

has_standard_library() {
    [ -d "$(rustc --print sysroot)/lib/rustlib/$1/lib" ]
}
