"""The shared memory of one submission: the block that the server reads, and where it answers."""

from __future__ import annotations

import threading

from . import wire
from .layout import Frame
from .regions import Lease
from .ring import Ticket

__all__ = ["Exchange", "Slot", "Unread"]


class Slot:
    """Shared memory for a block and a status area, reused by one batch after another.

    Parameters
    ----------
    lease : Lease
    idle : list of Slot
        Where it goes when it is not in use.

    Attributes
    ----------
    block : bytes
        What was written last, and lies there still: the answer to it stands behind it.
    """

    __slots__ = ("_frame", "_lease", "_request", "block", "idle", "memory", "offset")

    def __init__(self, lease: Lease, idle: list[Slot]) -> None:
        self._lease = lease
        self._frame: Frame | None = None
        self._request = b""
        self.block = b""
        self.idle = idle
        self.memory = lease.region.memory
        self.offset = lease.offset

    def request(self, frame: Frame, timeout_nanos: int) -> bytes:
        """Return the submission of a frame that lies here."""
        if frame is self._frame and not timeout_nanos:
            return self._request
        region = self._lease.region
        block = wire.NO_SPAN
        if frame.block_length:
            block = wire.Span(region.id, region.generation, self.offset, frame.block_length)
        status_at = self.offset + frame.status_at
        status = wire.Span(region.id, region.generation, status_at, frame.length)
        request = wire.request(frame.kind, frame.target, timeout_nanos, block, status)
        if not timeout_nanos:
            self._frame = frame
            self._request = request
        return request


class Unread:
    """A status area in a slot, which stays taken until it is read or nobody can any more."""

    __slots__ = ("_at", "_found", "_length", "_reading", "_slot")

    def __init__(self, slot: Slot, at: int, length: int) -> None:
        self._slot: Slot | None = slot
        self._at = at
        self._length = length
        self._found = b""
        self._reading = threading.Lock()

    def read(self) -> bytes:
        """Copy the area, once, and give back the slot."""
        with self._reading:
            slot = self._slot
            if slot is not None:
                self._found = slot.memory[self._at : self._at + self._length]
                self._slot = None
                slot.idle.append(slot)
            return self._found

    def head(self) -> bytes:
        """Copy the head of the area."""
        with self._reading:
            slot = self._slot
            if slot is None:
                return self._found
            return slot.memory[self._at : self._at + wire.STATUS_HEADER_BYTES]

    def __del__(self) -> None:
        """Give back the slot; runs in any thread, at any time."""
        slot = self._slot
        if slot is not None:
            slot.idle.append(slot)


class Exchange(Ticket):
    """A submission on its way, and where its answer will be."""

    def __init__(self, slot: Slot, frame: Frame, lease: Lease | None, keep: object) -> None:
        self.holds = keep
        self.slot: Slot | None = slot
        self.frame = frame
        self.lease = lease

    def progress(self) -> tuple[int, int] | None:
        """Return the bytes done and the bytes in all."""
        slot = self.slot
        if slot is None:
            return None
        at = slot.offset + self.frame.status_at
        done, total = wire.PROGRESS.unpack_from(slot.memory, at)
        return done, total
