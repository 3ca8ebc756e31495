"""How much of the adapters is left after quantization."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from struct import Struct

__all__ = [
    "LEAST_SURVIVAL",
    "AdapterSurvival",
    "Sums",
    "TensorSurvival",
    "read_sums",
    "survival_of",
]

LEAST_SURVIVAL = 0.5
"""Below it, quantization undoes more than half of what adapters do, as the command line has it."""

_SUMS = Struct("<4d")
Sums = tuple[float, float, float, float]
"""``|D|^2``, ``|E|^2``, ``<E, D>`` and the number of elements."""


@dataclass(frozen=True)
class TensorSurvival:
    """How much of a change is left; D is the change, E the error of the quantization.

    Attributes
    ----------
    survival : float
        ``max(0, 1 - |E| / |D|)``: what is left if all of the error counts against the change.
    gain : float
        ``1 + <E, D> / |D|^2``: how much of the change is there in its own direction; 1 is all.
    delta_norm, error_norm : float
        ``|D|`` and ``|E|``.
    """

    survival: float
    gain: float
    delta_norm: float
    error_norm: float


@dataclass(frozen=True)
class AdapterSurvival(TensorSurvival):
    """The same of all changed tensors together.

    Attributes
    ----------
    tensors : mapping of str to TensorSurvival
        By name.
    """

    tensors: Mapping[str, TensorSurvival]


def read_sums(value: bytes) -> Sums:
    """Read the small result of an item."""
    delta, error, product, count = _SUMS.unpack(value)
    return delta, error, product, count


def survival_of(sums: Mapping[str, Sums]) -> AdapterSurvival:
    """Put together what the tensors tell."""
    tensors = {name: TensorSurvival(*_figures(one)) for name, one in sums.items()}
    return AdapterSurvival(*_figures(_total(sums.values())), tensors)


def _total(sums: Iterable[Sums]) -> Sums:
    delta, error, product, count = (
        (math.fsum(column) for column in zip(*sums, strict=True))
        if (sums := list(sums))
        else (0.0, 0.0, 0.0, 0.0)
    )
    return delta, error, product, count


def _figures(sums: Sums) -> tuple[float, float, float, float]:
    delta_norm, error_norm = math.sqrt(sums[0]), math.sqrt(sums[1])
    if not delta_norm:
        return 1.0, 1.0, 0.0, error_norm
    return (
        max(0.0, 1 - error_norm / delta_norm),
        1 + sums[2] / sums[0],
        delta_norm,
        error_norm,
    )
