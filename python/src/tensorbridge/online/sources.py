"""Files that a session opens and the server reads."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterable
from types import TracebackType
from typing import NamedTuple

from ..errors import ErrorCode, FormatError, OptionError
from ..files import PathLike

__all__ = ["Identity", "SourceFile", "identities_of", "text_of"]

_SETTLED_SECONDS = 2.0


class Identity(NamedTuple):
    """By what a file is known again: as git does it."""

    device: int
    inode: int
    size: int
    modified_nanos: int
    changed_nanos: int


def text_of(path: PathLike) -> str:
    """Return the text of a path.

    Raises
    ------
    OptionError
        If it is none.
    """
    try:
        text = os.fspath(path)
    except TypeError:
        text = None
    if not isinstance(text, str) or not text or "\0" in text:
        raise OptionError(f"{path!r} is no name of a file", ErrorCode.BAD_OPTION)
    return text


class SourceFile:
    """A regular file, open for reading.

    Attributes
    ----------
    path : str
    fd : int
    size : int
        Bytes, when it was opened.

    Raises
    ------
    FormatError
        If there is no such file, or it is empty.
    """

    def __init__(self, path: PathLike) -> None:
        self.path = text_of(path)
        self.fd = -1
        try:
            # A fifo would block here, until somebody writes to it.
            self.fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            status = os.fstat(self.fd)
        except OSError as error:
            self.close()
            raise self._unreadable(error) from error
        self.size = status.st_size
        self._identity = _identity(status)
        if not stat.S_ISREG(status.st_mode) or not self.size:
            self.close()
            what = "is empty" if stat.S_ISREG(status.st_mode) else "is no regular file"
            raise FormatError(None, f"{self.path}: {what}", ErrorCode.FILE_IO)

    def identity(self) -> Identity | None:
        """Return by what the content is known again.

        None if it was changed so lately that another change might not show.
        """
        newest = max(self._identity.modified_nanos, self._identity.changed_nanos) / 1e9
        return self._identity if time.time() - newest > _SETTLED_SECONDS else None

    def require_unchanged(self) -> None:
        """See to it that what was read is one state of the file.

        Raises
        ------
        FormatError
            If it was changed since it was opened.
        """
        if _identity(os.fstat(self.fd)) != self._identity:
            raise FormatError(
                None,
                f"{self.path} was changed while it was read: apply it when it is complete",
                ErrorCode.FILE_IO,
            )

    def read(self, target: memoryview, offset: int) -> None:
        """Fill memory with the bytes from an offset on.

        Raises
        ------
        FormatError
            If there are fewer.
        """
        done = 0
        while done < len(target):
            try:
                count = os.preadv(self.fd, [target[done:]], offset + done)
            except OSError as error:
                raise self._unreadable(error) from error
            if not count:
                raise FormatError(offset + done, f"{self.path} ends too early", ErrorCode.FILE_IO)
            done += count

    def close(self) -> None:
        """Close it; the server keeps what it has."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def __enter__(self) -> SourceFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        """Close what nobody has closed."""
        if getattr(self, "fd", -1) >= 0:
            self.close()

    def _unreadable(self, error: OSError) -> FormatError:
        return FormatError(None, f"{self.path}: {error.strerror}", ErrorCode.FILE_IO)


def _identity(status: os.stat_result) -> Identity:
    return Identity(
        status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
    )


def identities_of(files: Iterable[SourceFile]) -> tuple[Identity, ...] | None:
    """Return the identities of some files; None if one of them has none."""
    found = [file.identity() for file in files]
    known = tuple([identity for identity in found if identity is not None])
    return known if len(known) == len(found) else None
