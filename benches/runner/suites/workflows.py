"""``end_to_end_*``: whole jobs, from a model file or weights in memory to the result.

The model has the shapes of the SD1.5 ControlNet (1.4 GB of float32 safetensors, made once, in the
page cache). Jobs with adapters and residuals stand in `lora` and `controlnet`.
"""

from __future__ import annotations

import importlib.util
import math
import mmap
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tensorbridge.demo import checkpoint
from tensorbridge.demo.checkpoint import StoredTensor

from ..benchmark import Contender, Group, Launch, Operation, Throughput, Unavailable, Unit
from ..processes import run_process
from ..servers import bridge, legacy_client
from .batches import OutsideKernels

Layers = dict[str, npt.NDArray[np.float32]]

_ROOT = Path(__file__).resolve().parents[3]
_MODELS = _ROOT / "benches" / "target" / "models"
_SCHEME = "q8_0"
_BLOCK = 32
_LEAST_PART = 8  # a GGUF is not less than this part of the model: 4.5 of 32 bits make a seventh
_SAMPLE_STEP = 10
PEAK: dict[str, Unit] = {"peak_memory": "bytes"}
OUTSIDE: dict[str, Unit] = {"outside_kernels": "ratio"}
_GGUF_PY = """
import sys, json, struct, numpy as np, gguf
from gguf import GGMLQuantizationType as T
path, out = sys.argv[1:]
data = np.memmap(path, np.uint8, 'r'); n = struct.unpack('<Q', data[:8].tobytes())[0]
header = json.loads(data[8:8 + n].tobytes()); writer = gguf.GGUFWriter(out, 'controlnet')
for name, entry in header.items():
    if name == '__metadata__': continue
    a, b = (8 + n + end for end in entry['data_offsets'])
    x = data[a:b].view(np.float32).reshape(entry['shape'])
    if x.ndim > 1:
        x = x.reshape(x.shape[0], -1)
    if x.ndim > 1 and x.shape[-1] % 32 == 0:
        writer.add_tensor(name[-63:], gguf.quants.quantize(x, T.Q8_0), raw_dtype=T.Q8_0)
    else:
        writer.add_tensor(name[-63:], np.ascontiguousarray(x))
writer.write_header_to_file(); writer.write_kv_data_to_file()
writer.write_tensors_to_file(); writer.close()
"""


def groups() -> list[Group]:
    """List the groups of whole jobs."""
    return [quantize_group(), k_quants_group(), sample_group()]


def quantize_group(small: bool = False) -> Group:
    """Describe the quantization of the whole model to q8_0.

    Parameters
    ----------
    small : bool
        Only the model's small tensors (85 MB), for tests.
    """
    return Group(
        "end_to_end_quantize",
        "end_to_end",
        "The SD1.5 ControlNet (1.4 GB of float32, in the page cache) quantized to q8_0.",
        (
            Contender(
                "cold_process",
                "./tensorbridge quantize MODEL.safetensors -o OUT.gguf, a whole process.",
                lambda launch: _cold_process(small, _own_command(_SCHEME)),
                figures=PEAK,
            ),
            Contender(
                "warm_bridge",
                "The weights stand in shared memory: one batch over a warm bridge.",
                lambda launch: _batch(launch, _shared(launch, small, 1)),
                figures=OUTSIDE,
            ),
            Contender(
                "warm_bridge_ordinary",
                "The weights are arrays over the mapped file: one copy into kept shared memory,"
                " then as warm_bridge.",
                lambda launch: _batch(launch, _mapped(launch, small, 1)),
                figures=OUTSIDE,
            ),
            Contender(
                "gguf_py",
                "gguf-py reads the same file and writes the same GGUF, a whole process.",
                lambda launch: _cold_process(small, _gguf_py_command),
                role="peer",
                isolated=True,
                figures=PEAK,
            ),
        ),
        throughput=Throughput("bytes", _weight_bytes(small, 1)),
        single=True,
    )


