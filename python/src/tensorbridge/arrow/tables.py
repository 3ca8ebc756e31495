"""Tables born in shared memory, or copied there once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ErrorCode, OptionError
from ..regions import Pool, as_array
from .columns import dtype_of_type, extents_of, is_listlike, storage_of, values_of
from .library import pyarrow
from .placing import Build, Placing
from .source import table_from

__all__ = ["empty_table", "share_table", "writable"]

_U8 = 6


def share_table(pool: Pool, source: Any, access: int) -> Any:
    """Copy a table into one span of shared memory; see `ArrowEntries.share_arrow`."""
    pa = pyarrow()
    table = table_from(source)
    placing = Placing()
    columns: list[list[Build]] = []
    for column in table.columns:
        columns.append([placing.array(chunk) for chunk in column.chunks])
        placing.end_column()
    placing.lease(pool, access)
    arrays = [
        pa.chunked_array([build() for build in builds], field.type)
        for builds, field in zip(columns, table.schema, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=table.schema)


def empty_table(
    pool: Pool,
    schema: Any,
    rows: int,
    lengths: Mapping[str, Sequence[int] | int],
    columns: Mapping[str, Any],
    access: int,
) -> Any:
    """Make a table in shared memory; see `ArrowEntries.empty_table`."""
    pa = pyarrow()
    schema = schema if isinstance(schema, pa.Schema) else pa.schema(schema)
    for what, names in (("lengths", lengths), ("columns", columns)):
        for name in names:
            if name not in schema.names:
                raise OptionError(
                    f'{what} names "{name}", which is no column of {schema.names}',
                    ErrorCode.BAD_OPTION,
                )
    if rows < 0:
        raise OptionError(f"rows={rows} is negative", ErrorCode.BAD_OPTION)
    placing = Placing()
    builds: list[Callable[[], Any]] = []
    for field in schema:
        if field.name in columns:
            builds.append(placing.array(_given(field, columns[field.name], rows)))
        else:
            builds.append(placing.empty(field.name, field.type, rows, lengths.get(field.name)))
        placing.end_column()
    placing.lease(pool, access)
    return pa.Table.from_arrays([build() for build in builds], schema=schema)


def _given(field: Any, values: Any, rows: int) -> Any:
    pa = pyarrow()
    try:
        array = pa.array(values, field.type)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise OptionError(
            f'the values of the column "{field.name}" are no {field.type}: {error}',
            ErrorCode.BAD_OPTION,
        ) from error
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if len(array) != rows:
        raise OptionError(
            f'the column "{field.name}" has {len(array)} values for {rows} rows',
            ErrorCode.BAD_OPTION,
        )
    return array


def writable(pool: Pool, column: Any) -> npt.NDArray[Any] | list[npt.NDArray[Any]]:
    """Return NumPy views of a column in shared memory; see `ArrowEntries.writable`."""
    pa = pyarrow()
    if isinstance(column, pa.ChunkedArray):
        if column.num_chunks != 1:
            raise OptionError(
                f"the column has {column.num_chunks} chunks: pass one, column.chunk(i)",
                ErrorCode.BAD_OPTION,
            )
        column = column.chunk(0)
    if not isinstance(column, pa.Array):
        raise OptionError(
            f"a {type(column).__name__} is no column: pass table[name]", ErrorCode.BAD_OPTION
        )
    array = storage_of(column)
    if not is_listlike(array.type):
        return _view(pool, column, array)
    values, begins, counts = extents_of(array)
    whole = _view(pool, column, values)
    if pa.types.is_fixed_size_list(array.type):
        size = array.type.list_size
        at = int(begins[0]) if len(begins) else 0
        return whole[at : at + len(array) * size].reshape(len(array), *_row_shape(column, size))
    return [
        whole[begin : begin + count]
        for begin, count in zip(begins.tolist(), counts.tolist(), strict=True)
    ]


def _row_shape(column: Any, size: int) -> tuple[int, ...]:
    """Return the shape of a row as it lies in memory."""
    if getattr(column.type, "extension_name", "") == "arrow.fixed_shape_tensor":
        return tuple(column.type.shape)
    return (size,)


def _view(pool: Pool, column: Any, values: Any) -> npt.NDArray[Any]:
    kind = values.type
    if not pyarrow().types.is_primitive(kind) or kind.bit_width not in (8, 16, 32, 64):
        raise OptionError(
            f"values of the type {kind} have no NumPy dtype of the same bytes: give them when the "
            "table is made",
            ErrorCode.BAD_OPTION,
        )
    dtype = dtype_of_type(kind)
    length = len(values) * dtype.itemsize
    address, buffer = values_of(values)
    if buffer is None:
        return np.zeros(0, dtype)
    if pool.find(address, length) is None:
        raise OptionError(
            "the column does not lie in this bridge's shared memory, and Arrow's arrays are not to "
            "be written: make the table with empty_table or share_arrow",
            ErrorCode.BAD_OPTION,
        )
    return as_array(column, address, _U8, (length,)).view(dtype)
