#!/usr/bin/env bash
# SpanBERT in Chromium, beside the command line: bash .ci/web/test.sh FOLDER SPANBERT [PICTURES]
#
# FOLDER is what build.sh wrote, SPANBERT the command line's program; pictures of the app are taken into PICTURES. SPANBERT_WEB_CACHE
# as for build.sh.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
bash "$here/tools.sh"
cache=${SPANBERT_WEB_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/spanbert-web}
export SPANBERT_WEB_PAGE SPANBERT SPANBERT_WEB_PUPPETEER SPANBERT_WEB_PICTURES
SPANBERT_WEB_PAGE=$(realpath "$1") SPANBERT=$(realpath "$2") SPANBERT_WEB_PICTURES=${3:+$(realpath -m "$3")}
SPANBERT_WEB_PUPPETEER=$(printf '%s\n' "$cache"/npm/puppeteer-core@*/node_modules/puppeteer-core/lib/esm/puppeteer/puppeteer-core.js | sort -V | tail -n 1)
tests=(answers training obstacles)
[ -e "$1/studio.js" ] && tests+=(app narrow leaving bad_days firefox)
for name in "${tests[@]}"; do
    # Firefox draws by WebGL only where there is a display.
    display=()
    [ "$name" = firefox ] && command -v xvfb-run >/dev/null && display=(xvfb-run --auto-servernum)
    ${display[@]+"${display[@]}"} node --test --test-reporter=spec "$here/$name.mjs"
done