def k_quants_group(small: bool = False) -> Group:
    """Describe whole processes that quantize the model to q4_k, which arithmetic bounds.

    Parameters
    ----------
    small : bool
        Only the model's small tensors (85 MB), for tests.
    """
    return Group(
        "end_to_end_quantize_q4_k",
        "end_to_end",
        "The same model quantized to q4_k (q5_0 or f16 where a row doesn't divide), by processes.",
        (
            Contender(
                "cold_process",
                "./tensorbridge quantize MODEL.safetensors -o OUT.gguf --scheme q4_k.",
                lambda launch: _cold_process(small, _own_command("q4_k")),
                figures=PEAK,
            ),
            Contender(
                "torch_ggml",
                "torch and safetensors read, ggml quantizes in as many threads as there are"
                " processors, gguf-py writes.",
                lambda launch: _cold_process(small, _torch_ggml_command),
                role="peer",
                isolated=True,
                figures=PEAK,
            ),
        ),
        throughput=Throughput("bytes", _weight_bytes(small, 1)),
        single=True,
    )


def sample_group(small: bool = False) -> Group:
    """Describe the same work on a sample of layers, since a legacy run of all takes half a minute.

    Parameters
    ----------
    small : bool
        Of the model's small tensors, for tests.
    """
    return Group(
        "end_to_end_quantize_sample",
        "end_to_end_sample",
        "Every tenth weight of the SD1.5 ControlNet in the order of the file, quantized to q8_0.",
        (
            Contender(
                "warm_bridge",
                "The weights stand in shared memory: one batch over a warm bridge.",
                lambda launch: _batch(launch, _shared(launch, small, _SAMPLE_STEP)),
                figures=OUTSIDE,
            ),
            Contender(
                "warm_bridge_ordinary",
                "The weights are arrays over the mapped file: one copy into kept shared memory,"
                " then as warm_bridge.",
                lambda launch: _batch(launch, _mapped(launch, small, _SAMPLE_STEP)),
                figures=OUTSIDE,
            ),
            Contender(
                "legacy",
                "For each layer tolist, struct.pack (a million elements at a time), a Unix socket,"
                " a new float[], the same kernel, and the answer as a list.",
                lambda launch: _legacy(launch, small),
                role="legacy",
            ),
        ),
        throughput=Throughput("bytes", _weight_bytes(small, _SAMPLE_STEP)),
    )


def model(small: bool) -> Path:
    """Make the checkpoint if it is missing, and read it into the page cache."""
    path = _MODELS / f"sd15_controlnet{'_small' if small else ''}.safetensors"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        print(f"making {path.name} (1.4 GB, kept for further runs) ...", file=sys.stderr)
        checkpoint.make_checkpoint(path, checkpoint.controlnet_shapes(small))
    with open(path, "rb", buffering=0) as file:
        while file.read(1 << 24):
            pass
    return path


def _weights(path: Path, step: int) -> list[StoredTensor]:
    """List the weights whose rows divide into blocks, or every ``step``-th of them."""
    whole = [t for t in checkpoint.read_header(path) if t.is_weight and t.row_length % _BLOCK == 0]
    return whole[::step]


def _weight_bytes(small: bool, step: int) -> int:
    """Count the bytes of the same weights before the file exists."""
    weights = [
        math.prod(shape)
        for shape in checkpoint.controlnet_shapes(small).values()
        if len(shape) > 1 and math.prod(shape[1:]) % _BLOCK == 0
    ]
    return 4 * sum(weights[::step])


def _mapped(launch: Launch, small: bool, step: int) -> Layers:
    """Make arrays over the mapped file, as a reader of safetensors gives them."""

    def make() -> Layers:
        path = model(small)
        with open(path, "rb") as file:
            source = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return {
            tensor.name: np.frombuffer(
                source, np.float32, tensor.nbytes // 4, tensor.offset
            ).reshape(tensor.shape)
            for tensor in _weights(path, step)
        }

    return launch.shared(("mapped", small, step), make)


def _shared(launch: Launch, small: bool, step: int) -> Layers:
    def make() -> Layers:
        share = bridge(launch).share
        return {name: share(array) for name, array in _mapped(launch, small, step).items()}

    return launch.shared(("shared", small, step), make)


