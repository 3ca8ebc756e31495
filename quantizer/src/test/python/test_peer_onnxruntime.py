"""The bytes of ``int4`` against onnxruntime's quantizer for MatMulNBits."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

import tensorbridge as tb

state = pytest.importorskip(
    "onnxruntime.capi._pybind_state", reason="onnxruntime is not installed among the peers"
)

Floats = npt.NDArray[np.float32]


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("group", [16, 32, 128, 256])
@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("columns", [512, 507])
def test_matmul_nbits(
    bridge: tb.Bridge, matrix: Floats, columns: int, bits: int, group: int, symmetric: bool
) -> None:
    values = np.ascontiguousarray(matrix[:, :columns])
    rows = len(values)
    groups = -(-columns // group)
    data = np.zeros((rows, groups, group * bits // 8), np.uint8)
    scales = np.zeros(rows * groups, np.float32)
    zero_points = np.zeros(rows * -(-groups * bits // 8), np.uint8)
    transposed = np.ascontiguousarray(values.T)
    quantize = getattr(state, f"quantize_matmul_{bits}bits")
    quantize(data, transposed, scales, zero_points, group, rows, columns, symmetric)
    scheme = f"int4:bits={bits},group={group},sym={str(symmetric).lower()}"
    ours = bridge.quantize_batch({"w": values}, scheme=scheme)["w"]
    np.testing.assert_array_equal(ours.data, data.reshape(-1))
    np.testing.assert_array_equal(ours.scales.reshape(-1), scales)
    if not symmetric:
        np.testing.assert_array_equal(ours.zero_points.reshape(-1), zero_points)
