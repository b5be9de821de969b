#!/usr/bin/env bash
# What building SpanBERT for browsers and driving one takes: rustup's standard library for wasm32, Chromium, Node, puppeteer-core.
# Fails where one of them cannot be had. SPANBERT_WEB_CACHE as for build.sh.
set -euo pipefail
cache=${SPANBERT_WEB_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/spanbert-web}
[ -d "$(rustc --print sysroot)/lib/rustlib/wasm32-unknown-unknown/lib" ] ||
    timeout 300 rustup target add wasm32-unknown-unknown
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
[ -e "$cache/npm/$puppeteer/complete" ] || {
    timeout 300 npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$cache/npm/$puppeteer" "$puppeteer"
    touch "$cache/npm/$puppeteer/complete"
}
