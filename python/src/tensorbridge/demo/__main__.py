"""Run the main job end to end and show what it costs: ``python -m tensorbridge.demo --help``."""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

import tensorbridge as tb
from tensorbridge.demo import checkpoint, report
from tensorbridge.demo.adapter import AdapterMeasure, measure_adapter, prepare_adapter
from tensorbridge.demo.checkpoint import StoredTensor
from tensorbridge.demo.legacy import LegacyClient
from tensorbridge.demo.measures import LayerMeasure, Way, sqnr_db
from tensorbridge.launcher import find_jar, find_jdk, java_command

_BATCH_BYTES = 256 << 20
_BLOCK = 32
_SAMPLE_LAYERS = 12
_SAMPLE_ELEMENTS = 4 << 20


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tensorbridge demo",
        description="Quantize a real checkpoint through shared memory, compare with the legacy "
        "way, and let a LoRA adapter come and go. Without --model, a checkpoint with the shapes of "
        "the SD1.5 ControlNet (1.4 GB) is made first and kept.",
    )
    parser.add_argument("--model", type=Path, metavar="FILE", help="your own .safetensors file")
    parser.add_argument("--scheme", default="q8_0", help="default: q8_0")
    parser.add_argument("--small", action="store_true", help="only the small tensors (85 MB)")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("tensorbridge-demo"),
        metavar="DIR",
        help="default: ./%(default)s",
    )
    return parser.parse_args(argv)


def _tool() -> list[str]:
    return java_command(find_jdk(), find_jar())


def _overrides(tensors: list[StoredTensor], scheme: str) -> dict[str, str]:
    """Keep rows that don't divide into blocks as f16, as converting a file does."""
    if not scheme.startswith("q"):
        return {}
    return {re.escape(tensor.name): "f16" for tensor in tensors if tensor.row_length % _BLOCK}


class _Progress:
    """A progress bar on a terminal; silent elsewhere."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._shown = sys.stderr.isatty()
        self._begun = time.perf_counter()

    def __call__(self, done: float) -> None:
        if self._shown:
            bar = ("#" * round(done * 30)).ljust(30, ".")
            seconds = time.perf_counter() - self._begun
            print(
                f"\r  {self._label} [{bar}] {done:4.0%} {seconds:5.1f} s", end="", file=sys.stderr
            )

    def part(self, before: float, share: float) -> Callable[[float], None]:
        """Give a callback for a part of the work that begins after ``before``."""
        return lambda done: self(before + done * share)

    def end(self) -> None:
        """Remove the bar."""
        if self._shown:
            print("\r\x1b[K", end="", file=sys.stderr)


def _load(file: Path, tensor: StoredTensor, bridge: tb.Bridge) -> npt.NDArray[np.float32]:
    """Read a tensor's bytes from the file straight into shared memory."""
    array = bridge.empty(tensor.shape, tensor.dtype)
    with open(file, "rb", buffering=0) as stream:
        stream.seek(tensor.offset)
        view = array.reshape(-1).view(np.uint8).data
        while view:
            count = stream.readinto(view)
            if not count:
                raise ValueError(f"{file} ends inside {tensor.name}")
            view = view[count:]
    return array


def _quantize_all(bridge: tb.Bridge, model: Path, weights: list[StoredTensor], scheme: str) -> Way:
    way = Way()
    progress = _Progress(f"quantize to {scheme}")
    total = sum(tensor.nbytes for tensor in weights)
    for group in checkpoint.groups(weights, _BATCH_BYTES):
        arrays = {tensor.name: _load(model, tensor, bridge) for tensor in group}
        size = sum(tensor.nbytes for tensor in group)
        begun = time.perf_counter()
        result = bridge.quantize_batch(
            arrays,
            scheme=scheme,
            overrides=_overrides(group, scheme),
            progress_callback=progress.part(way.input_bytes / total, size / total),
        )
        way.seconds += time.perf_counter() - begun
        way.run_seconds += result.run_nanos / 1e9
        way.layers += len(group)
        way.input_bytes += size
        way.output_bytes += sum(result[tensor.name].data.nbytes for tensor in group)
    progress.end()
    return way


