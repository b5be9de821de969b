#!/usr/bin/env bash
# Makes the fonts of this folder: bash app/fonts/subset.sh
#
# symbols.ttf is the part of the Phosphor icon font that app/src/symbols.rs names. The other two are egui's for text and for code, as
# the page carries them: all glyphs, without the instructions for coarse screens, which are half of each. Takes the originals from the
# packages of Cargo.lock, and fontTools from PyPI into a folder of its own.
set -euo pipefail
cd "$(dirname "$0")/../.."
package() {
    dirname "$(cargo metadata --locked --format-version 1 | NAME=$1 python3 -c '
import json, os, sys
print(next(p["manifest_path"] for p in json.load(sys.stdin)["packages"] if p["name"] == os.environ["NAME"]))')"
}
tools=$(mktemp -d)
trap 'rm -r "$tools"' EXIT
python3 -m venv "$tools"
"$tools/bin/pip" install --quiet fonttools==4.68.0
subset() { "$tools/bin/pyftsubset" "$1" --output-file="app/fonts/$2" --no-hinting --name-IDs='*' "${@:3}"; }

phosphor=$(package egui-phosphor)
codes=$(sed -n '/^symbols! {/,/^}/p' app/src/symbols.rs | grep -oE '\b[A-Z][A-Z_0-9]*\b' |
    while read -r name; do sed -n "s/^pub const $name: &str = \"\\\\u{\\(.*\\)}\";/\\1/p" "$phosphor/src/variants/regular.rs"; done | paste -sd,)
subset "$phosphor/res/Phosphor.ttf" symbols.ttf --unicodes="$codes" --layout-features=

egui=$(package epaint_default_fonts)/fonts
subset "$egui/Ubuntu-Light.ttf" text.ttf --unicodes='*' --layout-features='*'
subset "$egui/Hack-Regular.ttf" code.ttf --unicodes='*' --layout-features='*' --drop-tables+=TTFA,DSIG
cp "$egui/UFL.txt" app/fonts/LICENSE-text
cp "$egui/Hack-Regular.txt" app/fonts/LICENSE-code
# Condition 2 c of the Ubuntu Font Licence: a version that looks the same says in its name that it is another.
"$tools/bin/python" - <<'PYTHON'
from fontTools.ttLib import TTFont

font = TTFont("app/fonts/text.ttf")
for record in font["name"].names:
    if record.nameID in (1, 4, 16):
        record.string = f"{record.toUnicode()} derivative SpanBERT Studio"
    elif record.nameID == 6:
        record.string = f"{record.toUnicode()}-derivative-SpanBERTStudio"
font.save("app/fonts/text.ttf")
PYTHON
