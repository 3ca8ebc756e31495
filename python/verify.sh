#!/usr/bin/env bash
# Checks and tests the Python package; Maven calls it in `verify`, and it runs alone just as well.
# Arguments go to pytest: python/verify.sh -k ring
set -euo pipefail
cd -P -- "${BASH_SOURCE[0]%/*}"
root=${PWD%/*}
./setup.sh test

export PATH=$root/.venv/bin:$PATH
if [[ -z ${TENSORBRIDGE_JAR:-} && -f $root/cli/target/tensorbridge.jar ]]; then
  export TENSORBRIDGE_JAR=$root/cli/target/tensorbridge.jar
fi
# From the root, where the patterns of the configuration match every folder.
(
  cd -- "$root"
  ruff check --config python/pyproject.toml python examples benches quantizer/src/test/python
  ruff format --check --config python/pyproject.toml python examples benches quantizer/src/test/python
)
mypy
python -m pytest -c pyproject.toml "$@"
