"""The bytes of ``int8`` and ``int4`` against the package compressed-tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import tensorbridge as tb

torch = pytest.importorskip("torch", reason="torch is not installed among the peers")
quantization = pytest.importorskip(
    "compressed_tensors.quantization",
    reason="compressed-tensors is not installed among the peers",
)

Floats = npt.NDArray[np.float32]


def reference(values: Floats, bits: int, group: int | None, symmetric: bool) -> Any:
    """Give codes, scales, zero points and restored values."""
    from compressed_tensors.quantization.lifecycle.forward import dequantize, quantize
    from compressed_tensors.quantization.utils import calculate_qparams

    strategy = "group" if group else "channel"
    args = quantization.QuantizationArgs(
        num_bits=bits, type="int", strategy=strategy, group_size=group, symmetric=symmetric
    )
    tensor = torch.from_numpy(values.copy())
    parted = tensor.unflatten(1, (-1, group)) if group else tensor
    least = parted.amin(-1, keepdim=not group)
    greatest = parted.amax(-1, keepdim=not group)
    scales, zero_points = calculate_qparams(least, greatest, args)
    given = None if symmetric else zero_points
    codes = quantize(tensor, scales, given, args, dtype=torch.int8)
    return codes, scales, zero_points, dequantize(codes, scales, given, args)


def test_int8(bridge: tb.Bridge, matrix: Floats) -> None:
    codes, scales, _, values = reference(matrix, 8, None, True)
    ours = bridge.quantize_batch({"w": matrix}, scheme="int8:rule=compressed-tensors")["w"]
    np.testing.assert_array_equal(ours.data.view(np.int8), codes.numpy().reshape(-1))
    np.testing.assert_array_equal(ours.scales, scales.numpy().reshape(-1))
    np.testing.assert_array_equal(ours.dequantize(), values.numpy())


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("group", [16, 128, None])
@pytest.mark.parametrize("bits", [4, 8])
def test_pack_quantized(
    bridge: tb.Bridge, matrix: Floats, bits: int, group: int | None, symmetric: bool
) -> None:
    from compressed_tensors.compressors.pack_quantized.helpers import pack_to_int32

    values = matrix if group else np.ascontiguousarray(matrix[:, :507])
    codes, scales, zero_points, restored = reference(values, bits, group, symmetric)
    options = f"bits={bits},group={group or 'row'},sym={str(symmetric).lower()}"
    scheme = f"int4:layout=compressed-tensors,{options}"
    ours = bridge.quantize_batch({"w": values}, scheme=scheme)["w"]
    packed = pack_to_int32(codes, bits).contiguous().numpy()
    np.testing.assert_array_equal(ours.data, packed.view(np.uint8).reshape(-1))
    np.testing.assert_array_equal(ours.scales.reshape(-1), scales.numpy().reshape(-1))
    if not symmetric:
        np.testing.assert_array_equal(ours.zero_points.reshape(-1), zero_points.numpy().reshape(-1))
    np.testing.assert_array_equal(ours.dequantize(), restored.numpy())
