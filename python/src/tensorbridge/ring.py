"""Submission and completion rings in shared memory, and how threads and event loops wait for them.

One thread at a time is the *leader*: it takes completions, spins briefly, then sleeps on the
doorbell and the socket. Other threads that wait are followers; the leader tells them when it took
a completion and when it leaves. Event loops wait for the same two. No helper thread takes
completions.

The client's doorbell is watched edge-triggered and never read: the server shares its flags, and
could make a read wait for ever.
"""

from __future__ import annotations

import asyncio
import mmap
import os
import platform
import select
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from . import wire
from .bells import ServerBell
from .connection import Connection
from .errors import ErrorCode, ProtocolError, TimeoutError

__all__ = ["Ring", "Ticket"]

_MASK = 0xFFFFFFFF
_RESERVED = 8  # slots kept for CANCEL and FORGET
_SPIN_NANOS = 60_000
_SPINS_PER_LOOK = 64
_TOO_LONG = "the batch took longer than allowed; it was cancelled"
_STRONG_ORDER = platform.machine().lower() in ("x86_64", "amd64", "i686", "i386")


class Ticket:
    """A submission that waits for its completion.

    Attributes
    ----------
    done : bool
        Whether it has come; then the numbers of the completion entry are valid.
    told : bool
        Whether any of these numbers is not 0: it did not just go well.
    holds : object
        What must stay alive until then: the memory that the server may still touch.
    rang : bool
        Whether the server had to be woken.
    late : callable or None
        Called with the ticket when the completion comes after its waiter has given up.
    """

    # One is made for each batch: what is rarely set lies in the class.
    batch_id = 0
    done = False
    rang = False
    told = False
    code = 0
    failed_items = 0
    waiting_items = 0
    late: Callable[[Ticket], None] | None = None
    wakers: tuple[Callable[[], None], ...] = ()

    def __init__(self, holds: object) -> None:
        self.holds = holds

    def progress(self) -> tuple[int, int] | None:
        """Return the bytes done and the bytes in all, if that is known."""
        return None

    def complete(self, code: int, failed_items: int, waiting_items: int) -> None:
        """Take in the completion; a second time changes nothing."""
        self.code = code
        self.failed_items = failed_items
        self.waiting_items = waiting_items
        self.told = bool(code or failed_items or waiting_items)
        self.done = True
        self.holds = None
        for wake in self.wakers:
            wake()


