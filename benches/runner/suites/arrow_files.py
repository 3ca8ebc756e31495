"""``arrow_open_*`` and ``arrow_write_*``: an Arrow file of four float32 columns, within the JVM.

The JVM takes the times itself: a call through a socket would take as long as an opening.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from ..benchmark import Contender, Group, Launch, Operation, Parameter, Throughput, Unavailable
from ..peers.processes import java_conversation

_SIZES_MB = (4, 40, 400)
_WORK = "io.tensorbridge.benches.peer.ArrowWork"
_MEMORY_FOLDER = Path("/dev/shm")
_SAMPLE_NANOS = 20_000_000
# The JVM compiles an opening anew until some hundred thousand were done, and small files must not
# have had more of them than large ones.
_WARM_UP_TIMES = 400_000
_WARM_UP_NANOS = 4e9


def groups() -> list[Group]:
    """List the groups of the families ``arrow_open`` and ``arrow_write``."""
    return [
        make(f"{kind}_{mb}mb", mb << 20)
        for kind, make in (("arrow_open", opening), ("arrow_write", writing))
        for mb in _SIZES_MB
    ]


def opening(name: str, nbytes: int) -> Group:
    """Describe the contenders for opening a file of so many bytes."""
    return Group(
        name,
        "arrow_open",
        "An Arrow file opened in the JVM, and the first element of each of four columns read.",
        (
            Contender(
                "region",
                "ArrowFile on a mapped region: all metadata checked, columns in place.",
                partial(_work, "region", nbytes),
            ),
            Contender(
                "arrow_java",
                "Arrow Java's ArrowFileReader on a file in /dev/shm, which it copies.",
                partial(_work, "vectors", nbytes),
                role="legacy",
            ),
        ),
        parameter=Parameter("size", "bytes", nbytes),
        throughput=Throughput("bytes", nbytes),
    )


def writing(name: str, nbytes: int) -> Group:
    """Describe the contenders for writing so many bytes."""
    return Group(
        name,
        "arrow_write",
        "Four float32 columns written as an Arrow file into a warm region, on one thread.",
        (
            Contender("region", "ArrowWriter into the region.", partial(_work, "write", nbytes)),
            Contender(
                "copy",
                "The JVM's own copy of as many bytes into the same region.",
                partial(_work, "copy", nbytes),
                role="bound",
            ),
        ),
        parameter=Parameter("size", "bytes", nbytes),
        throughput=Throughput("bytes", nbytes),
    )


def _work(kind: str, nbytes: int, launch: Launch) -> Operation:
    ask = launch.shared(("arrow files", nbytes), partial(_start, nbytes, launch))

    def once(times: int) -> float:
        return float(ask(f"{kind} {times}").split()[0])

    nanos = _warm(once)
    times = max(1, int(_SAMPLE_NANOS / max(nanos, 1)))
    once(times)
    return Operation(measured=lambda: once(times))


def _warm(once: Callable[[int], float]) -> float:
    """Do a work until it is compiled for good, or takes too long; return its last nanoseconds."""
    done, spent, times = 0, 0.0, 1
    while True:
        nanos = once(times)
        done, spent = done + times, spent + nanos * times
        if done >= _WARM_UP_TIMES or spent >= _WARM_UP_NANOS:
            return nanos
        times = max(1, int(_SAMPLE_NANOS / max(nanos, 1)))


def _start(nbytes: int, launch: Launch) -> Callable[[str], str]:
    """Start one JVM for all contenders of a group, which take turns in it."""
    if not os.access(_MEMORY_FOLDER, os.W_OK):
        raise Unavailable(f"{_MEMORY_FOLDER}, where a file lies in memory, can't be written")
    folder = launch.enter(tempfile.TemporaryDirectory(prefix="tensorbridge-", dir=_MEMORY_FOLDER))
    return launch.enter(java_conversation(_WORK, f"{folder}/columns.arrow", str(nbytes)))
