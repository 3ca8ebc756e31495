"""Fixtures of the tests against real packages; `python/peers.sh` runs them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest

import tensorbridge as tb

Floats = npt.NDArray[np.float32]


@pytest.fixture(scope="session")
def bridge() -> Iterator[tb.Bridge]:
    with tb.open() as opened:
        yield opened


@pytest.fixture(params=["normal", "rounded", "heavy", "edges"])
def matrix(request: pytest.FixtureRequest) -> Floats:
    """Values that tell quantizers apart: a matrix of 64 rows of 512."""
    rng = np.random.default_rng(20261125)
    normal = rng.normal(0, 0.02, (64, 512)).astype(np.float32)
    if request.param == "normal":
        return normal
    if request.param == "rounded":  # to bfloat16, so that ties of rounding occur
        bits = normal.view(np.uint32)
        return (bits & np.uint32(0xFFFF0000)).view(np.float32)
    if request.param == "heavy":
        return np.asarray(rng.standard_t(2, (64, 512)) * 0.02, np.float32)
    edges = normal.copy()
    edges[0] = 0
    edges[1] = -0.0
    edges[2] = 1.5
    edges[3, ::2] = -edges[3, 1::2]
    edges[4] *= np.float32(1e-30)
    edges[5, 7] = 1e4
    edges[6] = np.abs(edges[6])
    edges[7] = -np.abs(edges[7])
    return edges
