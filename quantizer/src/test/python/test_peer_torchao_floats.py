"""Scaled 8-bit floats, microscaling and NVFP4 with two levels, against torchao."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tensorbridge as tb
from conftest import Floats

torch = pytest.importorskip("torch", reason="torch is not installed among the peers")
pytest.importorskip("torchao", reason="torchao is not installed among the peers")

from torchao.prototype.mx_formats.config import ScaleCalculationMode  # noqa: E402
from torchao.prototype.mx_formats.mx_tensor import to_dtype, to_mx  # noqa: E402
from torchao.prototype.mx_formats.nvfp4_tensor import (  # noqa: E402
    NVFP4Tensor,
    per_tensor_amax_to_scale,
)
from torchao.quantization import quant_primitives as primitives  # noqa: E402

FLOAT8 = {"e4m3": torch.float8_e4m3fn, "e5m2": torch.float8_e5m2}
ELEMENTS = {
    "mxfp8": torch.float8_e4m3fn,
    "mxfp8:element=e5m2": torch.float8_e5m2,
    "mxfp4:layout=ocp": torch.float4_e2m1fn_x2,
}


def raw(tensor: Any) -> Any:
    return tensor.contiguous().reshape(-1).view(torch.uint8).numpy()


@pytest.mark.parametrize("name", FLOAT8)
@pytest.mark.parametrize("scale", ["tensor", "row", "block"])
def test_scaled_floats_are_those_of_torchao(
    bridge: tb.Bridge, matrix: Floats, name: str, scale: str
) -> None:
    whole = np.resize(matrix, (256, 512))
    source = torch.from_numpy(whole)
    sizes = {"tensor": [256, 512], "row": [1, 512], "block": [128, 128]}
    scales = primitives._choose_scale_float8(source, sizes[scale], FLOAT8[name])
    scales = torch.where(scales == 0, 2.0**-23, scales)  # of zeros alone torchao makes NaN
    codes = primitives._quantize_affine_float8(source, scales, FLOAT8[name])
    ours = bridge.quantize_batch({"w": whole}, scheme=f"fp8_{name}:scale={scale}")["w"]
    assert np.array_equal(ours.data, raw(codes))
    assert np.array_equal(np.ravel(ours.parts["scales"]), scales.numpy().reshape(-1))
    values = primitives._dequantize_affine_float8(codes, scales).numpy()
    assert np.array_equal(ours.dequantize(), values)


@pytest.mark.parametrize("scheme", ELEMENTS)
@pytest.mark.parametrize("rounding", ["floor", "ceil", "even", "rceil"])
def test_microscaling_is_that_of_torchao(
    bridge: tb.Bridge, matrix: Floats, scheme: str, rounding: str
) -> None:
    element = ELEMENTS[scheme]
    mode = ScaleCalculationMode(rounding)
    exponents, codes = to_mx(torch.from_numpy(matrix), element, 32, mode)
    separator = "," if ":" in scheme else ":"
    text = f"{scheme}{separator}rounding={rounding}"
    ours = bridge.quantize_batch({"w": matrix}, scheme=text)["w"]
    assert np.array_equal(ours.data, raw(codes))
    assert np.array_equal(np.ravel(ours.parts["scales"]), raw(exponents))
    values = to_dtype(codes, exponents, element, 32, torch.float32).numpy()
    assert np.array_equal(ours.dequantize(), values)


def test_nvfp4_of_two_levels_is_that_of_torchao(bridge: tb.Bridge, matrix: Floats) -> None:
    source = torch.from_numpy(matrix)
    scale = per_tensor_amax_to_scale(source.abs().max())
    theirs = NVFP4Tensor.to_nvfp4(source, per_tensor_scale=scale)
    ours = bridge.quantize_batch({"w": matrix}, scheme="nvfp4:layout=two-level")["w"]
    assert np.array_equal(ours.data, raw(theirs.qdata))
    assert np.array_equal(np.ravel(ours.parts["scales"]), raw(theirs.scale))
    assert ours.parts["tensor_scale"][0] == scale.item()
    assert np.array_equal(ours.dequantize(), theirs.dequantize(torch.float32).numpy())
