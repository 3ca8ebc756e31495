"""What ties a bridge to its server: processes, socket, ring, and every descriptor."""

from __future__ import annotations

import os
import select
from collections.abc import Sequence

from . import wire
from .connection import Connection, connect
from .errors import (
    OUT_OF_DESCRIPTORS,
    BridgeClosed,
    ErrorCode,
    ResourceError,
    ServerDied,
    no_descriptor,
)
from .launcher import PrivateServer
from .regions import PAGE, create_memory
from .ring import Ring

__all__ = ["Link"]


class Link:
    """A connection and everything with a descriptor; closes it once.

    Parameters
    ----------
    path : str or None
        Where a shared server listens; None starts a private one.
    arguments : list of str
        What a private server is told.
    ring_entries : int
        A power of two.
    start_timeout : float
        Seconds to wait for the server.
    archive : sequence of str, optional
        What a private server's JVM is told of archives of classes, instead of the one there is.
    """

    def __init__(
        self,
        path: str | None,
        arguments: list[str],
        ring_entries: int,
        start_timeout: float,
        archive: Sequence[str] | None = None,
    ) -> None:
        self.server: PrivateServer | None = None
        if path is None:
            self.server = PrivateServer(arguments, archive)
            sock = self.server.sock
            explain = self.server.explain_death
        else:
            sock = connect(path)
            explain = _explain_shared
        self.connection = Connection(sock, explain)
        self.pid = os.getpid()
        self.closed = False
        try:
            self.ring = self._shake_hands(ring_entries, start_timeout)
        except BaseException:
            self.connection.close()
            if self.server is not None:
                self.server.close()
            raise
        if self.server is not None:
            self.server.begin_archive()

    def _shake_hands(self, entries: int, timeout: float) -> Ring:
        length = wire.align(wire.control_length(entries), PAGE)
        fd, control = create_memory(length, wire.READWRITE)
        fds = [fd]
        ears = None
        try:
            Ring.format(control, entries)
            ears = _open_bells(fds)
            self.connection.hello(entries, length, fds, timeout)
            limit = self.connection.welcome.max_batches
            ring = Ring(control, entries, limit, fds[1], fds[2], ears, self.connection)
        except BaseException:
            if ears is not None:
                ears.close()
            for opened in fds:
                os.close(opened)
            raise
        os.close(fds[0])
        os.close(fds[3])
        return ring

    def close(self) -> None:
        """Say goodbye, close the descriptors, end a private server."""
        if self.closed or self.pid != os.getpid():
            return
        self.closed = True
        self.connection.goodbye()
        self.connection.fail(lambda: BridgeClosed("the bridge is closed"))
        self.ring.close()
        self.connection.close()
        if self.server is not None:
            self.server.close()

    def forget_parent(self) -> None:
        """Close the descriptors in a forked child."""
        self.closed = True
        self.connection.forget_parent()
        self.ring.forget_parent()
        if self.server is not None:
            self.server.forget_parent()


def _open_bells(fds: list[int]) -> select.epoll:
    """Add both doorbells and the pidfd of this process, and return what hears the client's."""
    try:
        fds.append(os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC))
        fds.append(os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC))
        fds.append(os.pidfd_open(os.getpid()))
        return select.epoll(2)
    except OSError as error:
        if error.errno in OUT_OF_DESCRIPTORS:
            raise no_descriptor(error, "a doorbell") from error
        raise ResourceError(f"no doorbell can be had: {error}", ErrorCode.SYSTEM_CALL) from error


def _explain_shared() -> ServerDied:
    return ServerDied(
        "the server closed the connection; shared arrays are intact, open a new bridge and repeat "
        "the work"
    )
