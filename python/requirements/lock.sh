#!/usr/bin/env bash
# Writes the locks anew from the *.in files, here and in benches/requirements: one lock for every
# supported Python, with hashes. Needs uv on the path. Run it to update versions, then commit what
# it wrote. Names of locks as arguments write just those.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
[[ $# -gt 0 ]] || set -- runtime build test peers peers-kernels
for name in "$@"; do
  folder=.
  [[ $name == peers* ]] && folder=../../benches/requirements
  (
    cd "$folder"
    uv pip compile --universal --python-version 3.10 --generate-hashes --upgrade --quiet \
      --no-emit-index-url --no-emit-find-links --no-annotate \
      --custom-compile-command python/requirements/lock.sh "$name.in" -o "$name.txt"
  )
done