class Ring:
    """Both rings of a connection; thread-safe.

    Words are written through a native-width view, so that a store is one store. Publishing reads
    the peer's sleeping flag after a full fence, which the release of a lock is; where stores are
    weakly ordered, every hand-over is a system call.

    Parameters
    ----------
    control : mmap.mmap
        The control region.
    entries : int
        A power of two.
    max_in_flight : int
        How many submissions the server takes at once.
    server_bell, client_bell : int
        eventfds; owned by the ring from now on.
    ears : select.epoll
        Empty; owned by the ring from now on.
    connection : Connection
        Watched while waiting.
    """

    def __init__(
        self,
        control: mmap.mmap,
        entries: int,
        max_in_flight: int,
        server_bell: int,
        client_bell: int,
        ears: select.epoll,
        connection: Connection,
    ) -> None:
        self._bytes = memoryview(control)
        self._words = self._bytes[: wire.SUBMISSIONS_OFFSET].cast("I")
        self._entries = entries
        self._max_in_flight = max(1, min(entries - _RESERVED, max_in_flight))
        self._mask = entries - 1
        self._completions = wire.SUBMISSIONS_OFFSET + wire.SUBMISSION_BYTES * entries
        landed = self._bytes[self._completions : wire.control_length(entries)]
        self._landed = landed.cast("Q")
        self._published = 0
        self._server_bell = ServerBell(server_bell, lambda: connection.fail(_bell_blocks))
        self._client_bell = client_bell
        self._connection = connection
        self._submitting = threading.Lock()
        self._fence = threading.Lock()
        self._changed = threading.Condition()
        self._followers = 0
        self._lead: dict[int, int] = {}  # the leader's thread under 0: setdefault is one step
        self._in_flight: dict[int, Ticket] = {}
        self._late: list[Ticket] = []
        self._postponed: deque[tuple[int, int]] = deque()
        self._loops: dict[asyncio.AbstractEventLoop, int] = {}
        self._may_spin = len(os.sched_getaffinity(0)) > 1
        self._ears = ears
        ears.register(client_bell, select.EPOLLIN | select.EPOLLET)
        ears.register(connection.fileno(), select.EPOLLIN)
        self.closed = False

    @staticmethod
    def format(control: mmap.mmap, entries: int) -> None:
        """Write the head of a control region."""
        control[:8] = wire.CONTROL_MAGIC
        at = wire.CONTROL_ENTRIES_OFFSET
        control[at : at + 4] = entries.to_bytes(4, "little")

    # --- submissions ---

    def submit(
        self, ticket: Ticket, request: bytes, output: bytes, deadline: float | None = None
    ) -> None:
        """Publish a submission, and wait for a free slot if there is none.

        Parameters
        ----------
        ticket : Ticket
            Gets the completion.
        request : bytes
            See `wire.request`.
        output : bytes
            The span of the outputs; see `wire.span`.
        deadline : float or None
            Until when to wait for a free slot, by `time.monotonic`.

        Raises
        ------
        TimeoutError
            If the ring stayed full.
        BridgeError
            If the connection is of no use any more.
        """
        limit = self._max_in_flight
        while not self.publish(ticket, request, output, limit):
            self._wait_until(lambda: len(self._in_flight) < limit, deadline, None)

    def publish(
        self, ticket: Ticket, request: bytes, output: bytes, limit: int | None = None
    ) -> bool:
        """Publish a submission if there is a free slot; see `submit`."""
        words = self._words
        with self._submitting:
            if self.closed or self._connection.failed:
                raise self._connection.failure()
            if len(self._in_flight) >= (limit or self._max_in_flight):
                return False
            published = self._published
            batch = published + 1
            at = wire.SUBMISSIONS_OFFSET + wire.SUBMISSION_BYTES * (published & self._mask)
            wire.SUBMISSION.pack_into(self._bytes, at, batch, request, output)
            # No call until the entry is published: an interrupt finds all of this done, or nothing.
            ticket.batch_id = batch
            self._in_flight[batch] = ticket
            words[wire.SQ_TAIL] = batch & _MASK
            self._published = batch
        if words[wire.SERVER_SLEEPING] or not _STRONG_ORDER:
            ticket.rang = True
            self._ring_server()
        return True

    def wake(self) -> None:
        """Wake the server, if it sleeps, for a submission that will come in a moment."""
        if self._words[wire.SERVER_SLEEPING]:
            self._ring_server()

    def announce(self) -> None:
        """Tell the server of a submission that will come in a moment, so that it goes on looking.

        A server that looks now may sleep when the moment is over.
        """
        self._ring_server()

    def _ring_server(self) -> None:
        with self._submitting:  # which keeps the doorbell open
            if not self.closed:
                self._server_bell.ring()

    def post(self, kind: int, target: int) -> None:
        """Publish a CANCEL or FORGET; does not wait for it, and does nothing on a dead connection.

        Parameters
        ----------
        kind : int
            `wire.CANCEL`: the submission still completes by itself; what it holds stays in
            quarantine until then. `wire.FORGET`: the server releases the batch.
        target : int
            The batch.
        """
        self._postponed.append((kind, target))
        self._post_all()

    def _post_all(self) -> None:
        """Publish what was posted; what doesn't fit now goes when completions were taken."""
        while self._postponed and not self.closed and not self._connection.failed:
            try:
                kind, target = self._postponed.popleft()
            except IndexError:  # another thread took it
                return
            request = wire.request(kind, target, 0, wire.NO_SPAN, wire.NO_SPAN)
            if not self.publish(Ticket(None), request, wire.NO_OUTPUT, self._entries - 1):
                self._postponed.appendleft((kind, target))
                return

    # --- completions ---

    def wait(
        self,
        ticket: Ticket,
        deadline: float | None = None,
        pulse: Callable[[], None] | None = None,
    ) -> None:
        """Wait until a submission has ended.

        Parameters
        ----------
        ticket : Ticket
        deadline : float, optional
            By `time.monotonic`.
        pulse : callable, optional
            Called now and then meanwhile.

        Raises
        ------
        TimeoutError
            At the deadline.
        BridgeError
            If the connection broke or was closed.
        """
        if ticket.done:
            return
        me = threading.get_ident()
        lead = self._lead
        try:  # the way of a batch that ends soon, with nobody else around
            # A server that had to be woken may be waiting for the very core that would spin here.
            if lead.setdefault(0, me) == me and self._may_spin and not ticket.rang:
                self._spin(ticket)
        finally:
            if self._loops:
                self._leave(me)
            elif lead.get(0) == me:
                del lead[0]
                if self._followers or self._loops:  # somebody came meanwhile
                    self._leave(me)
        if not ticket.done:
            self._wait_until(lambda: ticket.done, deadline, pulse)

    def give_up(self, ticket: Ticket) -> None:
        """Cancel a submission that nobody waits for any more; it still completes by itself."""
        self._leave(threading.get_ident())
        self.post(wire.CANCEL, ticket.batch_id)

    def poll(self) -> None:
        """Take the completions that are there, without waiting."""
        me = threading.get_ident()
        try:
            if self._lead.setdefault(0, me) == me:
                self._hear(0)  # only a leader may: another one could sleep on it
                self._reap()
        finally:
            self._leave(me)

    def _wait_until(
        self,
        satisfied: Callable[[], bool],
        deadline: float | None,
        pulse: Callable[[], None] | None,
    ) -> None:
        me = threading.get_ident()
        try:
            while not satisfied():
                if self._lead.setdefault(0, me) == me:
                    self._lead_until(satisfied, deadline, pulse)
                else:
                    self._follow(satisfied, deadline, pulse)
        finally:
            self._leave(me)

    def _lead_until(
        self,
        satisfied: Callable[[], bool],
        deadline: float | None,
        pulse: Callable[[], None] | None,
    ) -> None:
        if not self._loops:
            self._words[wire.CLIENT_SLEEPING] = 0
        while True:
            self._reap()
            if satisfied():
                return
            self._check(deadline)
            self._sleep(_wait_seconds(deadline, pulse))
            if pulse is not None:
                pulse()

    def _spin(self, ticket: Ticket) -> None:
        """Look for completions for a while, and take those that come; only the leader calls it."""
        words = self._words
        head = words[wire.CQ_HEAD]
        tail = words[wire.CQ_TAIL]
        if tail == head:
            looks = range(_SPINS_PER_LOOK)
            end = time.perf_counter_ns() + _SPIN_NANOS
            while tail == head:
                for _ in looks:
                    tail = words[wire.CQ_TAIL]
                    if tail != head:
                        break
                else:
                    if time.perf_counter_ns() > end:
                        return
        landed = self._landed
        at = (head & self._mask) << 2
        after = (head + 1) & _MASK
        if (
            tail != after
            or landed[at] != ticket.batch_id
            or landed[at + 1]  # code and failed items
            or landed[at + 2]  # waiting items
            or ticket.wakers
            or self._followers
            or self._postponed
        ):
            self._reap()
            return
        # What `_reap` does, where the only completion is the one that is waited for. No call but
        # the last, which is none of what a closed bridge has: an interrupt finds all of this done,
        # or nothing.
        words[wire.CQ_HEAD] = after
        ticket.holds = None
        ticket.done = True
        self._in_flight.pop(ticket.batch_id, None)

    def _sleep(self, seconds: float | None) -> None:
        words = self._words
        words[wire.CLIENT_SLEEPING] = 1
        with self._fence:
            pass
        if words[wire.CQ_TAIL] == words[wire.CQ_HEAD]:
            events = self._hear(seconds)
            words[wire.CLIENT_SLEEPING] = 0
            if any(fd != self._client_bell for fd, _ in events):
                self._connection.receive()
        else:
            words[wire.CLIENT_SLEEPING] = 0

    def _hear(self, seconds: float | None) -> list[tuple[int, int]]:
        """Wait for the doorbell or the socket; each ring is heard once."""
        try:
            return self._ears.poll(seconds, 2)
        except ValueError:  # closed meanwhile, which the caller sees next
            return []

    def _follow(
        self,
        satisfied: Callable[[], bool],
        deadline: float | None,
        pulse: Callable[[], None] | None,
    ) -> None:
        with self._changed:
            self._followers += 1
            try:
                if self._lead and not satisfied():
                    self._changed.wait(_wait_seconds(deadline, pulse))
            finally:
                self._followers -= 1
        if not satisfied():
            self._check(deadline)
            if pulse is not None:
                pulse()

    def _reap(self) -> None:
        """Take all completions; only the leader calls it."""
        words = self._words
        head = words[wire.CQ_HEAD]
        tail = words[wire.CQ_TAIL]
        if head == tail:
            return
        if (tail - head) & _MASK > self._entries:
            self._connection.fail(_corrupt)
            return
        while head != tail:
            at = self._completions + wire.COMPLETION_BYTES * (head & (self._entries - 1))
            batch, code, failed, waiting, _, _ = wire.COMPLETION.unpack_from(self._bytes, at)
            ticket = self._in_flight.get(batch)
            if ticket is not None:
                ticket.complete(code, failed, waiting)
                self._in_flight.pop(batch, None)
                if ticket.late is not None:
                    self._late.append(ticket)
            head = (head + 1) & _MASK
            words[wire.CQ_HEAD] = head
        if self._followers:
            with self._changed:
                self._changed.notify_all()
        while self._late:
            ticket = self._late.pop()
            if ticket.late is not None:
                ticket.late(ticket)
        if self._postponed:
            self._post_all()

    def _leave(self, me: int) -> None:
        """End the leadership, if this thread has it, and see that nobody sleeps through news."""
        try:
            self._hand_over(me)
        except KeyboardInterrupt:
            self._hand_over(me)
            raise

    def _hand_over(self, me: int) -> None:
        lead = self._lead
        while True:
            if self._loops and not self.closed:
                if lead.setdefault(0, me) != me:
                    return  # that leader takes care of everybody
                self._words[wire.CLIENT_SLEEPING] = 1
                with self._fence:
                    pass
                self._reap()
            if lead.get(0) == me:
                del lead[0]
            # Whoever came meanwhile and found a leader is seen now, or has seen that there is none.
            if self._followers:
                with self._changed:
                    self._changed.notify_all()
            if not self._loops or self.closed or self._words[wire.CLIENT_SLEEPING]:
                return

    def _check(self, deadline: float | None) -> None:
        if self.closed or self._connection.failed:
            raise self._connection.failure()
        if deadline is not None and time.monotonic() >= deadline:
            raise TimeoutError(_TOO_LONG)

    # --- event loops ---

    async def wait_async(self, ticket: Ticket, deadline: float | None = None) -> None:
        """Wait in an event loop; the same as `wait` otherwise."""
        if ticket.done:
            return
        self._check(None)
        loop = asyncio.get_running_loop()
        woken: asyncio.Future[None] = loop.create_future()

        def wake() -> None:
            loop.call_soon_threadsafe(_set, woken)

        ticket.wakers = (*ticket.wakers, wake)
        self._join(loop)
        try:
            self.poll()
            if not ticket.done:
                await _until(woken, deadline)
            if not ticket.done:
                raise self._connection.failure()
        finally:
            ticket.wakers = tuple(other for other in ticket.wakers if other is not wake)
            self._part(loop)

    def _join(self, loop: asyncio.AbstractEventLoop) -> None:
        count = self._loops.get(loop, 0)
        if not count:
            loop.add_reader(self._ears.fileno(), self._news)
        self._loops[loop] = count + 1

    def _part(self, loop: asyncio.AbstractEventLoop) -> None:
        count = self._loops.get(loop, 0) - 1
        if count > 0:
            self._loops[loop] = count
        elif self._loops.pop(loop, None) is not None and not self.closed:
            loop.remove_reader(self._ears.fileno())

    def _news(self) -> None:
        """Take in what the doorbell or the socket tells an event loop."""
        if self.closed:
            return
        self._connection.receive()
        self.poll()
        if self._connection.failed:
            self._wake_all()

    def _wake_all(self) -> None:
        for ticket in list(self._in_flight.values()):
            for wake in ticket.wakers:
                wake()

    # --- the end ---

    def close(self) -> None:
        """Wake all who wait; they see the connection's failure. Closes the doorbells."""
        with self._submitting:
            if self.closed:
                return
            self.closed = True
        self._wake_all()
        with self._changed:
            self._changed.notify_all()
        if self._lead.get(0, threading.get_ident()) != threading.get_ident():
            # That is so always; a write could wait, where the server has filled the counter.
            self._ears.modify(self._client_bell, select.EPOLLIN | select.EPOLLOUT)
            with self._changed:
                self._followers += 1
                while self._lead and self._changed.wait(1):
                    pass
                self._followers -= 1
        for loop in list(self._loops):
            _remove_reader(loop, self._ears.fileno())
        self._loops.clear()
        self._in_flight.clear()
        self._ears.close()
        self._server_bell.close()
        os.close(self._client_bell)

    def forget_parent(self) -> None:
        """Close the descriptors in a forked child without a lock and without a message."""
        self.closed = True
        self._ears.close()
        self._server_bell.close()
        os.close(self._client_bell)
        self._in_flight = {}


