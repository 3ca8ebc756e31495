"""Takes the steps of a batch: in the calling thread, or in an event loop."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator
from typing import TypeVar

from .ring import Ring, Ticket

__all__ = ["BatchProgress", "Progress", "Steps", "drive", "drive_async"]

_log = logging.getLogger("tensorbridge")

T = TypeVar("T")
Steps = Generator[Ticket, None, T]
"""Yields what to wait for, returns the result."""


def drive(
    ring: Ring,
    steps: Steps[T],
    deadline: float | None,
    progress_callback: Callable[[float], object] | BatchProgress | None,
) -> T:
    """Take all steps in the calling thread; if it is interrupted, cancel what is under way.

    Parameters
    ----------
    ring : Ring
    steps : generator
        See `batches`.
    deadline : float or None
        By `time.monotonic`.
    progress_callback : callable, BatchProgress or None
        Called with a float that rises to 1.0.
    """
    progress = (
        progress_callback
        if progress_callback is None or isinstance(progress_callback, BatchProgress)
        else BatchProgress(progress_callback)
    )
    try:
        ticket = steps.send(None)
        while True:
            if progress is None:
                ring.wait(ticket, deadline)
            else:
                progress.ticket = ticket
                ring.wait(ticket, deadline, progress.look)
            ticket = steps.send(None)
    except StopIteration as stop:
        if progress is not None:
            progress.report(1.0)
        result: T = stop.value
        return result
    finally:
        steps.close()


async def drive_async(ring: Ring, steps: Steps[T], deadline: float | None) -> T:
    """Do the same as `drive` in an event loop."""
    try:
        ticket = steps.send(None)
        while True:
            await ring.wait_async(ticket, deadline)
            ticket = steps.send(None)
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        steps.close()


class Progress:
    """Tells a callback how far work is; never goes back, and logs a failing callback once.

    Parameters
    ----------
    callback : callable
        Called with a float that rises to 1.0.
    what : str
        What goes on without it, for the log.
    """

    def __init__(self, callback: Callable[[float], object], what: str) -> None:
        self._callback: Callable[[float], object] | None = callback
        self._what = what
        self._last = -1.0

    def report(self, done: float) -> None:
        """Call the callback if there is news."""
        if self._callback is None or done <= self._last:
            return
        self._last = done
        try:
            self._callback(done)
        except Exception:
            self._callback = None
            _log.exception("the progress callback failed; %s goes on without it", self._what)


class BatchProgress(Progress):
    """Progress of the steps of some batches, each of which has a share of the whole.

    Parameters
    ----------
    callback : callable
        Called with a float that rises to 1.0.
    what : str
        What goes on without it, for the log.
    """

    def __init__(self, callback: Callable[[float], object], what: str = "the batch") -> None:
        super().__init__(callback, what)
        self.ticket: Ticket | None = None
        self._begin = 0.0
        self._share = 1.0

    def share(self, begin: float, end: float) -> None:
        """Tell which part of the whole the next batch is."""
        self._begin = begin
        self._share = end - begin

    def look(self) -> None:
        """Read the bytes done from shared memory."""
        known = None if self.ticket is None else self.ticket.progress()
        if known is None:
            return
        done, total = known
        if total:
            self.report(min(self._begin + self._share * done / total, 0.999))
