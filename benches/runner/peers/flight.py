"""Arrow Flight by PyArrow: record batches through gRPC to a server in Python or in Java."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterable, Sequence
from multiprocessing.connection import Connection
from typing import Any

from ..benchmark import Launch
from .processes import java_server, receiver
from .transport import Ends, Floats, Transport, library

_SERVER = "io.tensorbridge.benches.peer.FlightTouchServer"
# Two to four times faster than one batch of 400 MB.
_BATCH_ELEMENTS = 1 << 20


class _Flight(Transport):
    """``DoPut`` of one column; the server answers with 8 bytes for each batch."""

    def __init__(self, launch: Launch, port: int) -> None:
        self._arrow = library("pyarrow", "pyarrow")
        self._flight = library("pyarrow.flight", "pyarrow")
        self._schema = self._arrow.schema([("column", self._arrow.float32())])
        self._client = launch.enter(self._flight.connect(f"grpc://127.0.0.1:{port}"))
        self._descriptor = self._flight.FlightDescriptor.for_path("touch")

    def touch(self, prepared: Floats) -> Ends:
        answers = self._put(
            prepared[begin : begin + _BATCH_ELEMENTS]
            for begin in range(0, prepared.size, _BATCH_ELEMENTS)
        )
        return answers[0][0], answers[-1][1]

    def touch_layers(self, prepared: Sequence[Floats]) -> list[Ends]:
        return self._put(prepared)

    def _put(self, arrays: Iterable[Floats]) -> list[Ends]:
        writer, reader = self._client.do_put(self._descriptor, self._schema)
        with writer:
            for array in arrays:
                writer.write_batch(self._batch(array))
            writer.done_writing()
            answer = reader.read()
        return [] if answer is None else list(struct.iter_unpack("<2f", answer))

    def _batch(self, array: Floats) -> Any:
        arrow = self._arrow
        buffers = [None, arrow.py_buffer(array)]
        column = arrow.Array.from_buffers(arrow.float32(), array.size, buffers)
        return arrow.RecordBatch.from_arrays([column], schema=self._schema)


class PythonServer(_Flight):
    """The server is PyArrow's, in another process."""

    def __init__(self, launch: Launch) -> None:
        library("pyarrow.flight", "pyarrow")
        super().__init__(launch, launch.enter(receiver(_serve)).recv())


class JavaServer(_Flight):
    """The server is Arrow Java's, in a JVM of its own."""

    def __init__(self, launch: Launch) -> None:
        super().__init__(launch, int(launch.enter(java_server(_SERVER))))


def _serve(connection: Connection) -> None:
    base: Any = library("pyarrow.flight", "pyarrow").FlightServerBase

    class Server(base):  # type: ignore[misc]
        def do_put(self, context: Any, descriptor: Any, reader: Any, writer: Any) -> None:
            ends = bytearray()
            for chunk in reader:
                column = chunk.data.column(0).to_numpy()
                ends += struct.pack("<2f", column[0], column[-1])
            writer.write(bytes(ends))

    with Server("grpc://127.0.0.1:0") as server:
        connection.send(server.port)
        with contextlib.suppress(EOFError):
            connection.recv()
