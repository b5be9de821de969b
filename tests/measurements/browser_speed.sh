#!/usr/bin/env bash
# One window of 384 pieces in a browser's worker, on one thread of WebAssembly: ours beside onnxruntime-web, the engine of
# transformers.js, in turns in one Chromium. README.md beside this file has the results.
#
#   OUT=results PYTHON=.venv/bin/python tests/measurements/browser_speed.sh SITE [SHAPE ...]
#
# SITE is what .ci/web/build.sh wrote; shapes are those of browser_speed/make_models.py (minilm, base). PYTHON needs torch,
# transformers, onnx and onnxscript. Other settings: ROUNDS; SPANBERT_WEB_CACHE as for .ci/web/build.sh.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
: "${OUT:?folder for models and results}"
site=$(realpath "${1:?the folder that .ci/web/build.sh wrote}")
shift
cache=${SPANBERT_WEB_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/spanbert-web}
# From elsewhere, where no folder has a package's name.
cd /
for package in puppeteer-core@24.8.2 onnxruntime-web@1.30.0; do
    [ -d "$cache/npm/$package/node_modules" ] ||
        npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$cache/npm/$package" "$package"
done
mkdir -p "$OUT"
for shape in "${@:-minilm base}"; do
    for shape in $shape; do
        [ -e "$OUT/$shape/model.onnx" ] || "${PYTHON:-python3}" "$here/browser_speed/make_models.py" "$shape" "$OUT/$shape"
        SITE=$site MODEL=$OUT/$shape ROUNDS=${ROUNDS:-15} ORT="$cache/npm/onnxruntime-web@1.30.0/node_modules/onnxruntime-web/dist" \
            PUPPETEER="$cache/npm/puppeteer-core@24.8.2/node_modules/puppeteer-core/lib/esm/puppeteer/puppeteer-core.js" \
            node "$here/browser_speed/measure.mjs" | tee "$OUT/$shape.json"
    done
done
