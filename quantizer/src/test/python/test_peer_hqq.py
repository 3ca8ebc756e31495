"""Codes, scales and zero points of ``hqq`` against the package hqq, by tolerance.

Both search for zero points in float32 with sums in another order, and we take the power in the
shrinkage from a polynomial: a value within an ulp of the border between two codes may fall on the
other side, and moves the zero point of its group by a little.
"""

from __future__ import annotations

import numpy as np
import pytest

import tensorbridge as tb

torch = pytest.importorskip("torch", reason="torch is not installed among the peers")
package = pytest.importorskip("hqq.core.quantize", reason="hqq is not installed among the peers")


@pytest.mark.parametrize("deviation", [0.02, 1.0])
@pytest.mark.parametrize(("bits", "group"), [(2, 64), (4, 64), (8, 128), (4, 32)])
def test_all_but_a_few_codes_are_equal(
    bridge: tb.Bridge, bits: int, group: int, deviation: float
) -> None:
    values = np.random.default_rng(7).normal(0, deviation, (1024, 1024)).astype(np.float32)
    codes, meta = package.Quantizer.quantize(
        torch.from_numpy(values.copy()), nbits=bits, group_size=group, axis=1, device="cpu"
    )
    unpack = package.Quantizer.unpack[meta["packing"]]
    ours = bridge.quantize_batch({"w": values}, scheme=f"hqq:bits={bits},group={group}")["w"]
    packed = torch.from_numpy(np.array(ours.data)).reshape(codes.shape)
    np.testing.assert_array_equal(ours.scales, meta["scale"].numpy().ravel())
    zeros = np.abs(ours.zero_points - meta["zero"].numpy().ravel())
    difference = unpack(packed).numpy().astype(int) - unpack(codes).numpy()
    assert np.abs(difference).max() <= 1
    assert np.mean(difference == 0) >= 0.9998
    assert np.mean(zeros < 1e-3) >= 0.998
