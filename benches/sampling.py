"""Samples of one run: taken in turn, so that noise hits every contender, and kept as a file."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

_RESAMPLES = 2000


@dataclass(frozen=True)
class Estimate:
    """The median of samples in seconds, and its 95% bootstrap interval."""

    median: float
    low: float
    high: float
    p99: float

    def text(self) -> str:
        """``12.3 us [12.1, 12.6]`` in a unit that suits the median."""
        for unit, factor in (("s", 1.0), ("ms", 1e3), ("us", 1e6)):
            if self.median * factor >= 1 or unit == "us":
                break
        shown = [value * factor for value in (self.median, self.low, self.high)]
        return f"{shown[0]:.2f} {unit} [{shown[1]:.2f}, {shown[2]:.2f}]"


def median_interval(values: npt.NDArray[np.float64]) -> tuple[float, float, float]:
    """Median and percentile bootstrap interval (Efron 1979) of any figure."""
    rng = np.random.default_rng(0)
    picks = values[rng.integers(0, values.size, (_RESAMPLES, min(values.size, 2000)))]
    medians = np.median(picks, axis=1)
    low, high = np.percentile(medians, [2.5, 97.5])
    return float(np.median(values)), float(low), float(high)


def estimate(samples: list[float]) -> Estimate:
    """Estimate the median of samples in seconds."""
    values = np.asarray(samples)
    return Estimate(*median_interval(values), float(np.percentile(values, 99)))


def interleaved(
    contenders: dict[str, Callable[[], object]], rounds: int, warm_up: int = 3, inner: int = 1
) -> dict[str, list[float]]:
    """Time contenders in turn.

    Parameters
    ----------
    contenders : dict
        Name to a call without arguments.
    rounds : int
        How often each is sampled.
    warm_up : int
        Rounds that are not counted.
    inner : int
        Calls in a row in each round, each one a sample: back to back, the sides stay awake.

    Returns
    -------
    dict
        Name to seconds of every call.
    """
    samples: dict[str, list[float]] = {name: [] for name in contenders}
    clock = time.perf_counter
    for index in range(-warm_up, rounds):
        for name, call in contenders.items():
            kept = samples[name]
            for _ in range(inner):
                begun = clock()
                call()
                ended = clock()
                if index >= 0:
                    kept.append(ended - begun)
    return samples


def ratio(of: list[float], to: list[float]) -> str:
    """Median of the pairwise ratios with its interval, as text."""
    pairs = np.asarray(of) / np.asarray(to)
    median, low, high = median_interval(pairs)
    return f"{median:.3f}x [{low:.3f}, {high:.3f}]"


def keep(folder: Path, name: str, samples: dict[str, list[float]]) -> None:
    """Write samples as JSON, for whoever looks at them later."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps({"unit": "s", "samples": samples}))
