#!/usr/bin/env bash
# Runs a suite that takes long: python/long.sh SUITE [--minutes N | --count N] [-- ARGUMENTS]
# What it found goes to docs/reliability.json, and from there into the tables of docs/reliability.md.
# ARGUMENTS go to what runs the suite (pytest or Maven).
set -euo pipefail
cd -P -- "${BASH_SOURCE[0]%/*}"
root=${PWD%/*}

usage() {
  echo "usage: python/long.sh SUITE [--minutes N | --count N] [-- ARGUMENTS]; suites: deaths, fairness, fuzz, jcstress, model, soak" >&2
  exit 2
}

suite=${1:-}
[[ -n $suite ]] || usage
export TENSORBRIDGE_LONG_COMMAND="python/long.sh $*" TENSORBRIDGE_LONG_MINUTES= TENSORBRIDGE_LONG_COUNT=
shift
while (($#)); do
  case $1 in
    --minutes) TENSORBRIDGE_LONG_MINUTES=${2:?} ;;
    --count) TENSORBRIDGE_LONG_COUNT=${2:?} ;;
    --) shift; break ;;
    *) usage ;;
  esac
  shift 2
done
[[ $TENSORBRIDGE_LONG_MINUTES$TENSORBRIDGE_LONG_COUNT =~ ^[0-9]*(\.[0-9]+)?$ ]] || usage

./setup.sh test
if [[ -z ${TENSORBRIDGE_JAR:-} && -f $root/cli/target/tensorbridge.jar ]]; then
  export TENSORBRIDGE_JAR=$root/cli/target/tensorbridge.jar
fi

# Tests marked `long` and no others; they take as long as they were told.
long_tests() {
  "$root/.venv/bin/python" -m pytest -c pyproject.toml -m long --timeout=0 -s "$@"
}

case $suite in
  soak) long_tests tests/test_soak.py "$@" ;;
  deaths) long_tests tests/test_deaths*.py "$@" ;;
  fuzz) long_tests tests/test_fuzz.py "$@" ;;
  fairness) long_tests tests/test_fairness.py "$@" ;;
  model | jcstress) long_tests tests/test_proofs.py -k "$suite" "$@" ;;
  *) usage ;;
esac
exec "$root/.venv/bin/python" tests/reliability.py
