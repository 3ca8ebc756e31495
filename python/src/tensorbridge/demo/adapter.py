"""The LoRA step of the demonstration: an adapter comes to a quantized model, and goes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import tensorbridge as tb
from tensorbridge.demo import checkpoint
from tensorbridge.demo.checkpoint import StoredTensor

__all__ = ["AdapterMeasure", "measure_adapter", "prepare_adapter"]

_SCALE = 0.8


@dataclass(frozen=True)
class AdapterMeasure:
    """What an adapter took, and what is left of it.

    Attributes
    ----------
    path : Path
        The adapter.
    scale : float
        Its strength.
    input_bytes : int
        Of the weights that it changes.
    apply_seconds, remove_seconds : float
        Time of `Session.apply` of the loaded adapter, the second time; and of `Session.remove`.
    survival : float
        The share of its effect that is left if all of the quantization error counts against it.
    layers : dict of str to float
        The same for each tensor.
    restored : bool
        Whether the bytes after its removal were those of before.
    """

    path: Path
    scale: float
    input_bytes: int
    apply_seconds: float
    remove_seconds: float
    survival: float
    layers: dict[str, float]
    restored: bool


def prepare_adapter(folder: Path, model: Path, tensors: list[StoredTensor]) -> Path | None:
    """Make an adapter for the attention matrices of a model; None if it has none."""
    shapes = {tensor.name: tensor.shape for tensor in tensors}
    if not checkpoint.adapted(shapes):
        return None
    path = folder / f"{model.stem}_lora.safetensors"
    if not path.exists():
        checkpoint.make_adapter(path, shapes)
    return path


def measure_adapter(
    bridge: tb.Bridge,
    model: Path,
    scheme: str,
    adapter: Path,
    progress: Callable[[float], None] | None = None,
) -> AdapterMeasure:
    """Apply an adapter to a session over a model, twice, and remove it.

    Parameters
    ----------
    bridge : Bridge
    model, adapter : Path
        Safetensors files.
    scheme : str
        Of the session.
    progress : callable, optional
        Called with the share that the session's first generation is done.
    """
    with bridge.session(model, scheme, survival=True, progress_callback=progress) as session:
        plain = session.weights()
        loaded = session.load(adapter)
        session.remove(session.apply(loaded, _SCALE / 2))
        begun = time.perf_counter()
        name = session.apply(loaded, _SCALE)
        applied = time.perf_counter()
        merged = session.weights()
        survival = session.survival
        before = time.perf_counter()
        session.remove(name)
        removed = time.perf_counter()
        restored = all(
            merged[layer].data.tobytes() != plain[layer].data.tobytes()
            and session.weights()[layer].data.tobytes() == plain[layer].data.tobytes()
            for layer in survival.tensors
        )
        shapes = {tensor.name: tensor.nbytes for tensor in checkpoint.read_header(model)}
        return AdapterMeasure(
            adapter,
            _SCALE,
            sum(shapes[layer] for layer in survival.tensors),
            applied - begun,
            removed - before,
            survival.survival,
            {layer: one.survival for layer, one in survival.tensors.items()},
            restored,
        )
