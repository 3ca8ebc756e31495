"""One writer at a time."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager

from ..errors import ErrorCode, OptionError, TimeoutError
from ..locks import attempt

__all__ = ["Writers"]


class Writers:
    """A lock for threads and event loops alike."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._owner = 0

    @contextmanager
    def writing(self, timeout: float | None = None) -> Iterator[None]:
        """Wait for one's turn in a thread.

        Parameters
        ----------
        timeout : float, optional
            Seconds.

        Raises
        ------
        TimeoutError
            If others took longer.
        OptionError
            If this very thread is writing already, from whose progress callback it is called, or
            from whose event loop.
        """
        me = threading.get_ident()
        if self._owner == me:
            raise OptionError(
                "this thread is changing the session already: a progress callback can't change it, "
                "nor can a coroutine beside apply_async; await that first",
                ErrorCode.BAD_OPTION,
            )
        deadline = None if timeout is None else time.monotonic() + min(max(timeout, 0), 1 << 20)
        for held in attempt(self._lock, deadline):
            if not held:
                raise TimeoutError("another change of the session took longer than this one may")
            try:
                self._owner = me
                yield
            finally:
                self._owner = 0
                self._lock.release()

    @asynccontextmanager
    async def writing_async(self) -> AsyncIterator[None]:
        """Wait for one's turn in an event loop, which goes on meanwhile."""
        for held in attempt(self._lock):
            try:
                if not held:
                    await self._turn()
                    held = True
                self._owner = threading.get_ident()
                yield
            finally:
                if held:
                    self._owner = 0
                    self._lock.release()

    async def _turn(self) -> None:
        turn: Future[None] = Future()

        def wait() -> None:  # in another thread than the main one, so no signal interrupts it
            self._lock.acquire()
            if not turn.set_running_or_notify_cancel():
                self._lock.release()
                return
            turn.set_result(None)

        threading.Thread(target=wait, daemon=True).start()
        try:
            await asyncio.wrap_future(turn)
        except BaseException:
            if not turn.cancel():  # too late: the lock has been taken
                self._lock.release()
            raise
