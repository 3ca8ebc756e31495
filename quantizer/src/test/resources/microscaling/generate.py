"""Writes the golden vectors of fp8, mx and nvfp4 with torch, torchao and compressed-tensors.

    python generate.py          (in this folder)

Needs torch 2.15, torchao 0.18, ml_dtypes and compressed-tensors 0.20. Writes vectors.bin: the number
of rows and columns of the input as a line of text, the input as float32, then a sequence of cases: a
line "scheme first end repeat parts", then the parts one after another, each as a little-endian uint32
of its bytes and the bytes, then the SHA-256 of the reference's dequantized float32. The input of a
case are the rows [first, end) of the whole one, repeated one after another until there are `repeat`.
"""

import hashlib
import pathlib
import struct

import compressed_tensors.quantization as ct
import ml_dtypes
import numpy as np
import torch
from compressed_tensors.quantization.utils import calculate_qparams
from torchao.prototype.mx_formats.config import ScaleCalculationMode
from torchao.prototype.mx_formats.mx_tensor import to_dtype, to_mx
from torchao.prototype.mx_formats.nvfp4_tensor import NVFP4Tensor, per_tensor_amax_to_scale
from torchao.quantization.quant_primitives import (
    _choose_scale_float8,
    _dequantize_affine_float8,
    _quantize_affine_float8,
)

HERE = pathlib.Path(__file__).parent
COLUMNS = 160
TAME = 10  # so many rows first, whose magnitudes are alike

FLOAT8 = {"e4m3": torch.float8_e4m3fn, "e5m2": torch.float8_e5m2}
ML = {"e4m3": ml_dtypes.float8_e4m3fn, "e5m2": ml_dtypes.float8_e5m2}


