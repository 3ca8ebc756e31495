"""Inputs of items that are not arrays of their own: parts of leases, spans of files, texts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .. import wire
from ..allocator import ALIGNMENT
from ..describe import Catalog, TensorType
from ..layout import Batch, Placed
from ..regions import FileRegion, Lease, Pool
from .sources import SourceFile

__all__ = ["Input", "Inputs", "Item", "batch_of", "lease_of", "output_leases"]

_U8 = 6
_F64 = 13


class Input(NamedTuple):
    """How a block writes one input, and what must live until the batch has ended."""

    type_id: int
    descriptor: bytes
    keep: Any


class Item(NamedTuple):
    """One item of a batch."""

    name: str
    options: str
    inputs: Sequence[Input]


class Inputs:
    """Makes inputs in the memory of one bridge; thread-safe.

    Parameters
    ----------
    pool : Pool
    catalog : Catalog
    """

    def __init__(self, pool: Pool, catalog: Catalog) -> None:
        self.pool = pool
        self._catalog = catalog

    def array(self, name: str, value: Any) -> Input:
        """Hand over an array; what does not lie in shared memory is copied there."""
        described, keep = self._catalog.describe(name, value)
        return Input(described.types[0], described.descriptor, keep)

    def lease_copy(self, array: npt.NDArray[Any], dtype: int) -> tuple[Lease, npt.NDArray[Any]]:
        """Copy an array of a wire code into memory of its own."""
        return self._catalog.copy(array, dtype)

    def copy(self, array: npt.NDArray[Any], dtype: int) -> Input:
        """Hand over a copy of an array of a wire code."""
        lease, copy = self.lease_copy(array, dtype)
        return self.part(lease, 0, dtype, copy.shape)._replace(keep=copy)

    def part(self, lease: Lease, byte_offset: int, dtype: int, shape: tuple[int, ...]) -> Input:
        """Hand over a part of a lease."""
        region = lease.region
        descriptor = wire.descriptor(
            region.id, region.generation, lease.offset + byte_offset, dtype, shape
        )
        return Input(self._type_id(dtype, shape), descriptor, lease)

    def in_file(
        self, region: FileRegion, byte_offset: int, dtype: int, shape: tuple[int, ...]
    ) -> Input:
        """Hand over a span of a file."""
        descriptor = wire.descriptor(region.id, region.generation, byte_offset, dtype, shape)
        return Input(self._type_id(dtype, shape), descriptor, region)

    def text(self, content: bytes) -> Input:
        """Hand over bytes."""
        lease = self.pool.take(len(content), wire.READ)
        lease.region.view[lease.offset : lease.offset + len(content)] = content
        return self.part(lease, 0, _U8, (len(content),))

    def content(self, file: SourceFile) -> Input:
        """Hand over what a file holds: read into shared memory, in one go."""
        lease = self.pool.take(file.size, wire.READ)
        file.read(lease.region.view[lease.offset : lease.offset + file.size], 0)
        return self.part(lease, 0, _U8, (file.size,))

    def doubles(self, rows: Sequence[Sequence[float]]) -> list[Input]:
        """Hand over vectors of float64, all in one lease."""
        values = np.array([value for row in rows for value in row], np.float64)
        lease = self.pool.take(values.nbytes, wire.READ)
        lease.array(0, _F64, values.shape)[...] = values
        made = []
        at = 0
        for row in rows:
            made.append(self.part(lease, at, _F64, (len(row),)))
            at += 8 * len(row)
        return made

    def _type_id(self, dtype: int, shape: tuple[int, ...]) -> int:
        return self._catalog.type_id(TensorType(dtype, shape, False))


def batch_of(operation: str, items: Iterable[Item]) -> Batch:
    """Make a batch of items."""
    sets: dict[str, int] = {}
    chosen: list[int] = []
    batch = Batch(operation, (), [], chosen, [], [], [])
    for name, options, inputs in items:
        batch.names.append(name)
        chosen.append(sets.setdefault(options, len(sets)))
        batch.type_ids.append(tuple([entry.type_id for entry in inputs]))
        batch.descriptors.append(b"".join([entry.descriptor for entry in inputs]))
        batch.keep.extend([entry.keep for entry in inputs])
    batch.option_sets = tuple(sets)
    return batch


def lease_of(placed: Placed) -> tuple[Lease, list[int]]:
    """Carve the memory of an item's outputs out of that of its batch.

    Returns
    -------
    lease : Lease
        Of all outputs.
    offsets : list of int
        Where each begins, within the lease.
    """
    plan, lease, offsets = placed
    assert lease is not None
    begin = offsets[0]
    end = wire.align(offsets[-1] + max(plan.outputs[-1].byte_length, 1), ALIGNMENT)
    return lease.carve(begin, end - begin), [offset - begin for offset in offsets]


def output_leases(placed: Placed) -> dict[str, tuple[Lease, wire.OutputSpec]]:
    """Carve each output of an item, by name, so that they live and die apart."""
    plan, lease, offsets = placed
    assert lease is not None
    return {
        spec.name: (
            lease.carve(offset, wire.align(max(spec.byte_length, 1), ALIGNMENT)),
            spec,
        )
        for offset, spec in zip(offsets, plan.outputs, strict=True)
    }
