"""One batch from its inputs to its outcome: plan, place, submit, resume.

The steps are written once, as generators that yield the tickets to wait for; threads, futures and
coroutines drive them each in their own way.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np

from . import wire
from .errors import (
    BridgeError,
    Cancelled,
    ErrorCode,
    TensorError,
    error_of,
)
from .layout import Batch, Kept, Layout, Outcome, Placed
from .regions import Lease, Pool
from .ring import Ring, Ticket

__all__ = ["Executor", "Prepared", "Settings", "Steps"]

T = TypeVar("T")
Steps = Generator[Ticket, None, T]
"""Yields what to wait for, returns the result."""

_SLOT_BYTES = 1 << 16
_TEXT_BYTES = 2048
_TEXT_BYTES_PER_ITEM = 256
_LAYOUTS_KEPT = 256


class Settings(NamedTuple):
    """How a batch is run."""

    continue_on_error: bool = False
    threads: int = 0
    timeout_nanos: int = 0
    deadline: float | None = None


class _Slot:
    """Shared memory for a block and a status area, reused by one batch after another."""

    __slots__ = ("_address", "_lease", "_offset", "size", "view")

    def __init__(self, lease: Lease, size: int) -> None:
        self._lease = lease
        self._address = (lease.region.id, lease.region.generation)
        self._offset = lease.offset
        self.size = size
        self.view = lease.region.view[lease.offset : lease.offset + size]

    def span(self, offset: int, length: int) -> tuple[int, int, int, int]:
        """Return the wire's name of a part of the slot."""
        return (*self._address, self._offset + offset, length)


@dataclass
class Prepared:
    """A batch that the server has validated and keeps."""

    batch_id: int
    batch: Batch
    kept: Kept
    continue_on_error: bool


