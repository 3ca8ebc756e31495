"""A client that speaks the wire format by itself and keeps none of its rules."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import importlib.util
import mmap
import os
import random
import resource
import select
import socket
import struct
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from conftest import SPEC
from hostile import CODES

_module = importlib.util.spec_from_file_location("vectors", SPEC / "vectors" / "generate.py")
assert _module is not None
assert _module.loader is not None
wire: Any = importlib.util.module_from_spec(_module)
_module.loader.exec_module(wire)

NAMES = {number: name for name, number in CODES.items()}
PATIENCE = 60.0
READ, READWRITE, FILE = 1, 2, 3
SEALS = {READ: 1 | 2 | 4 | 16, READWRITE: 1 | 2 | 4}
SQ_TAIL, CQ_HEAD, CLIENT_SLEEPING, SQ_HEAD, CQ_TAIL, SERVER_SLEEPING = 16, 32, 48, 64, 80, 96
U64 = 1 << 64
INTERESTING = (
    0, 1, 2, 3, 7, 8, 15, 16, 63, 64, 65, 127, 128, 255, 256, 4095, 4096, 65535, 65536,
    (1 << 31) - 1, 1 << 31, (1 << 32) - 2, (1 << 32) - 1, 1 << 32, (1 << 53) + 1, 1 << 61,
    1 << 62, (1 << 63) - 1, 1 << 63, (1 << 63) + 8, U64 - 64, U64 - 8, U64 - 1,
)  # fmt: skip


class Finding(AssertionError):
    """Something that must not happen."""


class Memory:
    """A memory file of the offender's, sealed or not."""

    def __init__(self, length: int, seals: int, *, allocated: bool = True, flags: int = 0) -> None:
        self.length = length
        self.fd = os.memfd_create("fuzz", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING | flags)
        try:
            os.ftruncate(self.fd, length)
            if allocated and length:
                os.posix_fallocate(self.fd, 0, length)
            self.map = mmap.mmap(self.fd, length) if length else None
            if seals & 0x28 and self.map is not None:
                self.map.close()  # which the seals WRITE and EXEC demand
                self.map = None
            if seals:
                # The seal WRITE waits for nobody: pages may be held a moment longer.
                with contextlib.suppress(OSError if seals & 0x28 else ()):
                    fcntl.fcntl(self.fd, 1033, seals)
        except BaseException:
            os.close(self.fd)
            raise

    @property
    def bytes(self) -> mmap.mmap:
        assert self.map is not None
        return self.map

    def write(self, at: int, data: bytes) -> None:
        self.bytes[at : at + len(data)] = data

    def close(self) -> None:
        if self.map is not None:
            self.map.close()
        os.close(self.fd)


