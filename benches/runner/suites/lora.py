"""``end_to_end_lora*``: an adapter merged into a model while it is quantized.

The model is that of `workflows`, the adapter a LoRA of rank 16 for its 56 attention matrices.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tensorbridge.demo import checkpoint

from ..benchmark import Contender, Group, Launch, Operation, Throughput
from ..processes import WatchMemory
from ..servers import bridge, legacy_client
from .workflows import OUTSIDE, PEAK, model, own_command, peer_command, q8_0, whole_process

Layers = dict[str, npt.NDArray[np.float32]]

_RANK = 16
_SCALES = (0.8, 0.5)
_PEERS = {"q8_0": "workflow_ggml", "q4_k": "workflow_ggml", "nf4": "workflow_bitsandbytes"}
# After these a server has compiled what a session needs.
_WARM_UPS = 3
_SESSION = {**PEAK, **OUTSIDE}


def groups() -> list[Group]:
    """List the groups of whole models with an adapter, and of the layers that it touches."""
    return [*(model_group(scheme) for scheme in _PEERS), layers_group()]


def model_group(scheme: str, small: bool = False) -> Group:
    """Describe a whole model with an adapter, from file to file.

    Parameters
    ----------
    scheme : str
        ``q8_0``, ``q4_k`` or ``nf4``.
    small : bool
        Only the model's small tensors (85 MB), for tests.
    """
    peer = _PEERS[scheme]
    libraries = "ggml" if peer == "workflow_ggml" else "bitsandbytes"
    suffix = ".gguf" if libraries == "ggml" else ".safetensors"
    return Group(
        "end_to_end_lora" if scheme == "q8_0" else f"end_to_end_lora_{scheme}",
        "end_to_end_lora",
        f"The SD1.5 ControlNet with a LoRA of rank 16 merged, to {scheme}, from file to file.",
        (
            Contender(
                "warm_session",
                "bridge.session(MODEL, adapters={ADAPTER: 0.8}).save(OUT), over a warm bridge.",
                lambda launch: _session(launch, small, scheme, suffix),
                figures=_SESSION,
            ),
            Contender(
                "cold_process",
                "./tensorbridge quantize MODEL --lora ADAPTER:0.8 -o OUT, a whole process.",
                lambda launch: whole_process(
                    model(small), partial(_own_command, small, scheme), suffix
                ),
                figures=PEAK,
            ),
            Contender(
                "peer",
                f"torch merges, {libraries} quantizes in as many threads as there are processors;"
                " without start and imports.",
                lambda launch: whole_process(
                    model(small), partial(_peer_command, small, scheme), suffix, _told_nanos
                ),
                role="peer",
                isolated=True,
                figures=PEAK,
            ),
            Contender(
                "peer_process",
                "The same as a whole process.",
                lambda launch: whole_process(
                    model(small), partial(_peer_command, small, scheme), suffix
                ),
                role="peer",
                isolated=True,
                figures=PEAK,
            ),
        ),
        throughput=Throughput("bytes", _model_bytes(small)),
        single=True,
    )


def layers_group(small: bool = False) -> Group:
    """Describe the layers that an adapter touches, merged and quantized anew for another strength.

    Parameters
    ----------
    small : bool
        Of the model's small tensors, for tests.
    """
    shapes = checkpoint.adapted(checkpoint.controlnet_shapes(small))
    return Group(
        "end_to_end_lora_layers",
        "end_to_end_lora_layers",
        f"The {len(shapes)} weights that a LoRA of rank 16 touches, merged and quantized to q8_0.",
        (
            Contender(
                "session",
                "session.set_scale(ADAPTER, ...) over resident weights: one batch, nothing cached.",
                lambda launch: _set_scale(launch, small),
                figures=OUTSIDE,
            ),
            Contender(
                "per_layer",
                "NumPy merges; a bridge call for each weight.",
                lambda launch: _per_layer(launch, small),
            ),
            Contender(
                "legacy",
                "NumPy merges; for each weight tolist, struct.pack (a million elements at a time),"
                " a Unix socket, a new float[], the same kernel, and the answer as a list.",
                lambda launch: _legacy(launch, small),
                role="legacy",
            ),
        ),
        throughput=Throughput(
            "bytes", sum(4 * rows * columns for rows, columns in shapes.values())
        ),
    )


def adapter(small: bool) -> Path:
    """Make the adapter of a model if it is missing."""
    path = model(small)
    path = path.with_name(f"{path.stem}_lora.safetensors")
    if not path.exists():
        checkpoint.make_adapter(path, checkpoint.controlnet_shapes(small), _RANK)
    return path


def _model_bytes(small: bool) -> int:
    shapes = checkpoint.controlnet_shapes(small).values()
    return sum(4 * int(np.prod(shape)) for shape in shapes)


def _own_command(small: bool, scheme: str, target: Path) -> list[str]:
    return own_command(model(small), target, scheme, "--lora", f"{adapter(small)}:{_SCALES[0]}")


def _peer_command(small: bool, scheme: str, target: Path) -> list[str]:
    kind = () if scheme == "nf4" else (scheme,)
    files = str(model(small)), str(target), *kind, str(adapter(small)), str(_SCALES[0])
    return peer_command(_PEERS[scheme], *files)


def _told_nanos(target: Path) -> float:
    return float(Path(f"{target}.seconds").read_text()) * 1e9


def _session(launch: Launch, small: bool, scheme: str, suffix: str) -> Operation:
    path, lora, own = model(small), adapter(small), bridge(launch)
    figures = {"peak_memory": 0.0, "outside_kernels": 0.0}

    def measured() -> float:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".out-") as folder:
            target = Path(folder) / f"model{suffix}"
            with WatchMemory(own.server_pid) as watch:
                begun = time.perf_counter_ns()
                with own.session(path, scheme, adapters={lora: _SCALES[0]}) as session:
                    ready = time.perf_counter_ns()
                    session.save(target)
                    nanos = time.perf_counter_ns() - begun
                    inside = session.run_nanos
            figures["peak_memory"] = watch.peak
            figures["outside_kernels"] = 1 - inside / (ready - begun)
            return nanos

    for _ in range(_WARM_UPS):
        measured()
    return Operation(measured=measured, figures=lambda: figures)


def _set_scale(launch: Launch, small: bool) -> Operation:
    own, path, lora = bridge(launch), model(small), adapter(small)
    session = launch.enter(own.session(path, "q8_0", adapters={lora: _SCALES[0]}, cache_bytes=0))
    wall, inside, turn = 0, 0, 0

    def call() -> None:
        nonlocal wall, inside, turn
        turn += 1
        begun = time.perf_counter_ns()
        session.set_scale(lora, _SCALES[turn % 2])
        wall += time.perf_counter_ns() - begun
        inside += session.run_nanos

    def figures() -> dict[str, float]:
        nonlocal wall, inside
        outside = 1 - inside / wall
        wall = inside = 0
        return {"outside_kernels": outside}

    call()
    name, weight = next(iter(_weights(launch, small).items()))
    merged = _merge(weight, *_factors(launch, small)[name], _SCALES[turn % 2])
    exact = q8_0(merged) == session.weights()[name].data
    if exact.mean() < 0.99:  # NumPy adds products in another order: a code in thousands differs
        raise ValueError(f"the blocks of {name} are not those of the merged weight")
    return Operation(call, figures=figures)


def _per_layer(launch: Launch, small: bool) -> Callable[[], object]:
    quantize = bridge(launch).quantize_batch
    return _layer_by_layer(
        launch, small, lambda name, merged: quantize({name: merged}, scheme="q8_0")
    )


def _legacy(launch: Launch, small: bool) -> Callable[[], object]:
    quantize = legacy_client(launch).quantize
    return _layer_by_layer(launch, small, lambda name, merged: quantize(merged, "q8_0"))


def _layer_by_layer(
    launch: Launch, small: bool, quantize: Callable[[str, npt.NDArray[np.float32]], object]
) -> Callable[[], object]:
    weights, factors = _weights(launch, small), _factors(launch, small)
    turn = 0

    def call() -> None:
        nonlocal turn
        turn += 1
        for name, weight in weights.items():
            quantize(name, _merge(weight, *factors[name], _SCALES[turn % 2]))

    return call


def _merge(
    weight: npt.NDArray[np.float32],
    down: npt.NDArray[np.float32],
    up: npt.NDArray[np.float32],
    alpha: float,
    scale: float,
) -> npt.NDArray[np.float32]:
    merged: npt.NDArray[np.float32] = weight + (up * np.float32(scale * alpha / _RANK)) @ down
    return merged


def _weights(launch: Launch, small: bool) -> Layers:
    def make() -> Layers:
        path = model(small)
        names = checkpoint.adapted(checkpoint.controlnet_shapes(small))
        return {
            tensor.name: np.fromfile(
                path, np.float32, tensor.nbytes // 4, offset=tensor.offset
            ).reshape(tensor.shape)
            for tensor in checkpoint.read_header(path)
            if tensor.name in names
        }

    return launch.shared(("adapted", small), make)


def _factors(
    launch: Launch, small: bool
) -> dict[str, tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], float]]:
    def make() -> dict[str, tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], float]]:
        path = adapter(small)
        stored = {
            tensor.name: np.fromfile(
                path, np.float32, tensor.nbytes // 4, offset=tensor.offset
            ).reshape(tensor.shape)
            for tensor in checkpoint.read_header(path)
        }
        made = {}
        for name in checkpoint.adapted(checkpoint.controlnet_shapes(small)):
            module = checkpoint.module_of(name)
            down, up = (stored[f"{module}.lora_{half}.weight"] for half in ("down", "up"))
            made[name] = down, up, float(stored[f"{module}.alpha"])
        return made

    return launch.shared(("factors", small), make)
