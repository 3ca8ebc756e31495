#!/usr/bin/env bash
# Compares our bytes with those of the real packages (torch, torchao, bitsandbytes, onnxruntime, ggml and others, 6 GB,
# installed by benches/peers.sh); `./mvnw verify -Ppeers` runs it behind all other tests. Arguments go to pytest.
set -euo pipefail
cd -P -- "${BASH_SOURCE[0]%/*}"
root=${PWD%/*}
"$root/benches/peers.sh" all
if [[ -z ${TENSORBRIDGE_JAR:-} && -f $root/cli/target/tensorbridge.jar ]]; then
  export TENSORBRIDGE_JAR=$root/cli/target/tensorbridge.jar
fi
export PYTHONPATH=$root/python/src:$root/benches
[[ $# -gt 0 ]] || set -- "$root/quantizer/src/test/python"
exec "$root/benches/target/peers/bin/python" -m pytest -c "$root/quantizer/src/test/python/pytest.ini" "$@"
