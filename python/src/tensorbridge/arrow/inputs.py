"""Layers as the inputs of a batch: described where they lie, or copied once into shared memory."""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from struct import Struct
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import wire
from ..describe import Catalog, TensorType
from ..layout import Batch
from ..regions import Lease, Pool, as_array
from .columns import extents_of, is_listlike, values_of
from .layers import Layers, Shape, Values, layers_of
from .library import pyarrow
from .source import table_from

__all__ = ["Inputs", "Tables"]

_U8 = 6
# A chunk is copied row by row if less than a part of what lies between its rows belongs to them.
_SPARSE = 2


@dataclass(slots=True)
class Inputs:
    """The layers of a table, and their description for blocks.

    Attributes
    ----------
    layers : Layers
    type_ids : list of tuple of int
        Of each row (see `Catalog`).
    descriptors : list of bytes
        Of each row.
    keep : list of object
        What must stay alive while the description is used.
    copied : int
        The bytes that were copied.
    in_place : bool
        Whether all rows are described where they lie.
    """

    layers: Layers
    type_ids: list[tuple[int, ...]]
    descriptors: list[bytes]
    keep: list[Any]
    copied: int = 0
    in_place: bool = True

    def kept_by(self, owner: object) -> Inputs:
        """Return the same, kept alive by an owner."""
        return Inputs(self.layers, self.type_ids, self.descriptors, [owner])

    def batch(
        self,
        option_sets: tuple[str, ...],
        set_indices: Sequence[int] | None,
        vectors: Mapping[str, Any],
        catalog: Catalog,
    ) -> Batch:
        """Return the batch that quantizes the layers, each with the vector of its name."""
        refused = self.layers.refused
        names = self.layers.names
        chosen = [0] * len(names) if set_indices is None else list(set_indices)
        batch = Batch(
            "quantize",
            option_sets,
            names,
            chosen,
            self.type_ids,
            self.descriptors,
            list(self.keep),
        )
        batch.errors = dict(refused)
        batch.columnar = True
        if refused:
            stay = [i for i, name in enumerate(names) if name not in refused]
            batch.names = [names[i] for i in stay]
            batch.set_indices = [chosen[i] for i in stay]
            batch.type_ids = [self.type_ids[i] for i in stay]
            batch.descriptors = [self.descriptors[i] for i in stay]
        if vectors:
            _add_vectors(batch, vectors, catalog)
        return batch


def _add_vectors(batch: Batch, vectors: Mapping[str, Any], catalog: Catalog) -> None:
    batch.type_ids, batch.descriptors = list(batch.type_ids), list(batch.descriptors)
    for i, name in enumerate(batch.names):
        if name in vectors:
            described, keep = catalog.describe(name, vectors[name])
            batch.type_ids[i] += described.types
            batch.descriptors[i] += described.descriptor
            batch.keep.append(keep)


class _Known:
    """What was found in a table that lies in shared memory, valid while the table lives."""

    __slots__ = ("copies", "inputs", "table")

    def __init__(self, table: weakref.ref[Any], inputs: Inputs, shapes: Any) -> None:
        self.table = table
        self.inputs = inputs
        # A table born in shared memory may have its shapes written after it was described.
        self.copies = [(view, view.tobytes()) for view in shapes]

    def holds(self) -> bool:
        return all(view.tobytes() == copy for view, copy in self.copies)


