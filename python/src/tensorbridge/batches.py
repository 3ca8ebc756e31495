"""One batch from its inputs to its outcome: plan, place, submit, resume.

The steps are written once, as generators that yield the tickets to wait for; threads, futures and
coroutines drive them each in their own way.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import NamedTuple, TypeVar

import numpy as np

from . import wire
from .allocator import ALIGNMENT
from .describe import Catalog
from .errors import (
    BridgeError,
    Cancelled,
    ErrorCode,
    TensorError,
    error_of,
)
from .regions import Lease, Pool
from .ring import Ring, Ticket

__all__ = ["Batch", "Executor", "Outcome", "Prepared", "Settings", "Steps"]

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


@dataclass
class Batch:
    """What is to be done, with every input in shared memory.

    Attributes
    ----------
    operation : str
    option_sets : tuple of str
        Written options.
    names : list of str
        One per item, as are the following lists.
    set_indices : list of int
        Which option set.
    type_ids : list of tuple of int
        The types of the inputs (see `Catalog`).
    descriptors : list of bytes
        The inputs' descriptors, one behind the other.
    keep : list of object
        What must stay alive until the batch has ended.
    errors : dict
        Items that were refused before they became part of the batch.
    """

    operation: str
    option_sets: tuple[str, ...]
    names: list[str] = field(default_factory=list)
    set_indices: list[int] = field(default_factory=list)
    type_ids: list[tuple[int, ...]] = field(default_factory=list)
    descriptors: list[bytes] = field(default_factory=list)
    keep: list[object] = field(default_factory=list)
    errors: dict[str, TensorError] = field(default_factory=dict)

    def without(self, gone: Mapping[int, TensorError]) -> Batch:
        """Return the batch without the items that failed."""
        stay = [i for i in range(len(self.names)) if i not in gone]
        errors = self.errors | {self.names[i]: error for i, error in gone.items()}
        return Batch(
            self.operation,
            self.option_sets,
            [self.names[i] for i in stay],
            [self.set_indices[i] for i in stay],
            [self.type_ids[i] for i in stay],
            [self.descriptors[i] for i in stay],
            self.keep,
            errors,
        )


class Layout:
    """Where the outputs of a batch's items lie in its output span, and the items' fixed bytes.

    Depends on plans, option sets and types only, so batches of the same types share one.
    """

    __slots__ = ("has_outputs", "heads", "offsets", "outputs", "total")

    def __init__(
        self,
        plans: Sequence[wire.Plan],
        set_indices: Sequence[int],
        input_counts: Sequence[int],
        input_lengths: Sequence[int],
        item_indices: Sequence[int] | None = None,
    ) -> None:
        self.heads: list[bytes] = []
        self.outputs: list[bytes] = []
        self.offsets: list[tuple[int, ...]] = []
        self.total = 0
        self.has_outputs = any(plan.outputs for plan in plans)
        for i, plan in enumerate(plans):
            offsets = []
            descriptors = []
            for spec in plan.outputs:
                offsets.append(self.total)
                descriptors.append(
                    wire.descriptor(wire.RELATIVE, 0, self.total, spec.dtype, spec.shape)
                )
                # An empty output has a place too, so that every item's part can be given back.
                self.total = wire.align(self.total + max(spec.byte_length, 1), ALIGNMENT)
            written = b"".join(descriptors)
            self.heads.append(
                wire.item_header(
                    input_lengths[i],
                    input_counts[i],
                    len(written),
                    len(plan.outputs),
                    set_indices[i],
                    0 if item_indices is None else item_indices[i],
                )
            )
            self.outputs.append(written)
            self.offsets.append(tuple(offsets))

    def items(self, descriptors: Sequence[bytes]) -> bytes:
        """Write the items around their inputs' descriptors."""
        if not self.has_outputs:
            return b"".join(chain.from_iterable(zip(self.heads, descriptors, strict=True)))
        return b"".join(
            chain.from_iterable(zip(self.heads, descriptors, self.outputs, strict=True))
        )


class Placed(NamedTuple):
    """The outputs of one item: their plan, and where they lie in a lease."""

    plan: wire.Plan
    lease: Lease | None
    offsets: tuple[int, ...]


class Outcome:
    """How a batch ended, before anything is made of it.

    Attributes
    ----------
    names : list of str
    type_ids : list of tuple of int
    errors : dict
        The failed tensors.
    status : wire.Status
    """

    __slots__ = ("_layout", "_lease", "_plans", "_resumed", "errors", "names", "status", "type_ids")

    def __init__(
        self,
        batch: Batch,
        plans: Sequence[wire.Plan],
        layout: Layout,
        lease: Lease | None,
        status: wire.Status,
        resumed: dict[int, Placed],
        errors: dict[str, TensorError],
    ) -> None:
        self.names = batch.names
        self.type_ids = batch.type_ids
        self.errors = errors
        self._plans = plans
        self._layout = layout
        self._lease = lease
        self.status = status
        self._resumed = resumed

    @classmethod
    def empty(cls, batch: Batch) -> Outcome:
        """Return the outcome of a batch without items."""
        layout = Layout((), (), (), ())
        return cls(batch, (), layout, None, wire.Status(b""), {}, batch.errors)

    def placed(self, index: int) -> Placed:
        """Return the outputs of an item."""
        resumed = self._resumed.get(index)
        if resumed is not None:
            return resumed
        return Placed(self._plans[index], self._lease, self._layout.offsets[index])


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
    plans: Sequence[wire.Plan]
    layout: Layout
    continue_on_error: bool


