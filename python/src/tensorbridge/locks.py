"""Locks that a signal handler can't leave held."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

__all__ = ["STALLED", "attempt"]

STALLED = "another thread still waits for the server, which does not answer"


def attempt(lock: threading.Lock, deadline: float | None = 0.0) -> Iterator[bool]:
    """Try to hold a lock, by a loop over what this returns: once, with whether it is held now.

    Unlike a call of ``acquire``, such a loop can't be interrupted between the lock and its body, as
    a ``with`` statement can't: no signal handler runs before a loop's first statement.

    Parameters
    ----------
    lock : threading.Lock
        To be released by the body, in a ``finally``.
    deadline : float or None
        Until when to wait, by `time.monotonic`; by default not at all, None means for ever.
    """
    if deadline is None:
        return map(lock.acquire, (True,))
    return map(lock.acquire, (True,), (max(0.0, deadline - time.monotonic()),))
