"""``startup``, ``first_batch``, ``memory_*``: what a bridge costs beyond its calls."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar

import tensorbridge as tb
from tensorbridge.demo.legacy import LegacyClient

from ..benchmark import Contender, Group, Launch, Operation, Parameter, Unit
from ..processes import memory, reset_peak, run_process
from ..servers import fresh_server
from .arrays import Floats, source

_ROOT = Path(__file__).resolve().parents[3]
_SCHEME = "uniform:bits=4"
_SIZES_MB = (4, 40, 400)
_FIRST_LARGE_BYTES = 40 << 20
# Above it a list of the elements takes gigabytes, which nobody else in the process shall feel.
_ISOLATED_BYTES = 256 << 20
_NO_ARCHIVE = "The same without the archive of loaded classes that follows a first start."
_MAKE_ARCHIVE = (sys.executable, "-m", "tensorbridge.archive_maker")


def groups() -> list[Group]:
    """List the groups of start-up and memory."""
    return [
        startup(),
        first_batch(_FIRST_LARGE_BYTES),
        *(memory_group(f"memory_{mb}mb", mb << 20) for mb in _SIZES_MB),
        memory_resident(10, 1000),
    ]


def startup() -> Group:
    """Describe how long it takes until work could begin."""

    def ready() -> float:
        begun = time.perf_counter_ns()
        with tb.open():
            return time.perf_counter_ns() - begun

    def command() -> float:
        return run_process([str(_ROOT / "tensorbridge"), "--version"]).nanos

    return Group(
        "startup",
        "startup",
        "Starting a server from Python, and the bare command.",
        (
            Contender("open", "tb.open() until the bridge is ready.", _each(ready)),
            Contender("open_no_archive", _NO_ARCHIVE, _each(ready, archive=False)),
            Contender("command", "./tensorbridge --version, a whole process.", _each(command)),
            Contender("command_no_archive", _NO_ARCHIVE, _each(command, archive=False)),
        ),
        single=True,
    )


def first_batch(large_bytes: int) -> Group:
    """Describe how long a program waits that opens a bridge and wants one answer.

    Parameters
    ----------
    large_bytes : int
        Size of the larger array.
    """

    def first(arrays: dict[str, Floats]) -> float:
        begun = time.perf_counter_ns()
        with tb.open() as bridge:
            result = bridge.quantize_batch(arrays, scheme=_SCHEME)
            for name in arrays:
                _ = result[name].data
            return time.perf_counter_ns() - begun

    def small(archive: bool) -> Callable[[Launch], Operation]:
        def opened(launch: Launch) -> Operation:
            layers = source(launch, 10 * 4096).reshape(10, 32, 32)
            arrays = {f"layer.{i}.weight": layer for i, layer in enumerate(layers)}
            return _each(lambda: first(arrays), archive)(launch)

        return opened

    def large(launch: Launch) -> Operation:
        arrays = {"w": source(launch, large_bytes)}
        return _each(lambda: first(arrays))(launch)

    return Group(
        "first_batch",
        "first_batch",
        "From tb.open() to the first answer of a server that compiles its kernels meanwhile.",
        (
            Contender("small", "10 ordinary layers of 4 KB, quantized to 4 bits.", small(True)),
            Contender("small_no_archive", _NO_ARCHIVE, small(False)),
            Contender("large", "One ordinary array of 40 MB, quantized to 4 bits.", large),
        ),
        single=True,
    )


def memory_group(name: str, nbytes: int) -> Group:
    """Describe what a server needs to quantize one array.

    Parameters
    ----------
    name : str
        Its name.
    nbytes : int
        Size of the array.
    """

    def bridged(shared: bool) -> Callable[[Launch], Operation]:
        def opened(launch: Launch) -> Operation:
            array = source(launch, nbytes)
            peaks = _Peaks()

            def measured() -> float:
                with fresh_server() as (path, _), tb.open(f"unix:{path}") as bridge:
                    given = bridge.share(array) if shared else array
                    with peaks.of(bridge.server_pid):
                        result = bridge.quantize_batch({"w": given}, scheme=_SCHEME)
                        _ = result["w"].data
                return peaks.server

            return peaks.operation(measured)

        return opened

    def legacy(launch: Launch) -> Operation:
        array = source(launch, nbytes)
        peaks = _Peaks()

        def measured() -> float:
            with (
                fresh_server() as (path, legacy_path),
                tb.open(f"unix:{path}") as bridge,
                LegacyClient(legacy_path) as client,
                peaks.of(bridge.server_pid),
            ):
                client.quantize_parts(array, _SCHEME)
            return peaks.server

        return peaks.operation(measured)

    return Group(
        name,
        "memory",
        "Peak memory of a fresh server while one float32 array is quantized to 4 bits: heap and"
        " shared pages (RssAnon + RssShmem), without mapped files; VmHWM less RssFile.",
        (
            Contender(
                "born_shared",
                "An array in shared memory, whose pages count although the caller has the same.",
                bridged(True),
                figures=_Peaks.FIGURES,
            ),
            Contender(
                "ordinary",
                "An ordinary array, copied into shared memory, which counts.",
                bridged(False),
                figures=_Peaks.FIGURES,
            ),
            Contender(
                "legacy",
                "As a list through a socket into a float[] on the Java heap; the lists are the"
                " caller's.",
                legacy,
                role="legacy",
                isolated=nbytes >= _ISOLATED_BYTES,
                slow=nbytes >= _ISOLATED_BYTES,
                figures=_Peaks.FIGURES,
            ),
        ),
        parameter=Parameter("size", "bytes", nbytes),
        quantity="memory",
        single=True,
    )


def memory_resident(few: int, many: int) -> Group:
    """Describe what a server keeps after so many batches."""

    def after(batches: int) -> Callable[[Launch], Operation]:
        def opened(launch: Launch) -> Operation:
            layers = source(launch, 10 * (64 << 10)).reshape(10, 128, 128)
            arrays = {f"layer.{i}.weight": layer for i, layer in enumerate(layers)}

            def measured() -> float:
                with tb.open() as bridge:
                    for _ in range(batches):
                        bridge.quantize_batch(arrays, scheme=_SCHEME)
                    return memory(bridge.server_pid).besides_files

            return Operation(measured=measured)

        return opened

    return Group(
        "memory_resident",
        "memory_resident",
        "Memory of a server (RssAnon + RssShmem) after batches of 10 ordinary layers of 64 KB,"
        " quantized to 4 bits: what is kept.",
        (
            Contender(f"after_{few}", f"After {few} batches.", after(few)),
            Contender(f"after_{many}", f"After {many:,} batches.", after(many)),
        ),
        quantity="memory",
        single=True,
    )


class _Peaks:
    """Peaks of memory while something runs: the server's, and how far the caller grew."""

    FIGURES: ClassVar[dict[str, Unit]] = {"caller_growth": "bytes"}

    def __init__(self) -> None:
        self.server = 0.0
        self._caller = 0.0

    @contextlib.contextmanager
    def of(self, pid: int) -> Iterator[None]:
        """Watch the server and this process."""
        reset_peak(pid)
        reset_peak()
        before = memory()
        yield
        self._caller = float(max(0, memory().peak - before.resident))
        self.server = float(memory(pid).peak_besides_files)

    def operation(self, measured: Callable[[], float]) -> Operation:
        """Give the operation, once the kernel has shown that it tells."""
        reset_peak()
        return Operation(measured=measured, figures=lambda: {"caller_growth": self._caller})


def _each(measure: Callable[[], float], archive: bool = True) -> Callable[[Launch], Operation]:
    """Give an ``open`` of servers that start from an archive made before, or from none."""

    def measured() -> float:
        with contextlib.nullcontext() if archive else _no_archive():
            return measure()

    def opened(_: Launch) -> Operation:
        if archive:
            subprocess.run(_MAKE_ARCHIVE, check=True, stdout=subprocess.DEVNULL)
        return Operation(measured=measured)

    return opened


@contextlib.contextmanager
def _no_archive() -> Iterator[None]:
    """Let servers and commands start as where nothing can be kept: no folder can be made there."""
    before = os.environ.get("XDG_CACHE_HOME")
    os.environ["XDG_CACHE_HOME"] = os.devnull
    try:
        yield
    finally:
        if before is None:
            del os.environ["XDG_CACHE_HOME"]
        else:
            os.environ["XDG_CACHE_HOME"] = before