class Tables:
    """Describes tables, and remembers those in shared memory; thread-safe.

    Parameters
    ----------
    pool : Pool
    catalog : Catalog
    """

    def __init__(self, pool: Pool, catalog: Catalog) -> None:
        self._pool = pool
        self._catalog = catalog
        self._known: dict[int, _Known] = {}
        self._types: dict[tuple[int, Shape, tuple[int, ...] | None], tuple[Any, ...]] = {}

    def inputs(self, source: Any, continue_on_error: bool) -> Inputs:
        """Find the layers of a source, and describe them.

        Parameters
        ----------
        source : object
            See `table_from`.
        continue_on_error : bool
            Whether a layer that can't be handed over leaves the others alone.

        Raises
        ------
        BridgeError
            As for `table_from` and `layers_of`.
        """
        known = self._known.get(id(source))
        if known is not None and known.table() is source and known.holds():
            return known.inputs.kept_by(source)
        table = table_from(source)
        layers = layers_of(table)
        if layers.refused and not continue_on_error:
            raise next(layers.refused[name] for name in layers.names if name in layers.refused)
        inputs = self.describe(layers)
        if inputs.in_place and not layers.refused:
            self._remember(source, table, inputs)
        return inputs

    def describe(self, layers: Layers) -> Inputs:
        """Describe layers where they lie in shared memory, or copy them there, chunk by chunk."""
        inputs = Inputs(layers, [], [], [])
        for chunk in layers.chunks:
            region, generation, origin, begins = self._place(chunk, inputs)
            size, code, strides = chunk.itemsize, chunk.code, chunk.strides
            for i, begin in enumerate(begins):
                shape = layers.shapes[chunk.first + i]
                try:
                    types, head, tail = self._types[code, shape, strides]
                except KeyError:
                    types, head, tail = self._add_type(code, shape, strides)
                inputs.type_ids.append(types)
                inputs.descriptors.append(head(region, generation, origin + begin * size, *tail))
        return inputs

    def _add_type(
        self, code: int, shape: Shape, strides: tuple[int, ...] | None
    ) -> tuple[Any, ...]:
        """Return what all tensors of a type share: its number, and how their descriptor ends."""
        number = self._catalog.type_id(TensorType(code, shape, strides is not None))
        flags = 0 if strides is None else wire.STRIDED
        tail = (code, len(shape), flags, 0, *shape, *(strides or ()))
        pack = Struct(f"{wire.DESCRIPTOR.format}{len(tail) - 4}q").pack
        self._types[code, shape, strides] = known = ((number,), pack, tail)
        return known

    def _place(self, chunk: Values, inputs: Inputs) -> tuple[int, int, int, list[int]]:
        """Give the region of a chunk, where in it the first value lies, and the rows' begins."""
        size = chunk.itemsize
        rows = [(b, b + c) for b, c in zip(chunk.begins, chunk.counts, strict=True) if c]
        if not rows:
            lease = self._pool.take(1, wire.READ)
            inputs.keep.append(lease)
            inputs.in_place = False
            return lease.region.id, lease.region.generation, lease.offset, [0] * len(chunk.begins)
        low, high = min(b for b, _ in rows), max(e for _, e in rows)
        address = chunk.address + low * size
        length = (high - low) * size
        region = self._pool.find(address, length)
        if region is not None:
            inputs.keep.append(chunk.keep)
            begins = [b if c else low for b, c in zip(chunk.begins, chunk.counts, strict=True)]
            return region.id, region.generation, chunk.address - region.address, begins
        used = sum(chunk.counts)
        if (high - low) <= _SPARSE * used:
            lease = self._copied(inputs, chunk, [(low, high)], high - low)
            begins = [b - low if c else 0 for b, c in zip(chunk.begins, chunk.counts, strict=True)]
        else:
            lease = self._copied(inputs, chunk, rows, used)
            begins, at = [], 0
            for count in chunk.counts:
                begins.append(at)
                at += count
        return lease.region.id, lease.region.generation, lease.offset, begins

    def _copied(
        self, inputs: Inputs, chunk: Values, pieces: Sequence[tuple[int, int]], elements: int
    ) -> Lease:
        """Copy pieces of a chunk into leased memory, one behind the other."""
        size = chunk.itemsize
        lease = self._pool.take(elements * size, wire.READ)
        target: npt.NDArray[Any] = lease.array(0, _U8, (elements * size,))
        at = 0
        for low, high in pieces:
            length = (high - low) * size
            source = as_array(chunk.keep, chunk.address + low * size, _U8, (length,), None, True)
            np.copyto(target[at : at + length], source)
            at += length
        inputs.keep.append(lease)
        inputs.copied += at
        inputs.in_place = False
        return lease

    def _remember(self, source: Any, table: Any, inputs: Inputs) -> None:
        if not isinstance(source, (pyarrow().Table, pyarrow().RecordBatch)):
            return  # what it gives next time may be something else
        key = id(source)
        known = self._known

        def forget(dead: object) -> None:
            entry = known.get(key)
            if entry is not None and entry.table is dead:
                known.pop(key, None)

        # The source keeps the memory; if the entry did, it would never go.
        for chunk in inputs.layers.chunks:
            chunk.keep = None
        lasting = Inputs(inputs.layers, inputs.type_ids, inputs.descriptors, [])
        known[key] = _Known(weakref.ref(source, forget), lasting, self._shared_shapes(table))

    def _shared_shapes(self, table: Any) -> list[npt.NDArray[Any]]:
        """Return views of the shapes that lie in shared memory, where they can be written."""
        if "shape" not in table.schema.names:
            return []
        views = []
        for chunk in table.column("shape").chunks:
            if not is_listlike(chunk.type):
                continue
            address, buffer = values_of(extents_of(chunk).values)
            if buffer is not None and self._pool.find(address, 1) is not None:
                views.append(as_array(None, buffer.address, _U8, (buffer.size,), None, True))
        return views
