"""ZeroMQ by pyzmq: messages through a Unix socket; one array goes without a copy in Python."""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Sequence
from multiprocessing.connection import Connection

import numpy as np

from ..benchmark import Launch
from .processes import end_with, receiver
from .transport import Ends, Floats, Transport, library


class Request(Transport):
    """A request with the byte lengths, the elements of all arrays, and one answer."""

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

    def touch(self, prepared: Floats) -> Ends:
        """Send the array as it is."""
        return self._ask([prepared.nbytes], prepared)[0]

    def touch_layers(self, prepared: Sequence[Floats]) -> list[Ends]:
        """Send one frame: a thousand take five times as long."""
        return self._ask([array.nbytes for array in prepared], np.concatenate(prepared))

    def _ask(self, byte_lengths: list[int], elements: Floats) -> list[Ends]:
        self._socket.send_multipart([np.array(byte_lengths), elements], copy=False)
        return list(struct.iter_unpack("<2f", self._socket.recv()))


def _receive(connection: Connection) -> None:
    zmq = library("zmq", "pyzmq")
    address = connection.recv()
    socket = zmq.Context().socket(zmq.REP)
    socket.bind(address)
    connection.send("ready")
    end_with(connection)
    while True:
        byte_lengths, elements = (frame.buffer for frame in socket.recv_multipart(copy=False))
        socket.send(_ends(np.frombuffer(byte_lengths, np.int64).tolist(), elements))


def _ends(byte_lengths: list[int], elements: memoryview) -> bytes:
    first, both = struct.Struct("<f").unpack_from, struct.Struct("<2f").pack
    ends = bytearray()
    offset = 0
    for byte_length in byte_lengths:
        last = offset + byte_length - 4
        ends += both(*first(elements, offset), *first(elements, last))
        offset += byte_length
    return bytes(ends)
