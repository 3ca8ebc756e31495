"""``crossing_*``: what it costs to have the JVM look at an array that lies in shared memory.

``crossing_SIZE`` calls back to back, and each call hands over another value and checks the answer.
``crossing_idle`` lets both sides fall asleep first. ``budget_N`` tells where the time goes.
"""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

import tensorbridge as tb
from tensorbridge.ring import Ring

from ..benchmark import Contender, Group, Launch, Operation, Parameter, Throughput
from ..pong import pong
from ..servers import bridge
from .batches import SMALL_LAYER_BYTES

Floats = npt.NDArray[np.float32]

_SIZES_MB = (4, 400)
_LAYERS = (1, 100, 1000)
_THINK_SECONDS = 1e-3
# How many arrays of each size `varied` has, and how many mappings of them.
_ARRAYS = {4: 16, 400: 3}
_MAPPINGS = 64
_MOST_IN_A_MAPPING = 3


def groups() -> list[Group]:
    """List the groups of the families ``crossing``, ``crossing_idle`` and ``budget``."""
    return [
        *(crossing_group(mb) for mb in _SIZES_MB),
        idle_group(),
        *(budget_group(count) for count in _LAYERS),
    ]


def frame(mb: int) -> Group:
    """Describe a group without its contenders, for suites that join it."""
    return Group(
        f"crossing_{mb}mb",
        "crossing",
        "An array in memory that the JVM sees: a new value each time, until its answer is back.",
        (),
        parameter=Parameter("size", "bytes", mb << 20),
        throughput=Throughput("calls", 1),
    )


def crossing_group(mb: int) -> Group:
    """Describe a group of calls back to back."""
    return replace(
        frame(mb),
        contenders=(
            Contender(
                "prepared",
                "A batch that was prepared before, of one array.",
                lambda launch: _changing(*_prepared(launch, mb)),
            ),
            Contender(
                "ad_hoc", "bridge.run with one array.", lambda launch: _changing(*_run(launch, mb))
            ),
            Contender(
                "varied",
                "bridge.run with one to three arrays, under other names and in another order in"
                " each call.",
                lambda launch: _varied(launch, mb),
            ),
            Contender(
                "memory",
                "A word in shared memory, given back by a JVM that does nothing else; both spin.",
                lambda launch: pong(launch).through_memory,
                role="bound",
            ),
            Contender(
                "eventfd",
                "An eventfd there and one back, to a JVM that does nothing else; both sleep.",
                lambda launch: pong(launch).through_eventfds,
                role="bound",
            ),
        ),
    )


def idle_group() -> Group:
    """Describe the group of calls after a pause."""
    return Group(
        "crossing_idle",
        "crossing_idle",
        "One call after a pause of a millisecond, in which both sides have gone to sleep.",
        (
            Contender(
                "prepared",
                "A batch that was prepared before, of one array.",
                lambda launch: _after_pause(_changing(*_prepared(launch, 4))),
            ),
            Contender(
                "ad_hoc",
                "bridge.run with one array.",
                lambda launch: _after_pause(_changing(*_run(launch, 4))),
            ),
            Contender(
                "eventfd",
                "An eventfd there and one back, to a JVM that does nothing else.",
                lambda launch: _after_pause(pong(launch).through_eventfds),
                role="bound",
            ),
        ),
        throughput=Throughput("calls", 1),
    )


def budget_group(count: int) -> Group:
    """Describe where the time of a batch of so many layers goes."""
    figures: dict[str, Any] = dict.fromkeys(("place", "publish", "wait", "items", "result"), "ns")

    def layers(launch: Launch) -> dict[str, Floats]:
        def make() -> dict[str, Floats]:
            side = 32
            assert side * side * 4 == SMALL_LAYER_BYTES
            share = bridge(launch).share
            return {
                f"layer.{i}.weight": share(np.full((side, side), i, np.float32))
                for i in range(count)
            }

        return launch.shared(("budget", count), make)

    def batch(launch: Launch) -> Operation:
        run, arrays = bridge(launch).run, layers(launch)
        return Steps(bridge(launch), lambda: run("noop", arrays)).operation()

    def varied(launch: Launch) -> Operation:
        run, arrays = bridge(launch).run, list(layers(launch).items())
        chance = random.Random(8)
        mappings = [dict(chance.sample(arrays, count)) for _ in range(_MAPPINGS)]
        turns = itertools.cycle(mappings)
        return Steps(bridge(launch), lambda: run("noop", next(turns))).operation()

    def prepared(launch: Launch) -> Operation:
        plan = launch.enter(bridge(launch).prepare("noop", layers(launch)))
        return Steps(bridge(launch), plan.run).operation()

    return Group(
        f"budget_{count}",
        "budget",
        "The steps of a batch of no-ops: inputs placed and the block written (place), the entry"
        " published (publish), until its completion (wait), of which the items ran (items), and the"
        " result made of it (result).",
        (
            Contender("prepared", "A batch that was prepared before.", prepared, figures=figures),
            Contender("batch", "bridge.run, of the same arrays.", batch, figures=figures),
            Contender(
                "varied",
                "bridge.run, of the arrays in another order in each call.",
                varied,
                figures=figures,
            ),
        ),
        parameter=Parameter("layers", "", count),
        throughput=Throughput("layers", count),
    )


