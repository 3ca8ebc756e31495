"""One line on the terminal that says what runs now; nothing where the output is no terminal."""

from __future__ import annotations

import shutil
import sys
import time

_SECONDS_BETWEEN = 0.1


class Progress:
    """Overwrites its line on the error stream."""

    def __init__(self, total: int) -> None:
        """Count the benchmarks to come."""
        self._shown = sys.stderr.isatty()
        self._total = total
        self._done = 0
        self._last = 0.0
        self._begun = time.monotonic()

    def told(self, text: str) -> None:
        """Show what runs now."""
        now = time.monotonic()
        if not self._shown or now - self._last < _SECONDS_BETWEEN:
            return
        self._last = now
        minutes, seconds = divmod(int(now - self._begun), 60)
        line = f"[{self._done}/{self._total}  {minutes}:{seconds:02}] Benchmarking {text}"
        width = shutil.get_terminal_size().columns - 1
        sys.stderr.write("\r\x1b[2K" + line[:width])
        sys.stderr.flush()

    def finished(self, benchmarks: int) -> None:
        """Count benchmarks that are done, and free the line."""
        self._done += benchmarks
        if self._shown:
            sys.stderr.write("\r\x1b[2K")
            sys.stderr.flush()
