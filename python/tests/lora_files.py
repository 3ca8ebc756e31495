"""A small UNet, adapters for it as others write them, and what merging them means."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import safetensors.numpy

import tensorbridge as tb

Array = npt.NDArray[Any]

BLOCK = "down_blocks.0.attentions.0"
Q = f"{BLOCK}.transformer_blocks.0.attn1.to_q.weight"
K = f"{BLOCK}.transformer_blocks.0.attn1.to_k.weight"
FF = f"{BLOCK}.transformer_blocks.0.ff.net.0.proj.weight"
PROJ = f"{BLOCK}.proj_in.weight"
CONV = "down_blocks.0.resnets.0.conv1.weight"
OUT = f"{BLOCK}.transformer_blocks.0.attn1.to_out.0.weight"
BIAS = f"{BLOCK}.proj_in.bias"

SHAPES: dict[str, tuple[int, ...]] = {
    Q: (256, 256),
    K: (256, 512),
    FF: (512, 256),
    PROJ: (256, 256, 1, 1),
    CONV: (64, 256, 3, 3),
    OUT: (256, 256),
    BIAS: (256,),
}
TOUCHED = (Q, K, FF, PROJ, CONV)


class Factors(NamedTuple):
    """The factors of a module: float32, ``down`` of two dimensions."""

    down: Array
    up: Array
    alpha: float

    @property
    def rank(self) -> int:
        return len(self.down)


def unet(rng: np.random.Generator) -> dict[str, npt.NDArray[np.float32]]:
    return {name: rng.standard_normal(dims, np.float32) for name, dims in SHAPES.items()}


def factors(
    rng: np.random.Generator,
    names: Iterable[str] = TOUCHED,
    rank: int = 4,
    alpha: float = 3.0,
) -> dict[str, Factors]:
    made = {}
    for name in names:
        rows, *rest = SHAPES[name]
        columns = int(np.prod(rest))
        made[name] = Factors(
            0.1 * rng.standard_normal((rank, columns), np.float32),
            0.1 * rng.standard_normal((rows, rank), np.float32),
            alpha,
        )
    return made


def merged(
    base: Mapping[str, Array], adapters: Iterable[tuple[Mapping[str, Factors], float]]
) -> dict[str, Array]:
    """Merge as ``docs/lora.md`` says: in float32, products in order, their sum to the base."""
    sums: dict[str, Array] = {}
    for adapter, scale in adapters:
        for name, (down, up, alpha) in adapter.items():
            if not scale:
                continue
            rank = len(down)
            strength = scale * (alpha / rank)
            scaled = (up.astype(np.float64) * strength).astype(np.float32)
            total = sums.setdefault(name, np.zeros((len(up), down.shape[1]), np.float32))
            for r in range(rank):
                total += scaled[:, r : r + 1] * down[r]
    return {
        name: array.astype(np.float32) + sums[name].reshape(array.shape) if name in sums else array
        for name, array in base.items()
    }


def flat(name: str) -> str:
    return name.removesuffix(".weight").replace(".", "_")


def kohya(made: Mapping[str, Factors]) -> dict[str, Array]:
    entries: dict[str, Array] = {}
    for name, (down, up, alpha) in made.items():
        module = "lora_unet_" + flat(name)
        kernel = SHAPES[name][2:]
        columns = SHAPES[name][1]
        entries[f"{module}.lora_down.weight"] = down.reshape(len(down), columns, *kernel)
        entries[f"{module}.lora_up.weight"] = up.reshape(*up.shape, *(1 for _ in kernel))
        entries[f"{module}.alpha"] = np.array(alpha, np.float32)
    return entries


def save_kohya(path: Path, made: Mapping[str, Factors]) -> Path:
    safetensors.numpy.save_file(kohya(made), path)
    return path


def save_peft(folder: Path, made: Mapping[str, Factors], **config: Any) -> Path:
    """Write a folder as PEFT does; all modules have one alpha."""
    folder.mkdir()
    entries: dict[str, Array] = {}
    alphas = set()
    for name, (down, up, alpha) in made.items():
        module = "base_model.model." + name.removesuffix(".weight")
        kernel = SHAPES[name][2:]
        entries[f"{module}.lora_A.weight"] = down.reshape(len(down), SHAPES[name][1], *kernel)
        entries[f"{module}.lora_B.weight"] = up.reshape(*up.shape, *(1 for _ in kernel))
        alphas.add(alpha)
        rank = len(down)
    path = folder / "adapter_model.safetensors"
    safetensors.numpy.save_file(entries, path)
    facts = {"peft_type": "LORA", "r": rank, "lora_alpha": alphas.pop(), **config}
    (folder / "adapter_config.json").write_text(json.dumps(facts))
    return path


def bytes_of(weights: Mapping[str, tb.QuantizedTensor]) -> dict[str, bytes]:
    return {
        name: b"".join(part.tobytes() for part in tensor.parts.values())
        for name, tensor in weights.items()
    }


def quantized(
    bridge: tb.Bridge, tensors: Mapping[str, Any], scheme: str = "q8_0"
) -> dict[str, bytes]:
    """What a session should hold of merged tensors."""
    return bytes_of(bridge.quantize_batch(tensors, scheme, overrides={r".*\.bias": "f32"}))
