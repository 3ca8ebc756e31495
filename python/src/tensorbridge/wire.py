"""The structures of the wire format (``spec/``), and nothing that knows what they are for.

All integers are little-endian. Readers take ``bytes`` that were copied out of shared memory, so
that what was checked is what is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from struct import Struct
from struct import error as struct_error
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .dtypes import CODES
from .errors import ErrorCode, ProtocolError

MAJOR = 1
MINOR = 0

# Messages: spec/handshake.md
MESSAGE_MAGIC = 0x474D4254
MAX_MESSAGE = 65536
HELLO, WELCOME, REGISTER, RELEASE, OK, OPERATIONS, OPERATION_LIST, ERROR, GOODBYE = range(1, 10)
OBSERVE, OBSERVATION = 10, 11

_MESSAGE = Struct("<IHHII")
_HELLO = Struct("<HHIQII")
_WELCOME = Struct("<HHIIIIIQQQ")
_REGISTER = Struct("<IIIIQ")
_RELEASE = Struct("<II")
_U32_PAIR = Struct("<II")
_U16_PAIR = Struct("<HH")
MESSAGE_HEADER_BYTES = _MESSAGE.size

# Regions: spec/segment.md
READ = 1
READWRITE = 2
FILE = 3
RELATIVE = 0xFFFFFFFF
F_ADD_SEALS = 1033
F_GET_SEALS = 1034
SEAL_SEAL, SEAL_SHRINK, SEAL_GROW, SEAL_WRITE, SEAL_FUTURE_WRITE = 1, 2, 4, 8, 16
REQUIRED_SEALS = {
    READ: SEAL_SEAL | SEAL_SHRINK | SEAL_GROW | SEAL_FUTURE_WRITE,
    READWRITE: SEAL_SEAL | SEAL_SHRINK | SEAL_GROW,
}

# The control region: spec/ring.md. Positions of 32-bit words are indices of a u32 view.
CONTROL_MAGIC = b"TBRCTRL1"
CONTROL_ENTRIES_OFFSET = 8
SQ_TAIL, CQ_HEAD, CLIENT_SLEEPING = 64 // 4, 128 // 4, 192 // 4
SQ_HEAD, CQ_TAIL, SERVER_SLEEPING = 256 // 4, 320 // 4, 384 // 4
SUBMISSIONS_OFFSET = 512
SUBMISSION_BYTES = 128
COMPLETION_BYTES = 32
RUN, PLAN, PREPARE, RUN_PREPARED, RESUME, CANCEL, FORGET = range(1, 8)

SUBMISSION = Struct("<Q72s24s24x")
"""Batch id, request (see `request`), span of the outputs."""
COMPLETION = Struct("<QIIIIQ")

# Batch blocks and status areas: spec/batch-block.md
BLOCK_MAGIC = 0x4B424254
CONTINUE_ON_ERROR = 1
BLOCK_HEADER = Struct("<IHHQIIIIIIIIIIII")
ITEM_HEADER = Struct("<IHHII")
STATUS_HEADER = Struct("<QQIIQQ24x")
ITEM_STATUS = Struct("<IIQqQ32s")
STATUS_HEADER_BYTES = 64
ITEM_STATUS_BYTES = 64
VALUE_OFFSET = 32
VALUE_BYTES = 32
PROGRESS = Struct("<QQ")

_PLAN_RECORD = Struct("<IIQ")
_PLAN_OUTPUT = Struct("<HBBI")

# Tensor descriptors: spec/tensor-descriptor.md
DESCRIPTOR = Struct("<IIQBBHI")
STRIDED = 1
MAX_RANK = 64
# No process can map more: an output of more bytes is a lie.
_ADDRESSABLE = 1 << 47


class Span(NamedTuple):
    """A piece of a region."""

    region: int
    generation: int
    byte_offset: int
    byte_length: int


NO_SPAN = Span(0, 0, 0, 0)
_SPAN = Struct("<IIQQ")
_REQUEST = Struct("<IIQQ IIQQ IIQQ")
NO_OUTPUT = bytes(_SPAN.size)


def request(
    kind: int,
    target: int,
    timeout_nanos: int,
    block: tuple[int, int, int, int],
    status: tuple[int, int, int, int],
) -> bytes:
    """Write what a submission says, its id and outputs aside: the same for equal batches."""
    return _REQUEST.pack(kind, 0, target, timeout_nanos, *block, *status)


def span(region: int, generation: int, byte_offset: int, byte_length: int) -> bytes:
    """Write a span."""
    return _SPAN.pack(region, generation, byte_offset, byte_length)


def control_length(entries: int) -> int:
    """Return the bytes of a control region with rings of ``entries``."""
    return SUBMISSIONS_OFFSET + (SUBMISSION_BYTES + COMPLETION_BYTES) * entries


def align(value: int, to: int) -> int:
    """Round up to a multiple of a power of two."""
    return (value + to - 1) & -to


# --- messages -------------------------------------------------------------------------------------


class Message(NamedTuple):
    """A message as it arrived."""

    type: int
    request_id: int
    body: bytes


class Welcome(NamedTuple):
    """The server's side of the handshake, and its limits."""

    major: int
    minor: int
    server_pid: int
    max_regions: int
    max_batches: int
    max_items: int
    worker_threads: int
    max_bytes: int
    max_block_bytes: int


