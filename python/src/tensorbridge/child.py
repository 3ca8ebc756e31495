"""A run of the command line tool as a child of this process, seen by its pipes."""

from __future__ import annotations

import contextlib
import logging
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable
from types import TracebackType
from typing import NamedTuple

from .errors import ErrorCode, ResourceError

__all__ = ["Child", "Ended"]

_log = logging.getLogger("tensorbridge")

_READ_BYTES = 1 << 16
_LOG_LINES = 50
# The tool gives its work 10 s to clean up.
_PATIENCE_SECONDS = 15.0


class Ended(NamedTuple):
    """How a child ended.

    Attributes
    ----------
    pid : int
    how : str
        Words that follow "it".
    output : bytes
        All that it printed.
    log : str
        The last lines on its standard error that told no progress.
    """

    pid: int
    how: str
    output: bytes
    log: str


class Child:
    """A process that is asked to end, and has ended, when the ``with`` statement is left.

    It runs in a session of its own, so that Ctrl-C in the terminal reaches Python alone, which
    then asks it; and it ends with this process, because its standard input does.

    Parameters
    ----------
    command : list of str
    """

    def __init__(self, command: list[str]) -> None:
        _log.debug("starting %s", " ".join(command))
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                # Names of files and tensors are UTF-8 to Python, whatever the locale says.
                env={**os.environ, "LC_ALL": "C.UTF-8"},
            )
        except OSError as error:
            raise ResourceError(
                f"{command[0]} can't be started: {error.strerror}", ErrorCode.SYSTEM_CALL
            ) from error

    def __enter__(self) -> Child:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if self._process.poll() is None:
                self._process.send_signal(signal.SIGTERM)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.communicate(timeout=_PATIENCE_SECONDS)
        finally:
            if self._process.poll() is None:
                self._process.kill()
            self._process.wait()
            for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
                if stream is not None:
                    with contextlib.suppress(OSError):
                        stream.close()

    def wait(self, deadline: float | None, progress: Callable[[str], None]) -> Ended | None:
        """Wait for the end in the calling thread.

        Parameters
        ----------
        deadline : float or None
            By `time.monotonic`.
        progress : callable
            Called with each line of JSON on standard error.

        Returns
        -------
        Ended or None
            None after the deadline.
        """
        process = self._process
        assert process.stdout is not None
        assert process.stderr is not None
        output: list[bytes] = []
        log: list[str] = []
        rest = b""
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            selector.register(process.stderr, selectors.EVENT_READ)
            while selector.get_map():
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    return None
                for key, _ in selector.select(left):
                    data = os.read(key.fd, _READ_BYTES)
                    if not data:
                        selector.unregister(key.fileobj)
                    elif key.fileobj is process.stdout:
                        output.append(data)
                    else:
                        *lines, rest = (rest + data).split(b"\n")
                        self._take(lines, log, progress)
        self._take([rest], log, progress)
        try:
            process.wait(None if deadline is None else max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            return None
        return Ended(process.pid, _how(process.returncode), b"".join(output), "\n".join(log))

    def _take(self, lines: list[bytes], log: list[str], progress: Callable[[str], None]) -> None:
        for line in lines:
            text = line.decode(errors="replace").rstrip()
            if text.startswith('{"stage":'):
                progress(text)
            elif text:
                log.append(text)
                del log[:-_LOG_LINES]


def _how(status: int) -> str:
    if status >= 0:
        return f"ended with exit code {status}"
    try:
        return f"was ended by signal {signal.Signals(-status).name}"
    except ValueError:
        return f"was ended by signal {-status}"
