"""Ordinary arrays on their way into shared memory.

They are copied last, when all else is ready: a copy leaves the processor's caches cold.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .arrays import adopt

__all__ = ["Staged", "copy_all", "refill"]

_ANNOUNCED_FROM = 1 << 19
"""To copy so many bytes takes about as long as to wake a process."""

_BYTES_BEHIND = 1 << 20
"""To copy so many takes longer than to wake a process, and less than a server then looks."""


class Staged(NamedTuple):
    """An ordinary array, and where its copy shall be."""

    value: Any
    """What the caller handed over."""

    array: npt.NDArray[Any]
    """Its elements."""

    copy: npt.NDArray[Any]
    """Shared memory of the same shape, row-major and little-endian."""

    def again(self) -> Staged:
        """Look at the value anew: it may have got other memory since."""
        return self._replace(array=adopt("", self.value)[0])


def refill(copy: npt.NDArray[Any], array: npt.NDArray[Any]) -> None:
    """Copy elements into a row-major, little-endian array of the same type."""
    np.copyto(copy, array, casting="equiv")


def copy_all(staged: Sequence[Staged], announce: Callable[[], None]) -> None:
    """Copy what a batch needs, just before it is submitted.

    Parameters
    ----------
    staged : sequence of Staged
    announce : callable
        Tells the server what comes; see `Ring.announce`. Called towards the end of a long copy, so
        that the server is awake when that is over, and has not looked so long that it sleeps again.
    """
    for _, array, copy in staged[:-1]:
        refill(copy, array)
    for _, array, copy in staged[-1:]:
        if array.nbytes >= _ANNOUNCED_FROM and array.ndim:
            rows = len(array)
            first = max(0, rows - rows * _BYTES_BEHIND // array.nbytes)
            refill(copy[:first], array[:first])
            announce()
            refill(copy[first:], array[first:])
        else:
            refill(copy, array)
