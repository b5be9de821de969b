#!/usr/bin/env bash
# SpanBERT in Chromium, beside the command line: bash .ci/web/test.sh FOLDER SPANBERT [PICTURES]
#
# FOLDER is what build.sh wrote, SPANBERT the command line's program; pictures of the app are taken into PICTURES. SPANBERT_WEB_CACHE
# as for build.sh.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${SPANBERT_WEB_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/spanbert-web}
missing=()
[ -x /usr/bin/chromium ] || missing+=(chromium)
command -v node >/dev/null || missing+=(nodejs)
command -v npm >/dev/null || missing+=(npm)
if ((${#missing[@]})); then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
fi
# It only speaks to the browser; --ignore-scripts, since it is not to fetch one.
puppeteer=puppeteer-core@24.8.2
[ -d "$cache/npm/$puppeteer" ] ||
    npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$cache/npm/$puppeteer" "$puppeteer"
SPANBERT_WEB_PAGE=$(realpath "$1") SPANBERT=$(realpath "$2") \
    SPANBERT_WEB_PUPPETEER="$cache/npm/$puppeteer/node_modules/puppeteer-core/lib/esm/puppeteer/puppeteer-core.js" \
    SPANBERT_WEB_PICTURES=${3:+$(realpath -m "$3")} \
    node --test --test-reporter=spec --test-concurrency=1 "$here/test.mjs" $([ -e "$1/studio.js" ] && echo "$here/app.mjs")
