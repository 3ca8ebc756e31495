"""The casts to 8-bit floats, against torch and ml_dtypes."""

from __future__ import annotations

import numpy as np
import pytest

import tensorbridge as tb
from conftest import Floats

torch = pytest.importorskip("torch", reason="torch is not installed among the peers")
ml_dtypes = pytest.importorskip("ml_dtypes", reason="ml_dtypes is not among the peers")

TYPES = {
    "fp8_e4m3": (torch.float8_e4m3fn, ml_dtypes.float8_e4m3fn, 448),
    "fp8_e5m2": (torch.float8_e5m2, ml_dtypes.float8_e5m2, 57344),
}


@pytest.mark.parametrize("scheme", TYPES)
def test_a_cast_is_that_of_torch_and_ml_dtypes(
    bridge: tb.Bridge, matrix: Floats, scheme: str
) -> None:
    of_torch, of_ml_dtypes, greatest = TYPES[scheme]
    scaled = np.concatenate([matrix, matrix * np.float32(1e4), matrix * np.float32(1e-4)])
    ours = bridge.quantize_batch({"w": scaled}, scheme=scheme)["w"]
    theirs = torch.from_numpy(scaled).to(of_torch)
    assert np.array_equal(ours.data, theirs.view(torch.uint8).numpy().reshape(-1))
    inside = (np.abs(scaled) <= greatest).reshape(-1)
    others = scaled.astype(of_ml_dtypes).view(np.uint8).reshape(-1)
    assert np.array_equal(ours.data[inside], others[inside])
    finite = torch.isfinite(theirs.float()).numpy()
    assert np.array_equal(ours.dequantize()[finite], theirs.float().numpy()[finite])


@pytest.mark.parametrize("scheme", TYPES)
def test_every_code_is_read_as_torch_reads_it(bridge: tb.Bridge, scheme: str) -> None:
    of_torch = TYPES[scheme][0]
    values = torch.arange(256, dtype=torch.uint8).view(of_torch).float().numpy()
    finite = np.ascontiguousarray(values[np.isfinite(values)])
    ours = bridge.quantize_batch({"w": finite}, scheme=scheme)["w"]
    assert np.array_equal(ours.dequantize(), finite)
