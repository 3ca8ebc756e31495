"""Writes the golden bytes of schemes whose groups keep parameters apart, by the real packages.

Needs numpy, torch, bitsandbytes 0.50, torchao 0.18, compressed-tensors 0.20, optimum-quanto 0.2 and
onnxruntime 1.31, on a processor with AVX2 or AVX-512:
``TORCHDYNAMO_DISABLE=1 python generate.py ../golden-ggml/input.f32``.

The input is golden-ggml's: its 80 rows, cut to 250 columns, or to 256 where groups must divide rows.
A file is named after its scheme, ``:`` and ``=`` written as ``-`` and ``,`` as ``_``. It holds all
parts behind each other, and the SHA-256 of the dequantized float32 values.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import bitsandbytes.functional as bnb
import numpy as np
import torch
from bitsandbytes.backends.default.ops import _dequantize_4bit_compute
from compressed_tensors.compressors.pack_quantized.helpers import pack_to_int32
from compressed_tensors.quantization import QuantizationArgs
from compressed_tensors.quantization.lifecycle.forward import dequantize, quantize
from compressed_tensors.quantization.utils import calculate_qparams
from onnxruntime.capi import _pybind_state
from optimum.quanto import AbsmaxOptimizer, qint8
from optimum.quanto.tensor.weights import quantize_weight
from torchao.quantization.granularity import PerRow
from torchao.quantization.quantize_.workflows.int8.int8_tensor import Int8Tensor

HERE = Path(__file__).parent


def save(scheme: str, parts: list, values) -> None:
    name = scheme.replace(":", "-").replace("=", "-").replace(",", "_")
    stored = b"".join(np.ascontiguousarray(np.asarray(part)).tobytes() for part in parts)
    restored = np.ascontiguousarray(np.asarray(values, np.float32) + np.float32(0))
    digest = hashlib.sha256(restored.tobytes()).digest()
    (HERE / f"{name}.bin").write_bytes(stored + digest)


def four_bits(kind: str, block: int, nested: bool, x: torch.Tensor) -> None:
    codes, state = bnb.quantize_4bit(x.clone(), blocksize=block, quant_type=kind)
    scheme = f"{kind}:block={block}" + (",double=true" if nested else "")
    parts = [codes, state.absmax]
    scales = state.absmax
    if nested:  # given our mean, which is summed as doubles
        offset = np.float32(scales.numpy().astype(np.float64).sum() / len(scales))
        coded, inner = bnb.quantize_blockwise(scales - torch.tensor(offset), blocksize=256)
        parts = [codes, coded, inner.absmax, offset]
        scales = bnb.dequantize_blockwise(coded, inner) + torch.tensor(offset)
    book = bnb.get_4bit_type(kind, "cpu")
    flat = codes.reshape(-1)
    values = _dequantize_4bit_compute(flat, scales, book, block, x.shape, torch.float32)
    save(scheme, parts, values)


def int8(x: torch.Tensor) -> None:
    codes, scales, _ = bnb.int8_vectorwise_quant(x.clone())
    save("int8:rule=bnb", [codes, scales], bnb.int8_vectorwise_dequant(codes, scales))
    rows = Int8Tensor.from_hp(x, PerRow())
    save("int8:rule=torchao", [rows.qdata, rows.scale], rows.dequantize())
    args = QuantizationArgs(num_bits=8, type="int", strategy="channel", symmetric=True)
    least, greatest = x.amin(1, keepdim=True), x.amax(1, keepdim=True)
    scales, zero_points = calculate_qparams(least, greatest, args)
    codes = quantize(x, scales, zero_points, args, dtype=torch.int8)
    values = dequantize(codes, scales, zero_points, args)
    save("int8:rule=compressed-tensors", [codes, scales], values)
    scales = AbsmaxOptimizer()(x, qint8, 0)
    weight = quantize_weight(x, qint8, 0, scales, optimized=False)
    save("int8:rule=quanto", [weight._data, weight._scale], weight.dequantize())


def onnx(x: torch.Tensor, bits: int, group: int, symmetric: bool) -> None:
    rows, columns = x.shape
    groups = -(-columns // group)
    data = np.zeros((rows, groups, group * bits // 8), np.uint8)
    scales = np.zeros((rows, groups), np.float32)
    packed = np.zeros((rows, -(-groups * bits // 8)), np.uint8)
    transposed = np.ascontiguousarray(x.numpy().T)
    quantize_matmul = getattr(_pybind_state, f"quantize_matmul_{bits}bits")
    quantize_matmul(
        data, transposed, scales.reshape(-1), packed.reshape(-1), group, rows, columns, symmetric
    )
    codes, zero_points = data, packed
    if bits == 4:
        codes = np.stack([data & 15, data >> 4], -1).reshape(rows, groups, group)
        zero_points = np.stack([packed & 15, packed >> 4], -1).reshape(rows, -1)[:, :groups]
    if symmetric:
        zero_points = np.full((rows, groups), 2 ** (bits - 1))
    steps = codes.astype(np.float32) - zero_points.astype(np.float32)[..., None]
    values = (steps * scales[..., None]).reshape(rows, -1)[:, :columns]
    parts = [data, scales] + ([] if symmetric else [packed])
    save(f"int4:bits={bits},group={group},sym={str(symmetric).lower()}", parts, values)


def compressed(x: torch.Tensor, bits: int, group: int, symmetric: bool) -> None:
    args = QuantizationArgs(
        num_bits=bits, type="int", strategy="group", group_size=group, symmetric=symmetric
    )
    groups = x.unflatten(1, (-1, group))
    scales, zero_points = calculate_qparams(groups.amin(2), groups.amax(2), args)
    given = None if symmetric else zero_points
    codes = quantize(x, scales, given, args, dtype=torch.int8)
    values = dequantize(codes, scales, given, args)
    parts = [pack_to_int32(codes, bits), scales] + ([] if symmetric else [zero_points])
    options = f"layout=compressed-tensors,bits={bits},group={group},sym={str(symmetric).lower()}"
    save(f"int4:{options}", parts, values)


def main() -> None:
    whole = np.fromfile(sys.argv[1], np.float32).reshape(80, 1024)
    ragged = torch.from_numpy(whole[:, :250].copy())
    for kind in ("nf4", "fp4"):
        four_bits(kind, 64, False, ragged)
        four_bits(kind, 32, True, ragged)
    int8(ragged)
    even = torch.from_numpy(whole[:, :256].copy())
    for symmetric in (False, True):
        onnx(ragged, 4, 32, symmetric)
        onnx(ragged, 8, 128, symmetric)
        compressed(even, 4, 128, symmetric)


if __name__ == "__main__":
    main()
