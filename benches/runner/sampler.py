"""Takes samples of one contender that stands ready in this process."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import repeat
from typing import Protocol

from .benchmark import Contender, Launch, Operation

_LATENCY_CALLS = 100


@dataclass(frozen=True)
class Sample:
    """One timed run: the nanoseconds (or bytes) of all its iterations, and further figures."""

    iterations: int
    total: float
    figures: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class WarmUp:
    """The end of a warm-up: seconds of one iteration, and its last and longest run as a sample."""

    seconds: float
    last: Sample


class Sampler(Protocol):
    """A contender that stands ready, here or in another process."""

    def warm_up(self, seconds: float) -> WarmUp:
        """Run for so long, at least once."""
        ...

    def sample(self, iterations: int, latencies: bool) -> Sample:
        """Time so many iterations; with latencies, some more calls singly, for p50 and p99."""
        ...


class LocalSampler:
    """A contender in this process."""

    def __init__(self, contender: Contender, launch: Launch) -> None:
        """Open the contender; what it opens ends with the launch."""
        opened = contender.open(launch)
        self._operation = opened if isinstance(opened, Operation) else Operation(opened)

    def warm_up(self, seconds: float) -> WarmUp:
        """Double the iterations until the time is over."""
        begun = time.perf_counter()
        iterations = 1
        while True:
            started = time.perf_counter()
            last = self.sample(iterations, latencies=False)
            ended = time.perf_counter()
            if ended - begun >= seconds:
                return WarmUp((ended - started) / iterations, last)
            iterations *= 2

    def sample(self, iterations: int, latencies: bool) -> Sample:
        """Time the iterations as one, and then some calls singly."""
        total = self._run(iterations)
        figures = {} if self._operation.figures is None else self._operation.figures()
        if latencies and self._operation.call is not None:
            figures |= _latencies(self._operation.call)
        return Sample(iterations, total, figures)

    def _run(self, iterations: int) -> float:
        if self._operation.measured is not None:
            return math.fsum(self._operation.measured() for _ in repeat(None, iterations))
        call = self._operation.call
        if call is None:
            raise ValueError("an operation needs a call or a measurement")
        begun = time.perf_counter_ns()
        for _ in repeat(None, iterations):
            call()
        return time.perf_counter_ns() - begun


def _latencies(call: Callable[[], object]) -> dict[str, float]:
    clock = time.perf_counter_ns
    nanos = []
    for _ in repeat(None, _LATENCY_CALLS):
        begun = clock()
        call()
        nanos.append(clock() - begun)
    nanos.sort()
    return {"p50": float(nanos[len(nanos) // 2]), "p99": float(nanos[-2])}
