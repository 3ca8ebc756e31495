"""What a batch is made of, where its outputs lie, and what came out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

from . import wire
from .allocator import ALIGNMENT
from .dtypes import itemsize_of
from .errors import TensorError
from .regions import Lease
from .staging import Staged

__all__ = ["NO_ERRORS", "AreaLeft", "Batch", "Frame", "Kept", "Layout", "Outcome", "Placed"]

NO_ERRORS: Mapping[str, TensorError] = MappingProxyType({})
_TEXT_BYTES = 2048
_TEXT_BYTES_PER_ITEM = 256
_SMALLEST_SLOT = 1 << 16


class Batch:
    """What is to be done, with every input in shared memory.

    Attributes
    ----------
    operation : str
    option_sets : tuple of str
        Written options.
    names : list of str
        One per item, as are the following lists.
    set_indices : list of int, or None
        Which option set; None where it is the first one for all.
    type_ids : list of tuple of int
        The types of the inputs (see `Catalog`).
    descriptors : list of bytes
        The inputs' descriptors, one behind the other.
    keep : list of object
        What must stay alive until the batch has ended.
    errors : dict
        Items that were refused before they became part of the batch.
    columnar : bool
        Whether outputs of one name lie one behind the other, as the rows of an Arrow column do,
        instead of those of one item.
    lent : list of bytes, or None
        Descriptors of the outputs of each item, where they are not the result's own: arrays of the
        caller that are replaced.
    made : dict, or None
        What was made of these inputs before, by `work` and settings; see `Series`.
    staged : sequence of Staged
        Inputs whose memory is there, but whose elements are still to be copied.
    """

    # One is made for each call: what is rarely set lies in the class.
    errors: Mapping[str, TensorError] = NO_ERRORS
    columnar = False
    lent: list[bytes] | None = None
    made: dict[Any, Any] | None = None
    staged: Sequence[Staged] = ()

    def __init__(
        self,
        operation: str,
        option_sets: tuple[str, ...],
        names: list[str],
        set_indices: list[int] | None,
        type_ids: list[tuple[int, ...]],
        descriptors: list[bytes],
        keep: list[Any],
    ) -> None:
        self.operation = operation
        self.option_sets = option_sets
        self.names = names
        self.set_indices = set_indices
        self.type_ids = type_ids
        self.descriptors = descriptors
        self.keep = keep

    @property
    def chosen(self) -> list[int]:
        """Which option set, for each item."""
        return [0] * len(self.names) if self.set_indices is None else self.set_indices

    @property
    def work(self) -> tuple[object, ...]:
        """What is to be done with the inputs, to be compared."""
        indices = self.set_indices
        chosen = None if indices is None or len(self.option_sets) < 2 else tuple(indices)
        return self.operation, self.option_sets, chosen, self.columnar

    @property
    def shape(self) -> object:
        """What the layout of the batch depends on, to be compared."""
        return self.work, tuple(self.type_ids)

    def without(self, gone: Mapping[int, TensorError]) -> Batch:
        """Return the batch without the items that failed."""
        stay = [i for i in range(len(self.names)) if i not in gone]
        rest = Batch(
            self.operation,
            self.option_sets,
            [self.names[i] for i in stay],
            None if self.set_indices is None else [self.set_indices[i] for i in stay],
            [self.type_ids[i] for i in stay],
            [self.descriptors[i] for i in stay],
            self.keep,
        )
        rest.staged = self.staged
        rest.errors = {**self.errors, **{self.names[i]: error for i, error in gone.items()}}
        rest.columnar = self.columnar
        rest.lent = None if self.lent is None else [self.lent[i] for i in stay]
        return rest


class Layout:
    """Where the outputs of a batch's items lie in its output span, and the items' fixed bytes.

    Depends on plans, option sets and types only, so batches of the same types share one.

    Attributes
    ----------
    offsets : list of tuple of int
        Where each output of each item begins.
    total : int
        Bytes of the span.
    has_outputs : bool
    template : object
        What was made of the layout for all batches that share it, if anything.
    """

    __slots__ = ("has_outputs", "heads", "offsets", "outputs", "template", "total")

    def __init__(
        self,
        plans: Sequence[wire.Plan],
        set_indices: Sequence[int],
        input_counts: Sequence[int],
        input_lengths: Sequence[int],
        item_indices: Sequence[int] | None = None,
        columnar: bool = False,
    ) -> None:
        self.heads: list[bytes] = []
        self.outputs: list[bytes] = []
        self.offsets, self.total = _by_column(plans) if columnar else _by_item(plans)
        self.has_outputs = any(plan.outputs for plan in plans)
        self.template: object = None
        for i, plan in enumerate(plans):
            written = b"".join(
                wire.descriptor(wire.RELATIVE, 0, offset, spec.dtype, spec.shape)
                for spec, offset in zip(plan.outputs, self.offsets[i], strict=True)
            )
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

    @property
    def output_bytes(self) -> int:
        """How much memory the outputs need: also empty ones lie somewhere; 0 if there are none."""
        return max(self.total, 1) if self.has_outputs else 0

    def items(self, descriptors: Sequence[bytes], lent: Sequence[bytes] | None = None) -> bytes:
        """Write the items around their inputs' descriptors, with outputs of the caller if lent."""
        outputs = self.outputs if lent is None else lent
        if len(descriptors) == 1:
            return self.heads[0] + descriptors[0] + outputs[0]
        if not self.has_outputs:
            return b"".join(chain.from_iterable(zip(self.heads, descriptors, strict=True)))
        return b"".join(chain.from_iterable(zip(self.heads, descriptors, outputs, strict=True)))


