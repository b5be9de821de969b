# What build.sh, which sources this, makes archives with and looks at them with.
# shellcheck shell=bash

# shellcheck source=SCRIPTDIR/../platforms/tools.sh
source .ci/platforms/tools.sh

cargo_about=0.9.3
: "${target:?set by build.sh}"

need() {
    "$@" || { echo "error: what this archive is made with cannot be had: $*" >&2; exit 1; }
}

# What packs the page.
has_brotli() {
    command -v brotli >/dev/null || have_packages brotli
}

# Fails if a program $1 names a folder, one of the others.
names_no_folder() {
    local program=$1 folder
    shift
    for folder in "$@"; do
        if grep -qaF "$folder/" "$program"; then
            echo "error: ${program##*/} names a folder of the machine it was built on:" >&2
            strings -n 8 "$program" | grep -F "$folder/" | cut -c 1-200 | head -n 5 >&2
            exit 1
        fi
    done
}

# The licences of all that is compiled into the programs and the page, as one file $1.
licences() {
    local tools=$target/about-$cargo_about
    [ -x "$tools/bin/cargo-about" ] ||
        cargo install --quiet --locked --version $cargo_about --features cli --root "$tools" --target-dir "$tools/target" cargo-about
    "$tools/bin/cargo-about" generate --locked --fail --manifest-path app/Cargo.toml --config .ci/release/about.toml \
        --output-file "$1" .ci/release/about.hbs
}

mingw() {
    need have_packages gcc-mingw-w64-x86-64 binutils
    need standard_library x86_64-pc-windows-gnu
    export CARGO_TARGET_X86_64_PC_WINDOWS_GNU_LINKER=x86_64-w64-mingw32-gcc
}

# Fails if a program asks for a newer glibc than $1, or for a library that is not of glibc.
glibc_at_most() {
    local most=$1 program newest others
    shift
    for program in "$@"; do
        newest=$(objdump -T "$program" | grep -oE 'GLIBC_[0-9.]+' | sort -uV | tail -1)
        others=$(readelf -d "$program" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' |
            grep -vE '^(lib(c|m|dl|rt|util|pthread)\.so|ld-linux-x86-64\.so)' || true)
        echo "${program##*/}: $newest; not of glibc: ${others:-nothing}"
        if [ -n "$others" ] || ! printf '%s\n' "$newest" "GLIBC_$most" | sort -VC; then
            echo "error: ${program##*/} does not run on every Linux with glibc $most" >&2
            exit 1
        fi
    done
}

# Fails if a program asks for a library that Windows 10 has not, or has no icon and version.
of_windows_alone() {
    local program imported others
    for program in "$@"; do
        imported=$(objdump -p "$program" | sed -n 's/.*DLL Name: //p' | tr '[:upper:]' '[:lower:]' | sort -u)
        echo "${program##*/}: $(tr '\n' ' ' <<<"$imported")"
        others=$(grep -vxFf .ci/release/windows.txt <<<"$imported" | grep -v '^api-ms-win-' || true)
        [ -z "$others" ] || { echo "error: ${program##*/} needs what Windows has not: $others" >&2; exit 1; }
        objdump -h "$program" | grep -q '\.rsrc' || { echo "error: ${program##*/} has no icon" >&2; exit 1; }
    done
}