class Steps:
    """Times the steps of a batch that is waited for.

    Parameters
    ----------
    opened : Bridge
        Whose ring is looked at.
    run : callable
        Runs the batch.
    """

    def __init__(self, opened: tb.Bridge, run: Callable[[], tb.BatchResult[Any]]) -> None:
        self._ring: Any = opened._ring
        self._run = run
        self._nanos = [0] * 5
        self._calls = 0

    def operation(self) -> Operation:
        """Give the operation."""
        return Operation(self._call, figures=self._figures)

    def _call(self) -> None:
        clock = time.perf_counter_ns
        marks = [0] * 4
        ring = self._ring

        def publish(*entry: Any) -> bool:
            marks[0] = clock()
            done = Ring.publish(ring, *entry)
            marks[1] = clock()
            return done

        def wait(*ticket: Any) -> None:
            marks[2] = clock()
            Ring.wait(ring, *ticket)
            marks[3] = clock()

        ring.publish, ring.wait = publish, wait
        try:
            begun = clock()
            result = self._run()
            ended = clock()
        finally:
            del ring.publish, ring.wait
        spent = (
            marks[0] - begun,
            marks[1] - marks[0],
            marks[3] - marks[1],
            result.run_nanos,
            ended - marks[3],
        )
        self._nanos = [one + more for one, more in zip(self._nanos, spent, strict=True)]
        self._calls += 1

    def _figures(self) -> dict[str, float]:
        names = ("place", "publish", "wait", "items", "result")
        figures = {
            name: nanos / self._calls for name, nanos in zip(names, self._nanos, strict=True)
        }
        self._nanos = [0] * 5
        self._calls = 0
        return figures


def _array(launch: Launch, mb: int, index: int = 0) -> Floats:
    def make() -> Floats:
        array: Floats = bridge(launch).empty(mb << 18, np.float32)
        array.fill(index)
        return array

    return launch.shared(("crossing", mb, index), make)


def _prepared(launch: Launch, mb: int) -> tuple[Floats, Callable[[], Any]]:
    array = _array(launch, mb)
    return array, launch.enter(bridge(launch).prepare("noop", {"a": array})).run


def _run(launch: Launch, mb: int) -> tuple[Floats, Callable[[], Any]]:
    run, array = bridge(launch).run, _array(launch, mb)
    return array, lambda: run("noop", {"a": array})


def _changing(array: Floats, run: Callable[[], Any]) -> Callable[[], None]:
    """Give a call that writes a value first, and expects it back."""
    count = 0

    def call() -> None:
        nonlocal count
        count = (count + 1) & 0xFFFFFF  # exact in float32
        array[0] = count
        first, _ = run()["a"]
        if first != count:
            raise ValueError(f"{count} was handed over, and {first} came back")

    return call


def _varied(launch: Launch, mb: int) -> Callable[[], None]:
    chance = random.Random(8)
    arrays = [_array(launch, mb, i) for i in range(_ARRAYS[mb])]
    mappings = []
    for _ in range(_MAPPINGS):
        chosen = chance.sample(arrays, chance.randint(1, _MOST_IN_A_MAPPING))
        mappings.append({f"tensor.{chance.randrange(1000)}.{i}": a for i, a in enumerate(chosen)})
    run = bridge(launch).run
    count = 0

    def call() -> None:
        nonlocal count
        count = (count + 1) & 0xFFFFFF
        mapping = mappings[count % _MAPPINGS]
        name, array = next(iter(mapping.items()))
        array[0] = count
        first, _ = run("noop", mapping)[name]
        if first != count:
            raise ValueError(f"{count} was handed over, and {first} came back")

    return call


def _after_pause(call: Callable[[], object]) -> Operation:
    def measured() -> float:
        time.sleep(_THINK_SECONDS)
        begun = time.perf_counter_ns()
        call()
        return time.perf_counter_ns() - begun

    return Operation(measured=measured)