def _by_item(plans: Sequence[wire.Plan]) -> tuple[list[tuple[int, ...]], int]:
    """Place the outputs of one item together, each aligned, and give the end."""
    offsets = []
    total = 0
    for plan in plans:
        places = []
        for spec in plan.outputs:
            places.append(total)
            # An empty output has a place too, so that every item's part can be given back.
            total = wire.align(total + max(spec.byte_length, 1), ALIGNMENT)
        offsets.append(tuple(places))
    return offsets, total


def _by_column(plans: Sequence[wire.Plan]) -> tuple[list[tuple[int, ...]], int]:
    """Place the outputs of one name and dtype without gaps, and give the end.

    First outputs, which are the codes, are one column whatever their dtypes; where an element of
    the next one may not begin there is a gap.
    """
    columns: dict[tuple[str, int], list[tuple[int, int]]] = {}
    for i, plan in enumerate(plans):
        for k, spec in enumerate(plan.outputs):
            key = (spec.name, spec.dtype) if k else ("", 0)
            columns.setdefault(key, []).append((i, k))
    places = [[0] * len(plan.outputs) for plan in plans]
    total = 0
    for members in columns.values():
        for i, k in members:
            spec = plans[i].outputs[k]
            total = wire.align(total, itemsize_of(spec.dtype))
            places[i][k] = total
            total += spec.byte_length
        total = wire.align(total, ALIGNMENT)
    return [tuple(place) for place in places], total


class Frame:
    """Where things lie in the shared memory of a submission: the block, then the status area.

    Attributes
    ----------
    kind, target : int
        Of the submission.
    block_length : int
    status_at : int
        Where the status area begins.
    fixed, length : int
        Bytes of the status area without and with the room for texts.
    slot_bytes : int
        How much memory holds it all.
    output_bytes : int
        How much memory the outputs need; 0 for none.
    """

    __slots__ = ("block_length", "fixed", "kind", "length", "output_bytes", "slot_bytes",
                 "status_at", "target")  # fmt: skip

    def __init__(
        self,
        kind: int,
        target: int,
        block_length: int,
        items: int,
        output_bytes: int = 0,
        text_bytes: int = 0,
    ) -> None:
        text_bytes = text_bytes or _TEXT_BYTES + _TEXT_BYTES_PER_ITEM * items
        self.kind = kind
        self.target = target
        self.block_length = block_length
        self.status_at = wire.align(block_length, 64)
        self.fixed = wire.STATUS_HEADER_BYTES + wire.ITEM_STATUS_BYTES * items
        self.length = wire.align(self.fixed + text_bytes, 64)
        needed = self.status_at + self.length
        self.output_bytes = output_bytes
        self.slot_bytes = max(_SMALLEST_SLOT, 1 << (needed - 1).bit_length())


