#!/usr/bin/env bash
# Writes the locks anew from the *.in files: one lock for every supported Python, with hashes.
# Needs uv on the path. Run it to update versions, then commit what it wrote.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
for name in runtime build test; do
  uv pip compile --universal --python-version 3.10 --generate-hashes --upgrade --quiet \
    --no-emit-index-url --no-emit-find-links --no-annotate \
    --custom-compile-command python/requirements/lock.sh "$name.in" -o "$name.txt"
done
