"""``arrow_ipc_*``: one float32 column of PyArrow, until the JVM has read first and last element.

Legacy is Arrow's IPC, written by PyArrow and read by Arrow Java, through a file in memory or a
socket.
"""

from __future__ import annotations

import os
import socket
import struct
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..benchmark import (
    Contender,
    Group,
    Launch,
    Operation,
    Parameter,
    Throughput,
    Unavailable,
    Unit,
)
from ..peers.processes import java_server
from ..peers.transport import Ends, Floats, ends_of, library
from ..servers import bridge
from .arrays import source

_SIZES_MB = (4, 40, 400)
_SERVER = "io.tensorbridge.benches.peer.ArrowTouchServer"
_MEMORY_FOLDER = Path("/dev/shm")
# More than schema, batch header and end of a stream of one column need.
_FRAMING_BYTES = 64 << 10
_HALVES: dict[str, Unit] = {"write": "ns", "read": "ns"}


def groups() -> list[Group]:
    """List the groups of the family ``arrow_ipc``."""
    return [group(f"arrow_ipc_{mb}mb", mb << 20) for mb in _SIZES_MB]


def group(name: str, nbytes: int) -> Group:
    """Describe the contenders for a column of so many bytes, a multiple of 4."""
    return Group(
        name,
        "arrow_ipc",
        "A float32 column of PyArrow to the JVM, until first and last element were read.",
        (
            Contender(
                "born_shared",
                "The column's buffer lies in an array of bridge.empty: its NumPy view is described,"
                " and read where it is.",
                partial(_born_shared, nbytes),
            ),
            Contender(
                "ordinary",
                "The column's NumPy view, without a copy, and from there one into kept shared"
                " memory.",
                partial(_ordinary, nbytes),
            ),
            Contender(
                "ipc_in_region",
                "PyArrow writes an IPC stream into an array of bridge.empty; the column in it is"
                " read where it is.",
                partial(_ipc_in_region, nbytes),
                figures=_HALVES,
            ),
            Contender(
                "legacy_file",
                "PyArrow writes an IPC file into /dev/shm, Java's ArrowFileReader reads it.",
                partial(_legacy_file, nbytes),
                role="legacy",
                figures=_HALVES,
            ),
            Contender(
                "legacy_stream",
                "PyArrow writes an IPC stream to a Unix socket, Java's ArrowStreamReader reads it.",
                partial(_legacy_stream, nbytes),
                role="legacy",
            ),
        ),
        parameter=Parameter("size", "bytes", nbytes),
        throughput=Throughput("bytes", nbytes),
    )


class Halves:
    """Adds up how long writing and reading took since a sample began."""

    def __init__(self) -> None:
        self._write = self._read = self._calls = 0

    def add(self, write: int, read: int) -> None:
        """Add one call; nanoseconds."""
        self._write += write
        self._read += read
        self._calls += 1

    def figures(self) -> dict[str, float]:
        """Give nanoseconds a call, and begin anew."""
        calls = max(self._calls, 1)
        found = {"write": self._write / calls, "read": self._read / calls}
        self._write = self._read = self._calls = 0
        return found


def _arrow() -> Any:
    return library("pyarrow", "pyarrow", "python/setup.sh test")


def _column(array: Floats) -> Any:
    """See an array as a column, without a copy."""
    arrow = _arrow()
    return arrow.Array.from_buffers(arrow.float32(), array.size, [None, arrow.py_buffer(array)])


def _batch(launch: Launch, nbytes: int) -> Any:
    return _arrow().record_batch([_column(source(launch, nbytes))], names=["column"])


def _checked(call: Callable[[], Ends], array: Floats) -> Callable[[], Ends]:
    found, expected = call(), ends_of(array)
    if found != expected:
        raise ValueError(f"first and last element are {expected}, but {found} came back")
    return call


