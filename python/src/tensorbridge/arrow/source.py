"""What may be handed over as a table: PyArrow's own, and anything with the PyCapsule interface."""

from __future__ import annotations

from typing import Any

from ..errors import ErrorCode, FormatError, OptionError
from .library import pyarrow

__all__ = ["table_from"]


def table_from(source: Any) -> Any:
    """See a source as a ``pyarrow.Table``, without copying its buffers.

    Parameters
    ----------
    source : object
        A table, a record batch, a reader of record batches (which is read to its end), or anything
        with ``__arrow_c_stream__`` or ``__arrow_c_array__``: the frames of polars and pandas, the
        relations of duckdb, nanoarrow, arro3.

    Raises
    ------
    OptionError
        If it is none of these.
    FormatError
        If its stream fails.
    """
    pa = pyarrow()
    if isinstance(source, pa.Table):
        return source
    if isinstance(source, pa.RecordBatch):
        return pa.Table.from_batches([source])
    try:
        if isinstance(source, pa.RecordBatchReader):
            return source.read_all()
        if hasattr(source, "__arrow_c_stream__"):
            return pa.RecordBatchReader.from_stream(source).read_all()
        if hasattr(source, "__arrow_c_array__"):
            return pa.Table.from_batches([pa.record_batch(source)])
    except (pa.ArrowException, OSError) as error:
        raise FormatError(
            None, f"the {_kind(source)} can't be read as a table: {error}", ErrorCode.BAD_FORMAT
        ) from error
    raise OptionError(
        f"a {_kind(source)} is no Arrow table: pass a pyarrow.Table, which pyarrow.table(...) "
        "makes, a record batch, a reader, or anything with __arrow_c_stream__",
        ErrorCode.BAD_OPTION,
    )


def _kind(source: Any) -> str:
    kind = type(source)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