def _sample(weights: list[StoredTensor]) -> list[StoredTensor]:
    """Layers of all sizes, small enough for lists of Python floats."""
    fitting = [
        tensor
        for tensor in weights
        if tensor.dtype == "float32"
        and tensor.nbytes <= 4 * _SAMPLE_ELEMENTS
        and tensor.row_length % _BLOCK == 0
    ]
    by_size = sorted(fitting, key=lambda tensor: tensor.nbytes)
    distinct = list({tensor.nbytes: tensor for tensor in by_size}.values())
    step = max(1, -(-len(distinct) // _SAMPLE_LAYERS))
    return distinct[::step]


def _compare(
    bridge: tb.Bridge, legacy: LegacyClient, model: Path, sample: list[StoredTensor], scheme: str
) -> tuple[Way, list[LayerMeasure]]:
    way = Way()
    layers = []
    progress = _Progress("the legacy way, on a sample")
    for index, tensor in enumerate(sample):
        array = _load(model, tensor, bridge)
        begun = time.perf_counter()
        answer = legacy.quantize(array, scheme)
        legacy_seconds = time.perf_counter() - begun
        begun = time.perf_counter()
        quantized = bridge.quantize_batch({tensor.name: array}, scheme=scheme)[tensor.name]
        batch_seconds = time.perf_counter() - begun
        way.layers += 1
        way.input_bytes += tensor.nbytes
        way.output_bytes += len(answer)
        way.seconds += legacy_seconds
        layers.append(
            LayerMeasure(
                tensor.name,
                tensor.shape,
                legacy_seconds,
                batch_seconds,
                sqnr_db(array, quantized.dequantize()),
                bytes(answer) == quantized.data.tobytes(),
            )
        )
        progress((index + 1) / len(sample))
    progress.end()
    return way, layers


def _adapt(
    bridge: tb.Bridge, model: Path, weights: list[StoredTensor], arguments: argparse.Namespace
) -> AdapterMeasure | None:
    """Let an adapter come and go, if the model has weights for one."""
    path = prepare_adapter(arguments.out, model, weights)
    if path is None:
        return None
    progress = _Progress("a session for adapters")
    measure = measure_adapter(bridge, model, arguments.scheme, path, progress)
    progress.end()
    return measure


def _run_command(model: Path, out: Path, scheme: str) -> tuple[Path, float] | None:
    """Do the same from the command line, into a file that llama.cpp's tools open."""
    target = out / f"{model.stem}.{scheme.replace(':', '-')}.gguf"
    begun = time.perf_counter()
    done = subprocess.run(
        [
            *java_command(find_jdk(), find_jar()),
            "quantize",
            str(model),
            "-o",
            str(target),
            "--scheme",
            scheme,
            "--quiet",
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        print(f"  no GGUF file: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
        return None
    return target, time.perf_counter() - begun


def _machine() -> str:
    cores = len(os.sched_getaffinity(0))
    return f"{platform.system()} {platform.release()}, {platform.machine()}, {cores} cores"


@contextlib.contextmanager
def serve_both(folder: str) -> Iterator[tuple[str, str]]:
    """Run a server that can be entered both ways.

    Parameters
    ----------
    folder : str
        A folder that nobody else can enter; the sockets lie in it.

    Yields
    ------
    tuple of str
        Path of the bridge's socket, and of the legacy endpoint.
    """
    paths = f"{folder}/bridge.sock", f"{folder}/legacy.sock"
    with subprocess.Popen(
        [
            *java_command(find_jdk(), find_jar()),
            "serve",
            "--socket",
            paths[0],
            "--legacy-socket",
            paths[1],
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        try:
            assert process.stdout is not None
            said = process.stdout.readline()
            while b"listening" not in said:
                if process.poll() is not None:
                    raise SystemExit(f"the server did not start: {said.decode()}")
                said += process.stdout.readline()
            yield paths
        finally:
            process.terminate()


def _prepare_model(arguments: argparse.Namespace) -> Path:
    if arguments.model is not None:
        return Path(arguments.model)
    shapes = checkpoint.controlnet_shapes(arguments.small)
    name = "sd15_controlnet_small" if arguments.small else "sd15_controlnet"
    model = Path(arguments.out) / f"{name}.safetensors"
    if not model.exists():
        progress = _Progress("make the checkpoint")
        checkpoint.make_checkpoint(model, shapes, progress=progress)
        progress.end()
    return model


def main(argv: list[str] | None = None) -> int:
    """Run the demonstration.

    Parameters
    ----------
    argv : list of str, optional
        Arguments; those of the process by default.

    Returns
    -------
    int
        0 when everything ran and both ways agreed, else 1.
    """
    arguments = _arguments(argv)
    arguments.out.mkdir(parents=True, exist_ok=True)
    model = _prepare_model(arguments)
    weights = [t for t in checkpoint.read_header(model) if t.is_weight]
    print(f"{model}: {len(weights)} weights, {report.size(sum(t.nbytes for t in weights))}")
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="tensorbridge-"))
        bridge_path, legacy_path = stack.enter_context(serve_both(folder))
        bridge = stack.enter_context(tb.open("unix:" + bridge_path))
        legacy = stack.enter_context(LegacyClient(legacy_path))
        first = _quantize_all(bridge, model, weights, arguments.scheme)
        batch = _quantize_all(bridge, model, weights, arguments.scheme)
        way, layers = _compare(bridge, legacy, model, _sample(weights), arguments.scheme)
        adapter = _adapt(bridge, model, weights, arguments)
    command = _run_command(model, arguments.out, arguments.scheme)
    outcome = report.Outcome(
        model, arguments.scheme, first, batch, way, layers, adapter, command, _machine()
    )
    page = arguments.out / "report.html"
    report.write_html(page, outcome)
    print(report.table(outcome))
    if adapter is not None:
        print(report.adapter_line(adapter))
    if command is not None:
        print(f"the same from the command line, a whole process: {report.duration(command[1])}")
        print(f"quantized file: {command[0]}")
    print(f"report: {page.resolve()}")
    same = all(layer.identical for layer in layers)
    if not same:
        print("the two ways gave different bytes", file=sys.stderr)
    restored = adapter is None or adapter.restored
    if not restored:
        print("removing the adapter did not give the earlier bytes back", file=sys.stderr)
    return 0 if same and restored else 1


if __name__ == "__main__":
    sys.exit(main())
