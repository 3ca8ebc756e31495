"""Batches that are validated once and run again and again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any

from .batches import Executor, Settings
from .batches import Prepared as PreparedBatch
from .driver import drive
from .layout import Outcome
from .results import BatchResult

__all__ = ["Prepared"]


class Prepared:
    """A batch that was validated once; made by `Bridge.prepare`; thread-safe.

    Results of different runs never share memory. Close it, or use it in a ``with`` statement, to
    release it on the server earlier than with the bridge.
    """

    def __init__(
        self,
        executor: Executor,
        prepared: PreparedBatch,
        settings: Callable[[float | None], Settings],
        conclude: Callable[[Outcome], BatchResult[Any]],
    ) -> None:
        self._executor = executor
        self._prepared = prepared
        self._copies = bool(prepared.batch.staged)
        self._copying = threading.Lock()
        self._settings = settings
        self._untimed = settings(None)
        self._conclude = conclude

    def run(
        self,
        *,
        timeout: float | None = None,
        progress_callback: Callable[[float], object] | None = None,
    ) -> BatchResult[Any]:
        """Run the batch; see `Bridge.run`.

        Ordinary arrays are copied anew first; runs of several threads then take turns.
        """
        if self._copies:
            with self._copying:
                return self._run(timeout, progress_callback)
        return self._run(timeout, progress_callback)

    def _run(
        self, timeout: float | None, progress_callback: Callable[[float], object] | None
    ) -> BatchResult[Any]:
        executor, prepared = self._executor, self._prepared
        settings = self._untimed if timeout is None else self._settings(timeout)
        if progress_callback is None:
            return executor.call_prepared(prepared, settings, self._conclude)
        steps = executor.run_prepared(prepared, settings, self._conclude)
        return drive(executor.ring, steps, settings.deadline, progress_callback)

    def close(self) -> None:
        """Release the batch on the server; its results stay valid."""
        batch_id, self._prepared.batch_id = self._prepared.batch_id, 0
        if batch_id > 0:
            self._executor.forget(batch_id)

    def __enter__(self) -> Prepared:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        """Release the batch with the object; skipped where the interpreter is going down."""
        try:
            self.close()
        except Exception:
            return
