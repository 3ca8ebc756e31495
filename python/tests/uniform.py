"""The scheme ``uniform`` in NumPy, as docs/uniform.md states it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
f32 = np.float32


def parameters(group: Array, bits: int, sym: bool) -> tuple[Any, Any]:
    low, high, levels = group.min(), group.max(), f32(2**bits - 1)
    if sym:
        amax = max(abs(low), abs(high))
        scale = amax / f32(2 ** (bits - 1) - 1) if amax else f32(1)
    elif low == high:
        scale = abs(low) if low else f32(1)
    else:
        with np.errstate(over="ignore"):
            scale = (high - low) / levels
        if np.isinf(scale):
            scale = high / levels - low / levels
    scale = scale or f32(2**-149)
    return scale, f32(2 ** (bits - 1)) if sym else (f32(0) - low) / scale


def codes_of(group: Array, scale: Any, zero_point: Any, bits: int) -> Array:
    return np.clip(np.rint(group / scale + zero_point), 0, 2**bits - 1).astype(np.uint8)


def pack(codes: Array, bits: int) -> Array:
    per_byte = 8 // bits
    codes = np.pad(codes, (0, -len(codes) % per_byte)).reshape(-1, per_byte)
    shifts = np.arange(per_byte, dtype=np.uint8) * np.uint8(bits)
    return np.bitwise_or.reduce(codes << shifts, axis=1, dtype=np.uint8)


def quantize(
    tensor: Array, bits: int, group: int | str, sym: bool
) -> tuple[Array, Array, Array, Array]:
    """Return data, scales, zero points and the values that they stand for."""
    flat = tensor.astype(f32)
    rows = flat.reshape(1, -1) if flat.ndim < 2 else flat.reshape(flat.shape[0], -1)
    if group == "tensor":
        groups = [flat.reshape(-1)]
        shape: tuple[int, ...] = (1,)
    elif group == "row":
        groups = list(rows)
        shape = (len(rows),)
    else:
        size = int(group)
        groups = [row[i : i + size] for row in rows for i in range(0, len(row), size)]
        shape = (len(rows), -(-rows.shape[1] // size))
    chosen = [parameters(g, bits, sym) for g in groups]
    codes = [codes_of(g, s, z, bits) for g, (s, z) in zip(groups, chosen, strict=True)]
    values = [(c.astype(f32) - z) * s for c, (s, z) in zip(codes, chosen, strict=True)]
    scales = np.array([s for s, _ in chosen], f32).reshape(shape)
    zero_points = np.array([z for _, z in chosen], f32).reshape(shape)
    return (
        pack(np.concatenate(codes), bits),
        scales,
        zero_points,
        np.concatenate(values).reshape(tensor.shape),
    )