class Offender:
    """One connection, with a ring of `ENTRIES` and a few regions.

    Region 1 is ``work`` (readwrite): blocks from 0, status areas from `STATUS_AT`, outputs from
    `OUTPUT_AT`. Region 2 is ``input`` (read), region 3 ``soft`` (readwrite), both full of floats.
    """

    ENTRIES = 16
    WORK_BYTES = 1 << 20
    INPUT_BYTES = 1 << 18
    STATUS_AT, OUTPUT_AT = 1 << 18, 1 << 19
    WORK, INPUT, SOFT = (1, 7), (2, 9), (3, 11)

    def __init__(self, path: str) -> None:
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.setblocking(False)
        self.codes: Counter[str] = Counter()
        self.memories: list[Memory] = []
        self.fds: list[int] = []
        self.ended = False
        self.last_error = ""
        self.answered: dict[int, tuple[int, int]] = {}
        self.completed: dict[int, tuple[int, int, int]] = {}
        self.submitted = 0
        self.next_batch = 1
        self.next_request = 1
        self.tail = 0
        self._block_at = 0
        self.bells = (-1, -1)
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                self.socket.connect(path)
                break
            except BlockingIOError:  # a full backlog
                if time.monotonic() > deadline:
                    raise Finding("the server accepts nobody") from None
                time.sleep(0.001)
        self.control = self.memory(512 + 160 * self.ENTRIES, SEALS[READWRITE])
        self.control.write(0, struct.pack("<8sI", b"TBRCTRL1", self.ENTRIES))

    # --- memory and descriptors ---

    def memory(self, length: int, seals: int, **how: Any) -> Memory:
        memory = Memory(length, seals, **how)
        self.memories.append(memory)
        return memory

    def own(self, fd: int) -> int:
        self.fds.append(fd)
        return fd

    def eventfd(self, count: int = 0, flags: int = os.EFD_NONBLOCK) -> int:
        fd = self.own(os.eventfd(0, flags | os.EFD_CLOEXEC))
        if count:
            os.eventfd_write(fd, count)
        return fd

    def strange_fd(self, rng: random.Random) -> int:
        """Open something that is no region, no doorbell and no pidfd, or only looks like one."""
        kind = rng.randrange(16)
        with contextlib.suppress(OSError):
            match kind:
                case 0:
                    read, write = os.pipe()
                    self.own(write)
                    return self.own(read)
                case 1:
                    one, other = socket.socketpair()
                    self.own(other.detach())
                    return self.own(one.detach())
                case 2:
                    with select.epoll() as epoll:
                        return self.own(os.dup(epoll.fileno()))
                case 3:
                    return self.own(os.pidfd_open(os.getppid()))
                case 4:
                    return self.own(os.open("/tmp", os.O_RDONLY))
                case 5:
                    return self.own(os.open("/dev/zero", os.O_RDWR))
                case 6:
                    return self.own(os.open("/dev/urandom", os.O_RDWR))
                case 7:
                    return self.eventfd(U64 - 2)
                case 8:
                    return self.eventfd(5, os.EFD_SEMAPHORE)
                case 9:
                    return self.own(os.open("/proc/self/mem", os.O_RDWR))
                case 10:
                    return self.own(os.open("/proc/self/maps", os.O_RDONLY))
                case 11:
                    handle, name = tempfile.mkstemp()
                    os.write(handle, bytes(4096))
                    os.unlink(name)
                    return self.own(handle)
                case 12:
                    return self.own(os.dup(self.control.fd))
                case 13:
                    return self.memory(4096, rng.randrange(64)).fd
                case 14:
                    return self.own(os.open("/tmp", os.O_PATH))
                case 15:
                    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                    return self.own(listener.detach())
        return self.own(os.open("/dev/null", os.O_RDWR))

    # --- messages ---

    def send(self, packet: bytes, fds: Sequence[int] = ()) -> bool:
        """Send a packet; tell whether it went."""
        deadline = time.monotonic() + PATIENCE
        while not self.ended:
            try:
                if fds:
                    socket.send_fds(self.socket, [packet], list(fds))
                else:
                    self.socket.send(packet)
                return True
            except BlockingIOError:
                self.pump()
                if time.monotonic() > deadline:
                    raise Finding("the server does not read its socket") from None
                self._poll(10)
            except OSError as error:
                if error.errno in (errno.EBADF, errno.ETOOMANYREFS, errno.EINVAL):
                    return False
                self.pump()
                self.ended = True
        return False

    def hello(self, **fields: int) -> bytes:
        return wire.hello(
            {
                "major": 1,
                "minor": 0,
                "ring_entries": self.ENTRIES,
                "control_length": self.control.length,
                "pid": os.getpid(),
                "request_id": self.request(),
            }
            | fields
        )

    def request(self) -> int:
        self.next_request += 1
        return self.next_request

    def open_bells(self) -> tuple[int, int]:
        if self.bells[0] < 0:
            self.bells = (self.eventfd(), self.eventfd())
        return self.bells

    def greet(self, server_bell: int = -1, client_bell: int = -1) -> bool:
        """Shake hands as one should; tell whether the server agreed."""
        self.open_bells()
        self.bells = (
            self.bells[0] if server_bell < 0 else server_bell,
            self.bells[1] if client_bell < 0 else client_bell,
        )
        pidfd = self.own(os.pidfd_open(os.getpid()))
        packet = self.hello()
        self.send(packet, [self.control.fd, *self.bells, pidfd])
        return self.answer(self.next_request)[0] == 2

    def register(
        self, region: tuple[int, int], memory: Memory, access: int, length: int = -1
    ) -> bool:
        request = self.request()
        packet = wire.register(
            {
                "request_id": request,
                "region": region[0],
                "generation": region[1],
                "access": access,
                "byte_length": memory.length if length < 0 else length,
            }
        )
        self.send(packet, [memory.fd])
        return self.answer(request)[0] == 5

    def release(self, region: tuple[int, int]) -> bool:
        request = self.request()
        self.send(
            wire.release({"request_id": request, "region": region[0], "generation": region[1]})
        )
        return self.answer(request)[0] == 5

    def settle_in(self) -> bool:
        """Greet, and register the usual regions."""
        if not self.greet():
            return False
        self.work = self.memory(self.WORK_BYTES, SEALS[READWRITE])
        self.input = self.memory(self.INPUT_BYTES, 0)
        floats = struct.pack("<4096f", *(0.25 * (i % 100) - 9 for i in range(4096)))
        self.input.write(0, floats * (self.INPUT_BYTES // len(floats)))
        fcntl.fcntl(self.input.fd, 1033, SEALS[READ])
        self.soft = self.memory(self.INPUT_BYTES, SEALS[READWRITE])
        self.soft.write(0, floats * (self.INPUT_BYTES // len(floats)))
        return (
            self.register(self.WORK, self.work, READWRITE)
            and self.register(self.INPUT, self.input, READ)
            and self.register(self.SOFT, self.soft, READWRITE)
        )

    def answer(self, request: int) -> tuple[int, int]:
        """Await the answer to a request: its type and code; type 0 if the connection has ended."""
        self.until(lambda: request in self.answered, f"an answer to request {request}")
        return self.answered.get(request, (0, 0))

    def pump(self) -> None:
        """Take in what has arrived; never waits."""
        while not self.ended:
            try:
                packet = self.socket.recv(65536)
            except BlockingIOError:
                break
            except OSError:
                packet = b""
            if not packet:
                self.ended = True
                break
            self._take_in(packet)
        self._take_completions()

    def _take_in(self, packet: bytes) -> None:
        magic, kind, reserved, request, length = struct.unpack_from("<4sHHII", packet)
        if magic != b"TBMG" or reserved or length != len(packet):
            raise Finding(f"the server sent {packet[:64]!r}")
        code = 0
        if kind == 8:
            code, text_length = struct.unpack_from("<II", packet, 16)
            self.last_error = packet[24 : 24 + text_length].decode()
            self.count(code, self.last_error)
        elif kind not in (2, 5, 7):
            raise Finding(f"the server sent a message of type {kind}")
        self.answered[request] = (kind, code)

    def count(self, code: int, text: str = "") -> None:
        """Keep a code that the server told."""
        name = NAMES.get(code)
        if name is None or name == "INTERNAL":
            raise Finding(f"the server told code {code} ({name}): {text}")
        self.codes[name] += 1

    # --- submissions ---

    def word(self, index: int) -> int:
        return int(struct.unpack_from("<I", self.control.bytes, 4 * index)[0])

    def set_word(self, index: int, value: int) -> None:
        self.control.write(4 * index, struct.pack("<I", value % (1 << 32)))

    def ring(self) -> None:
        with contextlib.suppress(OSError):
            os.eventfd_write(self.bells[0], 1)

    def publish(self, entry: bytes) -> None:
        """Write an entry, wherever there is room or not, and ring."""
        self.control.write(512 + 128 * (self.tail % self.ENTRIES), entry)
        self.tail = (self.tail + 1) % (1 << 32)
        self.set_word(SQ_TAIL, self.tail)
        self.submitted += 1
        self.ring()

    def _take_completions(self) -> None:
        head, tail = self.word(CQ_HEAD), self.word(CQ_TAIL)
        for index in range((tail - head) % (1 << 32) if (tail - head) % (1 << 32) <= 4096 else 0):
            at = 512 + 128 * self.ENTRIES + 32 * ((head + index) % self.ENTRIES)
            batch, code, failed, waiting = struct.unpack_from("<QIII", self.control.bytes, at)
            self.completed[batch] = (code, failed, waiting)
            if not self.lenient:
                self.count(code, self._refusal(batch) if code else "")
        if tail != head:
            self.set_word(CQ_HEAD, tail)

    lenient = False
    """Whether the server's own words may be overwritten by somebody else."""

    def _refusal(self, batch: int) -> str:
        at = self.statuses.get(batch)
        if at is None:
            return ""
        length, offset = struct.unpack_from("<IQ", self.work.bytes, at + 20)
        return bytes(self.work.bytes[at + offset : at + offset + length]).decode(errors="replace")

    def write_block(self, block: bytes) -> dict[str, int]:
        """Put a block where none is in use; return its span."""
        room = self.STATUS_AT
        if self._block_at + len(block) > room:
            self._block_at = 0
        at = self._block_at
        self.work.write(at, block[:room])
        self._block_at = -(-(at + len(block)) // 64) * 64
        return wire.span_of(*self.WORK, at, len(block))

    def take_batch(self) -> int:
        self.next_batch += 1
        return self.next_batch

    def status_span(self, batch: int) -> dict[str, int]:
        size = (self.OUTPUT_AT - self.STATUS_AT) // self.ENTRIES
        at = self.STATUS_AT + size * (batch % self.ENTRIES)
        self.statuses[batch] = at
        return wire.span_of(*self.WORK, at, size)

    def output_span(self, batch: int) -> dict[str, int]:
        size = (self.WORK_BYTES - self.OUTPUT_AT) // self.ENTRIES
        return wire.span_of(*self.WORK, self.OUTPUT_AT + size * (batch % self.ENTRIES), size)

    @property
    def statuses(self) -> dict[int, int]:
        if not hasattr(self, "_statuses"):
            self._statuses: dict[int, int] = {}
        return self._statuses

    def entry(
        self, kind: str, block: bytes | None = None, target: int = 0, timeout: int = 0
    ) -> tuple[int, bytes]:
        """Write a correct entry; return the batch's id, too."""
        batch = self.take_batch()
        has_status = kind not in ("CANCEL", "FORGET")
        has_output = kind in ("RUN", "RUN_PREPARED", "RESUME")
        return batch, wire.submission(
            wire.submission_of(
                batch,
                kind,
                wire.NOWHERE if block is None else self.write_block(block),
                self.status_span(batch) if has_status else wire.NOWHERE,
                self.output_span(batch) if has_output else wire.NOWHERE,
                target,
                timeout,
            )
        )

    def submit(
        self, kind: str, block: bytes | None = None, target: int = 0, timeout: int = 0
    ) -> int:
        batch, entry = self.entry(kind, block, target, timeout)
        self.room()
        self.publish(entry)
        return batch

    def room(self) -> None:
        """Wait until the rings have room for one more."""
        self.until(
            lambda: len(self.completed) >= self.submitted - self.ENTRIES + 1, "room in the rings"
        )

    def complete(self, batch: int) -> int | None:
        """Await a completion: its code; None if the connection has ended."""
        self.until(lambda: batch in self.completed, f"the completion of batch {batch}")
        return self.completed[batch][0] if batch in self.completed else None

    def complete_all(self) -> None:
        """Await a completion for each submission, or the end."""
        self.until(lambda: len(self.completed) >= self.submitted, "all completions")

    def item_codes(self, batch: int, count: int) -> list[int]:
        """Return and keep the codes of a batch's items."""
        at = self.statuses[batch]
        codes = []
        for item in range(count):
            code, length, offset = struct.unpack_from("<IIQ", self.work.bytes, at + 64 + 64 * item)
            text = bytes(self.work.bytes[at + offset : at + offset + length])
            self.count(code, text.decode(errors="replace"))
            codes.append(code)
        return codes

    def until(self, holds: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while True:
            self.set_word(CLIENT_SLEEPING, 1)
            self.pump()
            if holds() or self.ended:
                self.set_word(CLIENT_SLEEPING, 0)
                return
            if time.monotonic() > deadline:
                raise Finding(f"{what} did not come, nor an end of the connection")
            self._poll(20)

    def _poll(self, millis: int) -> None:
        poll = select.poll()
        poll.register(self.socket, select.POLLIN)
        if self.bells[1] >= 0 and not self.deaf:
            poll.register(self.bells[1], select.POLLIN)
        poll.poll(millis)
        if self.bells[1] >= 0 and not self.deaf:
            with contextlib.suppress(OSError):
                os.eventfd_read(self.bells[1])

    deaf = False
    """Whether the doorbell is of no use to the offender itself."""

    # --- the end ---

    def find(self, marker: bytes) -> bool:
        """Tell whether some bytes are anywhere in the offender's memory."""
        return any(m.map is not None and m.bytes.find(marker) >= 0 for m in self.memories)

    def close(self) -> None:
        self.socket.close()
        for memory in self.memories:
            memory.close()
        for fd in self.fds:
            with contextlib.suppress(OSError):
                os.close(fd)
        self.memories, self.fds = [], []


def raise_descriptor_limit() -> None:
    """Let this process hold as many descriptors as it may."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def mutated(rng: random.Random, data: bytes, times: int | None = None) -> bytes:
    """Change some fields of a structure, rarely its length."""
    result = bytearray(data)
    for _ in range(times or 1 + int(rng.expovariate(0.7))):
        if not result:
            break
        width = rng.choice((1, 2, 4, 4, 8, 8))
        at = rng.randrange(len(result)) // width * width
        match rng.randrange(8):
            case 0:
                result[rng.randrange(len(result))] ^= 1 << rng.randrange(8)
            case 1:
                result[rng.randrange(len(result))] = rng.randrange(256)
            case 2 | 3 | 4:
                value = rng.choice(INTERESTING) + rng.choice((0, 0, -1, 1))
                _put(result, at, width, value)
            case 5:
                old = int.from_bytes(result[at : at + width], "little")
                _put(result, at, width, old + rng.choice((-64, -8, -1, 1, 8, 64)))
            case 6:
                _put(result, at, width, rng.choice((len(data), len(data) - 1, len(data) + 1)))
            case 7:
                source = rng.randrange(len(result))
                piece = bytes(result[source : source + width])
                result[at : at + len(piece)] = piece
    if rng.random() < 0.03:
        del result[rng.randrange(len(result)) :]
    return bytes(result)


def _put(data: bytearray, at: int, width: int, value: int) -> None:
    room = min(width, len(data) - at)
    data[at : at + room] = (value % (1 << 8 * width)).to_bytes(width, "little")[:room]
