#!/usr/bin/env bash
# Makes or updates benches/target/peers, the environment of the libraries we are measured beside:
# peers.sh [light | all]
#   light  what moves arrays (requirements/peers.txt)
#   all    the kernels, too (requirements/peers-kernels.txt; 6 GB); the default. Where these can't be
#          installed, the light ones stay usable, and a message says so
# Does nothing when the locks are older than the last successful run. The product isn't installed in
# it: whoever runs its interpreter sets PYTHONPATH.
set -euo pipefail
benches=$(cd -P -- "${BASH_SOURCE[0]%/*}" && pwd)
venv=$benches/target/peers
what=${1:-all}

fail() {
  echo "tensorbridge: $1" >&2
  exit 2
}

is_current() {
  [[ -x $venv/bin/python && -f $venv/.$1-ready && ! $benches/requirements/$1.txt -nt $venv/.$1-ready ]]
}

all_current() {
  local name
  for name in "${locks[@]}"; do
    is_current "$name" || return 1
  done
}

install() {
  is_current "$1" && return
  echo "tensorbridge: installing the locked Python packages ($1) into benches/target/peers" >&2
  "$venv/bin/python" -m pip --disable-pip-version-check --quiet install --require-hashes \
    -r "$benches/requirements/$1.txt" >&2 || return
  touch "$venv/.$1-ready"
}

case $what in
  light) locks=(peers) ;;
  all) locks=(peers peers-kernels) ;;
  *) fail "peers.sh knows light and all, not $what" ;;
esac
all_current && exit 0
mkdir -p "$venv"
# Two at once: the second waits, then finds the work done.
if type -P flock >/dev/null; then
  exec 9>"$venv/.lock"
  flock 9
  all_current && exit 0
fi

if ! "$venv/bin/python" -c 'import pip' 2>/dev/null; then
  python=${TENSORBRIDGE_PYTHON:-$benches/../.venv/bin/python}
  [[ -x $python ]] || python=python3
  "$python" -m venv "$venv" >&2 \
    || fail "$python -m venv failed; on Debian and Ubuntu install the package python3-venv, or set TENSORBRIDGE_PYTHON"
fi
install peers || fail "pip could not install benches/requirements/peers.txt; the peers can't be measured"
if [[ $what == all ]]; then
  install peers-kernels \
    || echo "tensorbridge: pip could not install benches/requirements/peers-kernels.txt; the peers of kernels stay out" >&2
fi