class Executor:
    """Runs batches over a ring; thread-safe.

    Parameters
    ----------
    pool : Pool
    catalog : Catalog
    ring : Ring
    max_items, max_block_bytes : int
        The server's limits.
    """

    def __init__(
        self, pool: Pool, catalog: Catalog, ring: Ring, max_items: int, max_block_bytes: int
    ) -> None:
        self._pool = pool
        self._catalog = catalog
        self._ring = ring
        self._max_items = max_items
        self._max_block_bytes = max_block_bytes
        self._slots: dict[int, list[_Slot]] = {}
        self._slots_lock = threading.Lock()
        self._preludes: dict[tuple[str, tuple[str, ...]], wire.Prelude] = {}
        self._plans: dict[tuple[str, str], dict[tuple[int, ...], wire.Plan]] = {}
        self._layouts: dict[object, tuple[list[wire.Plan], Layout]] = {}

    # --- the steps of a batch ---

    def run(self, batch: Batch, settings: Settings) -> Steps[Outcome]:
        """Plan, place and run a batch."""
        kept = self._layouts.get(_shape_of(batch))
        if kept is None:
            batch, plans, layout = yield from self._lay_out(batch, settings)
        else:
            plans, layout = kept
        count = len(batch.names)
        lease = self._output_lease(layout)
        block = self._prelude(batch).block(
            count,
            layout.items(batch.descriptors),
            wire.CONTINUE_ON_ERROR if settings.continue_on_error else 0,
            settings.threads,
        )
        self._require_size(count, len(block))
        return (
            yield from self._submit(wire.RUN, 0, block, (batch, plans, layout, lease), settings)
        )

    def prepare(self, batch: Batch, settings: Settings) -> Steps[Prepared]:
        """Have the server validate a batch once, for any number of runs."""
        batch, plans, layout = yield from self._lay_out(batch, settings)
        count = len(batch.names)
        block = self._prelude(batch).block(
            count,
            layout.items(batch.descriptors),
            wire.CONTINUE_ON_ERROR if settings.continue_on_error else 0,
            settings.threads,
        )
        self._require_size(count, len(block))
        ticket, status = yield from self._exchange(
            wire.PREPARE, 0, block, count, settings, None, batch.keep
        )
        _raise_refusal(ticket, status)
        _raise_first(batch.names, status)
        return Prepared(ticket.batch_id, batch, plans, layout, settings.continue_on_error)

    def run_prepared(self, prepared: Prepared, settings: Settings) -> Steps[Outcome]:
        """Run a prepared batch into fresh outputs."""
        lease = self._output_lease(prepared.layout)
        parts = (prepared.batch, prepared.plans, prepared.layout, lease)
        settings = settings._replace(continue_on_error=prepared.continue_on_error)
        return (yield from self._submit(wire.RUN_PREPARED, prepared.batch_id, b"", parts, settings))

    def forget(self, batch_id: int) -> None:
        """Release a prepared batch; does not wait."""
        self._ring.post(wire.FORGET, batch_id)

    # --- planning ---

    def _lay_out(
        self, batch: Batch, settings: Settings
    ) -> Steps[tuple[Batch, list[wire.Plan], Layout]]:
        key = _shape_of(batch)
        kept = self._layouts.get(key)
        if kept is not None:
            return batch, *kept
        failures = yield from self._plan_missing(batch, settings)
        if failures:
            batch = batch.without(failures)
            return (yield from self._lay_out(batch, settings))
        plans = [
            self._plans[batch.operation, batch.option_sets[option_set]][types]
            for option_set, types in zip(batch.set_indices, batch.type_ids, strict=True)
        ]
        layout = Layout(
            plans,
            batch.set_indices,
            list(map(len, batch.type_ids)),
            list(map(len, batch.descriptors)),
        )
        if len(self._layouts) >= _LAYOUTS_KEPT:
            self._layouts.clear()
        self._layouts[key] = (plans, layout)
        return batch, plans, layout

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
        block = self._prelude(batch).block(
            len(items), b"".join(items), wire.CONTINUE_ON_ERROR, settings.threads
        )
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
        text_bytes = _text_bytes(len(names))
        while True:
            ticket, status = yield from self._exchange(
                wire.PLAN, 0, block, len(names), settings, None, keep, text_bytes
            )
            _raise_refusal(ticket, status)
            items = [status.item(i) for i in range(len(names))]
            missing = sum(
                max(item.element_index, 8) for item in items if item.code == ErrorCode.NEEDS_SPACE
            )
            if not missing:
                return items
            text_bytes = 2 * (text_bytes + missing)

    # --- running ---

    def _submit(
        self,
        kind: int,
        target: int,
        block: bytes,
        parts: tuple[Batch, Sequence[wire.Plan], Layout, Lease | None],
        settings: Settings,
    ) -> Steps[Outcome]:
        batch, plans, layout, lease = parts
        count = len(batch.names)
        ticket, status = yield from self._exchange(
            kind, target, block, count, settings, lease, (batch.keep, lease)
        )
        _raise_refusal(ticket, status)
        resumed: dict[int, Placed] = {}
        errors = batch.errors
        if ticket.waiting_items:
            items = {i: status.item(i) for i in _codes_that_are(status, count, True)}
            later = yield from self._resume(ticket.batch_id, batch, items, resumed, settings)
        else:
            later = {}
        if ticket.failed_items or later:
            errors = errors | _failures(batch.names, status, later, settings.continue_on_error)
        return Outcome(batch, plans, layout, lease, status, resumed, errors)

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
        while waiting:
            indices = list(waiting)
            try:
                plans = [wire.read_plan(waiting[i].text) for i in indices]
                layout = Layout(
                    plans,
                    [batch.set_indices[i] for i in indices],
                    [0] * len(indices),
                    [0] * len(indices),
                    indices,
                )
                lease = self._output_lease(layout)
                block = self._prelude(batch).block(
                    len(indices),
                    layout.items([b""] * len(indices)),
                    wire.CONTINUE_ON_ERROR if settings.continue_on_error else 0,
                    settings.threads,
                )
            except BaseException:
                self.forget(batch_id)
                raise
            ticket, status = yield from self._exchange(
                wire.RESUME, batch_id, block, len(indices), settings, lease, (batch.keep, lease)
            )
            _raise_refusal(ticket, status)
            waiting = {}
            for k, i in enumerate(indices):
                item = status.item(k)
                if item.code == ErrorCode.OK:
                    resumed[i] = Placed(plans[k], lease, layout.offsets[k])
                elif item.code == ErrorCode.NEEDS_SPACE:
                    waiting[i] = item
                else:
                    failed[i] = item
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
        """Submit one entry, wait for its completion, and copy the status area."""
        fixed = wire.STATUS_HEADER_BYTES + wire.ITEM_STATUS_BYTES * item_count
        status_at = wire.align(len(block), 64)
        status_length = wire.align(fixed + (text_bytes or _text_bytes(item_count)), 64)
        slot = self._take_slot(status_at + status_length)
        view = slot.view
        view[: len(block)] = block
        status_end = status_at + status_length
        view[status_at : status_at + wire.STATUS_HEADER_BYTES] = _NO_STATUS
        ticket = Ticket((slot, keep), (view, status_at))
        self._ring.submit(
            ticket,
            kind,
            target=target,
            timeout_nanos=settings.timeout_nanos,
            block=slot.span(0, len(block)) if block else wire.NO_SPAN,
            status=slot.span(status_at, status_length),
            output=output.span() if output else wire.NO_SPAN,
            deadline=settings.deadline,
        )
        try:
            yield ticket
        finally:
            if not ticket.done:
                ticket.late = self._forget_waiting
                self._ring.post(wire.CANCEL, ticket.batch_id)
        told = ticket.code or ticket.failed_items or ticket.waiting_items or kind == wire.PLAN
        status = wire.Status(bytes(view[status_at : status_end if told else status_at + fixed]))
        ticket.progress = None
        self._give_slot(slot)
        return ticket, status

    def _forget_waiting(self, ticket: Ticket) -> None:
        """Release what an abandoned batch still waits for."""
        if ticket.waiting_items:
            self.forget(ticket.batch_id)

    # --- parts ---

    def _output_lease(self, layout: Layout) -> Lease | None:
        return self._pool.take(layout.total, wire.READWRITE) if layout.has_outputs else None

    def _prelude(self, batch: Batch) -> wire.Prelude:
        key = (batch.operation, batch.option_sets)
        prelude = self._preludes.get(key)
        if prelude is None:
            prelude = wire.Prelude(*key)
            if len(self._preludes) >= _LAYOUTS_KEPT:
                self._preludes.clear()
            self._preludes[key] = prelude
        return prelude

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
        with self._slots_lock:
            free = self._slots.get(size)
            if free:
                return free.pop()
        return _Slot(self._pool.take(size, wire.READWRITE), size)

    def _give_slot(self, slot: _Slot) -> None:
        with self._slots_lock:
            self._slots.setdefault(slot.size, []).append(slot)

    def trim(self) -> None:
        """Give up the idle slots."""
        with self._slots_lock:
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
    return batch.operation, batch.option_sets, chosen, tuple(batch.type_ids)


def _text_bytes(items: int) -> int:
    return _TEXT_BYTES + _TEXT_BYTES_PER_ITEM * items


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


def drive(
    steps: Steps[T],
    wait: Callable[[Ticket], None],
) -> T:
    """Take all steps in the calling thread."""
    try:
        ticket = next(steps)
        while True:
            wait(ticket)
            ticket = steps.send(None)
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        steps.close()
