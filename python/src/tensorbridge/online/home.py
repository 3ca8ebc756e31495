"""Where a session has its work done: one bridge, and how batches are run over it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from .. import wire
from ..batches import Executor, Settings
from ..driver import BatchProgress, Steps
from ..errors import QuotaError, ResourceError
from ..layout import Batch, Outcome
from ..regions import Lease, Pool
from ..ring import Ring
from .inputs import Inputs

if TYPE_CHECKING:
    from ..bridge import Bridge

__all__ = ["Home", "Share", "run_all"]

T = TypeVar("T")


class Home(NamedTuple):
    """A bridge, seen from a session."""

    bridge: Bridge
    executor: Executor
    ring: Ring
    inputs: Inputs


class Share(NamedTuple):
    """A batch, which part of the whole work it is, and what its outputs take."""

    batch: Batch
    begin: float
    end: float
    output_bytes: int


def run_all(
    home: Home,
    shares: Sequence[Share],
    settings: Settings,
    conclude: Callable[[Outcome], T],
    progress: BatchProgress | None,
) -> Steps[list[T]]:
    """Run batches one after the other; while one runs, memory is found for the next one."""
    results: list[T] = []
    spare: list[Lease | None] = []
    for share, following in zip_longest(shares, shares[1:]):
        if progress is not None:
            progress.share(share.begin, share.end)
        spare.clear()  # back to the pool, from where the batch takes it
        steps = home.executor.run(share.batch, settings, conclude)
        try:
            ticket = next(steps)
            if following is not None:
                spare.append(_spare(home.inputs.pool, following.output_bytes))
            while True:
                yield ticket
                ticket = next(steps)
        except StopIteration as stop:
            results.append(stop.value)
        finally:
            steps.close()
    return results


def _spare(pool: Pool, length: int) -> Lease | None:
    """Take memory; where there is none the batch that needs it will say so."""
    try:
        return pool.take(length, wire.READWRITE) if length else None
    except (QuotaError, ResourceError):
        return None
