"""Arrow arrays rebuilt over one span of shared memory, every buffer aligned to 64 bytes.

It goes in two steps: arrays are walked and their buffers get places; then the memory is leased, the
bytes are copied, each once, and the arrays are made anew. Nulls, slices and types stay.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..allocator import ALIGNMENT
from ..errors import ErrorCode, OptionError
from ..regions import Lease, Pool
from ..wire import align
from .columns import extents_of, values_of
from .library import pyarrow

__all__ = ["Build", "Placing"]

_U8 = 6

Bytes = npt.NDArray[np.uint8]
Build = Callable[[], Any]
"""Makes an array when the memory is there."""


class Placing:
    """Places for buffers in one lease, column by column."""

    def __init__(self) -> None:
        self._total = 0
        self._fills: list[tuple[int, int, Callable[[Bytes], None] | None]] = []
        self._ends: list[int] = []
        self._parts: list[tuple[int, Lease]] = []

    def end_column(self) -> None:
        """Let what was placed since the last call go by itself, when nobody holds it any more."""
        self._ends.append(self._total)

    def lease(self, pool: Pool, access: int) -> None:
        """Take the memory, and copy into it."""
        lease = pool.take(self._total, access)
        begin = 0
        for end in self._ends:
            self._parts.append((begin, lease.carve(begin, end - begin) if end > begin else lease))
            begin = end
        for at, length, fill in self._fills:
            if fill is not None:
                fill(lease.array(at, _U8, (length,)))
        self._fills = []

    def reserve(
        self, length: int, fill: Callable[[Bytes], None] | None = None
    ) -> Callable[[], Any]:
        """Give a buffer a place.

        Parameters
        ----------
        length : int
            Bytes.
        fill : callable, optional
            Writes them.

        Returns
        -------
        callable
            Returns the ``pyarrow.Buffer`` after `lease`.
        """
        at, column = self._total, len(self._ends)
        self._total = align(at + length, ALIGNMENT)
        if length:
            self._fills.append((at, length, fill))

        def buffer() -> Any:
            if not length:
                return pyarrow().py_buffer(b"")
            begin, part = self._parts[column]
            address = part.region.address + part.offset + at - begin
            return pyarrow().foreign_buffer(address, length, part)

        return buffer

    # --- arrays of values that are there ---

    def array(self, array: Any) -> Build:
        """Give an array's buffers places; the slice alone is copied, not what lies around it."""
        pa = pyarrow()
        kind, types = array.type, pa.types
        if isinstance(kind, pa.BaseExtensionType):
            storage = self.array(array.storage)
            return lambda: pa.ExtensionArray.from_storage(kind, storage())
        if types.is_null(kind):
            return lambda: array
        if types.is_dictionary(kind):
            indices, values = self.array(array.indices), self.array(array.dictionary)
            ordered = kind.ordered
            return lambda: pa.DictionaryArray.from_arrays(
                indices(), values(), ordered=ordered, safe=False
            )
        if types.is_list(kind) or types.is_large_list(kind):
            return self._lists(array)
        if types.is_list_view(kind) or types.is_large_list_view(kind):
            return self._list_views(array)
        if types.is_fixed_size_list(kind):
            size = kind.list_size
            values = self.array(array.values.slice(array.offset * size, len(array) * size))
            return self._built(array, [], [values])
        if types.is_struct(kind):
            return self._built(array, [], [self.array(field) for field in _fields_of(array)])
        if _is_bytes(kind):
            return self._texts(array)
        if types.is_boolean(kind):
            return self._built(array, [self._bitmap(array)])
        if types.is_primitive(kind) or types.is_fixed_size_binary(kind) or types.is_decimal(kind):
            length = len(array) * (kind.bit_width // 8)
            address, buffer = values_of(array)
            skipped = address - buffer.address if buffer is not None else 0
            return self._built(array, [self._bytes(buffer, skipped, length)])
        return self._by_ipc(array)

    def _built(
        self,
        array: Any,
        buffers: Sequence[Callable[[], Any]],
        children: Sequence[Build] = (),
    ) -> Build:
        """Make an array of the type, length and validity of another one."""
        pa = pyarrow()
        kind, rows, nulls = array.type, len(array), array.null_count
        validity = self._bitmap(array.is_valid()) if nulls else None

        def build() -> Any:
            all_buffers = [None if validity is None else validity()]
            all_buffers += [buffer() for buffer in buffers]
            return pa.Array.from_buffers(
                kind, rows, all_buffers, nulls, 0, [child() for child in children] or None
            )

        return build

    def _bytes(self, buffer: Any, skipped: int, length: int) -> Callable[[], Any]:
        if not length:
            return self.reserve(0)
        source: Bytes = np.frombuffer(buffer, np.uint8, length, skipped)
        return self.reserve(length, lambda target: np.copyto(target, source))

    def _bitmap(self, array: Any) -> Callable[[], Any]:
        """Give the bits of a boolean array a place; they begin with a byte."""
        rows, buffer = len(array), array.buffers()[1]
        if not rows:
            return self.reserve(0)
        if array.offset % 8 == 0:
            return self._bytes(buffer, array.offset // 8, (rows + 7) // 8)
        bits = np.unpackbits(np.frombuffer(buffer, np.uint8), bitorder="little")
        packed = np.packbits(bits[array.offset : array.offset + rows], bitorder="little")
        return self.reserve(packed.size, lambda target: np.copyto(target, packed))

    def _offsets(self, offsets: npt.NDArray[Any]) -> Callable[[], Any]:
        """Place offsets, from 0 on."""
        moved = (offsets - offsets[0]).view(np.uint8)
        return self.reserve(moved.size, lambda target: np.copyto(target, moved))

    def _lists(self, array: Any) -> Build:
        dtype = np.dtype(np.int64 if pyarrow().types.is_large_list(array.type) else np.int32)
        offsets = _offsets_of(array, dtype)
        first, last = int(offsets[0]), int(offsets[-1])
        values = self.array(array.values.slice(first, last - first))
        return self._built(array, [self._offsets(offsets)], [values])

    def _list_views(self, array: Any) -> Build:
        large = pyarrow().types.is_large_list_view(array.type)
        dtype = np.dtype(np.int64 if large else np.int32)
        values, begins, counts = extents_of(array)
        for row in np.flatnonzero(~array.is_valid().to_numpy(zero_copy_only=False)):
            begins, counts = begins.copy(), counts.copy()
            begins[row] = counts[row] = 0
        used = counts > 0
        low = int(begins[used].min()) if used.any() else 0
        high = int((begins + counts)[used].max()) if used.any() else 0
        child = self.array(values.slice(low, high - low))
        moved = np.where(used, begins - low, 0).astype(dtype).view(np.uint8)
        sizes = counts.astype(dtype).view(np.uint8)
        places = [
            self.reserve(moved.size, lambda target: np.copyto(target, moved)),
            self.reserve(sizes.size, lambda target: np.copyto(target, sizes)),
        ]
        return self._built(array, places, [child])

    def _texts(self, array: Any) -> Build:
        types = pyarrow().types
        large = types.is_large_string(array.type) or types.is_large_binary(array.type)
        offsets = _offsets_of(array, np.dtype(np.int64 if large else np.int32))
        first, last = int(offsets[0]), int(offsets[-1])
        text = self._bytes(array.buffers()[2], first, last - first)
        return self._built(array, [self._offsets(offsets), text])

    def _by_ipc(self, array: Any) -> Build:
        """Place an array of a rarer type as a stream, whose buffers are aligned to 8 bytes."""
        pa = pyarrow()
        batch = pa.record_batch([array], names=["column"])
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, batch.schema) as writer:
            writer.write_batch(batch)
        stream = sink.getvalue()
        place = self._bytes(stream, 0, stream.size)
        return lambda: pa.ipc.open_stream(place()).read_next_batch().column(0)

    # --- arrays whose values come later ---

    def empty(self, name: str, kind: Any, rows: int, lengths: Sequence[int] | int | None) -> Build:
        """Give an array without nulls a place, whose values are unspecified.

        Parameters
        ----------
        name : str
            The column's, for messages.
        kind : pyarrow.DataType
            Of fixed width, a list of such, or a fixed-shape tensor.
        rows : int
        lengths : int or sequence of int, optional
            How many values each row has, for lists.

        Raises
        ------
        OptionError
            If the type is none of these, or lengths are missing or wrong.
        """
        pa = pyarrow()
        types = pa.types
        if isinstance(kind, pa.BaseExtensionType):
            storage = self.empty(name, kind.storage_type, rows, lengths)
            return lambda: pa.ExtensionArray.from_storage(kind, storage())
        if types.is_list(kind) or types.is_large_list(kind):
            return self._empty_lists(name, kind, rows, lengths)
        if lengths is not None:
            raise OptionError(
                f'lengths are given for the column "{name}" of the type {kind}, which is no list',
                ErrorCode.BAD_OPTION,
            )
        if types.is_fixed_size_list(kind):
            values = self.empty(name, kind.value_type, rows * kind.list_size, None)
            return lambda: pa.Array.from_buffers(kind, rows, [None], 0, 0, [values()])
        if types.is_boolean(kind):
            data = self.reserve((rows + 7) // 8)
        elif types.is_primitive(kind) or types.is_fixed_size_binary(kind) or types.is_decimal(kind):
            data = self.reserve(rows * (kind.bit_width // 8))
        else:
            raise OptionError(
                f'the column "{name}" of the type {kind} can\'t be made before its values are '
                "known: give them, columns={" + repr(name) + ": values}",
                ErrorCode.BAD_OPTION,
            )
        return lambda: pa.Array.from_buffers(kind, rows, [None, data()], 0)

    def _empty_lists(
        self, name: str, kind: Any, rows: int, lengths: Sequence[int] | int | None
    ) -> Build:
        pa = pyarrow()
        if lengths is None:
            raise OptionError(
                f'the column "{name}" has lists: tell how long they are, '
                "lengths={" + repr(name) + ": [...]}",
                ErrorCode.BAD_OPTION,
            )
        counts = np.asarray(lengths, np.int64)
        if counts.ndim == 0:
            counts = np.full(rows, counts, np.int64)
        if counts.shape != (rows,) or (counts < 0).any():
            raise OptionError(
                f'lengths of the column "{name}" must be {rows} numbers that are not negative',
                ErrorCode.BAD_OPTION,
            )
        offsets = np.zeros(rows + 1, np.int64)
        np.cumsum(counts, out=offsets[1:])
        if pa.types.is_list(kind):
            if offsets[-1] > 2**31 - 1:
                raise OptionError(
                    f'the lists of the column "{name}" have {offsets[-1]} values, more than a list '
                    "holds: make it a large_list",
                    ErrorCode.BAD_OPTION,
                )
            offsets = offsets.astype(np.int32)
        at = self._offsets(offsets)
        values = self.empty(name, kind.value_type, int(offsets[-1]), None)
        return lambda: pa.Array.from_buffers(kind, rows, [None, at()], 0, 0, [values()])


def _is_bytes(kind: Any) -> bool:
    types = pyarrow().types
    return bool(
        types.is_string(kind)
        or types.is_large_string(kind)
        or types.is_binary(kind)
        or types.is_large_binary(kind)
    )


def _offsets_of(array: Any, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    buffer = array.buffers()[1]
    if not len(array) or buffer is None:
        return np.zeros(1, dtype)
    return np.frombuffer(buffer, dtype, len(array) + 1, array.offset * dtype.itemsize)


def _fields_of(array: Any) -> list[Any]:
    return [array.field(i) for i in range(array.type.num_fields)]
