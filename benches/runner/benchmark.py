"""The vocabulary: contenders do the same work in different ways, a group compares them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

Role = Literal["ours", "legacy", "peer", "bound"]
Quantity = Literal["time", "memory"]
Unit = Literal["ns", "bytes", "ratio"]
T = TypeVar("T")


class Launch:
    """One opening of everything that contenders need; what it opened closes with it, in reverse.

    Contenders of a launch share what they ask for under the same key, for example a bridge.
    """

    def __init__(self) -> None:
        """Open nothing yet."""
        self._stack = contextlib.ExitStack()
        self._shared: dict[Hashable, Any] = {}

    def enter(self, context: contextlib.AbstractContextManager[T]) -> T:
        """Enter a context that ends with the launch."""
        return self._stack.enter_context(context)

    def callback(self, function: Callable[..., object], *arguments: object) -> None:
        """Have a function called when the launch ends."""
        self._stack.callback(function, *arguments)

    def shared(self, key: Hashable, make: Callable[[], T]) -> T:
        """Give what an earlier contender of this launch made under the key, or make it.

        Parameters
        ----------
        key : hashable
            Names the thing, for example ``"bridge"`` or ``("source", 4 << 20)``.
        make : callable
            Makes it; may call ``enter``.

        Returns
        -------
        object
            The same for every contender of the launch.
        """
        if key not in self._shared:
            self._shared[key] = make()
        made: T = self._shared[key]
        return made

    def __enter__(self) -> Launch:
        """Give the launch."""
        return self

    def __exit__(self, *raised: object) -> None:
        """Close what was opened."""
        self._shared.clear()
        self._stack.close()


@dataclass(frozen=True)
class Operation:
    """A contender that stands ready.

    Attributes
    ----------
    call : callable
        Does the work once; it is what is timed. It returns only when the work is done.
    figures : callable or None
        Asked after each sample, outside of the timing: further figures of the calls since the last
        sample, by the names that the contender declares.
    measured : callable or None
        For work that can't be timed from outside (memory, the life of a process): does the work
        once, instead of ``call``, and returns nanoseconds or bytes.
    """

    call: Callable[[], object] | None = None
    figures: Callable[[], dict[str, float]] | None = None
    measured: Callable[[], float] | None = None


@dataclass(frozen=True)
class Contender:
    """A way to do the work of a group.

    Attributes
    ----------
    name : str
        Lower-case letters, digits and underscores, for example ``born_shared``.
    description : str
        One sentence for people: what exactly is timed.
    open : callable
        Gets ready within a launch: makes data, starts servers, checks that the answer is right
        (raise if it isn't). Returns the call to be timed, or an ``Operation``. Raises
        ``Unavailable`` where it can't run here.
    role : str
        ``ours``, ``legacy``, ``peer`` or ``bound``.
    isolated : bool
        Runs in a process of its own, with the interpreter of the peers if its role is ``peer``:
        for everything that brings its own JVM, threads or import times.
    figures : dict
        Names of further figures and their units.
    slow : bool
        A call takes some seconds, so that a quick run leaves it out, and says so.
    """

    name: str
    description: str
    open: Callable[[Launch], Callable[[], object] | Operation]
    role: Role = "ours"
    isolated: bool = False
    figures: dict[str, Unit] = field(default_factory=dict)
    slow: bool = False


@dataclass(frozen=True)
class Parameter:
    """The size of the work: ``("size", "bytes", 4 << 20)`` or ``("layers", "", 10)``."""

    name: str
    unit: str
    value: float


@dataclass(frozen=True)
class Throughput:
    """What one iteration gets through: ``bytes``, ``layers`` or ``calls``, and how many."""

    unit: str
    amount: float


@dataclass(frozen=True)
class Group:
    """The same work, done by several contenders, whose samples are taken in turn.

    Attributes
    ----------
    name : str
        For example ``numpy_4mb``; with a contender's name it names a benchmark.
    family : str
        Groups that differ in size only, shown in one chart; for example ``numpy``.
    description : str
        One sentence for people.
    contenders : tuple of Contender
        The ways to do it.
    parameter : Parameter or None
        The size, where sizes order the groups of the family.
    throughput : Throughput or None
        What one iteration gets through.
    quantity : str
        What is measured.
    single : bool
        Each sample is one call, after one that isn't counted, however short it is: for start-up
        times and whole processes.
    """

    name: str
    family: str
    description: str
    contenders: tuple[Contender, ...]
    parameter: Parameter | None = None
    throughput: Throughput | None = None
    quantity: Quantity = "time"
    single: bool = False


class Unavailable(Exception):
    """A contender can't run here; the message says what is missing."""
