"""Which memory a session takes, and what holds it."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from typing import Any

__all__ = ["Ledger", "SessionMemory"]


@dataclass(frozen=True)
class SessionMemory:
    """What a session takes, in bytes.

    Attributes
    ----------
    base : int
        Base weights that the session copied into shared memory.
    base_in_place : int
        Base weights that lie in shared memory of the caller, or in a file: no memory of the
        session.
    outputs : int
        The current generation.
    older : int
        Tensors of earlier generations that somebody still holds.
    cache : int
        Tensors in other states, kept for a return to them.
    cache_budget : int
        What ``cache`` may reach.
    adapters : int
        The factors of all adapters that are applied or loaded.
    """

    base: int
    base_in_place: int
    outputs: int
    older: int
    cache: int
    cache_budget: int
    adapters: int

    @property
    def total(self) -> int:
        """All that the session takes."""
        return self.base + self.outputs + self.older + self.cache + self.adapters


class Ledger:
    """What is alive, whoever holds it, and how many bytes that takes; thread-safe."""

    def __init__(self) -> None:
        self._alive: dict[int, tuple[weakref.ref[Any], int]] = {}

    def enter(self, what: Any, nbytes: int) -> None:
        """Count an object until it dies."""
        key = id(what)
        alive = self._alive

        def forget(dead: object) -> None:
            entry = alive.get(key)
            if entry is not None and entry[0] is dead:
                alive.pop(key, None)

        alive[key] = (weakref.ref(what, forget), nbytes)

    def __contains__(self, what: object) -> bool:
        entry = self._alive.get(id(what))
        return entry is not None and entry[0]() is what

    def nbytes(self) -> int:
        """Return the bytes of all that is alive."""
        return sum([nbytes for _, nbytes in list(self._alive.values())])
