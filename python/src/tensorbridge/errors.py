"""What can go wrong, one exception per cause.

The numbers are those of the wire format (``spec/errors.md``); both sides raise the same cause for
the same number.
"""

from __future__ import annotations

import builtins
import errno
from enum import IntEnum

__all__ = [
    "OUT_OF_DESCRIPTORS",
    "BridgeClosed",
    "BridgeError",
    "Cancelled",
    "ErrorCode",
    "FormatError",
    "OptionError",
    "ProtocolError",
    "QuotaError",
    "ResourceError",
    "ServerDied",
    "TensorError",
    "TimeoutError",
    "error_of",
    "no_descriptor",
]


class ErrorCode(IntEnum):
    """Every cause with its number on the wire."""

    OK = 0
    BAD_MAGIC = 100
    UNSUPPORTED_VERSION = 101
    BAD_LENGTH = 102
    OFFSET_OVERFLOW = 103
    BAD_COUNT = 104
    BAD_DTYPE = 105
    NEGATIVE_DIMENSION = 106
    BAD_RANK = 107
    BAD_FLAGS = 108
    UNKNOWN_REGION = 109
    STALE_GENERATION = 110
    UNSEALED_REGION = 111
    REGION_SIZE_MISMATCH = 112
    REGION_NOT_WRITABLE = 113
    OUTPUT_OVERLAP = 114
    RING_CORRUPT = 115
    UNKNOWN_BATCH = 116
    DUPLICATE_BATCH = 117
    MISALIGNED = 118
    BAD_TEXT = 119
    UNKNOWN_MESSAGE = 120
    REGION_EXISTS = 121
    HANDSHAKE_REQUIRED = 122
    MISSING_DESCRIPTOR = 123
    OUTPUT_MISMATCH = 124
    UNSUPPORTED_DTYPE = 200
    NON_FINITE = 201
    NOT_DIVISIBLE = 202
    BAD_SHAPE = 203
    TENSOR_FAILED = 204
    UNKNOWN_OPERATION = 250
    UNKNOWN_OPTION = 251
    BAD_OPTION = 252
    UNKNOWN_SCHEME = 253
    QUOTA_BYTES = 300
    QUOTA_REGIONS = 301
    QUOTA_BATCHES = 302
    QUOTA_ITEMS = 303
    QUOTA_CLIENTS = 304
    CANCELLED = 400
    TIMEOUT = 401
    CLOSED = 402
    SERVER_DIED = 403
    NEEDS_SPACE = 404
    SKIPPED = 405
    OUT_OF_MEMORY = 500
    OUT_OF_DESCRIPTORS = 501
    SYSTEM_CALL = 502
    INTERNAL = 503
    UNSUPPORTED_PLATFORM = 504
    REGION_IN_USE = 505
    BAD_FORMAT = 600
    FILE_IO = 601


class BridgeError(Exception):
    """Anything that Tensorbridge raises on purpose.

    Attributes
    ----------
    code : ErrorCode
        The cause, the same on both sides of the wire.
    """

    def __init__(self, message: str, code: ErrorCode = ErrorCode.INTERNAL) -> None:
        super().__init__(message)
        self.code = code


class TensorError(BridgeError):
    """A tensor is not acceptable, or its work failed; the others are not affected.

    Attributes
    ----------
    name : str
        The tensor.
    index : int or None
        Flat index in C order of the offending element, if there is one.
    reason : str
        What is wrong and the remedy.
    """

    def __init__(
        self,
        name: str,
        index: int | None,
        reason: str,
        code: ErrorCode = ErrorCode.TENSOR_FAILED,
    ) -> None:
        where = "" if index is None else f" at flat index {index}"
        super().__init__(f'tensor "{name}"{where}: {reason}' if name else reason, code)
        self.name = name
        self.index = index
        self.reason = reason

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle by the facts, since the message is made from them."""
        return (type(self), (self.name, self.index, self.reason, self.code))


class FormatError(BridgeError):
    """A file breaks a rule of its format, or could not be read or written.

    Attributes
    ----------
    offset : int or None
        The byte of the file that is concerned.
    rule : str
        The broken rule.
    """

    def __init__(
        self,
        offset: int | None,
        rule: str,
        code: ErrorCode = ErrorCode.BAD_FORMAT,
    ) -> None:
        super().__init__(rule if offset is None else f"{rule} (at byte {offset})", code)
        self.offset = offset
        self.rule = rule

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle by the facts, since the message is made from them."""
        return (type(self), (self.offset, self.rule, self.code))