class Operation(NamedTuple):
    """An operation that the server knows."""

    name: str
    summary: str


def message(kind: int, request_id: int, body: bytes = b"") -> bytes:
    """Write a message."""
    return _MESSAGE.pack(MESSAGE_MAGIC, kind, 0, request_id, _MESSAGE.size + len(body)) + body


def hello(request_id: int, ring_entries: int, control_bytes: int, pid: int) -> bytes:
    """Write HELLO."""
    body = _HELLO.pack(MAJOR, MINOR, ring_entries, control_bytes, pid, 0)
    return message(HELLO, request_id, body)


def register(request_id: int, region: int, generation: int, access: int, length: int) -> bytes:
    """Write REGISTER."""
    return message(REGISTER, request_id, _REGISTER.pack(region, generation, access, 0, length))


def release(request_id: int, region: int, generation: int) -> bytes:
    """Write RELEASE."""
    return message(RELEASE, request_id, _RELEASE.pack(region, generation))


def read_message(packet: bytes) -> Message:
    """Take a packet apart.

    Raises
    ------
    ProtocolError
        If it is no message.
    """
    if len(packet) < _MESSAGE.size:
        raise ProtocolError(f"a message of {len(packet)} bytes is too short", ErrorCode.BAD_LENGTH)
    magic, kind, reserved, request_id, length = _MESSAGE.unpack_from(packet)
    if magic != MESSAGE_MAGIC:
        raise ProtocolError(f"a message begins with {magic:#x}", ErrorCode.BAD_MAGIC)
    if length != len(packet):
        raise ProtocolError(
            f"a message of {len(packet)} bytes says it has {length}", ErrorCode.BAD_LENGTH
        )
    if reserved:
        raise ProtocolError("a reserved field of a message is set", ErrorCode.BAD_FLAGS)
    return Message(kind, request_id, packet[_MESSAGE.size :])


def read_welcome(body: bytes) -> Welcome:
    """Read the body of WELCOME."""
    if len(body) != _WELCOME.size:
        raise ProtocolError(f"WELCOME has {len(body)} bytes", ErrorCode.BAD_LENGTH)
    welcome = Welcome(*_WELCOME.unpack(body)[:9])
    if welcome.major != MAJOR:
        raise ProtocolError(
            f"the server speaks version {welcome.major}, this client {MAJOR}: use the same release",
            ErrorCode.UNSUPPORTED_VERSION,
        )
    return welcome


def read_error(body: bytes) -> tuple[int, str]:
    """Read the body of ERROR: its number and its text."""
    if len(body) < _U32_PAIR.size:
        raise ProtocolError("ERROR is too short", ErrorCode.BAD_LENGTH)
    code, length = _U32_PAIR.unpack_from(body)
    return code, _text(body, _U32_PAIR.size, length)