def rows() -> np.ndarray:
    random = np.random.default_rng(5)

    def gaussian() -> np.ndarray:
        return random.standard_normal(COLUMNS).astype("f4")

    def bf16(x: np.ndarray) -> np.ndarray:
        return x.astype(ml_dtypes.bfloat16).astype("f4")

    def near_powers() -> np.ndarray:
        """Blocks of 32 whose greatest value is a few units in the last place off a power of two."""
        x = gaussian() * np.float32(0.1)
        for block in range(COLUMNS // 32):
            power = np.float32(2.0 ** random.integers(-100, 100))
            x[32 * block : 32 * block + 32] *= power / 4
            off = int(random.integers(-40, 40))
            x[32 * block + 7] = (power.view("i4") + np.int32(off)).view("f4")
        return x

    def wide() -> np.ndarray:
        signs = random.choice([-1.0, 1.0], COLUMNS)
        return (signs * 2.0 ** random.uniform(-20, 12, COLUMNS)).astype("f4")

    def near_limits() -> np.ndarray:
        """amax / 448, / 57344 and / 6 a few units in the last place off a power of two."""
        x = gaussian()
        for block in range(COLUMNS // 32):
            limit = np.float32([448, 57344, 6, 448, 6][block])
            power = limit * np.float32(2.0 ** random.integers(-60, 60))
            x[32 * block : 32 * block + 32] *= power / 8
            off = int(random.integers(-30, 30))
            x[32 * block + 3] = -(power.view("i4") + np.int32(off)).view("f4")
        return x

    tame = [
        gaussian() * np.float32(0.02),
        bf16(gaussian() * np.float32(0.02)),
        random.standard_t(2, COLUMNS).astype("f4") * np.float32(0.02),
        gaussian() * np.float32(3),
        bf16(random.standard_t(1.5, COLUMNS).astype("f4")),
        np.round(gaussian() * 16) / np.float32(16),
        np.full(COLUMNS, -0.75, "f4"),
        np.zeros(COLUMNS, "f4"),
        wide(),
        np.where(np.arange(COLUMNS) % 37 == 0, np.float32(1), np.float32(-0.0)),
    ]
    assert len(tame) == TAME
    wild = [
        near_powers(),
        near_powers(),
        near_limits(),
        near_limits(),
        gaussian() * np.float32(1e-40),
        np.clip(gaussian(), -3, 3) * np.float32(1.1e38),
        np.zeros(COLUMNS, "f4"),
        gaussian() * np.float32(1000),
        gaussian() * np.float32(1e-38),
        (np.arange(COLUMNS) * 7 - 500).astype("f4"),
    ]
    return np.stack(tame + wild).astype("<f4")


def raw(x: torch.Tensor) -> bytes:
    return x.detach().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()


def cast(x: torch.Tensor, name: str) -> tuple[list[bytes], torch.Tensor]:
    code = x.to(FLOAT8[name])
    inside = x.abs() <= torch.finfo(FLOAT8[name]).max
    other = x.numpy().astype(ML[name]).view("u1")
    assert (code.view(torch.uint8).numpy()[inside] == other[inside]).all()
    return [raw(code)], code.float()


def scaled(x: torch.Tensor, name: str, scale: str) -> tuple[list[bytes], torch.Tensor]:
    """torchao's, which compressed-tensors must agree with; of zeros alone the latter's."""
    dtype = FLOAT8[name]
    rows, columns = x.shape
    sizes = {"tensor": (rows, columns), "row": (1, columns), "block": (128, 128)}
    height, width = sizes[scale]
    padded = torch.nn.functional.pad(x, (0, -columns % width, 0, -rows % height))
    scales = _choose_scale_float8(padded, [height, width], dtype)
    if name == "e4m3":
        tiles = padded.reshape(padded.shape[0] // height, height, -1, width)
        args = ct.QuantizationArgs(num_bits=8, type="float", symmetric=True)
        theirs, _ = calculate_qparams(tiles.amin((1, 3)), tiles.amax((1, 3)), args)
        assert torch.equal(theirs, torch.where(scales == 0, 2.0**-23, scales))
    scales = torch.where(scales == 0, 2.0**-23, scales)
    code = _quantize_affine_float8(padded, scales, dtype)
    values = _dequantize_affine_float8(code, scales)
    return [raw(code[:rows, :columns]), raw(scales)], values[:rows, :columns]


def mx(x: torch.Tensor, dtype: torch.dtype, mode: str) -> tuple[list[bytes], torch.Tensor]:
    exponents, code = to_mx(x, dtype, 32, ScaleCalculationMode(mode))
    return [raw(code), raw(exponents)], to_dtype(code, exponents, dtype, 32, torch.float32)


def mxint8(x: torch.Tensor) -> tuple[list[bytes], torch.Tensor]:
    """The rule of microxcaling, ``_quantize_mx`` with ``int8`` and rounding ``nearest``."""
    blocks = x.reshape(-1, 32)
    amax = blocks.abs().amax(1, keepdim=True)
    exponent = torch.floor(torch.log2(amax)).clamp(min=-127)
    scaled = blocks / 2**exponent * 64
    code = (scaled.sign() * torch.floor(scaled.abs() + 0.5)).clamp(-127, 127)
    code = code.to(torch.int8)  # which has no -0, as microxcaling has
    values = (code.float() / 64 * 2**exponent).reshape(x.shape)
    return [raw(code), raw((exponent + 127).to(torch.uint8))], values


def nvfp4(x: torch.Tensor) -> tuple[list[bytes], torch.Tensor]:
    scale = per_tensor_amax_to_scale(x.abs().max())
    coded = NVFP4Tensor.to_nvfp4(x, per_tensor_scale=scale)
    return [raw(coded.qdata), raw(coded.scale), raw(scale)], coded.dequantize(torch.float32)


def main() -> None:
    whole = rows()
    count = len(whole)
    with (HERE / "vectors.bin").open("wb") as out:
        out.write(f"{count} {COLUMNS}\n".encode())
        out.write(whole.tobytes())

        def case(scheme: str, reference, first: int = 0, end: int = count, repeat: int = 0) -> None:
            part = whole[first:end]
            repeat = repeat or len(part)
            x = torch.from_numpy(np.resize(part, (repeat, COLUMNS)))
            parts, values = reference(x)
            out.write(f"{scheme} {first} {end} {repeat} {len(parts)}\n".encode())
            for data in parts:
                out.write(struct.pack("<I", len(data)) + data)
            out.write(hashlib.sha256(values.numpy().astype("<f4").tobytes()).digest())

        for name, dtype in FLOAT8.items():
            case(f"fp8_{name}", lambda x, name=name: cast(x, name))
            for scale, end, repeat in (
                ("tensor", TAME, 0),
                ("row", count, 0),
                ("block", TAME, 130),
            ):
                case(
                    f"fp8_{name}:scale={scale}",
                    lambda x, name=name, scale=scale: scaled(x, name, scale),
                    0,
                    end,
                    repeat,
                )
            for mode in ("floor", "ceil", "even", "rceil"):
                case(
                    f"mxfp8:element={name},rounding={mode}",
                    lambda x, dtype=dtype, mode=mode: mx(x, dtype, mode),
                )
        for mode in ("floor", "ceil", "even", "rceil"):
            case(
                f"mxfp4:layout=ocp,rounding={mode}",
                lambda x, mode=mode: mx(x, torch.float4_e2m1fn_x2, mode),
            )
        case("mxint8", mxint8)
        case("nvfp4:layout=two-level", nvfp4, 0, TAME)


main()