def _wait_seconds(deadline: float | None, pulse: Callable[[], None] | None) -> float | None:
    left = None if deadline is None else max(0.0, deadline - time.monotonic())
    if pulse is None:
        return left
    return 0.05 if left is None else min(0.05, left)


async def _until(woken: asyncio.Future[None], deadline: float | None) -> None:
    if deadline is None:
        await woken
        return
    try:
        await asyncio.wait_for(woken, deadline - time.monotonic())
    except asyncio.TimeoutError:
        raise TimeoutError(_TOO_LONG) from None


def _set(future: asyncio.Future[Any]) -> None:
    if not future.done():
        future.set_result(None)


def _remove_reader(loop: asyncio.AbstractEventLoop, fd: int) -> None:
    def remove() -> None:
        loop.remove_reader(fd)

    if not loop.is_closed():
        try:
            running = asyncio.get_running_loop()
        except RuntimeError:
            running = None
        if running is loop or not loop.is_running():
            remove()
        else:
            loop.call_soon_threadsafe(remove)


def _bell_blocks() -> ProtocolError:
    return ProtocolError("the server made its doorbell block, and filled it; open a new bridge",
                         ErrorCode.BAD_FLAGS)  # fmt: skip


def _corrupt() -> ProtocolError:
    return ProtocolError("the server claimed more completions than the ring holds; open a new "
                         "bridge", ErrorCode.RING_CORRUPT)  # fmt: skip
