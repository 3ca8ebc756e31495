"""What a batch is made of, where its outputs lie, and what came out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, NamedTuple

from . import wire
from .allocator import ALIGNMENT
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
    """

    operation: str
    option_sets: tuple[str, ...]
    names: list[str]
    set_indices: list[int]
    type_ids: list[tuple[int, ...]]
    descriptors: list[bytes]
    keep: list[Any]
    errors: dict[str, TensorError]

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
        if len(descriptors) == 1:
            return self.heads[0] + descriptors[0] + self.outputs[0]
        if not self.has_outputs:
            return b"".join(chain.from_iterable(zip(self.heads, descriptors, strict=True)))
        return b"".join(
            chain.from_iterable(zip(self.heads, descriptors, self.outputs, strict=True))
        )


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
    status : wire.Status
    resumed : dict of int to Placed
        The outputs of items whose size was known only after they had run.
    """

    __slots__ = ("_layout", "_lease", "_plans", "errors", "names", "resumed", "status", "type_ids")

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
        self._plans = plans
        self._layout = layout
        self._lease = lease
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
        return Placed(self._plans[index], self._lease, self._layout.offsets[index])
