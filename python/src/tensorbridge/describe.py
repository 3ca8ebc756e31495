"""Descriptors of arrays: found once, then copied into every block.

An array in shared memory is recognised by its address, whatever made the view. What does not lie
there is copied once into leased memory.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Sequence
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from . import wire
from .arrays import adopt
from .dtypes import is_little_endian, itemsize_of
from .regions import Lease, Pool
from .staging import Staged, refill

__all__ = ["Catalog", "Described", "Series", "TensorType", "form_of"]

_SERIES_SEEN = 1024
_KEY_BYTES_KEPT = 1 << 18  # of all series that are kept: 8 for each array
_KEY_BYTES_LEAST = 1024  # a short series counts as one of that length


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


_form, _types, _descriptor = map(itemgetter, range(3))

_shape_of = attrgetter("shape")
_strides_of = attrgetter("strides")
_dtype_of = attrgetter("dtype")


def _identities(objects: list[Any]) -> bytes:
    """Return the addresses of objects, to be compared with those of another call.

    They are what an array of objects holds; to ask for the `id` of each takes four times as long.
    """
    return np.fromiter(objects, object, len(objects)).tobytes()


class Series:
    """Arrays that are handed over together, in this order, and what is known of them.

    All batches of these arrays share it, so its lists must not be changed.

    Attributes
    ----------
    types : list of tuple of int
    descriptors : list of bytes
    made : dict or None
        What was made of them, to be used again; None as long as the series is not kept.
    """

    __slots__ = ("_dtypes", "_extent_of", "_extents", "_strides", "descriptors", "made", "types")

    def __init__(self, types: list[tuple[int, ...]], descriptors: list[bytes]) -> None:
        self.types = types
        self.descriptors = descriptors
        self.made: dict[Any, Any] | None = None

    def keep(self, forms: Sequence[tuple[Any, ...]]) -> None:
        """Take in the forms of the arrays, so that `holds` can tell when they have changed."""
        shapes, strides, dtypes = zip(*forms, strict=True)
        self._strides = list(strides)
        self._dtypes = list(dtypes)
        # In place, an array of foreign memory can get another shape, dtype or strides, but never
        # another number of bytes. So of one or two dimensions, with the dtype and as many strides
        # as before, the first tells the other, and its length is had for a third of a shape's time.
        if {1, 2}.issuperset(map(len, shapes)):
            self._extent_of: Callable[[Any], object] = len
            self._extents: list[object] = list(map(itemgetter(0), shapes))
        else:
            self._extent_of = _shape_of
            self._extents = list(shapes)
        self.made = {}

    def holds(self, arrays: list[Any]) -> bool:
        """Tell whether the arrays, which are those of the series, have the same form as then."""
        return (
            list(map(_strides_of, arrays)) == self._strides  # first: no length without a stride
            and list(map(_dtype_of, arrays)) == self._dtypes
            and list(map(self._extent_of, arrays)) == self._extents
        )


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
        self._series: dict[bytes, Series] = {}
        self._seen: set[int] = set()  # hashes of keys
        self._key_bytes = 0  # of the series that were kept since they were cleared for lack of room
        self._type_ids: dict[TensorType, int] = {}
        self.types: list[TensorType] = []

    def lookup(self, array: Any) -> Described | None:
        """Return the remembered description of an array, if it still holds."""
        known = self.known.get(id(array))
        # The entry of a dead array is gone before another object can have its id.
        return known if known is not None and form_of(array) == known.form else None

    def lookup_all(self, arrays: list[Any]) -> Series | None:
        """Return what is known of arrays that are all remembered; else None.

        What a large batch of shared arrays costs is this: no loops but those of built-ins.
        """
        key = _identities(arrays)
        series = self._series.get(key)
        if series is not None:  # and none of its arrays is dead
            if series.holds(arrays):
                return series
            self._series.pop(key, None)
        try:
            found = list(map(self.known.__getitem__, map(id, arrays)))
        except KeyError:
            return None
        forms = list(map(_form, found))
        if list(map(form_of, arrays)) != forms:
            return None
        series = Series(list(map(_types, found)), list(map(_descriptor, found)))
        if hash(key) in self._seen:
            self._keep(key, series, forms)
        else:
            if len(self._seen) >= _SERIES_SEEN:
                self._seen.clear()
            self._seen.add(hash(key))
        return series

    def _keep(self, key: bytes, series: Series, forms: Sequence[tuple[Any, ...]]) -> None:
        """Keep a series that came again."""
        length = max(len(key), _KEY_BYTES_LEAST)
        if length > _KEY_BYTES_KEPT:
            return
        self._key_bytes += length
        if self._key_bytes > _KEY_BYTES_KEPT:
            self._series.clear()
            self._key_bytes = length
        series.keep(forms)
        self._series[key] = series

    def describe(
        self,
        name: str,
        value: Any,
        deadline: float | None = None,
        staged: list[Staged] | None = None,
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
        staged : list of Staged, optional
            Gets an ordinary array, which then is still to be copied.

        Returns
        -------
        described : Described
        keep : object
            What must stay alive while the description is used: the value, or the copy of it.
        """
        array, code = adopt(name, value)
        described = self._in_place(array, code)
        if described is None:
            lease, copy = self._room_for(array, code, deadline)
            if staged is None:
                refill(copy, array)
            else:
                staged.append(Staged(value, array, copy))
            return self._of_lease(lease, copy, code), copy
        if array is value:
            self._remember(array, described)
        return described, value

    def copy(self, array: npt.NDArray[Any], code: int) -> tuple[Lease, npt.NDArray[Any]]:
        """Copy an array into leased memory, row-major and little-endian, in one pass."""
        lease, copy = self._room_for(array, code, None)
        refill(copy, array)
        return lease, copy

    def _room_for(
        self, array: npt.NDArray[Any], code: int, deadline: float | None
    ) -> tuple[Lease, npt.NDArray[Any]]:
        lease = self._pool.take(array.size * itemsize_of(code), wire.READ, deadline)
        return lease, lease.array(0, code, array.shape)

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
        series = self._series

        def forget(dead: object) -> None:
            series.clear()  # before another object can have the id
            entry = known.get(key)
            if entry is not None and entry.array is dead:
                known.pop(key, None)

        known[key] = described._replace(array=weakref.ref(array, forget))
