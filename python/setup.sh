#!/usr/bin/env bash
# Makes or updates .venv at the root of the repository: setup.sh runtime | test
#   runtime  the locked requirements and the package itself, editable
#   test     these, the checkers and the peers that the tests read files of
# Does nothing when the locks are older than the last successful run.
set -euo pipefail
python_dir=$(cd -P -- "${BASH_SOURCE[0]%/*}" && pwd)
venv=${python_dir%/*}/.venv
what=${1:-runtime}

fail() {
  echo "tensorbridge: $1" >&2
  exit 2
}

find_python() {
  local name found
  for name in "${TENSORBRIDGE_PYTHON:-}" python3 python3.14 python3.13 python3.12 python3.11 python3.10; do
    found=$(type -P -- "$name") || continue
    if "$found" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
      echo "$found"
      return
    fi
  done
  fail "no Python 3.10 or newer on the path; install one or set TENSORBRIDGE_PYTHON"
}

is_current() {
  local stamp=$venv/.$what-ready
  [[ -x $venv/bin/python && -f $stamp && ! $python_dir/requirements/$what.txt -nt $stamp \
    && ! $python_dir/requirements/build.txt -nt $stamp && ! $python_dir/pyproject.toml -nt $stamp ]]
}

is_current && exit 0
mkdir -p "$venv"
# Two builds at once: the second waits, then finds the work done.
if type -P flock >/dev/null; then
  exec 9>"$venv/.lock"
  flock 9
  is_current && exit 0
fi

if ! "$venv/bin/python" -c 'import pip' 2>/dev/null; then
  python=$(find_python)
  echo "tensorbridge: creating .venv with $("$python" --version)" >&2
  "$python" -m venv "$venv" >&2 \
    || fail "python3 -m venv failed; on Debian and Ubuntu install the package python3-venv"
fi
echo "tensorbridge: installing the locked Python packages ($what) into .venv" >&2
pip=("$venv/bin/python" -m pip --disable-pip-version-check --quiet)
requirements=(-r "$python_dir/requirements/build.txt" -r "$python_dir/requirements/$what.txt")
"${pip[@]}" install --require-hashes "${requirements[@]}" >&2 || fail "pip could not install the locked packages"
"${pip[@]}" install --no-deps --no-build-isolation --editable "$python_dir" >&2 \
  || fail "pip could not install the package from ${python_dir}"
touch "$venv/.runtime-ready" "$venv/.$what-ready"
