"""The bytes of ``int8`` against torchao and optimum-quanto."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

import tensorbridge as tb

torch = pytest.importorskip("torch", reason="torch is not installed among the peers")

Floats = npt.NDArray[np.float32]


def test_torchao(bridge: tb.Bridge, matrix: Floats) -> None:
    pytest.importorskip("torchao", reason="torchao is not installed among the peers")
    from torchao.quantization.granularity import PerRow
    from torchao.quantization.quantize_.workflows.int8.int8_tensor import Int8Tensor

    reference = Int8Tensor.from_hp(torch.from_numpy(matrix.copy()), PerRow())
    ours = bridge.quantize_batch({"w": matrix}, scheme="int8:rule=torchao")["w"]
    np.testing.assert_array_equal(ours.data.view(np.int8), reference.qdata.numpy().reshape(-1))
    np.testing.assert_array_equal(ours.scales, reference.scale.numpy().reshape(-1))
    np.testing.assert_array_equal(ours.dequantize(), reference.dequantize().numpy())


def test_quanto(bridge: tb.Bridge, matrix: Floats) -> None:
    quanto = pytest.importorskip(
        "optimum.quanto", reason="optimum-quanto is not installed among the peers"
    )
    from optimum.quanto.tensor.weights import quantize_weight

    tensor = torch.from_numpy(matrix.copy())
    scales = quanto.AbsmaxOptimizer()(tensor, quanto.qint8, 0)
    reference = quantize_weight(tensor, quanto.qint8, 0, scales, optimized=False)
    ours = bridge.quantize_batch({"w": matrix}, scheme="int8:rule=quanto")["w"]
    np.testing.assert_array_equal(ours.data.view(np.int8), reference._data.numpy().reshape(-1))
    np.testing.assert_array_equal(ours.scales, scales.numpy().reshape(-1))
    np.testing.assert_array_equal(ours.dequantize(), reference.dequantize().numpy())
