"""One batch from its inputs to its outcome: plan, place, submit, resume.

The steps are written once, as generators that yield the tickets to wait for; threads, futures and
coroutines drive them each in their own way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeVar

import numpy as np

from . import wire
from .driver import Steps, drive
from .errors import BridgeClosed, BridgeError, Cancelled, ErrorCode, TensorError, error_of
from .layout import Batch, Frame, Kept, Layout, Outcome, Placed
from .regions import Pool
from .ring import Ring, Ticket
from .slots import Exchange, Slot, Unread
from .staging import Staged, copy_all

__all__ = ["Executor", "Prepared", "Settings", "Steps"]

T = TypeVar("T")
_LAYOUTS_KEPT = 256
_BLOCKS_KEPT = 4  # of a series of arrays
_READ_AT_ONCE = 1024
_WAKE_EARLY = 200  # writing the block of so many items takes as long as waking a process


class Settings(NamedTuple):
    """How a batch is run."""

    continue_on_error: bool = False
    threads: int = 0
    timeout_nanos: int = 0
    deadline: float | None = None


class Prepared:
    """A batch that the server has validated and keeps.

    Attributes
    ----------
    batch_id : int
        0 once it was released.
    """

    def __init__(self, batch_id: int, batch: Batch, kept: Kept) -> None:
        self.batch_id = batch_id
        self.batch = batch
        self.kept = kept
        output_bytes = kept.layout.output_bytes if batch.lent is None else 0
        self.frame = Frame(wire.RUN_PREPARED, batch_id, 0, len(batch.names), output_bytes)


class Executor:
    """Runs batches over a ring; thread-safe.

    Parameters
    ----------
    pool : Pool
    ring : Ring
    max_items, max_block_bytes : int
        The server's limits.
    """

    def __init__(self, pool: Pool, ring: Ring, max_items: int, max_block_bytes: int) -> None:
        self._pool = pool
        self.ring = ring
        self._max_items = max_items
        self._max_block_bytes = max_block_bytes
        self._slots: dict[int, list[Slot]] = {}
        self._plans: dict[tuple[str, str], dict[tuple[int, ...], wire.Plan]] = {}
        self._layouts: dict[object, Kept] = {}

    # --- the steps of a batch ---

    def run(self, batch: Batch, settings: Settings, conclude: Callable[[Outcome], T]) -> Steps[T]:
        """Plan, place and run a batch, and make its result of the outcome."""
        begun = self._begin_known(batch, settings)
        if begun is None:
            # Whoever has a future may change his ordinary arrays.
            copy_all(batch.staged, self.ring.announce)
            batch.staged = ()
            batch, kept = yield from self._lay_out(batch, settings)
            exchange = self._begin_run(batch, kept, settings)
        else:
            exchange, kept = begun
        return (yield from self._finish(exchange, batch, kept, settings, conclude))

    def call(self, batch: Batch, settings: Settings, conclude: Callable[[Outcome], T]) -> T:
        """Do the same as `run`, and wait for it in the calling thread, in the shortest way."""
        begun = self._begin_known(batch, settings)
        if begun is None:
            return drive(self.ring, self.run(batch, settings, conclude), settings.deadline, None)
        exchange, kept = begun
        return self._await(exchange, batch, kept, settings, conclude)

    def prepare(self, batch: Batch, settings: Settings) -> Steps[Prepared]:
        """Have the server validate a batch once, for any number of runs."""
        batch, kept = yield from self._lay_out(batch, settings)
        flags = wire.CONTINUE_ON_ERROR if settings.continue_on_error else 0
        running, block = kept.block(batch, flags, settings.threads)
        count = len(batch.names)
        self._require_size(count, len(block))
        frame = Frame(wire.PREPARE, 0, running.block_length, count)
        exchange, status = yield from self._exchange(frame, block, settings, batch.keep)
        _raise_first(batch.names, status)
        return Prepared(exchange.batch_id, batch, kept)

    def run_prepared(
        self, prepared: Prepared, settings: Settings, conclude: Callable[[Outcome], T]
    ) -> Steps[T]:
        """Run a prepared batch into fresh outputs, and make its result of the outcome."""
        exchange = self._begin_prepared(prepared, settings)
        batch, kept = prepared.batch, prepared.kept
        return (yield from self._finish(exchange, batch, kept, settings, conclude))

    def call_prepared(
        self, prepared: Prepared, settings: Settings, conclude: Callable[[Outcome], T]
    ) -> T:
        """Do the same as `run_prepared`, and wait for it in the calling thread."""
        exchange = self._begin_prepared(prepared, settings)
        return self._await(exchange, prepared.batch, prepared.kept, settings, conclude)

    def forget(self, batch_id: int) -> None:
        """Release a prepared batch; does not wait."""
        self.ring.post(wire.FORGET, batch_id)

    # --- planning ---

    def plan(self, batch: Batch, settings: Settings) -> Steps[list[wire.Plan]]:
        """Ask what a batch would put out, so that runs of its parts need not ask."""
        failures = yield from self._plan_missing(batch, settings)
        if failures:
            raise next(iter(failures.values()))
        return self._plans_of(batch)

    def _plans_of(self, batch: Batch) -> list[wire.Plan]:
        return [
            self._plans[batch.operation, batch.option_sets[option_set]][types]
            for option_set, types in zip(batch.chosen, batch.type_ids, strict=True)
        ]

    def _lay_out(self, batch: Batch, settings: Settings) -> Steps[tuple[Batch, Kept]]:
        key = batch.shape
        kept = self._layouts.get(key)
        if kept is not None:
            return batch, kept
        failures = yield from self._plan_missing(batch, settings)
        if failures:
            batch = batch.without(failures)
            return (yield from self._lay_out(batch, settings))
        plans = self._plans_of(batch)
        layout = Layout(
            plans,
            batch.chosen,
            list(map(len, batch.type_ids)),
            list(map(len, batch.descriptors)),
            columnar=batch.columnar,
        )
        kept = Kept(wire.Prelude(batch.operation, batch.option_sets), plans, layout)
        if len(self._layouts) >= _LAYOUTS_KEPT:
            self._layouts.clear()
        self._layouts[key] = kept
        return batch, kept

    def _plan_missing(self, batch: Batch, settings: Settings) -> Steps[dict[int, TensorError]]:
        """Ask for the plans that are not known; return the items that have none."""
        asked: dict[tuple[int, tuple[int, ...]], int] = {}
        for i, request in enumerate(zip(batch.chosen, batch.type_ids, strict=True)):
            option_set, types = request
            known = self._plans.get((batch.operation, batch.option_sets[option_set]), {})
            if types not in known:
                asked.setdefault(request, i)
        if not asked:
            return {}
        items = []
        for (option_set, types), i in asked.items():
            inputs = batch.descriptors[i]
            items.append(wire.item_header(len(inputs), len(types), 0, 0, option_set) + inputs)
        prelude = wire.Prelude(batch.operation, batch.option_sets)
        block = prelude.block(len(items), b"".join(items), wire.CONTINUE_ON_ERROR, settings.threads)
        self._require_size(len(items), len(block))
        names = [batch.names[i] for i in asked.values()]
        statuses = yield from self._ask_plans(block, names, batch.keep, settings)
        failed: dict[tuple[int, tuple[int, ...]], wire.ItemStatus] = {}
        for request, item in zip(asked, statuses, strict=True):
            option_set, types = request
            if item.code == ErrorCode.OK:
                key = (batch.operation, batch.option_sets[option_set])
                self._plans.setdefault(key, {})[types] = wire.read_plan(item.text)
            else:
                failed[request] = item
        failures: dict[int, TensorError] = {}
        for i, request in enumerate(zip(batch.chosen, batch.type_ids, strict=True)):
            if request in failed:
                error = _error_of_item(batch.names[i], failed[request])
                if not settings.continue_on_error or not isinstance(error, TensorError):
                    raise error
                failures[i] = error
        return failures

    def _ask_plans(
        self, block: bytes, names: Sequence[str], keep: object, settings: Settings
    ) -> Steps[list[wire.ItemStatus]]:
        text_bytes = 0  # as usual
        while True:
            frame = Frame(wire.PLAN, 0, len(block), len(names), text_bytes=text_bytes)
            _, status = yield from self._exchange(frame, block, settings, keep)
            items = [status.item(i) for i in range(len(names))]
            missing = sum(
                max(item.element_index, 8) for item in items if item.code == ErrorCode.NEEDS_SPACE
            )
            if not missing:
                return items
            text_bytes = 2 * (frame.length - frame.fixed + missing)

    # --- running ---

    def _settle(
        self, ticket: Ticket, batch: Batch, outcome: Outcome, settings: Settings
    ) -> Steps[None]:
        """Take care of what did not end well: refusals, failures, items that need space."""
        status = outcome.status
        resumed: dict[int, Placed] = {}
        _raise_refusal(ticket, status)
        later: dict[int, wire.ItemStatus] = {}
        if ticket.waiting_items:
            waiting = {i: status.item(i) for i in _codes_that_are(status, len(batch.names), True)}
            later = yield from self._resume(ticket.batch_id, batch, waiting, resumed, settings)
            outcome.resumed = resumed
        if ticket.failed_items or later:
            failures = _failures(batch.names, status, later, settings.continue_on_error)
            outcome.errors = {**outcome.errors, **failures}

    def _resume(
        self,
        batch_id: int,
        batch: Batch,
        waiting: dict[int, wire.ItemStatus],
        resumed: dict[int, Placed],
        settings: Settings,
    ) -> Steps[dict[int, wire.ItemStatus]]:
        """Give waiting items the room they ask for, until none waits; return those that failed."""
        failed: dict[int, wire.ItemStatus] = {}
        try:
            while waiting:
                indices = list(waiting)
                plans = [wire.read_plan(waiting[i].text) for i in indices]
                chosen = [batch.chosen[i] for i in indices]
                none = [0] * len(indices)
                layout = Layout(plans, chosen, none, none, indices)
                prelude = wire.Prelude(batch.operation, batch.option_sets)
                flags = wire.CONTINUE_ON_ERROR if settings.continue_on_error else 0
                items = layout.items([b""] * len(indices))
                block = prelude.block(len(indices), items, flags, settings.threads)
                frame = Frame(wire.RESUME, batch_id, len(block), len(indices), layout.output_bytes)
                exchange, status = yield from self._exchange(frame, block, settings, batch.keep)
                waiting = {}
                for k, i in enumerate(indices):
                    item = status.item(k)
                    if item.code == ErrorCode.OK:
                        resumed[i] = Placed(plans[k], exchange.lease, layout.offsets[k])
                    elif item.code == ErrorCode.NEEDS_SPACE:
                        waiting[i] = item
                    else:
                        failed[i] = item
        except BaseException:
            self.forget(batch_id)  # whatever still waits, waits in vain
            raise
        return failed

    def _begin_known(self, batch: Batch, settings: Settings) -> tuple[Exchange, Kept] | None:
        """Begin a batch whose layout is known; the block of a known series is written already."""
        made = batch.made
        if made is not None:
            written = made.get((batch.work, settings.continue_on_error, settings.threads))
            if written is not None:
                kept, frame, block = written
                return self._begin(frame, block, settings, batch.keep), kept
        kept = self._layouts.get(batch.shape)
        return None if kept is None else (self._begin_run(batch, kept, settings), kept)

    def _begin_run(self, batch: Batch, kept: Kept, settings: Settings) -> Exchange:
        if len(batch.names) > _WAKE_EARLY:
            self.ring.wake()
        flags = wire.CONTINUE_ON_ERROR if settings.continue_on_error else 0
        frame, block = kept.block(batch, flags, settings.threads)
        if len(batch.names) > self._max_items or len(block) > self._max_block_bytes:
            self._require_size(len(batch.names), len(block))
        made = batch.made
        if made is not None:
            if len(made) >= _BLOCKS_KEPT:
                made.clear()
            made[batch.work, settings.continue_on_error, settings.threads] = kept, frame, block
        return self._begin(frame, block, settings, batch.keep, batch.staged)

    def _begin_prepared(self, prepared: Prepared, settings: Settings) -> Exchange:
        if prepared.batch_id <= 0:
            raise BridgeClosed("the prepared batch is closed")
        batch = prepared.batch
        staged = batch.staged and [each.again() for each in batch.staged]
        return self._begin(prepared.frame, b"", settings, batch.keep, staged)

    def _await(
        self,
        exchange: Exchange,
        batch: Batch,
        kept: Kept,
        settings: Settings,
        conclude: Callable[[Outcome], T],
    ) -> T:
        """Wait in the calling thread for the end of a run, and make its result."""
        try:
            self.ring.wait(exchange, settings.deadline)
        finally:
            if not exchange.done:
                self._abandon(exchange)
        outcome = Outcome(batch, kept, exchange.lease, self._leave(exchange))
        if exchange.told:
            settling = self._settle(exchange, batch, outcome, settings)
            drive(self.ring, settling, settings.deadline, None)
        return conclude(outcome)

    def _finish(
        self,
        exchange: Exchange,
        batch: Batch,
        kept: Kept,
        settings: Settings,
        conclude: Callable[[Outcome], T],
    ) -> Steps[T]:
        """Do the same as `_await`, by steps."""
        try:
            yield exchange
        finally:
            if not exchange.done:
                self._abandon(exchange)
        outcome = Outcome(batch, kept, exchange.lease, self._leave(exchange))
        if exchange.told:
            yield from self._settle(exchange, batch, outcome, settings)
        return conclude(outcome)

    def _exchange(
        self, frame: Frame, block: bytes, settings: Settings, keep: object
    ) -> Steps[tuple[Exchange, wire.Status]]:
        """Submit one entry and wait for its completion; raise a refusal."""
        exchange = self._begin(frame, block, settings, keep)
        try:
            yield exchange
        finally:
            if not exchange.done:
                self._abandon(exchange)
        status = wire.Status(self._end(exchange))
        _raise_refusal(exchange, status)
        return exchange, status

    def _begin(
        self,
        frame: Frame,
        block: bytes,
        settings: Settings,
        keep: object,
        staged: Sequence[Staged] = (),
    ) -> Exchange:
        """Write a block, copy what is to be copied, and publish the submission."""
        lease = None
        output = wire.NO_OUTPUT
        if frame.output_bytes:
            lease = self._pool.take(frame.output_bytes, wire.READWRITE, settings.deadline)
            output = wire.span(*lease.span())
        try:
            slot = self._slots[frame.slot_bytes].pop()
        except (KeyError, IndexError):
            slot = self._new_slot(frame.slot_bytes, settings.deadline)
        memory, at = slot.memory, slot.offset
        if block is not slot.block:
            memory[at : at + len(block)] = block
            slot.block = block  # a slot that an interrupt kept from this is never used again
        at += frame.status_at
        memory[at : at + wire.STATUS_HEADER_BYTES] = _NO_STATUS
        exchange = Exchange(slot, frame, lease, keep)
        request = slot.request(frame, settings.timeout_nanos)
        if staged:
            copy_all(staged, self.ring.announce)
        if not self.ring.publish(exchange, request, output):
            self.ring.submit(exchange, request, output, settings.deadline)
        return exchange

    def _new_slot(self, size: int, deadline: float | None) -> Slot:
        idle = self._slots.setdefault(size, [])
        return Slot(self._pool.take(size, wire.READWRITE, deadline), idle)

    def _end(self, exchange: Exchange) -> bytes:
        """Copy the status area and free its memory."""
        slot, frame = exchange.slot, exchange.frame
        assert slot is not None
        exchange.slot = None
        at = slot.offset + frame.status_at
        length = frame.length if exchange.told or frame.kind == wire.PLAN else frame.fixed
        area = slot.memory[at : at + length]
        slot.idle.append(slot)
        return area

    def _leave(self, exchange: Exchange) -> bytes | Unread:
        """Do the same for a run, but leave a large area that says nothing bad where it is."""
        slot, frame = exchange.slot, exchange.frame
        if exchange.told or frame.fixed <= _READ_AT_ONCE or slot is None:
            return self._end(exchange)
        exchange.slot = None
        return Unread(slot, slot.offset + frame.status_at, frame.fixed)

    def _abandon(self, exchange: Exchange) -> None:
        """Cancel a submission; what it holds stays in quarantine until it has ended."""
        exchange.late = self._forget_waiting
        self.ring.give_up(exchange)

    def _forget_waiting(self, ticket: Ticket) -> None:
        """Release what an abandoned batch still waits for."""
        if ticket.waiting_items:
            self.forget(ticket.batch_id)

    # --- parts ---

    def _require_size(self, items: int, block_bytes: int) -> None:
        if items > self._max_items:
            raise error_of(
                ErrorCode.QUOTA_ITEMS,
                f"{items} tensors in one batch, the server takes {self._max_items}: split it",
            )
        if block_bytes > self._max_block_bytes:
            raise error_of(
                ErrorCode.QUOTA_ITEMS,
                f"the description of {items} tensors has {block_bytes} bytes, the server takes "
                f"{self._max_block_bytes}: split the batch",
            )

    def trim(self) -> None:
        """Give up the idle slots."""
        for idle in list(self._slots.values()):
            idle.clear()

    def close(self) -> None:
        """Let go of everything."""
        self.trim()
        self._layouts = {}


_NO_STATUS = bytes(wire.STATUS_HEADER_BYTES)


def _raise_refusal(ticket: Ticket, status: wire.Status) -> None:
    if ticket.code:
        raise error_of(ticket.code, status.refusal())


def _error_of_item(name: str, item: wire.ItemStatus) -> BridgeError:
    index = item.element_index if item.element_index >= 0 else None
    return error_of(item.code, item.text.decode(errors="replace"), name, index)


def _codes_that_are(status: wire.Status, count: int, waiting: bool) -> list[int]:
    codes = status.codes(count)
    wanted = (
        (codes == ErrorCode.NEEDS_SPACE)
        if waiting
        else ((codes != ErrorCode.OK) & (codes != ErrorCode.NEEDS_SPACE))
    )
    return [int(i) for i in np.flatnonzero(wanted)]


def _raise_first(names: Sequence[str], status: wire.Status) -> None:
    _failures(names, status, {}, False)


def _failures(
    names: Sequence[str],
    status: wire.Status,
    later: Mapping[int, wire.ItemStatus],
    continue_on_error: bool,
) -> dict[str, TensorError]:
    """Collect the failures of a batch; raise the first one unless the batch was to go on."""
    items = {i: status.item(i) for i in _codes_that_are(status, len(names), False)}
    failures = {i: _error_of_item(names[i], item) for i, item in sorted({**items, **later}.items())}
    causes = [error for error in failures.values() if not isinstance(error, Cancelled)]
    cause: BridgeError | None = next(iter([*causes, *failures.values()]), None)
    if cause is None:
        return {}
    if not continue_on_error:
        raise cause
    errors: dict[str, TensorError] = {}
    for i, error in failures.items():
        if not isinstance(error, TensorError):
            raise error
        errors[names[i]] = error
    return errors
