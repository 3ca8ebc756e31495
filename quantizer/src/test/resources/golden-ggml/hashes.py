"""Makes edges.f32 and hashes.properties with the ggml that the wheel of xllamacpp bundles.

Run with the interpreter of the peers: ``benches/target/peers/bin/python hashes.py``.

``values.TYPE`` is the SHA-256 of what ggml's ``dequantize_row_TYPE`` makes of ``ggml_TYPE.bin``, as
float32 with every NaN as 0x7fc00000. ``edges.TYPE`` is the SHA-256 of what ``ggml_quantize_chunk``
makes of ``edges.f32``, rows of 256 values in blocks of 64 that are hard to quantize exactly.
"""

from __future__ import annotations

import ctypes
import hashlib
import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

HERE = Path(__file__).resolve().parent
COLUMNS = 256
BLOCK = 64
GREATEST = float(np.finfo(np.float32).max)
# enum ggml_type of ggml.h
TYPES = {
    "f16": 1,
    "q4_0": 2,
    "q4_1": 3,
    "q5_0": 6,
    "q5_1": 7,
    "q8_0": 8,
    "q2_K": 10,
    "q3_K": 11,
    "q4_K": 12,
    "q5_K": 13,
    "q6_K": 14,
    "iq4_nl": 20,
    "bf16": 30,
    "mxfp4": 39,
    "nvfp4": 40,
}
EDGE_TYPES = (
    "q8_0",
    "q4_0",
    "q4_1",
    "q5_0",
    "q5_1",
    "q2_K",
    "q3_K",
    "iq4_nl",
    "mxfp4",
    "nvfp4",
)

Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]


def main() -> None:
    """Write both files."""
    library = load()
    edges = edge_values()
    edges.tofile(HERE / "edges.f32")
    lines = [
        f"edges.{name.lower()}={sha256(quantized(library, name, edges))}" for name in EDGE_TYPES
    ]
    for name in TYPES:
        codes = np.fromfile(HERE / f"ggml_{name}.bin", np.uint8)
        lines.append(f"values.{name.lower()}={sha256(dequantized(library, name, codes))}")
    (HERE / "hashes.properties").write_text("\n".join(lines) + "\n")


def load() -> Any:
    """Load ggml."""
    found = importlib.util.find_spec("xllamacpp")
    assert found is not None
    assert found.origin is not None
    library = ctypes.CDLL(str(min(Path(found.origin).parent.glob("*.so"))))
    library.ggml_row_size.restype = ctypes.c_size_t
    library.ggml_row_size.argtypes = [ctypes.c_int, ctypes.c_int64]
    library.ggml_quantize_chunk.restype = ctypes.c_size_t
    library.ggml_quantize_chunk.argtypes = (
        [ctypes.c_int] + [ctypes.c_void_p] * 2 + [ctypes.c_int64] * 3 + [ctypes.c_void_p]
    )
    return library


def quantized(library: Any, name: str, source: Floats) -> Bytes:
    """Quantize rows."""
    target = np.zeros(library.ggml_row_size(TYPES[name], COLUMNS) * len(source), np.uint8)
    library.ggml_quantize_chunk(
        TYPES[name], source.ctypes.data, target.ctypes.data, 0, len(source), COLUMNS, None
    )
    return target


def dequantized(library: Any, name: str, codes: Bytes) -> Floats:
    """Dequantize; NaNs become one NaN."""
    row_bytes = library.ggml_row_size(TYPES[name], COLUMNS)
    values = np.zeros(len(codes) // row_bytes * COLUMNS, np.float32)
    plain = {"f16": "ggml_fp16_to_fp32_row", "bf16": "ggml_bf16_to_fp32_row"}
    function = getattr(library, plain.get(name, f"dequantize_row_{name}"))
    function.restype = None
    function.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64]
    function(codes.ctypes.data, values.ctypes.data, len(values))
    values[np.isnan(values)] = np.float32(np.nan)
    return values


def edge_values() -> Floats:
    """Give blocks at the edges of what the rules distinguish."""
    random = np.random.default_rng(20261125)
    blocks = [*near_powers(random), *all_scales(random)]
    signs = random.random((8, BLOCK)) < 0.5
    blocks.extend(np.where(signs, 0.0, -0.0).astype(np.float32))
    bits = random.integers(0, 2**32, (16, BLOCK), dtype=np.uint64).astype(np.uint32)
    bits[(bits & 0x7F800000) == 0x7F800000] &= 0x3FFFFFFF
    blocks.extend(bits.view(np.float32))
    count = len(blocks) // (COLUMNS // BLOCK) * (COLUMNS // BLOCK)
    return np.concatenate(blocks[:count]).reshape(-1, COLUMNS)


def near_powers(random: np.random.Generator) -> list[Floats]:
    """Give blocks whose greatest magnitude is a few floats below a power of two."""
    blocks = []
    for power in (-140, -126, -125, -124, -65, -33, -9, -2, -1, 0, 1, 2, 5, 17, 33, 65, 127, 128):
        for below in (1, 2, 3, 5, 6, 11, 12, 22, 23, 44, 45):
            top = np.uint32(
                int(np.float64(2.0 ** min(power, 127)).astype(np.float32).view(np.uint32))
            )
            bits = (int(top) if power < 128 else 0x7F800000) - below
            greatest = float(np.uint32(max(bits, 1)).view(np.float32))
            block = (random.uniform(-1, 1, BLOCK) * greatest).astype(np.float32)
            block[[0, 32]] = greatest, -greatest
            blocks.append(block)
    return blocks


def all_scales(random: np.random.Generator) -> list[Floats]:
    """Give blocks of any scale, of ties and of positive values with zeros of both signs."""
    blocks = []
    for power in range(-148, 128, 12):
        normal = random.standard_normal((3, BLOCK))
        normal[1] = np.round(normal[1] * 4)
        normal[2] = np.abs(np.round(normal[2] * 8) / 4)
        scaled = np.clip(np.ldexp(normal, power), -GREATEST, GREATEST).astype(np.float32)
        scaled[2, random.integers(0, BLOCK, 8)] = -0.0
        blocks.extend(scaled)
    return blocks


def sha256(array: Floats | Bytes) -> str:
    """Hash the bytes of an array."""
    return hashlib.sha256(array.tobytes()).hexdigest()


if __name__ == "__main__":
    main()