def read_operations(body: bytes) -> list[Operation]:
    """Read the body of OPERATION_LIST."""
    if len(body) < _U32_PAIR.size:
        raise ProtocolError("OPERATION_LIST is too short", ErrorCode.BAD_LENGTH)
    count, _ = _U32_PAIR.unpack_from(body)
    at = _U32_PAIR.size
    operations = []
    for _ in range(count):
        if at + _U16_PAIR.size > len(body):
            raise ProtocolError("OPERATION_LIST is too short", ErrorCode.BAD_LENGTH)
        name_length, summary_length = _U16_PAIR.unpack_from(body, at)
        at += _U16_PAIR.size
        name = _text(body, at, name_length)
        summary = _text(body, at + name_length, summary_length)
        at += name_length + summary_length
        operations.append(Operation(name, summary))
    return operations


# --- tensors --------------------------------------------------------------------------------------


def descriptor(
    region: int,
    generation: int,
    byte_offset: int,
    dtype: int,
    dims: Sequence[int],
    strides: Sequence[int] | None = None,
) -> bytes:
    """Write a tensor descriptor; ``strides`` are bytes, None means row-major without gaps."""
    rank = len(dims)
    flags = 0 if strides is None else STRIDED
    head = DESCRIPTOR.pack(region, generation, byte_offset, dtype, rank, flags, 0)
    tail = tuple(dims) if strides is None else (*dims, *strides)
    return head + _longs(len(tail)).pack(*tail)


@cache
def _longs(count: int) -> Struct:
    return Struct(f"<{count}q")


def item_header(
    inputs_length: int,
    input_count: int,
    outputs_length: int,
    output_count: int,
    option_set: int,
    item_index: int = 0,
) -> bytes:
    """Write the header of an item; its descriptors follow, inputs first."""
    length = ITEM_HEADER.size + inputs_length + outputs_length
    return ITEM_HEADER.pack(length, input_count, output_count, option_set, item_index)


# --- batch blocks ---------------------------------------------------------------------------------


class Prelude:
    """The part of a batch block that does not depend on its items: operation and option sets.

    Immutable; the blocks of all batches of one operation and options share one.
    """

    __slots__ = ("_operation_length", "_option_sets_offset", "_set_count", "body", "items_offset")

    def __init__(self, operation: str, option_sets: Sequence[str]) -> None:
        name = operation.encode()
        sets_at = align(BLOCK_HEADER.size + len(name), 8)
        texts = [text.encode() for text in option_sets]
        at = sets_at + 8 * len(texts)
        table = []
        for text in texts:
            table.append(_U32_PAIR.pack(at, len(text)))
            at += len(text)
        self._operation_length = len(name)
        self._option_sets_offset = sets_at if texts else 0
        self._set_count = len(texts)
        self.items_offset = align(at, 8)
        body = name.ljust(sets_at - BLOCK_HEADER.size, b"\0") + b"".join(table + texts)
        self.body = body.ljust(self.items_offset - BLOCK_HEADER.size, b"\0")

    def block(self, item_count: int, items: bytes, flags: int = 0, threads: int = 0) -> bytes:
        """Write a whole block.

        Parameters
        ----------
        item_count : int
        items : bytes
            That many items, one behind the other (see `item_header`).
        flags : int
            0 or `CONTINUE_ON_ERROR`.
        threads : int
            How many workers may work at once; 0: all.
        """
        head = BLOCK_HEADER.pack(
            BLOCK_MAGIC,
            MAJOR,
            MINOR,
            self.items_offset + len(items),
            item_count,
            flags,
            threads,
            self._set_count,
            BLOCK_HEADER.size,
            self._operation_length,
            self._option_sets_offset,
            self.items_offset if items else 0,
            len(items),
            0,
            0,
            0,
        )
        return b"".join((head, self.body, items))


# --- status areas ---------------------------------------------------------------------------------


class ItemStatus(NamedTuple):
    """How one item ended."""

    code: int
    text: bytes
    element_index: int
    value: bytes


