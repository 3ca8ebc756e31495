"""The bytes of ``nf4``, ``fp4`` and ``int8`` against bitsandbytes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import tensorbridge as tb

torch = pytest.importorskip("torch", reason="torch is not installed among the peers")
functional = pytest.importorskip(
    "bitsandbytes.functional", reason="bitsandbytes is not installed among the peers"
)

Floats = npt.NDArray[np.float32]


def quantized(bridge: tb.Bridge, scheme: str, values: Floats) -> Any:
    return bridge.quantize_batch({"w": values}, scheme=scheme)["w"]


@pytest.mark.parametrize("block", [32, 64, 256, 4096])
@pytest.mark.parametrize("kind", ["nf4", "fp4"])
@pytest.mark.parametrize("columns", [512, 507])
def test_four_bits(bridge: tb.Bridge, matrix: Floats, kind: str, block: int, columns: int) -> None:
    values = np.ascontiguousarray(matrix[:, :columns])
    codes, state = functional.quantize_4bit(
        torch.from_numpy(values.copy()), blocksize=block, quant_type=kind
    )
    ours = quantized(bridge, f"{kind}:block={block}", values)
    np.testing.assert_array_equal(ours.data, codes.numpy().reshape(-1))
    np.testing.assert_array_equal(ours.scales, state.absmax.numpy())
    if columns % block == 0:  # where blocks cross rows, some of its kernels take wrong scales
        np.testing.assert_array_equal(
            ours.dequantize(), functional.dequantize_4bit(codes, state).numpy()
        )


@pytest.mark.parametrize("kind", ["nf4", "fp4"])
def test_double_quantization_given_the_offset(bridge: tb.Bridge, matrix: Floats, kind: str) -> None:
    codes, state = functional.quantize_4bit(
        torch.from_numpy(matrix.copy()), blocksize=64, quant_type=kind
    )
    ours = quantized(bridge, f"{kind}:double=true", matrix)
    offset = torch.tensor(ours.parts["nested_offset"][0])
    assert offset.item() == pytest.approx(state.absmax.mean().item(), rel=1e-6)
    coded, inner = functional.quantize_blockwise(state.absmax - offset, blocksize=256)
    np.testing.assert_array_equal(ours.data, codes.numpy().reshape(-1))
    np.testing.assert_array_equal(ours.scales, coded.numpy())
    np.testing.assert_array_equal(ours.parts["nested_scales"], inner.absmax.numpy())
    state.absmax, state.offset, state.state2 = coded, offset, inner
    state.nested = True
    np.testing.assert_array_equal(
        ours.dequantize(), functional.dequantize_4bit(codes, state).numpy()
    )


def test_int8(bridge: tb.Bridge, matrix: Floats) -> None:
    codes, scales, _ = functional.int8_vectorwise_quant(torch.from_numpy(matrix.copy()))
    ours = quantized(bridge, "int8:rule=bnb", matrix)
    np.testing.assert_array_equal(ours.data.view(np.int8), codes.numpy().reshape(-1))
    np.testing.assert_array_equal(ours.scales, scales.numpy())
    np.testing.assert_array_equal(
        ours.dequantize(), functional.int8_vectorwise_dequant(codes, scales).numpy()
    )