class Kept:
    """What batches of the same operation, options and types share.

    Attributes
    ----------
    plans : sequence of wire.Plan
    layout : Layout
    """

    __slots__ = ("_forms", "_prelude", "layout", "plans")

    def __init__(self, prelude: wire.Prelude, plans: Sequence[wire.Plan], layout: Layout) -> None:
        self._prelude = prelude
        self._forms: dict[int, tuple[Frame, list[bytes]]] = {}
        self.plans = plans
        self.layout = layout

    def block(self, batch: Batch, flags: int, threads: int) -> tuple[Frame, bytes]:
        """Write the block of a batch, and say where it goes.

        Parameters
        ----------
        batch : Batch
            Of this shape.
        flags : int
            0 or `wire.CONTINUE_ON_ERROR`.
        threads : int
            How many workers may work at once; 0: all.
        """
        if batch.lent is not None:
            items = self.layout.items(batch.descriptors, batch.lent)
            block = self._prelude.block(len(batch.names), items, flags, threads)
            return Frame(wire.RUN, 0, len(block), len(batch.names)), block
        key = threads << 1 | flags
        form = self._forms.get(key)
        if form is None:
            form = self._forms[key] = self._form(batch, flags, threads)
        frame, parts = form
        descriptors = batch.descriptors
        if len(descriptors) == 1:
            return frame, parts[0] + descriptors[0] + parts[2]
        parts = parts.copy()
        parts[1::2] = descriptors
        return frame, b"".join(parts)

    def _form(self, batch: Batch, flags: int, threads: int) -> tuple[Frame, list[bytes]]:
        """Make the pieces of a block between which the descriptors go, one by one."""
        items = self.layout.items(batch.descriptors)
        count = len(batch.names)
        block = self._prelude.block(count, items, flags, threads)
        parts = [block[: len(block) - len(items)]]
        for head, output in zip(self.layout.heads, self.layout.outputs, strict=True):
            parts[-1] += head
            parts += [b"", output]
        return Frame(wire.RUN, 0, len(block), count, self.layout.output_bytes), parts


class Placed(NamedTuple):
    """The outputs of one item: their plan, and where they lie in a lease."""

    plan: wire.Plan
    lease: Lease | None
    offsets: tuple[int, ...]


class AreaLeft(Protocol):
    """A status area that still lies in shared memory."""

    def read(self) -> bytes:
        """Copy it; the same each time."""
        ...

    def head(self) -> bytes:
        """Copy what is not of single items."""
        ...


class Outcome:
    """How a batch ended, before anything is made of it.

    It does not hold the inputs.

    Attributes
    ----------
    names : list of str
    type_ids : list of tuple of int
    kept : Kept
    lease : Lease or None
        What holds the outputs.
    area : bytes
        The status area, as it was when the batch had ended. That of a large batch stays where the
        server wrote it until somebody looks: bringing it here is what most of such a call costs.
    errors : mapping of str to TensorError
        The failed tensors.
    resumed : mapping of int to Placed
        The outputs of items whose size was known only after they had run.
    """

    resumed: Mapping[int, Placed] = MappingProxyType({})

    def __init__(
        self, batch: Batch, kept: Kept, lease: Lease | None, area: bytes | AreaLeft
    ) -> None:
        self.names = batch.names
        self.type_ids = batch.type_ids
        self.kept = kept
        self.lease = lease
        self._area = area
        self.errors = batch.errors

    @classmethod
    def empty(cls, batch: Batch) -> Outcome:
        """Return the outcome of a batch without items."""
        kept = Kept(wire.Prelude(batch.operation, batch.option_sets), (), Layout((), (), (), ()))
        return cls(batch, kept, None, b"")

    @property
    def plans(self) -> Sequence[wire.Plan]:
        """What was planned for each item."""
        return self.kept.plans

    @property
    def layout(self) -> Layout:
        """Where the outputs lie."""
        return self.kept.layout

    @property
    def area(self) -> bytes:
        """The status area."""
        area = self._area
        if isinstance(area, bytes):
            return area
        self._area = found = area.read()
        return found

    @property
    def head(self) -> wire.Status:
        """What the status area says of the batch; the items stay where they are.

        Lines of memory that are looked at here cost the server a miss each when it writes again.
        """
        area = self._area
        return wire.Status(area if isinstance(area, bytes) else area.head())

    @property
    def status(self) -> wire.Status:
        """The status area, to be read."""
        return wire.Status(self.area)

    def placed(self, index: int) -> Placed:
        """Return the outputs of an item."""
        resumed = self.resumed.get(index)
        if resumed is not None:
            return resumed
        return Placed(self.plans[index], self.lease, self.layout.offsets[index])