class Status:
    """A status area that was copied out of shared memory.

    Parameters
    ----------
    area : bytes
        The whole area, or its fixed part if no text is wanted.
    """

    __slots__ = ("_area",)

    def __init__(self, area: bytes) -> None:
        self._area = area

    def refusal(self) -> str:
        """Return why the submission was refused as a whole."""
        _, _, _, length, offset, _ = STATUS_HEADER.unpack_from(self._area)
        return _lenient_text(self._area, offset, length)

    def run_nanos(self) -> int:
        """Return how long the items ran, by the server's clock."""
        return int(STATUS_HEADER.unpack_from(self._area)[5]) if self._area else 0

    def codes(self, count: int) -> npt.NDArray[np.uint32]:
        """Return the codes of the items."""
        length = STATUS_HEADER_BYTES + ITEM_STATUS_BYTES * count
        words: npt.NDArray[np.uint32] = np.frombuffer(self._area[:length], "<u4")
        return words.reshape(count + 1, 16)[1:, 0]

    def value(self, index: int) -> bytes:
        """Return the small result of an item."""
        at = STATUS_HEADER_BYTES + ITEM_STATUS_BYTES * index + VALUE_OFFSET
        return self._area[at : at + VALUE_BYTES]

    def values(self, count: int) -> npt.NDArray[np.uint8]:
        """Return the small results of all items, a row for each."""
        length = STATUS_HEADER_BYTES + ITEM_STATUS_BYTES * count
        rows: npt.NDArray[np.uint8] = np.frombuffer(self._area[:length], np.uint8)
        return rows.reshape(count + 1, ITEM_STATUS_BYTES)[1:, VALUE_OFFSET:]

    def item(self, index: int) -> ItemStatus:
        """Return how an item ended."""
        at = STATUS_HEADER_BYTES + ITEM_STATUS_BYTES * index
        code, length, offset, element, _, value = ITEM_STATUS.unpack_from(self._area, at)
        text = self._area[offset : offset + length] if length else b""
        return ItemStatus(code, text, element, value)


class OutputSpec(NamedTuple):
    """An output of an item: what it is called, and its type."""

    name: str
    dtype: int
    shape: tuple[int, ...]
    byte_length: int


@dataclass(frozen=True)
class Plan:
    """What an operation says about an item before it runs."""

    label: str
    work_bytes: int
    outputs: tuple[OutputSpec, ...]


def read_plan(record: bytes) -> Plan:
    """Read a plan record.

    Raises
    ------
    ProtocolError
        If it is not well formed.
    """
    try:
        count, label_length, work_bytes = _PLAN_RECORD.unpack_from(record)
        at = _PLAN_RECORD.size
        label = _text(record, at, label_length)
        at += align(label_length, 8)
        outputs = []
        for _ in range(count):
            name_length, dtype, rank, _reserved = _PLAN_OUTPUT.unpack_from(record, at)
            at += _PLAN_OUTPUT.size
            dims = _longs(rank).unpack_from(record, at)
            at += 8 * rank
            name = _text(record, at, name_length)
            at += align(name_length, 8)
            outputs.append(OutputSpec(name, dtype, dims, _byte_length(dtype, dims)))
    except struct_error as error:
        raise ProtocolError(f"a plan record is too short: {error}", ErrorCode.BAD_LENGTH) from None
    return Plan(label, work_bytes, tuple(outputs))


def _byte_length(dtype: int, dims: Sequence[int]) -> int:
    if dtype not in CODES:
        raise ProtocolError(f"a plan names dtype {dtype}", ErrorCode.BAD_DTYPE)
    total = CODES[dtype][1]
    for dim in dims:
        if dim < 0:
            raise ProtocolError(f"a plan has dimension {dim}", ErrorCode.NEGATIVE_DIMENSION)
        total *= dim
    if total > _ADDRESSABLE:
        raise ProtocolError(f"a plan has an output of {total} bytes", ErrorCode.OFFSET_OVERFLOW)
    return total


def _text(data: bytes, at: int, length: int) -> str:
    if at + length > len(data):
        raise ProtocolError("a text leaves its message", ErrorCode.OFFSET_OVERFLOW)
    try:
        return data[at : at + length].decode()
    except UnicodeDecodeError:
        raise ProtocolError("a text is not UTF-8", ErrorCode.BAD_TEXT) from None


def _lenient_text(data: bytes, at: int, length: int) -> str:
    return data[at : at + length].decode(errors="replace") if length else ""
