"""The standard library: pickles through a pipe, and ``multiprocessing.shared_memory``."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from multiprocessing.connection import Connection
from multiprocessing.shared_memory import SharedMemory
from typing import Any

import numpy as np

from ..benchmark import Launch
from .processes import answer_each, receiver
from .transport import Ends, Floats, MessageTransport, Transport, ends_of

# Name of a segment, and byte offset and length of each array in it.
_Spans = tuple[str, list[tuple[int, int]]]


class Pickles(MessageTransport):
    """Arrays through a ``multiprocessing.Pipe``; many of them as one message."""

    def __init__(self, launch: Launch) -> None:
        self._connection = launch.enter(receiver(_receive_pickles))

    def touch_layers(self, prepared: Sequence[Floats]) -> list[Ends]:
        """Send one pickle."""
        self._connection.send(prepared)
        answer: list[Ends] = self._connection.recv()
        return answer


class NewSegment(Transport):
    """A new segment for each array: one copy into fresh pages, one notice through a pipe."""

    def __init__(self, launch: Launch) -> None:
        self._connection = launch.enter(receiver(_receive_new_segments))

    def touch(self, prepared: Floats) -> Ends:
        """Make a segment, and unlink it when its receiver has answered."""
        segment = SharedMemory(create=True, size=prepared.nbytes)
        try:
            _copy_into(segment, 0, prepared)
            self._connection.send((segment.name, [(0, prepared.nbytes)]))
            (answer,) = self._connection.recv()
        finally:
            segment.close()
            segment.unlink()
        found: Ends = answer
        return found


class KeptSegment(MessageTransport):
    """One segment that both sides keep: a copy of each array, one notice through a pipe."""

    def __init__(self, launch: Launch) -> None:
        self._connection = launch.enter(receiver(_receive_kept_segment))
        self._segment: SharedMemory | None = None
        launch.callback(self._drop)

    def touch_layers(self, prepared: Sequence[Floats]) -> list[Ends]:
        """Copy every array and send one notice."""
        segment = self._room(sum(array.nbytes for array in prepared))
        spans = []
        offset = 0
        for array in prepared:
            _copy_into(segment, offset, array)
            spans.append((offset, array.nbytes))
            offset += array.nbytes
        self._connection.send((segment.name, spans))
        answer: list[Ends] = self._connection.recv()
        return answer

    def _room(self, nbytes: int) -> SharedMemory:
        if self._segment is None or self._segment.size < nbytes:
            self._drop()
            self._segment = SharedMemory(create=True, size=nbytes)
        return self._segment

    def _drop(self) -> None:
        if self._segment is not None:
            self._segment.close()
            self._segment.unlink()
            self._segment = None


def _copy_into(segment: SharedMemory, offset: int, array: Floats) -> None:
    target: Floats = np.ndarray(array.shape, np.float32, segment.buf, offset)
    np.copyto(target, array)


def _receive_pickles(connection: Connection) -> None:
    answer_each(connection, lambda arrays: [ends_of(array) for array in arrays])


def _receive_new_segments(connection: Connection) -> None:
    def answer(message: _Spans) -> list[Ends]:
        name, spans = message
        segment = SharedMemory(name)
        try:
            return _ends(segment, spans)
        finally:
            segment.close()

    answer_each(connection, answer)


def _receive_kept_segment(connection: Connection) -> None:
    kept: dict[str, SharedMemory] = {}

    def answer(message: _Spans) -> list[Ends]:
        name, spans = message
        if name not in kept:
            kept[name] = SharedMemory(name)
        return _ends(kept[name], spans)

    answer_each(connection, answer)
    for segment in kept.values():
        segment.close()


def _ends(segment: SharedMemory, spans: list[tuple[int, int]]) -> list[Any]:
    read = struct.Struct("<f").unpack_from
    memory: Any = segment.buf
    return [(*read(memory, offset), *read(memory, offset + nbytes - 4)) for offset, nbytes in spans]
