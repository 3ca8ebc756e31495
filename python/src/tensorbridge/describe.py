"""Descriptors of arrays: found once, then copied into every block.

An array in shared memory is recognised by its address, whatever made the view. What does not lie
there is copied once into leased memory.
"""

from __future__ import annotations

import threading
import weakref
from operator import attrgetter
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from . import wire
from .arrays import adopt
from .dtypes import is_little_endian, itemsize_of
from .regions import Lease, Pool

__all__ = ["Catalog", "Described", "TensorType", "form_of"]


class TensorType(NamedTuple):
    """What a plan depends on, and the length of the descriptor."""

    dtype: int
    shape: tuple[int, ...]
    strided: bool


form_of = attrgetter("shape", "strides", "dtype")
"""What may change about an array: it is looked at anew each time."""


class Described(NamedTuple):
    """An array in shared memory and how blocks write it."""

    form: tuple[Any, ...]
    types: tuple[int, ...]
    descriptor: bytes
    array: weakref.ref[Any]


class Catalog:
    """Remembers descriptors by array, and numbers tensor types; thread-safe.

    Parameters
    ----------
    pool : Pool
        Where shared arrays lie, and where others are copied to.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._numbering = threading.Lock()
        self.known: dict[int, Described] = {}
        self._type_ids: dict[TensorType, int] = {}
        self.types: list[TensorType] = []

    def lookup(self, array: Any) -> Described | None:
        """Return the remembered description of an array, if it still holds."""
        known = self.known.get(id(array))
        if known is not None and known.array() is array and form_of(array) == known.form:
            return known
        return None

    def lookup_all(self, arrays: list[Any]) -> tuple[list[tuple[int, ...]], list[bytes]] | None:
        """Return the types and descriptors of arrays that are all remembered; else None.

        What a large batch of shared arrays costs is this: no loops but those of built-ins.
        """
        # The entry of a dead array is gone before another object can have its id.
        if len(arrays) == 1:
            known = self.known.get(id(arrays[0]))
            if known is None or form_of(arrays[0]) != known[0]:
                return None
            return [known[1]], [known[2]]
        try:
            found = list(map(self.known.__getitem__, map(id, arrays)))
        except KeyError:
            return None
        forms, types, descriptors, _ = zip(*found, strict=True) if found else ((), (), (), ())
        if tuple(map(form_of, arrays)) != forms:
            return None
        return list(types), list(descriptors)

    def describe(
        self, name: str, value: Any, deadline: float | None = None
    ) -> tuple[Described, Any]:
        """Describe anything that can be handed over.

        Parameters
        ----------
        name : str
            The tensor's name, for messages.
        value : object
            See `arrays.adopt`.
        deadline : float, optional
            See `Pool.take`.

        Returns
        -------
        described : Described
        keep : object
            What must stay alive while the description is used: the value, or the copy of it.
        """
        array, code = adopt(name, value)
        described = self._in_place(array, code)
        if described is None:
            lease, copy = self.copy(array, code, deadline)
            return self._of_lease(lease, copy, code), copy
        if array is value:
            self._remember(array, described)
        return described, value

    def copy(
        self, array: npt.NDArray[Any], code: int, deadline: float | None = None
    ) -> tuple[Lease, npt.NDArray[Any]]:
        """Copy an array into leased memory, row-major and little-endian, in one pass."""
        lease = self._pool.take(array.size * itemsize_of(code), wire.READ, deadline)
        copy = lease.array(0, code, array.shape)
        refill(copy, array)
        return lease, copy

    def type_id(self, tensor_type: TensorType) -> int:
        """Return the number of a type; the same for equal types."""
        number = self._type_ids.get(tensor_type)
        if number is None:
            with self._numbering:
                number = self._type_ids.setdefault(tensor_type, len(self.types))
                if number == len(self.types):
                    self.types.append(tensor_type)
        return number

    def _in_place(self, array: npt.NDArray[Any], code: int) -> Described | None:
        if array.base is None:  # it owns its memory, which so is not ours
            return None
        if not array.size or not is_little_endian(array.dtype) or array.ndim > wire.MAX_RANK:
            return None
        address = int(array.__array_interface__["data"][0])
        reach = [stride * (dim - 1) for stride, dim in zip(array.strides, array.shape, strict=True)]
        low = address + sum(r for r in reach if r < 0)
        high = address + sum(r for r in reach if r > 0) + array.itemsize
        region = self._pool.find(low, high - low)
        if region is None:
            return None
        strides = None if array.flags.c_contiguous else array.strides
        descriptor = wire.descriptor(
            region.id, region.generation, address - region.address, code, array.shape, strides
        )
        return self._described(array, TensorType(code, array.shape, bool(strides)), descriptor)

    def _of_lease(self, lease: Lease, copy: npt.NDArray[Any], code: int) -> Described:
        region = lease.region
        descriptor = wire.descriptor(region.id, region.generation, lease.offset, code, copy.shape)
        return self._described(copy, TensorType(code, copy.shape, False), descriptor)

    def _described(
        self, array: npt.NDArray[Any], tensor_type: TensorType, descriptor: bytes
    ) -> Described:
        types = (self.type_id(tensor_type),)
        return Described(form_of(array), types, descriptor, weakref.ref(array))

    def _remember(self, array: npt.NDArray[Any], described: Described) -> None:
        key = id(array)
        known = self.known

        def forget(dead: object) -> None:
            entry = known.get(key)
            if entry is not None and entry.array is dead:
                known.pop(key, None)

        known[key] = described._replace(array=weakref.ref(array, forget))


def refill(copy: npt.NDArray[Any], array: npt.NDArray[Any]) -> None:
    """Copy elements into a row-major, little-endian array of the same type."""
    np.copyto(copy, array, casting="equiv")