class OptionError(BridgeError, ValueError):
    """An operation or an option is not acceptable: change the call."""


class QuotaError(BridgeError):
    """A limit is reached: wait, release, or ask for more."""


class TimeoutError(BridgeError, builtins.TimeoutError):
    """The work took longer than allowed; also the built-in ``TimeoutError``."""

    def __init__(self, message: str, code: ErrorCode = ErrorCode.TIMEOUT) -> None:
        super().__init__(message, code)


class Cancelled(BridgeError):
    """The batch was cancelled, or an item was skipped because another one failed."""


class BridgeClosed(BridgeError):
    """The bridge was closed, or belongs to the process from which this one was forked."""

    def __init__(self, message: str, code: ErrorCode = ErrorCode.CLOSED) -> None:
        super().__init__(message, code)


class ServerDied(BridgeError):
    """The server's process ended; shared arrays are intact and the work can be repeated.

    Attributes
    ----------
    log : str
        The last lines of a private server's log; empty for a shared server.
    """

    def __init__(
        self, message: str, log: str = "", code: ErrorCode = ErrorCode.SERVER_DIED
    ) -> None:
        super().__init__(f"{message}\n{log}" if log else message, code)
        self.message = message
        self.log = log

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle by the facts, since the message is made from them."""
        return (type(self), (self.message, self.log, self.code))


class ProtocolError(BridgeError):
    """A side broke the wire format."""


class ResourceError(BridgeError):
    """The system refuses something, or a defect of the server."""


OUT_OF_DESCRIPTORS = (errno.EMFILE, errno.ENFILE)
"""How the system says so."""


def no_descriptor(error: OSError, what: str) -> ResourceError:
    """Make the exception for a descriptor that this process, or the system, can't have."""
    remedy = (
        "close some, drop arrays, call trim(), or raise the limit (ulimit -n)"
        if error.errno == errno.EMFILE
        else "the whole system has too many: raise fs.file-max"
    )
    return ResourceError(
        f"no descriptor is left for {what}: {remedy}", ErrorCode.OUT_OF_DESCRIPTORS
    )


_OPTION_CODES = range(250, 300)


def error_of(number: int, text: str, name: str = "", index: int | None = None) -> BridgeError:
    """Make the exception that stands for a number received from the server.

    Parameters
    ----------
    number : int
        A number of the wire format; an unknown one counts as ``INTERNAL``.
    text : str
        The text received beside it.
    name : str
        The tensor concerned, or empty.
    index : int or None
        The flat index of the offending element, if there is one.
    """
    try:
        code = ErrorCode(number)
    except ValueError:
        code, text = ErrorCode.INTERNAL, f"unknown error {number}: {text}"
    text = text or code.name
    named = f'tensor "{name}": {text}' if name else text
    if code in (ErrorCode.CANCELLED, ErrorCode.SKIPPED):
        return Cancelled(named, code)
    if code is ErrorCode.TIMEOUT:
        return TimeoutError(named)
    if code is ErrorCode.CLOSED:
        return BridgeClosed(named)
    if code is ErrorCode.SERVER_DIED:
        return ServerDied(named)
    if code in _OPTION_CODES:
        return OptionError(named, code)
    group = code // 100
    if group == 1:
        return ProtocolError(named, code)
    if group == 2:
        return TensorError(name, index, text, code)
    if group == 3:
        return QuotaError(named, code)
    if group == 6:
        return FormatError(None, named, code)
    return ResourceError(named, code)
