"""A submitted batch: to be waited for by threads, awaited by coroutines, or cancelled."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Generator
from typing import Any, Generic, TypeVar

from . import wire
from .driver import Steps
from .errors import Cancelled, TimeoutError
from .locks import attempt
from .ring import Ring, Ticket

__all__ = ["Future"]

_log = logging.getLogger("tensorbridge")

T = TypeVar("T")


class Future(Generic[T]):
    """The result of a batch that was submitted; thread-safe.

    Works like ``concurrent.futures.Future``, and can be awaited. Whoever waits drives it: there is
    no helper thread, except that the first callback added to an unfinished future starts one.
    """

    def __init__(self, ring: Ring, steps: Steps[T], deadline: float | None) -> None:
        self._ring = ring
        self._steps = steps
        self._deadline = deadline
        self._driving = threading.Lock()
        self._finishing = threading.Lock()
        self._callbacks: list[Callable[[Future[T]], object]] = []
        self._helper: threading.Thread | None = None
        self._finished = False
        self._ticket: Ticket | None = None
        self._result: T
        self._exception: BaseException | None = None
        self._cancelling = False
        self._advance()

    def result(self, timeout: float | None = None) -> T:
        """Wait for the result.

        Parameters
        ----------
        timeout : float, optional
            Seconds; the batch goes on if they pass.

        Raises
        ------
        TimeoutError
            If the result did not come in time.
        BridgeError
            If the batch failed.
        """
        self._wait(timeout)
        if self._exception is not None:
            raise self._exception
        return self._result

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Wait for the end; return the failure, or None if there is a result."""
        self._wait(timeout)
        return self._exception

    def done(self) -> bool:
        """Tell whether the batch has ended, without waiting."""
        if not self._finished:
            for held in attempt(self._driving):
                if held:
                    try:
                        self._ring.poll()
                        while self._ticket is not None and self._ticket.done:
                            self._advance()
                    finally:
                        self._driving.release()
        return self._finished

    def running(self) -> bool:
        """Tell whether the batch has not ended yet."""
        return not self.done()

    def cancelled(self) -> bool:
        """Tell whether the batch ended because it was cancelled."""
        return self.done() and isinstance(self._exception, Cancelled)

    def cancel(self) -> bool:
        """Ask for the end of the batch; tell whether it was still running.

        The result is then a `Cancelled`, unless the batch ended first.
        """
        if self.done():
            return False
        ticket = self._ticket
        self._cancelling = True
        if ticket is not None:
            self._ring.post(wire.CANCEL, ticket.batch_id)
        return True

    def add_done_callback(self, callback: Callable[[Future[T]], object]) -> None:
        """Call ``callback(self)`` once the batch has ended, now if it has.

        Called in the thread that finds the end first, which may be a helper thread.
        """
        with self._finishing:
            if not self._finished:
                self._callbacks.append(callback)
                if self._helper is None:
                    self._helper = threading.Thread(
                        target=self.exception, name="tensorbridge-callbacks", daemon=True
                    )
                    self._helper.start()
                return
        _call(callback, self)

    def __await__(self) -> Generator[Any, None, T]:
        return self._result_async().__await__()

    async def _result_async(self) -> T:
        while not self.done():
            ticket = self._ticket
            if ticket is not None:
                try:
                    await self._ring.wait_async(ticket, self._deadline)
                except Exception as error:
                    self._give_up(error)
        if self._exception is not None:
            raise self._exception
        return self._result

    def _wait(self, timeout: float | None) -> None:
        if self._finished:
            return
        patience = None if timeout is None else time.monotonic() + timeout
        for held in attempt(self._driving, patience):
            if not held:
                raise TimeoutError("the batch has not ended yet")
            try:
                self._drive(patience)
            finally:
                self._driving.release()

    def _drive(self, patience: float | None) -> None:
        while not self._finished and self._ticket is not None:
            try:
                self._ring.wait(self._ticket, _earlier(patience, self._deadline))
            except TimeoutError as error:
                if self._deadline is None or time.monotonic() < self._deadline:
                    raise TimeoutError("the batch has not ended yet") from None
                self._finish_with(error)
            except Exception as error:
                self._finish_with(error)
            else:
                self._advance()

    def _give_up(self, error: Exception) -> None:
        with self._driving:
            if not self._finished:
                self._finish_with(error)

    def _advance(self) -> None:
        """Take the next step; the caller drives."""
        if self._finished:
            return
        try:
            self._ticket = self._steps.send(None)
        except StopIteration as stop:
            self._result = stop.value
            self._finish()
        except Exception as error:
            self._finish_with(error)
        else:
            if self._cancelling:
                self._ring.post(wire.CANCEL, self._ticket.batch_id)

    def _finish_with(self, error: Exception) -> None:
        self._steps.close()
        self._exception = error
        self._finish()

    def _finish(self) -> None:
        with self._finishing:
            self._finished = True
            callbacks, self._callbacks = self._callbacks, []
        self._ticket = None
        for callback in callbacks:
            _call(callback, self)


def _call(callback: Callable[[Future[T]], object], future: Future[T]) -> None:
    try:
        callback(future)
    except Exception:
        _log.exception("a callback of a batch failed")


def _earlier(a: float | None, b: float | None) -> float | None:
    return b if a is None else a if b is None else min(a, b)