def _born_shared(nbytes: int, launch: Launch) -> Callable[[], object]:
    array: Floats = bridge(launch).empty(nbytes // 4, np.float32)
    np.copyto(array, source(launch, nbytes))
    return _view_of(launch, _column(array), array)


def _ordinary(nbytes: int, launch: Launch) -> Callable[[], object]:
    array = source(launch, nbytes)
    return _view_of(launch, _column(array), array)


def _view_of(launch: Launch, column: Any, array: Floats) -> Callable[[], object]:
    run = bridge(launch).run
    return _checked(lambda: run("noop", {"w": column.to_numpy(zero_copy_only=True)})["w"], array)


def _ipc_in_region(nbytes: int, launch: Launch) -> Operation:
    arrow, run, halves = _arrow(), bridge(launch).run, Halves()
    batch = _batch(launch, nbytes)
    region = bridge(launch).empty(nbytes + _FRAMING_BYTES, np.uint8)
    clock = time.perf_counter_ns

    def call() -> Ends:
        begun = clock()
        sink = arrow.FixedSizeBufferWriter(arrow.py_buffer(region))
        with arrow.ipc.new_stream(sink, batch.schema) as writer:
            writer.write_batch(batch)
        written = clock()
        ends: Ends = run("noop", {"w": _first_column(region)})["w"]
        halves.add(written - begun, clock() - written)
        return ends

    return Operation(_checked(call, source(launch, nbytes)), halves.figures)


def _first_column(region: Any) -> Floats:
    """Find the column of the stream in a region, as a view.

    Until the JVM has a reader of IPC of its own, PyArrow finds it here; then the region goes over
    as it is, and this function goes.
    """
    arrow = _arrow()
    found = arrow.ipc.open_stream(arrow.py_buffer(region)).read_next_batch().column(0)
    view: Floats = found.to_numpy(zero_copy_only=True)
    return view


class _ArrowServer:
    """Speaks with ``ArrowTouchServer``; see there for the packets."""

    def __init__(self, path: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.connect(path)

    def read_file(self, path: bytes) -> tuple[Ends, int]:
        """Have a file read; gives the two elements, and the nanoseconds that it took."""
        self._socket.sendall(struct.pack("<I", len(path)) + path)
        return self._answer()

    def read_stream(self, batch: Any) -> tuple[Ends, int]:
        """Have a batch read while it is written; gives the same."""
        self._socket.sendall(struct.pack("<I", 0))
        with (
            self._socket.makefile("wb", buffering=0) as sink,
            _arrow().ipc.new_stream(sink, batch.schema) as writer,
        ):
            writer.write_batch(batch)
        return self._answer()

    def _answer(self) -> tuple[Ends, int]:
        answer = self._socket.recv(16, socket.MSG_WAITALL)
        if len(answer) < 16:
            raise ConnectionError(f"{_SERVER} gave up; its error output says why")
        first, last, nanos = struct.unpack("<2fQ", answer)
        return (first, last), nanos

    def close(self) -> None:
        self._socket.close()


def _server(launch: Launch) -> _ArrowServer:
    """Start the server of one contender: the readers' memory shall not serve both."""
    folder = launch.enter(tempfile.TemporaryDirectory(prefix="tensorbridge-"))
    path = f"{folder}/arrow.sock"
    launch.enter(java_server(_SERVER, path))
    server = _ArrowServer(path)
    launch.callback(server.close)
    return server


def _legacy_file(nbytes: int, launch: Launch) -> Operation:
    arrow, halves = _arrow(), Halves()
    if not os.access(_MEMORY_FOLDER, os.W_OK):
        raise Unavailable(f"{_MEMORY_FOLDER}, where a file lies in memory, can't be written")
    batch, server = _batch(launch, nbytes), _server(launch)
    folder = launch.enter(tempfile.TemporaryDirectory(prefix="tensorbridge-", dir=_MEMORY_FOLDER))
    path = f"{folder}/column.arrow"
    clock = time.perf_counter_ns

    def call() -> Ends:
        begun = clock()
        with arrow.OSFile(path, "wb") as sink, arrow.ipc.new_file(sink, batch.schema) as writer:
            writer.write_batch(batch)
        written = clock()
        ends, nanos = server.read_file(path.encode())
        halves.add(written - begun, nanos)
        return ends

    return Operation(_checked(call, source(launch, nbytes)), halves.figures)


def _legacy_stream(nbytes: int, launch: Launch) -> Callable[[], object]:
    batch, server = _batch(launch, nbytes), _server(launch)
    return _checked(lambda: server.read_stream(batch)[0], source(launch, nbytes))
