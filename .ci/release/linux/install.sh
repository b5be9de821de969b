#!/bin/sh
# Puts SpanBERT Studio into ~/.local, where desktops find it, or PREFIX: sh install.sh [--remove]
#
# Nothing has to be installed: both programs run from this folder, too.
set -eu
case ${1:-} in
    '' | --remove) ;;
    *) echo "usage: sh install.sh [--remove], into \$PREFIX if that is set, else ~/.local" >&2; exit 2 ;;
esac
cd "$(dirname "$0")"
prefix=${PREFIX:-$HOME/.local}
case $prefix in
    /*) ;;
    *) echo "error: PREFIX must be an absolute path" >&2; exit 2 ;;
esac
share=$prefix/share

rm -rf "$share/spanbert/web"
rm -f "$prefix/bin/spanbert" "$prefix/bin/spanbert-studio" "$share/applications/spanbert-studio.desktop" \
    "$share/icons/hicolor/scalable/apps/spanbert-studio.svg" "$share/icons/hicolor/256x256/apps/spanbert-studio.png"
rmdir "$share/spanbert" 2>/dev/null || true
if [ "${1:-}" = --remove ]; then
    echo "SpanBERT Studio is no longer in $prefix. Runs, models and settings are kept."
    exit
fi

mkdir -p "$prefix/bin" "$share/spanbert" "$share/applications" "$share/icons/hicolor/scalable/apps" "$share/icons/hicolor/256x256/apps"
cp spanbert spanbert-studio "$prefix/bin"
cp -R web "$share/spanbert"
cp icon.svg "$share/icons/hicolor/scalable/apps/spanbert-studio.svg"
cp icon.png "$share/icons/hicolor/256x256/apps/spanbert-studio.png"
# By its whole path: a desktop's PATH need not have that folder.
{
    grep -v '^Exec=' spanbert-studio.desktop
    printf 'Exec="%s/bin/spanbert-studio"\n' "$prefix"
} >"$share/applications/spanbert-studio.desktop"
echo "SpanBERT Studio is in $prefix/bin, and in the desktop's menu."
case :$PATH: in *":$prefix/bin:"*) ;; *) echo "Add $prefix/bin to PATH to call spanbert by its name." ;; esac
