"""The outcome of a batch as a table of quantized layers over the memory that it lies in.

The columns are those of the files that the Java side writes (``docs/files.md``); what is written
when follows ``TablePlan`` there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..allocator import ALIGNMENT
from ..describe import TensorType
from ..dtypes import ENCODINGS, itemsize_of
from ..errors import TensorError
from ..layout import Outcome
from ..regions import Lease
from ..wire import OutputSpec, Plan, align
from .layers import Layers, Shape
from .library import pyarrow

__all__ = ["table_of"]

_CASTS = {"fp8_e4m3": "f8_e4m3", "fp8_e5m2": "f8_e5m2"}
"""Schemes that are plain dtypes under another name, which is that of files."""

_F32 = 12
_U8 = 6
_PARAMETERS = ("scales", "zero_points")
_MOST = 2**31 - 1
"""What a binary column with 32-bit offsets holds."""

_BITS = {name: itemsize_of(code) * 8 for code, name in ENCODINGS.items()}
_UNIFORM_BITS = re.compile(r"uniform:(?:.*,)?bits=(\d{1,2})(?:\D.*)?")
_UNIFORM_GROUP = re.compile(r"uniform:(?:.*,)?group=\d.*")
_PLAIN = re.compile(r"uniform:bits=\d,group=tensor")


def table_of(outcome: Outcome, layers: Layers, types: Sequence[TensorType], failures: bool) -> Any:
    """Make the table of a batch.

    Parameters
    ----------
    outcome : Outcome
        Of a columnar batch.
    layers : Layers
        The rows of the table.
    types : sequence of TensorType
        By type number (see `Catalog`).
    failures : bool
        Whether the table has the column ``error``.

    Returns
    -------
    pyarrow.Table
        Its buffers hold the shared memory, each column its own part.
    """
    if outcome.errors:
        template = _Template(outcome, layers.names, layers.shapes)
    else:
        kept = outcome.layout.template
        if kept is None:
            shapes = [types[ids[0]].shape for ids in outcome.type_ids]
            outcome.layout.template = kept = _Template(outcome, layers.names, shapes)
        assert isinstance(kept, _Template)
        template = kept
    return template.table(outcome.lease, layers, outcome.errors if failures else None)


class _Piece(NamedTuple):
    """Rows whose bytes lie one behind the other."""

    rows: int
    begin: int
    end: int
    offsets: Any
    validity: Any
    nulls: int


class _Template:
    """All of a table but the names and the memory; the same for all batches of a layout."""

    def __init__(self, outcome: Outcome, names: Sequence[str], shapes: Sequence[Shape]) -> None:
        pa = pyarrow()
        at = {name: i for i, name in enumerate(outcome.names)}
        items = [-1 if name in outcome.errors else at[name] for name in names]
        plans = [None if i < 0 else outcome.plans[i] for i in items]
        places = [() if i < 0 else outcome.layout.offsets[i] for i in items]
        labels = [None if plan is None else _CASTS.get(plan.label, plan.label) for plan in plans]
        parts = [_described(plan, shape) for plan, shape in zip(plans, shapes, strict=True)]
        self._shapes = pa.array([list(s) for s in shapes], pa.list_(pa.int64()))
        self._bits = pa.array(
            [_bit_width(p, s) for p, s in zip(plans, shapes, strict=True)], pa.uint8()
        )
        self._schemes = None
        if not all(label is None or _PLAIN.fullmatch(label) for label in labels):
            self._schemes = pa.array(labels, pa.string())
        data = [_span(plan, place, 0) for plan, place in zip(plans, places, strict=True)]
        self.large = any(span is not None and span[1] - span[0] > _MOST for span in data) or any(
            sum(spec.byte_length for _, spec in row if not _is_parameter(spec)) > _MOST
            for row in parts
        )
        self._data = _pieces(data, 1, self.large)
        self._parameters = {
            name: _pieces(
                [_parameter(plan, place, name) for plan, place in zip(plans, places, strict=True)],
                4,
                False,
            )
            for name in _PARAMETERS
        }
        self._places = places
        self._parts = parts if any(parts) else None

    def table(
        self,
        lease: Lease | None,
        layers: Layers,
        errors: Mapping[str, TensorError] | None,
    ) -> Any:
        pa = pyarrow()
        names = layers.names
        if layers.name_column is None:
            layers.name_column = pa.array(names, pa.string())
        binary = pa.large_binary() if self.large else pa.binary()
        columns = {
            "layer_name": layers.name_column,
            "quantized_data": _bytes_column(lease, self._data, binary),
        }
        for name in _PARAMETERS:
            columns[name] = _lists_column(lease, self._parameters[name])
        columns["shape"] = self._shapes
        columns["bit_width"] = self._bits
        if self._schemes is not None:
            columns["scheme"] = self._schemes
        if self._parts is not None:
            columns["parts"] = _parts_column(lease, self._parts, self._places, binary)
        if errors is not None:
            texts = [errors[name].reason if name in errors else None for name in names]
            columns["error"] = pa.array(texts, pa.string())
        return pa.table(columns)


# --- what the columns say ---


def _bit_width(plan: Plan | None, shape: Shape) -> int | None:
    """Return the bits of a code, of a plain element, or of a block with all that is in it."""
    if plan is None:
        return None
    uniform = _UNIFORM_BITS.fullmatch(plan.label)
    if uniform is not None:
        return int(uniform[1])
    if plan.label in _BITS:
        return _BITS[plan.label]
    elements = int(np.prod(shape, dtype=np.int64))
    return min(plan.outputs[0].byte_length * 8 // elements, 255) if elements else None


def _is_parameter(spec: OutputSpec) -> bool:
    return spec.dtype == _F32 and spec.name in _PARAMETERS


def _described(plan: Plan | None, shape: Shape) -> list[tuple[int, OutputSpec]]:
    """Return the outputs that the column ``parts`` must tell of."""
    if plan is None:
        return []
    return [
        (k, spec)
        for k, spec in enumerate(plan.outputs)
        if k and not (_is_parameter(spec) and spec.shape == _usual_shape(plan.label, shape, spec))
    ]


def _usual_shape(label: str, shape: Shape, spec: OutputSpec) -> Shape:
    """Return the shape that parameters have if nothing tells it."""
    count = int(np.prod(spec.shape, dtype=np.int64))
    rows = shape[0] if len(shape) > 1 else 1
    if count and rows and count % rows == 0 and _UNIFORM_GROUP.fullmatch(label):
        return rows, count // rows
    return (count,)


# --- where things lie ---

Span = tuple[int, int]


def _span(plan: Plan | None, place: tuple[int, ...], k: int) -> Span | None:
    return None if plan is None else (place[k], place[k] + plan.outputs[k].byte_length)


def _parameter(plan: Plan | None, place: tuple[int, ...], name: str) -> Span | None:
    if plan is not None:
        for k, spec in enumerate(plan.outputs):
            if k and spec.name == name and _is_parameter(spec):
                return _span(plan, place, k)
    return None


def _pieces(spans: Sequence[Span | None], size: int, large: bool) -> list[_Piece]:
    """Cut a column where bytes don't follow each other, or more follow than offsets reach.

    Parameters
    ----------
    spans : sequence of (begin, end) or None
        The bytes of each row.
    size : int
        Bytes of a value.
    large : bool
        Whether offsets have 64 bits.
    """
    pieces = []
    first, begin, end = 0, -1, -1
    for row, span in enumerate(spans):
        if span is None:
            continue
        starts = begin < 0
        if starts:
            begin = span[0]
        elif span[0] != end or (not large and (span[1] - begin) // size > _MOST):
            pieces.append(_piece(spans[first:row], begin, end, size, large))
            first, begin = row, span[0]
        end = span[1]
    pieces.append(_piece(spans[first:], max(begin, 0), max(end, 0), size, large))
    return pieces


def _piece(spans: Sequence[Span | None], begin: int, end: int, size: int, large: bool) -> _Piece:
    pa = pyarrow()
    lengths = [0 if span is None else (span[1] - span[0]) // size for span in spans]
    offsets = np.zeros(len(spans) + 1, np.int64 if large else np.int32)
    np.cumsum(lengths, out=offsets[1:])
    valid = np.array([span is not None for span in spans], bool)
    nulls = len(spans) - int(valid.sum())
    bits = pa.py_buffer(np.packbits(valid, bitorder="little")) if nulls else None
    return _Piece(len(spans), begin, end, pa.py_buffer(offsets), bits, nulls)


def _buffer(lease: Lease | None, begin: int, end: int) -> Any:
    """Return a span of a lease as a buffer that holds only this part of it."""
    pa = pyarrow()
    if lease is None or end <= begin:
        return pa.py_buffer(b"")
    return pa.foreign_buffer(lease.region.address + lease.offset + begin, end - begin, lease)


def _own_part(lease: Lease | None, pieces: Sequence[_Piece]) -> tuple[Lease | None, int]:
    """Carve the part of a column out of the lease; give it, and where in the lease it begins."""
    used = [piece for piece in pieces if piece.end > piece.begin]
    if lease is None or not used:
        return None, 0
    begin = used[0].begin // ALIGNMENT * ALIGNMENT
    end = align(used[-1].end, ALIGNMENT)
    return lease.carve(begin, end - begin), begin


def _bytes_column(lease: Lease | None, pieces: Sequence[_Piece], binary: Any) -> Any:
    pa = pyarrow()
    part, base = _own_part(lease, pieces)
    chunks = [
        pa.Array.from_buffers(
            binary,
            piece.rows,
            [piece.validity, piece.offsets, _buffer(part, piece.begin - base, piece.end - base)],
            piece.nulls,
        )
        for piece in pieces
    ]
    return pa.chunked_array(chunks, binary)


def _lists_column(lease: Lease | None, pieces: Sequence[_Piece]) -> Any:
    pa = pyarrow()
    part, base = _own_part(lease, pieces)
    kind = pa.list_(pa.float32())
    chunks = []
    for piece in pieces:
        buffer = _buffer(part, piece.begin - base, piece.end - base)
        count = (piece.end - piece.begin) // 4
        values = pa.Array.from_buffers(pa.float32(), count, [None, buffer], 0)
        chunks.append(
            pa.Array.from_buffers(
                kind, piece.rows, [piece.validity, piece.offsets], piece.nulls, 0, [values]
            )
        )
    return pa.chunked_array(chunks, kind)


def _parts_column(
    lease: Lease | None,
    parts: Sequence[Sequence[tuple[int, OutputSpec]]],
    places: Sequence[tuple[int, ...]],
    binary: Any,
) -> Any:
    """Copy the smaller parts of schemes: they can't lie without gaps."""
    pa = pyarrow()
    flat = [(row, k, spec) for row, described in enumerate(parts) for k, spec in described]
    data = [
        None if _is_parameter(spec) else _copy(lease, places[row][k], spec.byte_length)
        for row, k, spec in flat
    ]
    offsets = np.zeros(len(parts) + 1, np.int32)
    np.cumsum([len(described) for described in parts], out=offsets[1:])
    structs = pa.StructArray.from_arrays(
        [
            pa.array([spec.name for _, _, spec in flat], pa.string()),
            pa.array([ENCODINGS[spec.dtype] for _, _, spec in flat], pa.string()),
            pa.array([list(spec.shape) for _, _, spec in flat], pa.list_(pa.int64())),
            pa.array(data, binary),
        ],
        ["name", "dtype", "shape", "data"],
    )
    return pa.ListArray.from_arrays(pa.array(offsets), structs)


def _copy(lease: Lease | None, begin: int, length: int) -> npt.NDArray[np.uint8] | bytes:
    if lease is None or not length:
        return b""
    return bytes(lease.array(begin, _U8, (length,)))