def _batch(launch: Launch, layers: Layers) -> Operation:
    quantize = bridge(launch).quantize_batch

    def check(result: object) -> None:
        name = next(iter(layers))
        expected = q8_0(layers[name])
        if not np.array_equal(quantize({name: layers[name]}, scheme=_SCHEME)[name].data, expected):
            raise ValueError(f"the blocks of {name} are not those of ggml")

    return OutsideKernels(lambda: quantize(layers, scheme=_SCHEME)).operation(check)


def _legacy(launch: Launch, small: bool) -> Callable[[], object]:
    client, layers = legacy_client(launch), _mapped(launch, small, _SAMPLE_STEP)
    quantize, arrays = client.quantize, list(layers.values())
    if bytes(quantize(arrays[0], _SCHEME)) != q8_0(arrays[0]).tobytes():
        raise ValueError(f"the blocks of {next(iter(layers))} are not those of ggml")

    def call() -> None:
        for array in arrays:
            quantize(array, _SCHEME)

    return call


def q8_0(array: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Quantize as ggml does: blocks of an fp16 scale and 32 int8, halves away from zero."""
    blocks = array.reshape(-1, _BLOCK)
    scale = np.abs(blocks).max(axis=1, keepdims=True) / np.float32(127)
    inverse = np.divide(np.float32(1), scale, out=np.zeros_like(scale), where=scale != 0)
    scaled = blocks * inverse
    whole = np.trunc(scaled)
    codes = whole + np.copysign(np.abs(scaled - whole) >= 0.5, scaled)
    parts = (scale.astype(np.float16).view(np.uint8), codes.astype(np.int8).view(np.uint8))
    return np.concatenate(parts, axis=1).reshape(-1)


def _cold_process(small: bool, command: Callable[[Path, Path], list[str]]) -> Operation:
    path = model(small)
    return whole_process(path, lambda target: command(path, target))


def whole_process(
    path: Path,
    command: Callable[[Path], list[str]],
    suffix: str = ".gguf",
    nanos: Callable[[Path], float] | None = None,
) -> Operation:
    """Give the operation that quantizes a model by a process of its own.

    Parameters
    ----------
    path : Path
        The model; the result is written beside it, so that both lie on one file system.
    command : callable
        Gives the command for a target; raises where it can't run.
    suffix : str
        Of the target.
    nanos : callable, optional
        Reads from beside the target what the time was, where that isn't the life of the process.
    """
    command(path)  # raises here, not in a sample, where it can't run
    peak = 0.0

    def measured() -> float:
        nonlocal peak
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".out-") as folder:
            target = Path(folder) / f"model{suffix}"
            life = run_process(command(target))
            if target.stat().st_size < path.stat().st_size // _LEAST_PART:
                raise ValueError(f"{target.name} has only {target.stat().st_size} bytes")
            peak = life.peak
            return life.nanos if nanos is None else nanos(target)

    return Operation(measured=measured, figures=lambda: {"peak_memory": peak})


def _own_command(scheme: str) -> Callable[[Path, Path], list[str]]:
    return lambda path, target: own_command(path, target, scheme)


def own_command(path: Path, target: Path, scheme: str, *more: str) -> list[str]:
    """Give the command line tool's command that quantizes a file."""
    command = [str(_ROOT / "tensorbridge"), "quantize", str(path), "-o", str(target)]
    return [*command, "--scheme", scheme, "--quiet", *more]


def _gguf_py_command(path: Path, target: Path) -> list[str]:
    require("gguf")
    return [sys.executable, "-c", _GGUF_PY, str(path), str(target)]


def _torch_ggml_command(path: Path, target: Path) -> list[str]:
    return peer_command("workflow_ggml", str(path), str(target), "q4_k")


def peer_command(script: str, *arguments: str) -> list[str]:
    """Give the command of a peer's whole job, where its packages are installed."""
    needed = {
        "workflow_ggml": ("torch", "safetensors", "xllamacpp", "gguf"),
        "workflow_bitsandbytes": ("torch", "safetensors", "bitsandbytes"),
    }
    require(*needed[script])
    return [sys.executable, "-m", f"runner.peers.{script}", *arguments]


def require(*packages: str) -> None:
    """Raise `Unavailable` if a package is not installed."""
    for package in packages:
        if importlib.util.find_spec(package) is None:
            raise Unavailable(f"the package {package} is not installed here; run with --peers")
