"""A look at a shared server: its clients, what it holds for them, and what it did."""

from __future__ import annotations

import select
import socket
import time
from dataclasses import dataclass
from struct import Struct

from . import wire
from .connection import connect
from .errors import ErrorCode, ProtocolError, ServerDied, TimeoutError, error_of

__all__ = ["Held", "ObservedClient", "ObservedServer", "Work", "observe"]

_OBSERVE = Struct("<QQ")
_PAGE = Struct("<II")
_SERVER = Struct("<IIIIQQQQ")
_CLIENT = Struct("<IIQIIQII")
_HELD = Struct("<IIIIIIQ")
_WORK = Struct("<8Q32Q")
_MORE = 1


@dataclass(frozen=True)
class Held:
    """What a server holds now.

    Attributes
    ----------
    regions, region_bytes : int
        Registered shared memory.
    leases : int
        Holds of batches on regions.
    in_flight : int
        Batches that workers have.
    kept : int
        Batches that are prepared, or whose items wait for space.
    queued : int
        Submissions that the server has not taken yet.
    """

    regions: int
    leases: int
    in_flight: int
    kept: int
    queued: int
    region_bytes: int


@dataclass(frozen=True)
class Work:
    """What a server did; the numbers never fall.

    Attributes
    ----------
    batches, items, failed_items : int
        Runs that have ended, their items, and those of them that failed.
    refused : int
        Submissions and messages that were refused as a whole.
    input_bytes, output_bytes : int
        The tensors that these runs read and wrote.
    busy_nanos : int
        Time in which at least one batch ran; of a server the sum over its clients.
    run_nanos : int
        The sum of the runs' times.
    run_times : tuple of int
        Runs by time: number ``i`` counts those below ``2 ** (8 + i)`` nanoseconds that are in no
        lower bucket.
    """

    batches: int
    items: int
    failed_items: int
    refused: int
    input_bytes: int
    output_bytes: int
    busy_nanos: int
    run_nanos: int
    run_times: tuple[int, ...]


@dataclass(frozen=True)
class ObservedClient:
    """A client of a server.

    Attributes
    ----------
    id : int
        Counts the clients of the server, from 1.
    pid, uid : int
        Its process, 0 if unknown, and its user.
    age_nanos : int
        Since it came.
    last_error : int
        A number of `ErrorCode`, or 0.
    last_error_text : str
        What it was told then.
    held, work : Held, Work
        What is held for it, and was done for it.
    """

    id: int
    pid: int
    uid: int
    age_nanos: int
    last_error: int
    last_error_text: str
    held: Held
    work: Work


@dataclass(frozen=True)
class ObservedServer:
    """A server and its clients.

    Attributes
    ----------
    pid, workers : int
        Its process, and the threads that work for all clients.
    uptime_nanos : int
        Since it began.
    heap_used, heap_committed : int
        Bytes of its Java heap.
    dropped_log_lines : int
        Lines of its log that found no reader in time.
    held, work : Held, Work
        Sums over the clients; the work includes that for clients that have gone.
    clients : tuple of ObservedClient
        In the order in which they came.
    """

    pid: int
    workers: int
    uptime_nanos: int
    heap_used: int
    heap_committed: int
    dropped_log_lines: int
    held: Held
    work: Work
    clients: tuple[ObservedClient, ...]


def observe(address: str, timeout: float = 10.0) -> ObservedServer:
    """Look at a shared server, without becoming its client.

    The server's user and root see everything; other users see their own clients, and sums over
    these.

    Parameters
    ----------
    address : str
        ``unix:/path/to.sock``, or the path alone.
    timeout : float
        Seconds to wait for the server.

    Raises
    ------
    ResourceError
        If no server can be reached there.
    TimeoutError
        If it does not answer in time.
    """
    deadline = time.monotonic() + timeout
    clients: list[ObservedClient] = []
    with connect(address.removeprefix("unix:")) as sock:
        after = 0
        request = 1
        while True:
            answer = _ask(sock, request, after, deadline)
            server, page, more = read_observation(answer.body)
            clients += page
            if not more or not page:
                return ObservedServer(*server, clients=tuple(clients))
            after = page[-1].id
            request += 1


def _ask(sock: socket.socket, request: int, after: int, deadline: float) -> wire.Message:
    try:
        sock.send(wire.message(wire.OBSERVE, request, _OBSERVE.pack(after, 0)))
        if not select.select([sock], [], [], max(0.0, deadline - time.monotonic()))[0]:
            raise TimeoutError("the server did not answer in time; it may be stopped")
        packet = sock.recv(wire.MAX_MESSAGE)
    except OSError as error:
        raise ServerDied(f"the server closed the connection: {error.strerror}") from error
    if not packet:
        raise ServerDied("the server closed the connection")
    answer = wire.read_message(packet)
    if answer.type == wire.ERROR:
        code, text = wire.read_error(answer.body)
        raise error_of(code, text)
    if answer.type != wire.OBSERVATION:
        raise ProtocolError(
            f"the server answered OBSERVE with a message of type {answer.type}",
            ErrorCode.UNKNOWN_MESSAGE,
        )
    return answer


_ServerFields = tuple[int, int, int, int, int, int, Held, Work]


def read_observation(body: bytes) -> tuple[_ServerFields, list[ObservedClient], bool]:
    """Read the body of OBSERVATION: the server's fields, a page of clients, whether more follow."""
    at = _PAGE.size + _SERVER.size + _HELD.size + _WORK.size
    if len(body) < at:
        raise ProtocolError("OBSERVATION is too short", ErrorCode.BAD_LENGTH)
    count, flags = _PAGE.unpack_from(body)
    pid, workers, _, _, *times = _SERVER.unpack_from(body, _PAGE.size)
    uptime, used, committed, dropped = times
    held, work = _read_counts(body, _PAGE.size + _SERVER.size)
    clients = []
    for _ in range(count):
        client, length = _read_client(body, at)
        clients.append(client)
        at += length
    fields = (pid, workers, uptime, used, committed, dropped, held, work)
    return fields, clients, bool(flags & _MORE)


def _read_client(body: bytes, at: int) -> tuple[ObservedClient, int]:
    text_at = at + _CLIENT.size + _HELD.size + _WORK.size
    if text_at > len(body):
        raise ProtocolError("OBSERVATION is too short", ErrorCode.BAD_LENGTH)
    length, text_length, number, pid, uid, age, error, _ = _CLIENT.unpack_from(body, at)
    if text_at + text_length > min(at + length, len(body)):
        raise ProtocolError("a client of OBSERVATION is too short", ErrorCode.BAD_LENGTH)
    text = body[text_at : text_at + text_length].decode("utf-8", "replace")
    held, work = _read_counts(body, at + _CLIENT.size)
    return ObservedClient(number, pid, uid, age, error, text, held, work), length


def _read_counts(body: bytes, at: int) -> tuple[Held, Work]:
    regions, leases, in_flight, kept, queued, _, region_bytes = _HELD.unpack_from(body, at)
    numbers = _WORK.unpack_from(body, at + _HELD.size)
    return (
        Held(regions, leases, in_flight, kept, queued, region_bytes),
        Work(*(*numbers[:8], numbers[8:])),
    )
