"""The socket to a server: handshake, region registration, and the news that the server died."""

from __future__ import annotations

import os
import select
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

from . import wire
from .errors import (
    BridgeClosed,
    BridgeError,
    ErrorCode,
    ProtocolError,
    ResourceError,
    ServerDied,
    TimeoutError,
    error_of,
    no_descriptor,
)
from .locks import STALLED, attempt
from .regions import FileRegion, Region

__all__ = ["Connection", "connect"]

_CLOSED = "the bridge is closed"


def _forked() -> BridgeClosed:
    return BridgeClosed("this process was forked from the bridge's owner: open a bridge of its own")


def connect(path: str) -> socket.socket:
    """Join the server that listens at a path.

    Raises
    ------
    ResourceError
        If none does, or it can't be reached.
    """
    try:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    except OSError as error:
        raise no_descriptor(error, f"a connection to {path}") from error
    try:
        sock.connect(path)
    except OSError as error:
        sock.close()
        raise ResourceError(
            f"no server can be reached at {path}: {error.strerror}; start one with "
            f"'tensorbridge serve --socket {path}'",
            ErrorCode.SYSTEM_CALL,
        ) from error
    return sock


class Connection:
    """A SEQPACKET socket and its requests; thread-safe.

    Parameters
    ----------
    sock : socket.socket
        Connected; owned by the connection from now on.
    explain_death : callable
        Gives the exception to raise when the server has gone.

    Attributes
    ----------
    failed : bool
        Whether the connection is of no use any more.
    welcome : wire.Welcome
        What the server said in the handshake.
    """

    def __init__(self, sock: socket.socket, explain_death: Callable[[], ServerDied]) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._explain_death = explain_death
        self._lock = threading.Lock()
        self._reading = threading.Lock()
        self._answers: dict[int, wire.Message | None] = {}
        self._outbox: deque[bytes] = deque()
        self._next_request = 1
        self._failure: Callable[[], BridgeError] | None = None
        self.failed = False
        self.welcome = wire.Welcome(0, 0, 0, 0, 0, 0, 0, 0, 0)

    def fileno(self) -> int:
        """Return the socket's descriptor, readable when there is news."""
        return self._sock.fileno()

    def failure(self) -> BridgeError:
        """Return a new exception that says why the connection is of no use."""
        return BridgeClosed(_CLOSED) if self._failure is None else self._failure()

    def fail(self, failure: Callable[[], BridgeError]) -> None:
        """Give the connection up; the first reason stays. Wakes all who wait for an answer."""
        if self._failure is None:
            self._failure = failure
            self.failed = True
            try:
                self._sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                return

    def hello(
        self, ring_entries: int, control_bytes: int, fds: Sequence[int], timeout: float
    ) -> None:
        """Shake hands.

        Parameters
        ----------
        ring_entries, control_bytes : int
            The control region.
        fds : sequence of int
            Control region, server doorbell, client doorbell, pidfd.
        timeout : float
            Seconds to wait for the server.
        """
        answer = self._request(
            lambda request: wire.hello(request, ring_entries, control_bytes, os.getpid()),
            wire.WELCOME,
            fds,
            time.monotonic() + timeout,
        )
        self.welcome = wire.read_welcome(answer.body)

    def register(self, region: Region | FileRegion, fd: int, deadline: float | None = None) -> None:
        """Make a region known to the server, which must have answered by a deadline."""
        self._request(
            lambda request: wire.register(
                request, region.id, region.generation, region.access, region.size
            ),
            wire.OK,
            [fd],
            deadline,
        )

    def release(self, region: Region | FileRegion) -> None:
        """Ask the server to forget a region; does not wait, and never blocks."""
        self._outbox.append(wire.release(self._take_id(), region.id, region.generation))
        self._flush()

    def operations(self) -> list[wire.Operation]:
        """Ask for the operations that the server knows."""
        answer = self._request(
            lambda request: wire.message(wire.OPERATIONS, request), wire.OPERATION_LIST
        )
        return wire.read_operations(answer.body)

    def goodbye(self) -> None:
        """Tell the server that nothing more will come."""
        if not self.failed:
            self._outbox.append(wire.message(wire.GOODBYE, self._take_id()))
            self._flush()

    def receive(self) -> None:
        """Take in what has arrived, unless a request is waiting, which will do so itself."""
        if self._answers:
            self._notice_end()
        else:
            for held in attempt(self._reading):
                if held:
                    try:
                        self._drain()
                    finally:
                        self._reading.release()

    def close(self) -> None:
        """Close the socket."""
        self.fail(lambda: BridgeClosed(_CLOSED))
        self._sock.close()

    def forget_parent(self) -> None:
        """Close the socket in a forked child, without a word to the server."""
        if self._failure is None:
            self._failure = _forked
            self.failed = True
        self._sock.close()

    # --- inside ---

    def _take_id(self) -> int:
        request = self._next_request
        self._next_request = request % 0xFFFFFFFF + 1
        return request

    def _request(
        self,
        write: Callable[[int], bytes],
        expected: int,
        fds: Sequence[int] = (),
        deadline: float | None = None,
    ) -> wire.Message:
        answer = None
        for held in attempt(self._lock, deadline):
            if held:
                try:
                    answer = self._ask(write, fds, deadline)
                finally:
                    self._lock.release()
        if answer is None:
            raise TimeoutError(STALLED)
        if answer.type == wire.ERROR:
            raise error_of(*wire.read_error(answer.body))
        if answer.type != expected:
            raise ProtocolError(
                f"the server answered with message {answer.type}", ErrorCode.UNKNOWN_MESSAGE
            )
        return answer

    def _ask(
        self, write: Callable[[int], bytes], fds: Sequence[int], deadline: float | None
    ) -> wire.Message:
        request = self._take_id()
        self._answers[request] = None
        try:
            self._flush()
            self._send(write(request), fds, deadline)
            while (answer := self._answers[request]) is None:
                if self.failed:
                    raise self.failure()
                with self._reading:
                    self._drain()
                if self._answers[request] is None and not self.failed:
                    self._await_packet(deadline)
        finally:
            del self._answers[request]
        return answer

    def _await_packet(self, deadline: float | None) -> None:
        if not self._await(select.POLLIN, deadline):
            raise TimeoutError("the server did not answer in time")

    def _await(self, event: int, deadline: float | None) -> bool:
        poll = select.poll()
        poll.register(self._sock.fileno(), event)
        left = None if deadline is None else max(0.0, deadline - time.monotonic()) * 1000
        return bool(poll.poll(left))

    def _send(self, packet: bytes, fds: Sequence[int], deadline: float | None) -> None:
        while True:
            try:
                if fds:
                    socket.send_fds(self._sock, [packet], list(fds))
                else:
                    self._sock.send(packet)
                return
            except BlockingIOError:
                if not self._await(select.POLLOUT, deadline):
                    raise TimeoutError("the server takes no message: is it stopped?") from None
            except (BrokenPipeError, ConnectionError):
                with self._reading:
                    self._drain()  # a last message may say why
                self.fail(self._explain_death)
                raise self.failure() from None
            except OSError as error:
                if self.failed:
                    raise self.failure() from None
                raise ResourceError(
                    f"the socket to the server failed: {error}", ErrorCode.SYSTEM_CALL
                ) from error

    def _flush(self) -> None:
        """Send what was posted; what doesn't fit now goes with the next request."""
        while self._outbox and not self.failed:
            try:
                packet = self._outbox.popleft()
            except IndexError:  # another thread took it
                return
            try:
                self._sock.send(packet)
            except BlockingIOError:
                self._outbox.appendleft(packet)
                return
            except OSError:  # the next one to wait will find out why
                return

    def _drain(self) -> None:
        while not self.failed:
            try:
                packet = self._sock.recv(wire.MAX_MESSAGE)
            except BlockingIOError:
                return
            except ConnectionResetError:
                continue  # told once; what the server said before it closed comes behind it
            except OSError:
                packet = b""
            if not packet:
                self.fail(self._explain_death)
                return
            self._take_in(packet)

    def _take_in(self, packet: bytes) -> None:
        try:
            message = wire.read_message(packet)
            if message.request_id == 0 and message.type == wire.ERROR:
                code, text = wire.read_error(message.body)
                self.fail(lambda: error_of(code, text))
            elif message.request_id in self._answers:
                self._answers[message.request_id] = message
        except ProtocolError as error:
            self.fail(partial(ProtocolError, str(error), error.code))

    def _notice_end(self) -> None:
        try:
            if not self._sock.recv(1, socket.MSG_PEEK):
                self.fail(self._explain_death)
        except (BlockingIOError, ConnectionResetError):
            return  # a reset is told once; whoever reads finds out more
        except OSError:
            self.fail(self._explain_death)
