"""The rows of a table of weights, found and checked before anything is copied or sent."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .. import wire
from ..errors import ErrorCode, OptionError, TensorError
from .columns import dtype_of_type, extents_of, is_listlike, nulls_of, storage_of, values_of
from .library import pyarrow

__all__ = ["Layers", "Values", "layers_of"]

_EXPECTED = {
    "layer_name": "string",
    "weights": "list<float | double | halffloat>",
    "shape": "list<int64>, or no such column",
}
_CODES = {"halffloat": 10, "float": 12, "double": 13}

Shape = tuple[int, ...]


@dataclass(slots=True)
class Values:
    """The weights of the rows of one chunk.

    Attributes
    ----------
    code, itemsize : int
        Of their dtype on the wire.
    address : int
        Of the first value; 0 if there is none.
    first : int
        The row of the table with which the chunk begins.
    begins, counts : list of int
        Of each row, in elements.
    strides : tuple of int, or None
        Of every row in bytes, where it does not lie row-major.
    keep : object
        What holds the memory.
    """

    code: int
    itemsize: int
    address: int
    first: int
    begins: list[int]
    counts: list[int]
    strides: tuple[int, ...] | None
    keep: Any


@dataclass(slots=True)
class Layers:
    """A table of weights, checked.

    Attributes
    ----------
    names : list of str
        Of each row, all different.
    shapes : list of tuple of int
        Of each row.
    chunks : list of Values
        Their rows, one behind the other, are those of the table.
    refused : dict of str to TensorError
        The rows that can't be handed over.
    name_column : object
        The names as a column of a result, when there is one; kept with the layers, but apart from
        the memory of the source.
    """

    names: list[str]
    shapes: list[Shape]
    chunks: list[Values]
    refused: dict[str, TensorError] = field(default_factory=dict)
    name_column: Any = None


def layers_of(table: Any) -> Layers:
    """Find the layers of a table.

    Parameters
    ----------
    table : pyarrow.Table
        ``layer_name``: any kind of string; ``weights``: a list of any kind, or a fixed-shape
        tensor, of 16, 32 or 64-bit floats; ``shape``: a list of integers, or no such column.

    Raises
    ------
    OptionError
        If the columns are other ones, or a row has no name.
    TensorError
        If two rows have one name.
    """
    _require_columns(table)
    names = _names(table.column("layer_name"))
    layers = Layers(names, [], [])
    given = _shapes(table, layers)
    tensor_shape, strides = _tensor_type(table.schema.field("weights").type)
    row = 0
    for chunk in table.column("weights").chunks:
        _add_chunk(layers, chunk, row, given, tensor_shape, strides)
        row += len(chunk)
    return layers


# --- the schema ---


def _require_columns(table: Any) -> None:
    pa = pyarrow()
    schema = table.schema
    for name in ("layer_name", "weights", "shape"):
        count = len(schema.get_all_field_indices(name))
        if count > 1:
            raise _wrong(schema, f'there are {count} columns "{name}"', "rename all but one")
        if not count and name != "shape":
            raise _wrong(schema, f'the column "{name}" is missing', _remedy_if_missing(schema))
    kind = schema.field("layer_name").type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if not _is_text(kind):
        raise _wrong(schema, 'the column "layer_name" holds no text', "cast it to pyarrow.string()")
    weights = _storage_type(schema.field("weights").type)
    if not is_listlike(weights) or str(weights.value_type) not in _CODES:
        raise _wrong(
            schema,
            'the column "weights" holds no lists of floats',
            "cast it, for example to pyarrow.list_(pyarrow.float32())",
        )
    if "shape" in schema.names:
        shape = schema.field("shape").type
        if not pa.types.is_null(shape) and not (
            is_listlike(shape) and pa.types.is_integer(shape.value_type)
        ):
            raise _wrong(
                schema,
                'the column "shape" holds no lists of integers',
                "cast it to pyarrow.list_(pyarrow.int64()), or drop it",
            )


def _is_text(kind: Any) -> bool:
    types = pyarrow().types
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def _storage_type(kind: Any) -> Any:
    while isinstance(kind, pyarrow().BaseExtensionType):
        kind = kind.storage_type
    return kind


def _remedy_if_missing(schema: Any) -> str:
    if "quantized_data" in schema.names:
        return "the table is quantized already; pass the one with the weights"
    return "rename the columns with table.rename_columns(...)"


def _wrong(schema: Any, what: str, remedy: str) -> OptionError:
    """Make the error that shows both schemas side by side."""
    rows = [("expected", "actual")]
    for name, kind in _EXPECTED.items():
        found = [str(f.type) for f in schema if f.name == name]
        actual = f"{name}: {', '.join(found)}" if found else "-"
        rows.append((f"{name}: {kind}", actual))
    rows += [("", f"{f.name}: {f.type}") for f in schema if f.name not in _EXPECTED]
    width = max(len(left) for left, _ in rows) + 2
    lines = "\n".join(f"  {left:<{width}}{right}" for left, right in rows)
    return OptionError(f"not a table of weights: {what}\n{lines}\n{remedy}", ErrorCode.BAD_OPTION)


# --- names and shapes ---


def _names(column: Any) -> list[str]:
    values: list[str | None] = column.to_pylist()
    names = [value for value in values if value is not None]
    if len(names) < len(values):
        raise OptionError(
            f"row {values.index(None)} has no layer_name (null): name it or leave the row out",
            ErrorCode.BAD_OPTION,
        )
    if len(set(names)) < len(names):
        first: dict[str, int] = {}
        for row, name in enumerate(names):
            if name in first:
                raise TensorError(
                    name,
                    None,
                    f"is in rows {first[name]} and {row}: names must be unique",
                )
            first[name] = row
    return names


def _shapes(table: Any, layers: Layers) -> list[Shape | None] | None:
    """Return what the column says, None for rows without a word; None if there is no column."""
    pa = pyarrow()
    if "shape" not in table.schema.names or pa.types.is_null(table.schema.field("shape").type):
        return None
    shapes: list[Shape | None] = []
    for chunk in table.column("shape").chunks:
        values, begins, counts = extents_of(chunk)
        address, buffer = values_of(values)
        flat: list[int] = []
        if address:
            dtype = dtype_of_type(values.type)
            at = values.offset * dtype.itemsize
            flat = np.frombuffer(buffer, dtype, len(values), at).tolist()
        first = len(shapes)
        shapes += [
            tuple(flat[b : b + c]) for b, c in zip(begins.tolist(), counts.tolist(), strict=True)
        ]
        if values.null_count:
            empty = set(nulls_of(values).tolist())
            for i, (b, c) in enumerate(zip(begins.tolist(), counts.tolist(), strict=True)):
                if not empty.isdisjoint(range(b, b + c)):
                    _refuse(layers, first + i, "has a null in its shape: write all dimensions")
        for i in nulls_of(chunk).tolist():
            shapes[first + i] = None
    return shapes


def _tensor_type(kind: Any) -> tuple[Shape | None, tuple[int, ...] | None]:
    """Return the shape of every row that a fixed-shape tensor type tells, and its strides.

    The type's own shape is that of the memory; its permutation gives the order in which users see
    the dimensions.
    """
    if getattr(kind, "extension_name", "") != "arrow.fixed_shape_tensor":
        return None, None
    shape = tuple(int(dim) for dim in kind.shape)
    order = kind.permutation
    if order is None or list(order) == list(range(len(shape))):
        return shape, None
    size = kind.value_type.bit_width // 8
    strides = [size * math.prod(shape[i + 1 :]) for i in range(len(shape))]
    return tuple(shape[i] for i in order), tuple(strides[i] for i in order)


# --- weights ---


def _add_chunk(
    layers: Layers,
    chunk: Any,
    first: int,
    given: list[Shape | None] | None,
    tensor_shape: Shape | None,
    strides: tuple[int, ...] | None,
) -> None:
    lists = storage_of(chunk)
    values, found, lengths = extents_of(lists)
    begins, counts = found.tolist(), lengths.tolist()
    for i in nulls_of(lists).tolist():
        counts[i] = 0
        _refuse(layers, first + i, "has no weights (null): leave the row out")
    if values.null_count:
        _refuse_nulls(layers, values, first, begins, counts)
    _add_shapes(layers, first, counts, given, tensor_shape)
    address, buffer = values_of(values)
    code = _CODES[str(values.type)]
    layers.chunks.append(
        Values(code, values.type.bit_width // 8, address, first, begins, counts, strides, buffer)
    )


def _refuse_nulls(
    layers: Layers, values: Any, first: int, begins: list[int], counts: list[int]
) -> None:
    low = min(begins, default=0)
    high = max((b + c for b, c in zip(begins, counts, strict=True)), default=0)
    empty = nulls_of(values, low, high)
    for i, (begin, count) in enumerate(zip(begins, counts, strict=True)):
        at, end = np.searchsorted(empty, (begin, begin + count))
        if at < end:
            _refuse(
                layers,
                first + i,
                f"has {end - at} nulls among its weights: fill them, for example with "
                "pyarrow.compute.fill_null",
                int(empty[at]) - begin,
            )


def _add_shapes(
    layers: Layers,
    first: int,
    counts: list[int],
    given: list[Shape | None] | None,
    tensor_shape: Shape | None,
) -> None:
    fine: set[tuple[Shape | None, int]] = set()  # most layers of a model are like others
    for row, count in enumerate(counts, first):
        said = None if given is None else given[row]
        told = said if tensor_shape is None else tensor_shape
        shape = (count,) if told is None else told
        layers.shapes.append(shape)
        if (said, count) in fine:
            continue
        what = _misfit(said, shape, count)
        if what is None:
            fine.add((said, count))
        else:
            _refuse(layers, row, what, code=ErrorCode.BAD_SHAPE)


def _misfit(said: Shape | None, shape: Shape, count: int) -> str | None:
    """Tell why so many weights can't have a shape, if so."""
    if said is not None and said != shape:
        return f"has the shape {list(said)}, its type says {list(shape)}: drop the column shape"
    if len(shape) > wire.MAX_RANK:
        return f"has {len(shape)} dimensions, at most {wire.MAX_RANK} are possible"
    if min(shape, default=0) < 0:
        return f"has the shape {list(shape)} with a negative dimension"
    if math.prod(shape) != count:
        return f"has the shape {list(shape)} and {count} weights, not {math.prod(shape)}"
    return None


def _refuse(
    layers: Layers,
    row: int,
    reason: str,
    index: int | None = None,
    code: ErrorCode = ErrorCode.TENSOR_FAILED,
) -> None:
    name = layers.names[row]
    layers.refused.setdefault(name, TensorError(name, index, reason, code))
