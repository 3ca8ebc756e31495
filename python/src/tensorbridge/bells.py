"""Ringing a server's doorbell without ever waiting for the server."""

from __future__ import annotations

import contextlib
import os
import select
import threading
import time
import weakref
from collections.abc import Callable

__all__ = ["ServerBell"]

_TICK_SECONDS = 0.02
_QUIET_TICKS = 100
_COUNT = [bytearray(8)]  # what is read into it is of no use


class ServerBell:
    """The eventfd that wakes a server; one thread rings it at a time.

    A write to an eventfd can't be told not to wait, and the server shares the descriptor's flags:
    it can make it block and fill the counter. So a thread looks on, which sleeps while nothing is
    rung; it frees whoever waits, and tells.

    Parameters
    ----------
    fd : int
        Owned by the bell from now on.
    blocked : callable
        Called in that thread when the server has made a ring wait.
    """

    def __init__(self, fd: int, blocked: Callable[[], None]) -> None:
        self._fd = fd
        self._blocked = blocked
        self._begun = 0
        self._ended = 0
        self._seen = (0, 0)
        self._watch: _Watch | None = None

    def ring(self) -> None:
        """Wake the server, or leave it be if the counter is full: then it is rung already."""
        self._begun += 1
        try:
            watch = self._watch or self._join()
            if watch is not None and not watch.armed:
                watch.arm()
            with contextlib.suppress(BlockingIOError):
                os.eventfd_write(self._fd, 1)
        finally:
            self._ended = self._begun

    def _join(self) -> _Watch | None:
        try:
            self._watch = _Watch.of_process()
        except RuntimeError:  # no thread can be had, or Python is about to end
            return None
        self._watch.add(self)
        return self._watch

    def look(self) -> bool:
        """Free whoever waits, and tell whether it was rung since the last look or is now."""
        now = (self._begun, self._ended)
        rings = now[0] != now[1]
        if now != self._seen:
            self._seen = now
            return True
        if rings:
            self._free()
        return rings

    def _free(self) -> None:
        # A thread that is only slow needs nothing, and a bell that was closed meanwhile neither.
        with contextlib.suppress(OSError):
            full = select.poll()
            full.register(self._fd, select.POLLOUT)
            if not full.poll(0):
                os.set_blocking(self._fd, False)
                os.preadv(self._fd, _COUNT, -1, os.RWF_NOWAIT)
                self._blocked()

    def close(self) -> None:
        """Close the descriptor."""
        if self._watch is not None:
            self._watch.remove(self)
        fd, self._fd = self._fd, -1
        os.close(fd)


class _Watch:
    """The thread that looks at the bells of a process."""

    _present: _Watch | None = None

    def __init__(self) -> None:
        self._bells: dict[int, weakref.ref[ServerBell]] = {}
        self._wake = threading.Event()
        self._pid = os.getpid()
        self.armed = False
        threading.Thread(target=self._run, name="tensorbridge-bells", daemon=True).start()

    @classmethod
    def of_process(cls) -> _Watch:
        """Return the watch; a forked child gets one of its own."""
        watch = cls._present
        if watch is None or watch._pid != os.getpid():
            cls._present = watch = cls()
        return watch

    def add(self, bell: ServerBell) -> None:
        self._bells[id(bell)] = weakref.ref(bell)

    def remove(self, bell: ServerBell) -> None:
        self._bells.pop(id(bell), None)

    def arm(self) -> None:
        self.armed = True
        self._wake.set()

    def _run(self) -> None:
        while True:
            self._wake.wait()
            quiet = 0
            while quiet < _QUIET_TICKS:
                time.sleep(_TICK_SECONDS)
                quiet = 0 if self._look() else quiet + 1
            self._wake.clear()
            self.armed = False
            # Whoever rings from here on arms it again.
            if self._look():
                self.arm()

    def _look(self) -> bool:
        any_rung = False
        for key, reference in list(self._bells.items()):
            bell = reference()
            if bell is None:
                if self._bells.get(key) is reference:
                    self._bells.pop(key, None)
            elif bell.look():
                any_rung = True
            del bell
        return any_rung
