"""What the demonstration measures, as values; no printing and no drawing."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass
class Way:
    """Totals of one way of quantizing.

    Attributes
    ----------
    layers, input_bytes, output_bytes : int
        What went in and came out.
    seconds : float
        From the call until the result can be read.
    run_seconds : float
        The part of it that the server spent on the work itself; 0 where it is not known.
    """

    layers: int = 0
    input_bytes: int = 0
    output_bytes: int = 0
    seconds: float = 0.0
    run_seconds: float = 0.0

    @property
    def gigabytes_per_second(self) -> float:
        """Input bytes over seconds, in GB/s."""
        return self.input_bytes / self.seconds / 1e9 if self.seconds else 0.0

    @property
    def overhead(self) -> float:
        """The share of the time spent outside the work itself."""
        return max(0.0, 1.0 - self.run_seconds / self.seconds) if self.seconds else 0.0


@dataclass(frozen=True)
class LayerMeasure:
    """One sampled layer, both ways.

    Attributes
    ----------
    name : str
        The tensor's name.
    shape : tuple of int
        Its extents.
    legacy_seconds, batch_seconds : float
        Time of a legacy call, and of a batch of this layer alone.
    sqnr : float
        Signal to quantization noise ratio in dB.
    identical : bool
        Whether both ways gave the same bytes.
    """

    name: str
    shape: tuple[int, ...]
    legacy_seconds: float
    batch_seconds: float
    sqnr: float
    identical: bool

    @property
    def input_bytes(self) -> int:
        """Size of the layer in float32."""
        return 4 * math.prod(self.shape)


def sqnr_db(original: npt.NDArray[np.float32], restored: npt.NDArray[np.float32]) -> float:
    """Signal to quantization noise ratio.

    Parameters
    ----------
    original, restored : ndarray
        Arrays of one shape.

    Returns
    -------
    float
        ``10 log10(sum(x^2) / sum((x - x')^2))`` in dB; infinite if the arrays are equal.
    """
    signal = np.sum(np.square(original, dtype=np.float64))
    noise = np.sum(np.square(original.astype(np.float64) - restored))
    return float(10 * np.log10(signal / noise)) if noise > 0 else math.inf
