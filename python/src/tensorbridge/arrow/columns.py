"""What lies where in Arrow's arrays."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .library import pyarrow

__all__ = [
    "Extents",
    "dtype_of_type",
    "extents_of",
    "is_listlike",
    "nulls_of",
    "storage_of",
    "values_of",
]

_FLOATS = {"halffloat": "f2", "float": "f4", "double": "f8"}


class Extents(NamedTuple):
    """Where the values of each row of lists lie.

    Attributes
    ----------
    values : pyarrow.Array
        Those of all rows.
    begins, counts : numpy.ndarray of int64
        Of each row, in elements of ``values``.
    """

    values: Any
    begins: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int64]


def storage_of(array: Any) -> Any:
    """Return the array in which one of an extension type is stored."""
    pa = pyarrow()
    while isinstance(array.type, pa.BaseExtensionType):
        array = array.storage
    return array


def is_listlike(arrow_type: Any) -> bool:
    """Tell whether the values of a row are a list of any kind."""
    types = pyarrow().types
    return bool(
        types.is_list(arrow_type)
        or types.is_large_list(arrow_type)
        or types.is_fixed_size_list(arrow_type)
        or types.is_list_view(arrow_type)
        or types.is_large_list_view(arrow_type)
    )


def dtype_of_type(arrow_type: Any) -> np.dtype[Any]:
    """Return the NumPy dtype of values of fixed width; integers for what NumPy has not."""
    types = pyarrow().types
    name = str(arrow_type)
    if name in _FLOATS:
        return np.dtype(_FLOATS[name])
    if types.is_integer(arrow_type):
        return np.dtype(name)
    if types.is_timestamp(arrow_type):
        return np.dtype(f"M8[{arrow_type.unit}]")
    if types.is_duration(arrow_type):
        return np.dtype(f"m8[{arrow_type.unit}]")
    return np.dtype(f"i{arrow_type.bit_width // 8}")


def extents_of(array: Any) -> Extents:
    """Find the values of each row of an array of lists; those of null rows mean nothing."""
    pa = pyarrow()
    kind, rows = array.type, len(array)
    if pa.types.is_fixed_size_list(kind):
        begins = np.arange(array.offset, array.offset + rows, dtype=np.int64) * kind.list_size
        return Extents(array.values, begins, np.full(rows, kind.list_size, np.int64))
    large = pa.types.is_large_list(kind) or pa.types.is_large_list_view(kind)
    dtype = np.dtype(np.int64 if large else np.int32)
    buffers = array.buffers()
    if not rows:
        nothing = np.zeros(0, np.int64)
        return Extents(array.values, nothing, nothing)
    skipped = array.offset * dtype.itemsize
    if pa.types.is_list_view(kind) or pa.types.is_large_list_view(kind):
        offsets = np.frombuffer(buffers[1], dtype, rows, skipped)
        sizes = np.frombuffer(buffers[2], dtype, rows, skipped)
        return Extents(array.values, offsets.astype(np.int64), sizes.astype(np.int64))
    offsets = np.frombuffer(buffers[1], dtype, rows + 1, skipped).astype(np.int64)
    return Extents(array.values, offsets[:-1], offsets[1:] - offsets[:-1])


def values_of(array: Any) -> tuple[int, Any]:
    """Return the address of the first value of fixed width, and the buffer that holds it.

    The buffer is None if there are no values.
    """
    buffer = array.buffers()[1]
    if buffer is None or not len(array):
        return 0, None
    return buffer.address + array.offset * (array.type.bit_width // 8), buffer


def nulls_of(array: Any, begin: int = 0, end: int | None = None) -> npt.NDArray[np.int64]:
    """Return which values between two indices are null."""
    end = len(array) if end is None else end
    validity = array.buffers()[0]
    if end <= begin or validity is None or not array.null_count:
        return np.zeros(0, np.int64)
    first = array.offset + begin
    bits = np.frombuffer(validity, np.uint8)[first // 8 : (array.offset + end + 7) // 8]
    valid = np.unpackbits(bits, bitorder="little")[first % 8 : first % 8 + end - begin]
    return np.flatnonzero(valid == 0) + begin
