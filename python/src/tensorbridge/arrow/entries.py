"""What a bridge does with Arrow tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from .. import wire
from ..batches import Executor, Settings
from ..describe import Catalog
from ..driver import Steps, drive, drive_async
from ..errors import ErrorCode, OptionError
from ..layout import Outcome
from ..options import quantize_options, with_vectors
from ..regions import Pool
from ..ring import Ring
from .inputs import Tables

if TYPE_CHECKING:
    import pyarrow

__all__ = ["ACCESS", "ArrowEntries"]

ACCESS = {"read": wire.READ, "readwrite": wire.READWRITE}


class ArrowEntries:
    """The part of `Bridge` that takes and gives Arrow tables.

    PyArrow is imported by the first call; it is the extra ``arrow`` of the package.
    """

    _pool: Pool
    _ring: Ring
    _catalog: Catalog
    _executor: Executor
    _tables: Tables

    if TYPE_CHECKING:

        def _require_open(self) -> None: ...

        def _settings(
            self, continue_on_error: bool, threads: int | None, timeout: float | None
        ) -> Settings: ...

    def quantize_arrow(
        self,
        table: Any,
        scheme: str = "uniform",
        bit_width: int | None = None,
        group_size: int | str | None = None,
        overrides: Mapping[str, str] | None = None,
        continue_on_error: bool = False,
        progress_callback: Callable[[float], object] | None = None,
        threads: int | None = None,
        timeout: float | None = None,
        nonfinite: str = "error",
        *,
        importance: Mapping[str, Any] | None = None,
        activations: Mapping[str, Any] | None = None,
        timesteps: Mapping[str, Any] | None = None,
    ) -> pyarrow.Table:
        """Quantize the layers of an Arrow table.

        Rows that lie in shared memory (`share_arrow`, `empty_table`, or a column over an array of
        `empty`) are read where they are; others are copied once.

        Parameters
        ----------
        table : pyarrow.Table, RecordBatch or RecordBatchReader, or an exporter
            Also anything with ``__arrow_c_stream__`` or ``__arrow_c_array__``, as polars, duckdb,
            pandas, nanoarrow and arro3 have it. A reader is read to its end. The columns are
            ``layer_name`` (any string type, no two alike), ``weights`` (lists of any kind, or
            fixed-shape tensors, of 16, 32 or 64-bit floats) and, if wanted, ``shape`` (lists of
            integers); a layer without a shape is a vector. Other columns are ignored.
        scheme, bit_width, group_size, overrides, progress_callback, threads, timeout, nonfinite
            See `quantize_batch`.
        continue_on_error : bool
            Whether a layer that fails leaves the others running. The result then has the column
            ``error``, with what is wrong or null, and a failed row is null in the others but name
            and shape.
        importance, activations, timesteps : mapping of str to array_like, optional
            See `quantize_batch`.

        Returns
        -------
        pyarrow.Table
            ``layer_name``: string, ``quantized_data``: binary, ``scales`` and ``zero_points``:
            list<float> (null where the scheme has none), ``shape``: list<int64>, ``bit_width``:
            uint8; ``scheme``: string, unless all rows are ``uniform`` with one scale a tensor;
            ``parts``, if a scheme stores more than these can hold; see ``docs/arrow-python.md``.
            One row for each row of the input, in its order. Codes, scales and zero points lie in
            shared memory, which their arrays hold, also after the bridge has gone. The codes are
            one chunk, unless they pass 2 GiB.

        Raises
        ------
        OptionError
            If the columns are other ones (the message shows both schemas side by side), or an
            option is not acceptable.
        TensorError
            If a layer has nulls, a shape that doesn't fit, or the name of another one, or failed.
        FormatError
            If a stream breaks off.
        ResourceError
            If PyArrow is missing.
        BridgeError
            As for `run`.
        """
        settings, steps = self._quantize_table(
            (table, continue_on_error, threads, timeout),
            (scheme, bit_width, group_size, overrides, nonfinite),
            {"importance": importance, "activations": activations, "timesteps": timesteps},
        )
        return drive(self._ring, steps, settings.deadline, progress_callback)

    async def quantize_arrow_async(
        self,
        table: Any,
        scheme: str = "uniform",
        bit_width: int | None = None,
        group_size: int | str | None = None,
        overrides: Mapping[str, str] | None = None,
        continue_on_error: bool = False,
        threads: int | None = None,
        timeout: float | None = None,
        nonfinite: str = "error",
        *,
        importance: Mapping[str, Any] | None = None,
        activations: Mapping[str, Any] | None = None,
        timesteps: Mapping[str, Any] | None = None,
    ) -> pyarrow.Table:
        """Do the same as `quantize_arrow` in an event loop."""
        settings, steps = self._quantize_table(
            (table, continue_on_error, threads, timeout),
            (scheme, bit_width, group_size, overrides, nonfinite),
            {"importance": importance, "activations": activations, "timesteps": timesteps},
        )
        return await drive_async(self._ring, steps, settings.deadline)

    def share_arrow(self, table: Any, access: str = "read") -> pyarrow.Table:
        """Copy an Arrow table into shared memory, once.

        Parameters
        ----------
        table : pyarrow.Table, RecordBatch or RecordBatchReader, or an exporter
            Of any columns; see `quantize_arrow`. Of a slice, the slice alone is copied.
        access : {"read", "readwrite"}
            See `empty`.

        Returns
        -------
        pyarrow.Table
            Equal to the input, chunks and metadata too, with all buffers in one region, aligned to
            64 bytes; those of views, maps, unions and run-end encoded arrays to 8. Each column
            gives its part back when its last array goes.

        Raises
        ------
        OptionError, FormatError, ResourceError
            As for `quantize_arrow`.
        QuotaError
            If the server allows no more memory.
        """
        from .tables import share_table

        self._require_open()
        return share_table(self._pool, table, _access(access))

    def empty_table(
        self,
        schema: Any,
        rows: int,
        *,
        lengths: Mapping[str, Sequence[int] | int] | None = None,
        columns: Mapping[str, Any] | None = None,
        access: str = "read",
    ) -> pyarrow.Table:
        """Return a new table in shared memory, of unspecified contents and without nulls.

        Parameters
        ----------
        schema : pyarrow.Schema, or what ``pyarrow.schema`` takes
            Columns of fixed width, fixed-size lists, fixed-shape tensors, and lists of such.
        rows : int
        lengths : mapping of str to int or sequence of int, optional
            How long the lists of a column are.
        columns : mapping of str to array_like, optional
            Columns whose values are known, of any type: they are copied.
        access : {"read", "readwrite"}
            See `empty`.

        Returns
        -------
        pyarrow.Table
            One chunk a column, all in one region; `writable` gives the views to fill it.

        Raises
        ------
        OptionError
            If a column can't be made, or lengths or values don't fit.
        QuotaError, ResourceError
            If there is no memory, or no PyArrow.

        Examples
        --------
        >>> schema = {"layer_name": "string", "weights": pyarrow.list_(pyarrow.float32())}
        >>> table = bridge.empty_table(  # doctest: +SKIP
        ...     schema, 2, lengths={"weights": [6, 4]}, columns={"layer_name": ["a", "b"]}
        ... )
        >>> first, second = bridge.writable(table["weights"])  # doctest: +SKIP
        """
        from .tables import empty_table

        self._require_open()
        return empty_table(self._pool, schema, rows, lengths or {}, columns or {}, _access(access))

    def writable(self, column: Any) -> npt.NDArray[Any] | list[npt.NDArray[Any]]:
        """Return views that write a column of `empty_table` or `share_arrow`.

        Arrow takes columns for immutable: write before others read, and never while a batch reads.

        Parameters
        ----------
        column : pyarrow.ChunkedArray or Array
            With one chunk, of fixed width or lists of such.

        Returns
        -------
        numpy.ndarray or list of numpy.ndarray
            One value a row; a row of the array for each fixed-size list or tensor, as it lies in
            memory; for lists an array for each row. They hold the memory.

        Raises
        ------
        OptionError
            If the column lies elsewhere, or NumPy has no such values.
        """
        from .tables import writable

        return writable(self._pool, column)

    def _quantize_table(
        self,
        run: tuple[Any, bool, int | None, float | None],
        chosen: tuple[str, int | None, int | str | None, Mapping[str, str] | None, str],
        vectors: dict[str, Mapping[str, Any] | None],
    ) -> tuple[Settings, Steps[Any]]:
        """Describe a table and begin its batch."""
        from .quantized import table_of

        source, continue_on_error, threads, timeout = run
        settings = self._settings(continue_on_error, threads, timeout)
        inputs = self._tables.inputs(source, continue_on_error)
        layers = inputs.layers
        option_sets, set_indices = quantize_options(layers.names, *chosen)
        given: dict[str, Any] = {}
        if any(vectors.values()):
            joined = with_vectors(dict.fromkeys(layers.names), **vectors)
            given = {name: pair[1] for name, pair in joined.items() if pair is not None}
        batch = inputs.batch(option_sets, set_indices, given, self._catalog)

        def conclude(outcome: Outcome) -> Any:
            return table_of(outcome, layers, self._catalog.types, continue_on_error)

        if not batch.names:
            return settings, _at_once(conclude(Outcome.empty(batch)))
        return settings, self._executor.run(batch, settings, conclude)


def _at_once(result: Any) -> Steps[Any]:
    """Give a result that needs no step."""
    return result
    yield  # makes it a generator


def _access(access: str) -> int:
    if access not in ACCESS:
        raise OptionError(
            f'access {access!r} is neither "read" nor "readwrite"', ErrorCode.BAD_OPTION
        )
    return ACCESS[access]
