"""``numpy_*``: one float32 array, from the call until the caller has two elements of it back.

First and last element are read by the JVM and returned: proof of a crossing that costs nothing
itself.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ..benchmark import Contender, Group, Launch, Parameter, Throughput
from ..servers import bridge, touch_client

Floats = npt.NDArray[np.float32]

_SIZES_MB = (4, 40, 400)
# Above it a list of the elements takes gigabytes, which nobody else in the process shall feel.
_ISOLATED_BYTES = 256 << 20
# What a legacy call is checked with: one of 400 MB takes ten seconds.
_CHECKED_ELEMENTS = 1 << 20


def groups() -> list[Group]:
    """List the groups of the family ``numpy``."""
    return [group(f"numpy_{mb}mb", mb << 20) for mb in _SIZES_MB]


def frame(name: str, nbytes: int) -> Group:
    """Describe a group without its contenders, for further suites that join it."""
    return Group(
        name,
        "numpy",
        "A float32 array to the JVM, until the caller has first and last element back.",
        (),
        parameter=Parameter("size", "bytes", nbytes),
        throughput=Throughput("bytes", nbytes),
    )


def group(name: str, nbytes: int) -> Group:
    """Describe a group of our own contenders.

    Parameters
    ----------
    name : str
        Its name.
    nbytes : int
        Size of the array, a multiple of 4.
    """

    def contender(
        name: str,
        description: str,
        make: Callable[[Launch, int], Callable[[], object]],
        **more: Any,
    ) -> Contender:
        return Contender(name, description, lambda launch: make(launch, nbytes), **more)

    return replace(
        frame(name, nbytes),
        contenders=(
            contender(
                "born_shared",
                "An array of bridge.empty: described, and read where it is.",
                _born_shared,
            ),
            contender(
                "born_shared_prepared",
                "The same in a batch that was prepared before.",
                _born_shared_prepared,
            ),
            contender(
                "ordinary",
                "An ordinary array: one copy into kept shared memory, then as born_shared.",
                _ordinary,
            ),
            contender(
                "share",
                "bridge.share alone: the one copy, into kept shared memory, without a call.",
                _share,
            ),
            contender(
                "copyto",
                "np.copyto into a warm mapping of a memfd: what one copy costs on this machine.",
                _copyto,
                role="bound",
            ),
            contender(
                "copy",
                "The array's bytes through a Unix socket into a direct buffer that is kept.",
                _copy,
                role="legacy",
            ),
            contender(
                "legacy",
                "arr.tolist(), struct.pack of the list (a million elements at a time), a Unix"
                " socket, a new float[]; the two elements come back as a list.",
                _legacy,
                role="legacy",
                isolated=nbytes >= _ISOLATED_BYTES,
                slow=nbytes >= _ISOLATED_BYTES,
            ),
        ),
    )


def source(launch: Launch, nbytes: int) -> Floats:
    """Make the ordinary array of a launch: randn, seed 42."""

    def make() -> Floats:
        return np.random.default_rng(42).standard_normal(nbytes // 4, dtype=np.float32)

    return launch.shared(("source", nbytes), make)


def _shared(launch: Launch, nbytes: int) -> Floats:
    def make() -> Floats:
        array: Floats = bridge(launch).empty(nbytes // 4, np.float32)
        np.copyto(array, source(launch, nbytes))
        return array

    return launch.shared(("shared", nbytes), make)


def _checked(call: Callable[[], object], array: Floats) -> Callable[[], object]:
    """Give the call after it gave the right elements once."""
    answer = call()
    expected = float(array[0]), float(array[-1])
    if answer not in (expected, list(expected)):
        raise ValueError(f"first and last element are {expected}, but {answer} came back")
    return call


def _born_shared(launch: Launch, nbytes: int) -> Callable[[], object]:
    run, layers = bridge(launch).run, {"w": _shared(launch, nbytes)}
    return _checked(lambda: run("noop", layers)["w"], layers["w"])


def _born_shared_prepared(launch: Launch, nbytes: int) -> Callable[[], object]:
    array = _shared(launch, nbytes)
    plan = launch.enter(bridge(launch).prepare("noop", {"w": array}))
    return _checked(lambda: plan.run()["w"], array)


def _ordinary(launch: Launch, nbytes: int) -> Callable[[], object]:
    run, layers = bridge(launch).run, {"w": source(launch, nbytes)}
    return _checked(lambda: run("noop", layers)["w"], layers["w"])


def _share(launch: Launch, nbytes: int) -> Callable[[], object]:
    share, array = bridge(launch).share, source(launch, nbytes)
    if not np.array_equal(share(array), array):
        raise ValueError("the shared array differs from its source")
    return lambda: share(array)


def _copyto(launch: Launch, nbytes: int) -> Callable[[], object]:
    array = source(launch, nbytes)
    handle = os.memfd_create("copyto")
    try:
        os.posix_fallocate(handle, 0, nbytes)
        target = np.frombuffer(mmap.mmap(handle, nbytes), np.float32)
    finally:
        os.close(handle)
    np.copyto(target, array)
    return lambda: np.copyto(target, array)


def _copy(launch: Launch, nbytes: int) -> Callable[[], object]:
    client, array = touch_client(launch), source(launch, nbytes)
    return _checked(lambda: client.touch_bytes(array), array)


def _legacy(launch: Launch, nbytes: int) -> Callable[[], object]:
    client, array = touch_client(launch), source(launch, nbytes)
    some = array[-_CHECKED_ELEMENTS:]
    _checked(lambda: client.touch_list(some), some)
    return lambda: client.touch_list(array)
