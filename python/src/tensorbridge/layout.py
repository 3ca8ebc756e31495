"""What a batch is made of, where its outputs lie, and what came out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, NamedTuple

from . import wire
from .allocator import ALIGNMENT
from .dtypes import itemsize_of
from .errors import TensorError
from .regions import Lease

__all__ = ["Batch", "Kept", "Layout", "Outcome", "Placed"]


@dataclass(slots=True)
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
    columnar : bool
        Whether outputs of one name lie one behind the other, as the rows of an Arrow column do,
        instead of those of one item.
    lent : list of bytes, or None
        Descriptors of the outputs of each item, where they are not the result's own: arrays of the
        caller that are replaced.
    """

    operation: str
    option_sets: tuple[str, ...]
    names: list[str]
    set_indices: list[int]
    type_ids: list[tuple[int, ...]]
    descriptors: list[bytes]
    keep: list[Any]
    errors: dict[str, TensorError]
    columnar: bool = False
    lent: list[bytes] | None = None

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
            self.columnar,
            None if self.lent is None else [self.lent[i] for i in stay],
        )


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


class Kept(NamedTuple):
    """What batches of the same operation, options and types share."""

    prelude: wire.Prelude
    plans: Sequence[wire.Plan]
    layout: Layout


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
    plans : sequence of wire.Plan
    layout : Layout
    lease : Lease or None
        What holds the outputs.
    status : wire.Status
    resumed : dict of int to Placed
        The outputs of items whose size was known only after they had run.
    """

    __slots__ = ("errors", "layout", "lease", "names", "plans", "resumed", "status", "type_ids")

    def __init__(
        self,
        batch: Batch,
        plans: Sequence[wire.Plan],
        layout: Layout,
        lease: Lease | None,
        status: wire.Status,
    ) -> None:
        self.names = batch.names
        self.type_ids = batch.type_ids
        self.errors = batch.errors
        self.plans = plans
        self.layout = layout
        self.lease = lease
        self.status = status
        self.resumed: dict[int, Placed] = {}

    @classmethod
    def empty(cls, batch: Batch) -> Outcome:
        """Return the outcome of a batch without items."""
        layout = Layout((), (), (), ())
        return cls(batch, (), layout, None, wire.Status(b""))

    def placed(self, index: int) -> Placed:
        """Return the outputs of an item."""
        resumed = self.resumed.get(index)
        if resumed is not None:
            return resumed
        return Placed(self.plans[index], self.lease, self.layout.offsets[index])
