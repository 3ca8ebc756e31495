#!/usr/bin/env bash
# Every layout of Arrow between our files and those of others, arrow-go and arrow-rs among them, whose programs it
# builds into arrow-ipc/target/interop; `./mvnw verify -Pinterop` runs it behind all other tests. A library whose
# toolchain is not found, or whose packages can't be downloaded, is told as not run. Arguments go to pytest.
set -euo pipefail
cd -P -- "${BASH_SOURCE[0]%/*}"
root=${PWD%/*}
out=$root/arrow-ipc/target/interop
patience=240 # seconds for a download
export PATH=$PATH:/usr/local/go/bin:$HOME/.cargo/bin
unset TENSORBRIDGE_GO_COPIES TENSORBRIDGE_GO_JSON TENSORBRIDGE_RUST_COPIES
mkdir -p "$out"

not_run() {
  echo "tensorbridge: $1: not run: $2" >&2
}

# A failed download is nobody's mistake here; a failed build ends this script.
build_go() {
  type -P go >/dev/null || { not_run arrow-go "go is not on the path"; return; }
  cd -- "$root/arrow-ipc/src/test/go/copies"
  export GOTOOLCHAIN=local GOFLAGS=-mod=readonly
  timeout "$patience" go mod download >&2 || { not_run arrow-go "its modules can't be downloaded"; return; }
  GOPROXY=off go build -buildvcs=false -o "$out/copies-go" .
  export TENSORBRIDGE_GO_COPIES=$out/copies-go
  # arrow-go's own program for the JSON of Arrow's integration tests.
  GOPROXY=off go build -buildvcs=false -o "$out/json-go" \
    github.com/apache/arrow-go/v18/arrow/ipc/cmd/arrow-json-integration-test
  export TENSORBRIDGE_GO_JSON=$out/json-go
}

build_rust() {
  type -P cargo >/dev/null || { not_run arrow-rs "cargo is not on the path"; return; }
  cd -- "$root/arrow-ipc/src/test/rust/copies"
  timeout "$patience" cargo fetch --quiet --locked || { not_run arrow-rs "its crates can't be downloaded"; return; }
  cargo build --quiet --locked --offline --target-dir "$out/rust"
  export TENSORBRIDGE_RUST_COPIES=$out/rust/debug/copies
}

build_go
build_rust

cd -- "$root/python"
./setup.sh test
if [[ -z ${TENSORBRIDGE_JAR:-} && -f $root/cli/target/tensorbridge.jar ]]; then
  export TENSORBRIDGE_JAR=$root/cli/target/tensorbridge.jar
fi
exec "$root/.venv/bin/python" -m pytest -c pyproject.toml tests/test_arrow_layouts.py tests/test_arrow_tensors.py \
  tests/test_arrow_integration.py \
  tests/test_arrow_files.py "$@"
