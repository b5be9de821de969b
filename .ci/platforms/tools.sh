# What cross-compiling takes, for the scripts beside this one, which source it.

# Whether Debian's packages are there, or could be installed.
have_packages() {
    local missing=() package
    for package in "$@"; do
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
    done
    ((${#missing[@]})) || return 0
    command -v apt-get >/dev/null || return 1
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
}

# Whether Rust's standard library for a target is there, or could be had.
standard_library() {
    has_standard_library "$1" || timeout 300 rustup target add "$1" || true
    has_standard_library "$1"
}

has_standard_library() {
    [ -d "$(rustc --print sysroot)/lib/rustlib/$1/lib" ]
}
