"""ZeroMQ by pyzmq: messages through a Unix socket, without a copy on Python's side."""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Sequence
from multiprocessing.connection import Connection

from ..benchmark import Launch
from .processes import end_with, receiver
from .transport import Ends, Floats, MessageTransport, library


class Request(MessageTransport):
    """A request with a frame for each array, and one answer."""

    def __init__(self, launch: Launch) -> None:
        zmq = library("zmq", "pyzmq")
        folder = launch.enter(tempfile.TemporaryDirectory(prefix="tensorbridge-"))
        address = f"ipc://{folder}/zmq.sock"
        connection = launch.enter(receiver(_receive))
        connection.send(address)
        context = zmq.Context()
        launch.callback(context.destroy, 0)
        self._socket = context.socket(zmq.REQ)
        connection.recv()
        self._socket.connect(address)

    def touch_layers(self, prepared: Sequence[Floats]) -> list[Ends]:
        """Send a frame for each array."""
        self._socket.send_multipart(prepared, copy=False)
        return list(struct.iter_unpack("<2f", self._socket.recv()))


def _receive(connection: Connection) -> None:
    zmq = library("zmq", "pyzmq")
    address = connection.recv()
    socket = zmq.Context().socket(zmq.REP)
    socket.bind(address)
    connection.send("ready")
    end_with(connection)
    first, both = struct.Struct("<f").unpack_from, struct.Struct("<2f").pack
    while True:
        frames = [frame.buffer for frame in socket.recv_multipart(copy=False)]
        socket.send(
            b"".join(both(*first(frame), *first(frame, len(frame) - 4)) for frame in frames)
        )
