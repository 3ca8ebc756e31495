"""Ordinary arrays are copied as late as may be, and no later."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import tensorbridge as tb
from tensorbridge.staging import Staged, copy_all

LARGE = 3 << 20  # elements of float32: more than is copied behind the announcement


@pytest.mark.parametrize("elements", [8, LARGE])
def test_an_array_may_change_once_it_is_submitted(bridge: tb.Bridge, elements: int) -> None:
    for repetition in range(3):  # the first time, the server is asked for a plan
        values = np.full(elements, repetition, np.float32)
        future = bridge.submit("copy", {"a": values, "b": np.arange(4.0) + repetition})
        values[...] = -1
        result = future.result(60)
        np.testing.assert_array_equal(result["a"], np.full(elements, repetition, np.float32))
        np.testing.assert_array_equal(result["b"], np.arange(4.0) + repetition)


@pytest.mark.parametrize(
    "values",
    [
        np.float32(7).reshape(()),
        np.arange(LARGE, dtype=np.float32).reshape(1, -1),
        np.arange(LARGE, dtype=np.float32).reshape(-1, 1),
        np.arange(LARGE, dtype=np.float32)[::-1],
        np.arange(LARGE, dtype=">f4").reshape(3, -1).T,
        np.zeros((0, 4), np.float32),
    ],
    ids=["scalar", "one row", "one column", "backwards", "turned", "empty"],
)
def test_any_form_is_copied_whole(bridge: tb.Bridge, values: npt.NDArray[Any]) -> None:
    prepared = bridge.prepare("copy", {"a": values})
    for result in (bridge.run("copy", {"a": values}), prepared.run(), prepared.run()):
        np.testing.assert_array_equal(result["a"], values)


@pytest.mark.parametrize(
    ("sizes", "copied_before"),
    [
        ([8], None),  # too small to tell anybody
        ([1 << 18], [0]),
        ([8, 1 << 20], [8, (1 << 20) - (1 << 18)]),
        ([1 << 22], [(1 << 22) - (1 << 18)]),
    ],
)
def test_the_server_is_told_towards_the_end(
    sizes: list[int], copied_before: list[int] | None
) -> None:
    arrays = [np.ones(size, np.float32) for size in sizes]
    copies = [np.zeros(size, np.float32) for size in sizes]
    told: list[list[int]] = []
    copy_all(
        [Staged(a, a, copy) for a, copy in zip(arrays, copies, strict=True)],
        lambda: told.append([int(copy.sum()) for copy in copies]),
    )
    assert told == ([] if copied_before is None else [copied_before])
    assert all(copy.all() for copy in copies)