class _Exchange:
    """A submission on its way, and where its answer will be."""

    __slots__ = ("fixed", "length", "slot", "status_at", "ticket", "told")

    def __init__(
        self, ticket: Ticket, slot: _Slot, status_at: int, fixed: int, length: int, told: bool
    ) -> None:
        self.ticket = ticket
        self.slot = slot
        self.status_at = status_at
        self.fixed = fixed
        self.length = length
        self.told = told


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
        self._slots: dict[int, list[_Slot]] = {}
        self._plans: dict[tuple[str, str], dict[tuple[int, ...], wire.Plan]] = {}
        self._layouts: dict[object, Kept] = {}

    # --- the steps of a batch ---

    def run(self, batch: Batch, settings: Settings, conclude: Callable[[Outcome], T]) -> Steps[T]:
        """Plan, place and run a batch, and make its result of the outcome."""
        kept = self._layouts.get(_shape_of(batch))
        if kept is None:
            batch, kept = yield from self._lay_out(batch, settings)
        layout = kept.layout
        lease = self._outputs_of(batch, layout)
        items = layout.items(batch.descriptors, batch.lent)
        block = self._block(batch, kept.prelude, items, settings)
        exchange = self._begin(
            wire.RUN, 0, block, len(batch.names), settings, lease, (batch.keep, lease)
        )
        try:
            yield exchange.ticket
        finally:
            if not exchange.ticket.done:
                self._abandon(exchange.ticket)
        status = self._end(exchange)
        outcome = Outcome(batch, kept.plans, layout, lease, status)
        if exchange.told:
            yield from self._settle(exchange.ticket, batch, outcome, settings)
        return conclude(outcome)

    def prepare(self, batch: Batch, settings: Settings) -> Steps[Prepared]:
        """Have the server validate a batch once, for any number of runs."""
        batch, kept = yield from self._lay_out(batch, settings)
        items = kept.layout.items(batch.descriptors, batch.lent)
        block = self._block(batch, kept.prelude, items, settings)
        ticket, status = yield from self._exchange(
            wire.PREPARE, 0, block, len(batch.names), settings, None, batch.keep
        )
        _raise_first(batch.names, status)
        return Prepared(ticket.batch_id, batch, kept, settings.continue_on_error)

    def run_prepared(
        self, prepared: Prepared, settings: Settings, conclude: Callable[[Outcome], T]
    ) -> Steps[T]:
        """Run a prepared batch into fresh outputs, and make its result of the outcome."""
        batch, kept = prepared.batch, prepared.kept
        layout = kept.layout
        lease = self._outputs_of(batch, layout)
        exchange = self._begin(
            wire.RUN_PREPARED,
            prepared.batch_id,
            b"",
            len(batch.names),
            settings,
            lease,
            (batch.keep, lease),
        )
        try:
            yield exchange.ticket
        finally:
            if not exchange.ticket.done:
                self._abandon(exchange.ticket)
        status = self._end(exchange)
        outcome = Outcome(batch, kept.plans, layout, lease, status)
        if exchange.told:
            yield from self._settle(exchange.ticket, batch, outcome, settings)
        return conclude(outcome)

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
            for option_set, types in zip(batch.set_indices, batch.type_ids, strict=True)
        ]

    def _lay_out(self, batch: Batch, settings: Settings) -> Steps[tuple[Batch, Kept]]:
        key = _shape_of(batch)
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
            batch.set_indices,
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
        for i, request in enumerate(zip(batch.set_indices, batch.type_ids, strict=True)):
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
        for i, request in enumerate(zip(batch.set_indices, batch.type_ids, strict=True)):
            if request in failed:
                error = _error_of_item(batch.names[i], failed[request])
                if not settings.continue_on_error or not isinstance(error, TensorError):
                    raise error
                failures[i] = error
        return failures

    def _ask_plans(
        self, block: bytes, names: Sequence[str], keep: object, settings: Settings
    ) -> Steps[list[wire.ItemStatus]]:
        text_bytes = _TEXT_BYTES + _TEXT_BYTES_PER_ITEM * len(names)
        while True:
            _, status = yield from self._exchange(
                wire.PLAN, 0, block, len(names), settings, None, keep, text_bytes
            )
            items = [status.item(i) for i in range(len(names))]
            missing = sum(
                max(item.element_index, 8) for item in items if item.code == ErrorCode.NEEDS_SPACE
            )
            if not missing:
                return items
            text_bytes = 2 * (text_bytes + missing)

    # --- running ---

    def _settle(
        self, ticket: Ticket, batch: Batch, outcome: Outcome, settings: Settings
    ) -> Steps[None]:
        """Take care of what did not end well: refusals, failures, items that need space."""
        status = outcome.status
        _raise_refusal(ticket, status)
        later: dict[int, wire.ItemStatus] = {}
        if ticket.waiting_items:
            waiting = {i: status.item(i) for i in _codes_that_are(status, len(batch.names), True)}
            later = yield from self._resume(
                ticket.batch_id, batch, waiting, outcome.resumed, settings
            )
        if ticket.failed_items or later:
            failures = _failures(batch.names, status, later, settings.continue_on_error)
            outcome.errors = outcome.errors | failures

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
                chosen = [batch.set_indices[i] for i in indices]
                none = [0] * len(indices)
                layout = Layout(plans, chosen, none, none, indices)
                lease = self._output_lease(layout) if layout.has_outputs else None
                prelude = wire.Prelude(batch.operation, batch.option_sets)
                flags = wire.CONTINUE_ON_ERROR if settings.continue_on_error else 0
                items = layout.items([b""] * len(indices))
                block = prelude.block(len(indices), items, flags, settings.threads)
                _, status = yield from self._exchange(
                    wire.RESUME, batch_id, block, len(indices), settings, lease, (batch.keep, lease)
                )
                waiting = {}
                for k, i in enumerate(indices):
                    item = status.item(k)
                    if item.code == ErrorCode.OK:
                        resumed[i] = Placed(plans[k], lease, layout.offsets[k])
                    elif item.code == ErrorCode.NEEDS_SPACE:
                        waiting[i] = item
                    else:
                        failed[i] = item
        except BaseException:
            self.forget(batch_id)  # whatever still waits, waits in vain
            raise
        return failed

    def _exchange(
        self,
        kind: int,
        target: int,
        block: bytes,
        item_count: int,
        settings: Settings,
        output: Lease | None,
        keep: object,
        text_bytes: int = 0,
    ) -> Steps[tuple[Ticket, wire.Status]]:
        """Submit one entry and wait for its completion; raise a refusal."""
        exchange = self._begin(kind, target, block, item_count, settings, output, keep, text_bytes)
        try:
            yield exchange.ticket
        finally:
            if not exchange.ticket.done:
                self._abandon(exchange.ticket)
        status = self._end(exchange)
        _raise_refusal(exchange.ticket, status)
        return exchange.ticket, status

    def _begin(
        self,
        kind: int,
        target: int,
        block: bytes,
        item_count: int,
        settings: Settings,
        output: Lease | None,
        keep: object,
        text_bytes: int = 0,
    ) -> _Exchange:
        """Write a block, clear the status area, and publish the submission."""
        fixed = wire.STATUS_HEADER_BYTES + wire.ITEM_STATUS_BYTES * item_count
        text_bytes = text_bytes or _TEXT_BYTES + _TEXT_BYTES_PER_ITEM * item_count
        block_length = len(block)
        status_at = (block_length + 63) & -64
        length = (fixed + text_bytes + 63) & -64
        slot = self._take_slot(status_at + length)
        view = slot.view
        view[:block_length] = block
        view[status_at : status_at + wire.STATUS_HEADER_BYTES] = _NO_STATUS
        ticket = Ticket((slot, keep), (view, status_at))
        self.ring.submit(
            ticket,
            kind,
            target,
            settings.timeout_nanos,
            slot.span(0, block_length) if block_length else wire.NO_SPAN,
            slot.span(status_at, length),
            wire.NO_SPAN if output is None else output.span(),
            settings.deadline,
        )
        return _Exchange(ticket, slot, status_at, fixed, length, kind == wire.PLAN)

    def _end(self, exchange: _Exchange) -> wire.Status:
        """Copy the status area and free its memory."""
        ticket = exchange.ticket
        at = exchange.status_at
        if ticket.code or ticket.failed_items or ticket.waiting_items:
            exchange.told = True
        end = at + (exchange.length if exchange.told else exchange.fixed)
        status = wire.Status(bytes(exchange.slot.view[at:end]))
        ticket.progress = None
        self._give_slot(exchange.slot)
        return status

    def _abandon(self, ticket: Ticket) -> None:
        """Cancel a submission; what it holds stays in quarantine until it has ended."""
        ticket.late = self._forget_waiting
        self.ring.post(wire.CANCEL, ticket.batch_id)

    def _forget_waiting(self, ticket: Ticket) -> None:
        """Release what an abandoned batch still waits for."""
        if ticket.waiting_items:
            self.forget(ticket.batch_id)

    # --- parts ---

    def _outputs_of(self, batch: Batch, layout: Layout) -> Lease | None:
        own = layout.has_outputs and batch.lent is None
        return self._output_lease(layout) if own else None

    def _output_lease(self, layout: Layout) -> Lease:
        return self._pool.take(layout.total, wire.READWRITE)

    def _block(
        self, batch: Batch, prelude: wire.Prelude, items: bytes, settings: Settings
    ) -> bytes:
        count = len(batch.names)
        flags = wire.CONTINUE_ON_ERROR if settings.continue_on_error else 0
        block = prelude.block(count, items, flags, settings.threads)
        if count > self._max_items or len(block) > self._max_block_bytes:
            self._require_size(count, len(block))
        return block

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

    def _take_slot(self, length: int) -> _Slot:
        size = _SLOT_BYTES if length <= _SLOT_BYTES else 1 << (length - 1).bit_length()
        try:
            return self._slots[size].pop()
        except (KeyError, IndexError):
            return _Slot(self._pool.take(size, wire.READWRITE), size)

    def _give_slot(self, slot: _Slot) -> None:
        self._slots.setdefault(slot.size, []).append(slot)

    def trim(self) -> None:
        """Give up the idle slots."""
        self._slots = {}

    def close(self) -> None:
        """Let go of everything."""
        self._slots = {}
        self._layouts = {}


_NO_STATUS = bytes(wire.STATUS_HEADER_BYTES)


def _shape_of(batch: Batch) -> object:
    """Return what the layout of a batch depends on, to be compared."""
    indices = batch.set_indices
    chosen = tuple(indices) if len(batch.option_sets) > 1 else None
    return batch.operation, batch.option_sets, chosen, tuple(batch.type_ids), batch.columnar


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
