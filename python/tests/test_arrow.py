"""Arrow tables become batches, and batches become tables, over shared memory."""

from __future__ import annotations

import asyncio
import gc
import re
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tensorbridge as tb
from conftest import ROOT, run_python, weights
from layer_tables import PARTED, SCHEMES, Arrays, table_of
from tensorbridge import wire
from tensorbridge.dtypes import CODES, ENCODINGS
from tensorbridge.errors import ErrorCode
from tensorbridge.layout import Layout


def layers(rng: np.random.Generator, count: int = 5) -> Arrays:
    return {f"layer.{i}.größe": weights(rng, i + 1, 3, 32) for i in range(count)}


def assert_same(table: pa.Table, result: tb.BatchResult[tb.QuantizedTensor]) -> None:
    """Compare a table with what the NumPy path gave."""
    table.validate(full=True)
    rows = table.to_pylist()
    assert [row["layer_name"] for row in rows] == list(result)
    for row in rows:
        tensor = result[row["layer_name"]]
        assert row["quantized_data"] == bytes(tensor.data)
        assert row["shape"] == list(tensor.shape)
        scheme = re.sub("^fp8_(e...)$", r"f8_\1", tensor.scheme)
        assert row.get("scheme", scheme) == scheme
        rest = dict(tensor.parts)
        del rest["data"]
        described = {part["name"]: part for part in row.get("parts") or ()}
        for name, part in rest.items():
            data = bytes(np.ascontiguousarray(part))
            if name in described:
                assert described[name]["shape"] == list(part.shape)
            if name in described and described[name]["data"] is not None:
                assert described[name]["data"] == data
            else:
                assert np.array(row[name], "<f4").tobytes() == data
        for name in {"scales", "zero_points"} - set(rest):
            assert row[name] is None


@contextmanager
def copied_bytes(bridge: tb.Bridge) -> Iterator[Callable[[], int]]:
    """Count what goes into memory that is leased for inputs, and what PyArrow allocates."""
    taken: list[int] = []
    take = bridge._pool.take

    def counting(length: int, access: int, deadline: float | None = None) -> Any:
        if access == wire.READ:
            taken.append(length)
        return take(length, access, deadline)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bridge._pool, "take", counting)
        yield lambda: sum(taken)


def used(bridge: tb.Bridge) -> int:
    gc.collect()
    bridge.run("noop", {"a": np.zeros(1)})
    return bridge.usage()[1]


# --- what comes out ---


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_table_has_the_bytes_of_the_numpy_path(
    bridge: tb.Bridge, rng: np.random.Generator, scheme: str
) -> None:
    arrays = {f"a{i}": weights(rng, i + 1, 256) for i in range(4)}
    table = bridge.quantize_arrow(table_of(arrays), scheme)
    assert_same(table, bridge.quantize_batch(arrays, scheme))
    assert table["quantized_data"].num_chunks == 1


def test_the_columns_are_those_of_the_seed(bridge: tb.Bridge, rng: np.random.Generator) -> None:
    expected = pa.schema(
        [
            ("layer_name", pa.string()),
            ("quantized_data", pa.binary()),
            ("scales", pa.list_(pa.float32())),
            ("zero_points", pa.list_(pa.float32())),
            ("shape", pa.list_(pa.int64())),
            ("bit_width", pa.uint8()),
        ]
    )
    assert bridge.quantize_arrow(table_of(layers(rng)), bit_width=4).schema == expected
    with_scheme = bridge.quantize_arrow(table_of(layers(rng)), bit_width=4, group_size=32)
    assert with_scheme.schema == expected.append(pa.field("scheme", pa.string()))


def test_overrides_and_vectors_are_those_of_quantize_batch(
    bridge: tb.Bridge, rng: np.random.Generator
) -> None:
    arrays = {f"a{i}.weight": weights(rng, 8, 256) for i in range(6)}
    options: dict[str, Any] = {
        "overrides": {"a[12].*": "q4_k", "a3.*": "int4", "a4.*": "f16"},
        "importance": {"a1.weight": np.arange(1, 257, dtype=np.float32)},
        "nonfinite": "clip",
    }
    table = bridge.quantize_arrow(table_of(arrays), "q8_0", **options)
    assert_same(table, bridge.quantize_batch(arrays, "q8_0", **options))


def test_codes_of_odd_lengths_lie_without_gaps(bridge: tb.Bridge, rng: np.random.Generator) -> None:
    arrays = {f"a{n}": weights(rng, n) for n in (1, 0, 3, 0, 77, 64, 129, 5)}
    table = bridge.quantize_arrow(table_of(arrays), bit_width=2)
    assert_same(table, bridge.quantize_batch(arrays, bit_width=2))
    assert table["quantized_data"].num_chunks == 1
    for name in ("quantized_data", "scales", "zero_points"):
        chunk = table[name].chunk(0)
        values = chunk if name == "quantized_data" else chunk.values
        assert values.buffers()[-1].address % 64 == 0


def test_outputs_of_a_column_lie_without_gaps_where_elements_allow_it() -> None:
    def plan(dtype: int, count: int) -> wire.Plan:
        data = wire.OutputSpec("data", dtype, (count,), count * CODES[dtype][1])
        return wire.Plan("x", 0, (data, wire.OutputSpec("scales", 12, (1,), 4)))

    layout = Layout([plan(6, 3), plan(6, 5), plan(12, 2)], [0] * 3, [0] * 3, [0] * 3, None, True)
    assert layout.offsets == [(0, 64), (3, 68), (8, 72)]
    layout = Layout([plan(6, 3), plan(12, 2), plan(6, 5)], [0] * 3, [0] * 3, [0] * 3, None, True)
    assert layout.offsets == [(0, 64), (4, 68), (12, 72)]
    assert layout.total == 128


@pytest.mark.parametrize("scheme", ["q8_0", "uniform:bits=4,group=32", PARTED])
def test_more_codes_than_offsets_reach_begin_a_chunk(
    bridge: tb.Bridge, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    arrays = {f"a{i}": weights(rng, i + 1, 256) for i in range(6)}
    longest = bridge.quantize_batch(arrays, scheme)["a5"].data.nbytes
    monkeypatch.setattr("tensorbridge.arrow.quantized._MOST", longest)
    table = bridge.quantize_arrow(table_of(arrays), scheme)
    assert_same(table, bridge.quantize_batch(arrays, scheme))
    assert table.schema.field("quantized_data").type == pa.binary()
    assert table["quantized_data"].num_chunks > 1
    monkeypatch.setattr("tensorbridge.arrow.quantized._MOST", longest - 1)
    del arrays["a0"]
    large = bridge.quantize_arrow(table_of(arrays), scheme)
    assert_same(large, bridge.quantize_batch(arrays, scheme))
    assert large.schema.field("quantized_data").type == pa.large_binary()
    assert large["quantized_data"].num_chunks == 1


def test_threads_quantize_tables_at_once(bridge: tb.Bridge, rng: np.random.Generator) -> None:
    ordinary = table_of(layers(rng, 20))
    shared = bridge.share_arrow(ordinary)
    expected = bridge.quantize_arrow(ordinary, "q8_0")
    failures: list[object] = []

    def work() -> None:
        for i in range(15):
            source = (shared, ordinary, shared.slice(0))[i % 3]
            result = bridge.quantize_arrow(source, "q8_0")
            if not result.equals(expected):
                failures.append(result)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_a_late_batch_ends_and_leaves_the_bridge_usable(bridge: tb.Bridge) -> None:
    table = bridge.share_arrow(table_of({"a": np.ones((4096, 4096), np.float32)}))
    with pytest.raises(tb.TimeoutError):
        bridge.quantize_arrow(table, "hqq", timeout=0.001)
    assert bridge.quantize_arrow(table, "q8_0").num_rows == 1


def test_an_empty_table_gives_an_empty_table(bridge: tb.Bridge) -> None:
    for table in (table_of({}), table_of({"a": np.zeros(3, np.float32)}).slice(1)):
        result = bridge.quantize_arrow(table)
        result.validate(full=True)
        assert result.num_rows == 0
        assert result.column_names[:2] == ["layer_name", "quantized_data"]


def test_tensors_without_elements_are_rows(bridge: tb.Bridge) -> None:
    arrays = {"a": np.zeros((0, 4), np.float32), "b": np.zeros(0, np.float32)}
    assert_same(bridge.quantize_arrow(table_of(arrays)), bridge.quantize_batch(arrays))


def test_an_event_loop_gets_the_same(bridge: tb.Bridge, rng: np.random.Generator) -> None:
    table = table_of(layers(rng))
    both = asyncio.run(_twice(bridge, table))
    assert all(result.equals(bridge.quantize_arrow(table, "q8_0")) for result in both)


async def _twice(bridge: tb.Bridge, table: pa.Table) -> list[pa.Table]:
    return await asyncio.gather(
        bridge.quantize_arrow_async(table, "q8_0"), bridge.quantize_arrow_async(table, "q8_0")
    )


def test_progress_rises_to_one(bridge: tb.Bridge, rng: np.random.Generator) -> None:
    told: list[float] = []
    bridge.quantize_arrow(table_of(layers(rng)), progress_callback=told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_the_names_of_dtypes_are_those_of_the_specification() -> None:
    text = (ROOT / "spec" / "tensor-descriptor.md").read_text()
    cells = [cell.strip() for line in text.splitlines() for cell in line.split("|")]
    told = {
        int(cells[i]): cells[i + 1]
        for i in range(len(cells) - 1)
        if cells[i].isdigit() and cells[i + 1] in ENCODINGS.values()
    }
    assert told == ENCODINGS
    assert list(ENCODINGS) == list(CODES)


# --- what goes in ---


@pytest.mark.parametrize("floats", [pa.float16(), pa.float32(), pa.float64()])
@pytest.mark.parametrize(
    "kind", [pa.list_, pa.large_list, pa.list_view, pa.large_list_view, lambda t: pa.list_(t, 64)]
)
def test_every_kind_of_list_is_taken(
    bridge: tb.Bridge, rng: np.random.Generator, kind: Callable[[Any], Any], floats: Any
) -> None:
    arrays = {f"a{i}": weights(rng, 2, 32).astype(f"f{floats.bit_width // 8}") for i in range(7)}
    expected = bridge.quantize_batch(arrays, "q8_0")
    table = table_of(arrays, kind(floats))
    assert_same(bridge.quantize_arrow(table, "q8_0"), expected)
    sliced = pa.concat_tables([table.slice(5), table.slice(0, 2), table.slice(2, 3)])
    order = [*list(arrays)[5:], *list(arrays)[:5]]
    assert_same(
        bridge.quantize_arrow(sliced, "q8_0"),
        bridge.quantize_batch({name: arrays[name] for name in order}, "q8_0"),
    )


@pytest.mark.parametrize(
    "name_type",
    [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())],
)
def test_every_kind_of_name_is_taken(
    bridge: tb.Bridge, rng: np.random.Generator, name_type: Any
) -> None:
    arrays = layers(rng)
    table = bridge.quantize_arrow(table_of(arrays, name_type=name_type))
    assert table["layer_name"].to_pylist() == list(arrays)
    assert table.schema.field("layer_name").type == pa.string()


@pytest.mark.parametrize("permutation", [None, [0, 1, 2], [2, 0, 1]])
def test_fixed_shape_tensors_bring_their_shape(
    bridge: tb.Bridge, rng: np.random.Generator, permutation: list[int] | None
) -> None:
    cube = weights(rng, 4, 2, 3, 32)
    kind = pa.fixed_shape_tensor(pa.float32(), [2, 3, 32], permutation=permutation)
    storage = pa.FixedSizeListArray.from_arrays(cube.reshape(-1), 192)
    names = [f"a{i}" for i in range(4)]
    table = pa.table(
        {"layer_name": names, "weights": pa.ExtensionArray.from_storage(kind, storage)}
    )
    order = permutation or [0, 1, 2]
    arrays = {name: cube[i].transpose(order) for i, name in enumerate(names)}
    for source in (table, bridge.share_arrow(table)):
        result = bridge.quantize_arrow(source.slice(1), "uniform:bits=8,group=row")
        expected = {name: arrays[name] for name in names[1:]}
        assert_same(result, bridge.quantize_batch(expected, "uniform:bits=8,group=row"))


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_any_chunks_slices_and_shapes_give_the_same_bytes(
    bridge: tb.Bridge, data: st.DataObject
) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 9)))
    shapes = data.draw(st.lists(st.lists(st.integers(0, 5), max_size=4), max_size=9))
    arrays = {f"a{i}": weights(rng, *shape) for i, shape in enumerate(shapes)}
    kind = data.draw(st.sampled_from([pa.list_, pa.large_list, pa.list_view]))(pa.float32())
    table = table_of(arrays, kind)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(shapes)), max_size=3)))
    edges = [0, *cuts, len(shapes)]
    column = [table["weights"].chunk(0).slice(a, b - a) for a, b in pairwise(edges)]
    table = table.set_column(1, "weights", pa.chunked_array(column, kind))
    if data.draw(st.booleans()):
        table = bridge.share_arrow(table)
        table.validate(full=True)
    low = data.draw(st.integers(0, len(shapes)))
    result = bridge.quantize_arrow(table.slice(low), bit_width=4)
    names = list(arrays)[low:]
    assert_same(result, bridge.quantize_batch({n: arrays[n] for n in names}, bit_width=4))


def test_batches_and_readers_are_taken(bridge: tb.Bridge, rng: np.random.Generator) -> None:
    table = table_of(layers(rng))
    expected = bridge.quantize_arrow(table, "q8_0")
    (batch,) = table.to_batches()
    reader = pa.RecordBatchReader.from_batches(table.schema, iter(table.to_batches(2)))
    for source in (batch, reader, _Exporter(table), _ArrayExporter(batch)):
        assert bridge.quantize_arrow(source, "q8_0").equals(expected)


class _Exporter:
    """Has ``__arrow_c_stream__`` and nothing else."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._table.__arrow_c_stream__(requested_schema)


class _ArrayExporter:
    """Has ``__arrow_c_array__`` and nothing else."""

    def __init__(self, batch: pa.RecordBatch) -> None:
        self._batch = batch

    def __arrow_c_array__(self, requested_schema: object = None) -> object:
        return self._batch.__arrow_c_array__(requested_schema)


def _polars(table: pa.Table) -> Any:
    import polars as pl

    return pl.DataFrame(
        {
            "layer_name": table["layer_name"].to_pylist(),
            "weights": pl.Series(table["weights"].to_pylist(), dtype=pl.List(pl.Float32)),
            "shape": pl.Series(table["shape"].to_pylist(), dtype=pl.List(pl.Int64)),
        }
    )


def _polars_arrays(table: pa.Table) -> Any:
    import polars as pl

    frame = _polars(table)
    return frame.with_columns(
        pl.col("weights").cast(pl.Array(pl.Float32, 96)),
        pl.col("layer_name").cast(pl.Categorical),
    )


def _duckdb(table: pa.Table) -> Any:
    import duckdb

    connection = duckdb.connect()
    connection.register("layers", table)
    return connection.sql("SELECT * FROM layers")


def _duckdb_arrays(table: pa.Table) -> Any:
    import duckdb

    connection = duckdb.connect()
    connection.register("layers", table)
    return connection.sql(
        "SELECT layer_name, weights::FLOAT[96] AS weights, shape::INTEGER[2] AS shape FROM layers"
    )


def _nanoarrow(table: pa.Table) -> Any:
    import nanoarrow as na

    return na.c_array_stream(table)


def _nanoarrow_array(table: pa.Table) -> Any:
    import nanoarrow as na

    return na.c_array(table.combine_chunks().to_batches()[0])


def _arro3(table: pa.Table) -> Any:
    import arro3.core

    return arro3.core.Table.from_arrow(table)


def _arro3_batch(table: pa.Table) -> Any:
    import arro3.core

    return arro3.core.RecordBatch.from_arrow(table.combine_chunks().to_batches()[0])


@pytest.mark.parametrize(
    "peer",
    [
        _polars,
        _polars_arrays,
        _duckdb,
        _duckdb_arrays,
        _nanoarrow,
        _nanoarrow_array,
        _arro3,
        _arro3_batch,
    ],
)
def test_tables_of_other_libraries_are_taken(
    bridge: tb.Bridge, rng: np.random.Generator, peer: Callable[[pa.Table], Any]
) -> None:
    arrays = {f"layer.{i}.größe": weights(rng, 3, 32) for i in range(5)}
    source = peer(table_of(arrays))
    assert_same(bridge.quantize_arrow(source, "q8_0"), bridge.quantize_batch(arrays, "q8_0"))


def test_results_go_to_other_libraries(bridge: tb.Bridge, rng: np.random.Generator) -> None:
    import arro3.core
    import duckdb
    import polars as pl

    table = bridge.quantize_arrow(table_of(layers(rng)), "nf4:double=true")
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    assert frame["quantized_data"].to_list() == table["quantized_data"].to_pylist()
    with duckdb.connect() as connection:
        connection.register("layers", table)
        query = "SELECT sum(octet_length(quantized_data)) FROM layers"
        (counted,) = connection.sql(query).fetchall()
    assert counted == (pc.sum(pc.binary_length(table["quantized_data"])).as_py(),)
    assert pa.table(arro3.core.Table.from_arrow(table)).equals(table)


# --- what is refused ---


def test_nulls_are_refused_by_name(bridge: tb.Bridge) -> None:
    kind = pa.list_(pa.float32())
    table = pa.table(
        {
            "layer_name": list("abcd"),
            "weights": pa.array([[1.0], None, [1.0, 2.0, None, None], [3.0]], kind),
        }
    )
    with pytest.raises(tb.TensorError, match=r'"b": has no weights \(null\): leave the row out'):
        bridge.quantize_arrow(table)
    with pytest.raises(tb.TensorError, match=r'"c" at flat index 2: has 2 nulls') as caught:
        bridge.quantize_arrow(table.slice(2))
    assert (caught.value.name, caught.value.index) == ("c", 2)
    # A null of another row, or under a null row, is none of ours.
    assert bridge.quantize_arrow(table.slice(3)).num_rows == 1
    unnamed = pa.table({"layer_name": ["a", None], "weights": pa.array([[1.0], [2.0]], kind)})
    with pytest.raises(tb.OptionError, match="row 1 has no layer_name"):
        bridge.quantize_arrow(unnamed)


def test_nonfinite_values_are_told_with_their_place(bridge: tb.Bridge) -> None:
    table = table_of({"a": np.ones((2, 2), np.float32), "b": np.array([[1, np.nan]], np.float32)})
    with pytest.raises(tb.TensorError, match='"b" at flat index 1') as caught:
        bridge.quantize_arrow(table)
    assert caught.value.code == ErrorCode.NON_FINITE


def test_two_rows_of_one_name_are_refused(bridge: tb.Bridge) -> None:
    table = pa.concat_tables([table_of({"a": np.ones(3, np.float32)})] * 2)
    with pytest.raises(tb.TensorError, match='"a": is in rows 0 and 1'):
        bridge.quantize_arrow(table, continue_on_error=True)


@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        ([2, 2], r"the shape \[2, 2\] and 3 weights, not 4"),
        ([-1, -3], r"\[-1, -3\] with a negative dimension"),
        ([1] * 65, "65 dimensions"),
        ([3, None], "a null in its shape"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(
    bridge: tb.Bridge, shape: list[int | None], reason: str
) -> None:
    table = table_of({"a": np.ones(3, np.float32)})
    table = table.set_column(2, "shape", pa.array([shape], pa.list_(pa.int64())))
    with pytest.raises(tb.TensorError, match=reason):
        bridge.quantize_arrow(table)


def test_a_shape_beside_tensors_must_agree(bridge: tb.Bridge) -> None:
    kind = pa.fixed_shape_tensor(pa.float32(), [2, 3])
    storage = pa.FixedSizeListArray.from_arrays(np.ones(6, np.float32), 6)
    columns = {"layer_name": ["a"], "weights": pa.ExtensionArray.from_storage(kind, storage)}
    assert bridge.quantize_arrow(pa.table({**columns, "shape": [[2, 3]]})).num_rows == 1
    with pytest.raises(tb.TensorError, match=r"its type says \[2, 3\]"):
        bridge.quantize_arrow(pa.table({**columns, "shape": [[3, 2]]}))


@pytest.mark.parametrize(
    ("table", "what", "remedy"),
    [
        ({"name": ["a"], "weights": [[1.0]]}, '"layer_name" is missing', "rename_columns"),
        ({"layer_name": ["a"], "quantized_data": [b"a"]}, '"weights" is missing', "already"),
        ({"layer_name": [1], "weights": [[1.0]]}, '"layer_name" holds no text', "string"),
        ({"layer_name": ["a"], "weights": [[1]]}, '"weights" holds no lists', "cast it"),
        ({"layer_name": ["a"], "weights": [1.0]}, '"weights" holds no lists', "cast it"),
        (
            {"layer_name": ["a"], "weights": [[1.0]], "shape": ["1"]},
            '"shape" holds no lists',
            "drop it",
        ),
    ],
)
def test_wrong_columns_are_shown_beside_the_right_ones(
    bridge: tb.Bridge, table: dict[str, Any], what: str, remedy: str
) -> None:
    with pytest.raises(tb.OptionError) as caught:
        bridge.quantize_arrow(pa.table(table))
    lines = str(caught.value).splitlines()
    assert what in lines[0]
    assert lines[1].split() == ["expected", "actual"]
    assert lines[2].startswith("  layer_name: string")
    assert len({line.rfind("  ") for line in lines[1:5] if not line.endswith("-")}) == 1
    assert remedy in lines[-1]


def test_a_column_of_nulls_is_no_column_of_shapes(bridge: tb.Bridge) -> None:
    table = pa.table({"layer_name": ["a"], "weights": [[1.0, 2.0]], "shape": [None]})
    assert bridge.quantize_arrow(table)["shape"].to_pylist() == [[2]]


def test_what_is_no_table_is_refused(bridge: tb.Bridge) -> None:
    for source in ({"layer_name": ["a"]}, [1], None, np.zeros(3)):
        with pytest.raises(tb.OptionError, match="is no Arrow table: pass a"):
            bridge.quantize_arrow(source)
    with pytest.raises(tb.FormatError, match="can't be read as a table"):
        bridge.quantize_arrow(pa.chunked_array([[1, 2]]))

    def broken() -> Iterator[pa.RecordBatch]:
        yield table_of({"a": np.ones(3, np.float32)}).to_batches()[0]
        raise OSError("the disk is gone")

    reader = pa.RecordBatchReader.from_batches(table_of({}).schema, broken())
    with pytest.raises(tb.FormatError, match="the disk is gone"):
        bridge.quantize_arrow(reader)


def test_failures_become_rows_where_the_others_go_on(
    bridge: tb.Bridge, rng: np.random.Generator
) -> None:
    good = {"good": weights(rng, 2, 32), "more": weights(rng, 3, 32), "last": weights(rng, 32)}
    bad = {"short": weights(rng, 31), "nan": np.full((2, 32), np.nan, np.float32)}
    order = ["short", "good", "nan", "more", "last"]
    table = table_of({name: {**good, **bad}[name] for name in order})
    null = table_of({"null": np.ones(32, np.float32)})
    null = null.set_column(1, "weights", pa.array([None], pa.list_(pa.float32())))
    table = pa.concat_tables([table, null])

    result = bridge.quantize_arrow(table, "q8_0", continue_on_error=True)
    result.validate(full=True)
    rows = {row["layer_name"]: row for row in result.to_pylist()}
    assert list(rows) == [*order, "null"]
    assert "do not divide" in rows["short"]["error"] or "divide" in rows["short"]["error"]
    assert "leave the row out" in rows["null"]["error"]
    assert rows["nan"]["error"]
    for name in (*bad, "null"):
        for column in ("quantized_data", "scales", "zero_points", "bit_width", "scheme"):
            assert rows[name][column] is None
    assert rows["nan"]["shape"] == [2, 32]
    only = result.filter(pc.is_null(result["error"])).drop_columns(["error"])
    assert_same(only, bridge.quantize_batch(good, "q8_0"))

    fine = bridge.quantize_arrow(table_of(good), "q8_0", continue_on_error=True)
    assert fine["error"].null_count == 3


def test_a_table_without_a_good_layer_is_one_of_failures(bridge: tb.Bridge) -> None:
    kind = pa.list_(pa.float32())
    for weights_, reason in (
        ([None, None], "leave the row out"),
        ([[1.0] * 3, [1.0] * 5], "does not divide"),
        ([[float("nan")] * 32, [float("inf")] * 32], "nonfinite=clip"),
    ):
        table = pa.table({"layer_name": ["a", "b"], "weights": pa.array(weights_, kind)})
        result = bridge.quantize_arrow(table, "q8_0", continue_on_error=True)
        result.validate(full=True)
        assert result["quantized_data"].null_count == 2
        assert all(reason in error for error in result["error"].to_pylist())


def test_a_closed_bridge_takes_no_table() -> None:
    bridge = tb.open()
    table = table_of({"a": np.ones(3, np.float32)})
    bridge.close()
    for call in (bridge.quantize_arrow, bridge.share_arrow):
        with pytest.raises(tb.BridgeClosed):
            call(table)
    with pytest.raises(tb.BridgeClosed):
        bridge.empty_table({"a": pa.float32()}, 1)


# --- tables in shared memory ---


def every_type() -> pa.Table:
    def lists(kind: Any) -> Any:
        return pa.array([[1.0], None, [], [2.0, None], [3.0], [4.0]], kind)

    tensors = pa.fixed_shape_tensor(pa.float16(), [2, 2])
    storage = pa.FixedSizeListArray.from_arrays(np.arange(24, dtype=np.float16), 4)
    pairs = [[1, 2], None, [3, None], [5, 6], [7, 8], [9, 0]]
    maps = [[("a", 1)], None, [], [("b", None)], [("c", 2)], []]
    columns = {
        "int": pa.array([1, None, 3, 4, 5, 6], pa.int16()),
        "bool": pa.array([True, None, False, True, True, False]),
        "text": ["a", "größe", None, "", "longer than a view holds inside", "f"],
        "large": pa.array(list("abcdef"), pa.large_string()),
        "view": pa.array(["a", None, "x" * 40, "y" * 50, "", "z"], pa.string_view()),
        "bytes": pa.array([b"", b"1", None, b"22", b"3", b"4"], pa.binary()),
        "fixed": pa.array([b"ab"] * 5 + [None], pa.binary(2)),
        "list": lists(pa.list_(pa.float32())),
        "lists": pa.array(
            [[[1], None], None, [[2, 3]], [], [[]], [[4]]], pa.list_(pa.large_list(pa.int8()))
        ),
        "list_view": lists(pa.list_view(pa.float64())),
        "size": pa.array(pairs, pa.list_(pa.int32(), 2)),
        "struct": pa.array([{"a": 1, "b": "x"}, None, {"a": None, "b": "y"}] * 2),
        "map": pa.array(maps, pa.map_(pa.string(), pa.int64())),
        "dictionary": pa.array(["x", "y", None, "x", "y", "x"]).dictionary_encode(),
        "null": pa.nulls(6),
        "time": pa.array([1, 2, None, 4, 5, 6], pa.int64()).cast(pa.timestamp("us", "UTC")),
        "decimal": pa.array([1, 2, 3, None, 5, 6], pa.int64()).cast(pa.decimal128(21, 2)),
        "runs": pc.run_end_encode(pa.array(["a", "a", None, None, None, None])),
        "union": pa.UnionArray.from_sparse(
            pa.array([0, 1] * 3, pa.int8()), [pa.array(range(6)), pa.array(list("abcdef"))]
        ),
        "tensor": pa.ExtensionArray.from_storage(tensors, storage),
    }
    return pa.table(columns)


def aligned_buffers(bridge: tb.Bridge, array: Any) -> int:
    """Check that the buffers of an array lie aligned in shared memory; count their bytes."""
    total = 0
    for buffer in array.buffers():
        if buffer is not None and buffer.size:
            assert bridge._pool.find(buffer.address, buffer.size) is not None, array.type
            assert buffer.address % 64 == 0, array.type
            total += buffer.size
    return total


@pytest.mark.parametrize(("begin", "length"), [(0, 6), (0, 0), (1, 5), (2, 3), (5, 1)])
def test_a_shared_table_equals_its_source(bridge: tb.Bridge, begin: int, length: int) -> None:
    table = every_type().slice(begin, length).replace_schema_metadata({"key": "value"})
    shared = bridge.share_arrow(table)
    shared.validate(full=True)
    assert shared.equals(table, check_metadata=True)
    rare = {"view", "map", "runs", "union", "dictionary", "null"}
    for name in set(table.column_names) - rare:
        chunk = shared[name].chunk(0)
        aligned_buffers(bridge, chunk.storage if name == "tensor" else chunk)
    two = pa.concat_tables([table, table])
    assert bridge.share_arrow(two).equals(two)


def test_slices_are_shared_alone(bridge: tb.Bridge) -> None:
    table = table_of({f"a{i}": np.full(100_000, i, np.float32) for i in range(20)})
    gc.collect()
    before = used(bridge)
    shared = bridge.share_arrow(table.slice(7, 2))
    assert used(bridge) - before < 900_000
    assert shared.equals(table.slice(7, 2))


def test_a_shared_table_is_read_where_it_is(bridge: tb.Bridge, rng: np.random.Generator) -> None:
    arrays = {f"a{i}": weights(rng, 64, 64) for i in range(10)}
    ordinary = pa.concat_tables([table_of(arrays).slice(0, 4), table_of(arrays).slice(4)])
    shared = bridge.share_arrow(ordinary)
    expected = bridge.quantize_batch(arrays, "q8_0")
    with copied_bytes(bridge) as copied:
        allocated = pa.total_allocated_bytes()
        first = bridge.quantize_arrow(shared, "q8_0")
        again = bridge.quantize_arrow(shared, "q8_0")
        bridge.quantize_arrow(shared.slice(3), "q8_0")
        batches = shared.to_batches()
        parts = [bridge.quantize_arrow(batch, "q8_0") for batch in batches]
        assert copied() == 0
        assert pa.total_allocated_bytes() - allocated < 100_000
        assert bridge.quantize_arrow(ordinary, "q8_0").equals(first)
        assert copied() == 10 * 64 * 64 * 4
    assert_same(first, expected)
    assert again.equals(first)
    assert pa.concat_tables(parts).equals(first)


def test_columns_over_arrays_of_the_bridge_are_read_where_they_are(
    bridge: tb.Bridge, rng: np.random.Generator
) -> None:
    array = bridge.share(weights(rng, 5, 64))
    values = pa.Array.from_buffers(pa.float32(), array.size, [None, pa.py_buffer(array)])
    column = pa.FixedSizeListArray.from_arrays(values, 64)
    table = pa.table({"layer_name": list("abcde"), "weights": column})
    with copied_bytes(bridge) as copied:
        result = bridge.quantize_arrow(table, "q8_0")
        assert copied() == 0
    assert_same(result, bridge.quantize_batch(dict(zip("abcde", array, strict=True)), "q8_0"))


def test_a_table_born_in_shared_memory_is_written_and_read_without_a_copy(
    bridge: tb.Bridge, rng: np.random.Generator
) -> None:
    arrays = layers(rng)
    schema = pa.schema(
        [
            ("layer_name", pa.string()),
            ("weights", pa.large_list(pa.float32())),
            ("shape", pa.list_(pa.int64())),
        ]
    )
    table = bridge.empty_table(
        schema,
        5,
        lengths={"weights": [a.size for a in arrays.values()], "shape": 3},
        columns={"layer_name": list(arrays)},
    )
    table.validate(full=True)
    assert table.schema == schema
    shapes = bridge.writable(table["shape"])
    for view, shape, array in zip(
        bridge.writable(table["weights"]), shapes, arrays.values(), strict=True
    ):
        view[:] = array.reshape(-1)
        shape[:] = array.shape
    with copied_bytes(bridge) as copied:
        result = bridge.quantize_arrow(table, "q8_0")
        assert copied() == 0
    assert_same(result, bridge.quantize_batch(arrays, "q8_0"))
    # Written again, shapes and all.
    for view, shape in zip(bridge.writable(table["weights"]), shapes, strict=True):
        view *= 2
        shape[:] = shape[::-1].copy()
    doubled = {name: (2 * a).reshape(a.shape[::-1]) for name, a in arrays.items()}
    assert_same(
        bridge.quantize_arrow(table, bit_width=8), bridge.quantize_batch(doubled, bit_width=8)
    )


def test_every_fixed_column_can_be_born_and_written(bridge: tb.Bridge) -> None:
    schema = {
        "half": pa.float16(),
        "int": pa.int64(),
        "time": pa.timestamp("us"),
        "day": pa.date32(),
        "size": pa.list_(pa.float64(), 3),
        "tensor": pa.fixed_shape_tensor(pa.float32(), [2, 3]),
        "fixed": pa.binary(4),
        "bool": pa.bool_(),
        "given": pa.dictionary(pa.int32(), pa.string()),
    }
    given = pa.array(["x", "y", "x", None]).dictionary_encode()
    table = bridge.empty_table(schema, 4, columns={"given": given}, access="readwrite")
    table.validate(full=True)
    assert table["given"].to_pylist() == ["x", "y", "x", None]
    for name in ("half", "int", "size", "tensor"):
        view = bridge.writable(table[name])
        assert isinstance(view, np.ndarray)
        assert view.shape[0] == 4
        view[...] = np.arange(view.size).reshape(view.shape)
    assert table["half"].to_pylist() == [0, 1, 2, 3]
    assert table["size"].to_pylist()[3] == [9, 10, 11]
    tensors = table["tensor"].chunk(0).to_numpy_ndarray()
    assert (tensors == np.arange(24).reshape(4, 2, 3)).all()
    time, day = bridge.writable(table["time"]), bridge.writable(table["day"])
    assert isinstance(time, np.ndarray)
    assert isinstance(day, np.ndarray)
    time[:] = np.datetime64("2026-11-25", "us")
    day[:] = 0
    assert str(table["time"][0]).startswith("2026-11-25")
    for name in ("fixed", "bool", "given"):
        with pytest.raises(tb.OptionError, match="give them when the table is made"):
            bridge.writable(table[name])


def test_tables_that_can_not_be_born_are_refused(bridge: tb.Bridge) -> None:
    lists = {"a": pa.list_(pa.float32())}
    for schema, options, reason in (
        ({"a": pa.string()}, {}, "give them, columns="),
        (lists, {}, "tell how long they are"),
        (lists, {"lengths": {"a": [1, 2, 3]}}, "must be 2 numbers"),
        (lists, {"lengths": {"a": [1, -2]}}, "not negative"),
        (lists, {"lengths": {"a": 1 << 31}}, "make it a large_list"),
        (lists, {"lengths": {"b": 1}}, '"b", which is no column'),
        (lists, {"columns": {"a": [[1.0]]}}, "1 values for 2 rows"),
        (lists, {"columns": {"a": ["x", "y"]}}, "are no list"),
        ({"a": pa.int8()}, {"lengths": {"a": 1}}, "which is no list"),
        ({"a": pa.int8()}, {"access": "write"}, "neither"),
    ):
        with pytest.raises(tb.OptionError, match=reason):
            bridge.empty_table(schema, 2, **options)
    with pytest.raises(tb.OptionError, match="negative"):
        bridge.empty_table({"a": pa.int8()}, -1)


def test_only_our_own_columns_are_written(bridge: tb.Bridge) -> None:
    with pytest.raises(tb.OptionError, match="does not lie in this bridge's shared memory"):
        bridge.writable(pa.array([1.0, 2.0]))
    table = bridge.share_arrow(pa.table({"a": [1.0, 2.0]}))
    with pytest.raises(tb.OptionError, match="2 chunks"):
        bridge.writable(pa.concat_tables([table, table])["a"])
    with pytest.raises(tb.OptionError, match="pass table"):
        bridge.writable(table)


# --- how long memory lives ---


def test_a_result_holds_its_memory_and_nothing_else_does(
    bridge: tb.Bridge, rng: np.random.Generator
) -> None:
    before = used(bridge)
    table = bridge.quantize_arrow(table_of({"a": weights(rng, 400, 256)}), "uniform:group=32")
    whole = used(bridge) - before
    assert whole >= 400 * 256 // 2 + 2 * 400 * 8 * 4
    codes, scales = table["quantized_data"], table["scales"].chunk(0).values
    expected = codes.to_pylist()
    del table
    gc.collect()
    assert codes.to_pylist() == expected
    del codes
    assert 0 < used(bridge) - before < whole // 4
    first = scales.slice(3, 5)
    del scales
    assert used(bridge) > before
    assert len(first.to_numpy()) == 5
    del first
    assert used(bridge) == before


def test_views_of_other_libraries_hold_the_memory(
    bridge: tb.Bridge, rng: np.random.Generator
) -> None:
    before = used(bridge)
    table = bridge.quantize_arrow(table_of(layers(rng)), group_size=32)
    expected = table["scales"].chunk(0).values.to_pylist()
    array = table["scales"].chunk(0).values.to_numpy()
    del table
    gc.collect()
    assert array.tolist() == expected
    del array
    assert used(bridge) == before


def test_inputs_are_held_until_the_batch_has_ended_and_no_longer(bridge: tb.Bridge) -> None:
    before = used(bridge)
    table = bridge.share_arrow(table_of({"a": np.ones(100_000, np.float32)}))
    bridge.quantize_arrow(table)
    alive = weakref.ref(table)
    del table
    assert used(bridge) == before
    assert alive() is None
    assert not bridge._tables._known


def test_shared_columns_go_one_by_one(bridge: tb.Bridge) -> None:
    before = used(bridge)
    table = bridge.share_arrow(
        pa.table({"a": np.ones(100_000, np.float32), "b": np.ones(100_000, np.int8)})
    )
    kept = table["b"]
    del table
    assert 100_000 <= used(bridge) - before < 110_000
    assert kept.to_pylist() == [1] * 100_000
    del kept
    assert used(bridge) == before


def test_tables_outlive_the_bridge_and_its_server(rng: np.random.Generator) -> None:
    bridge = tb.open()
    source = table_of(layers(rng))
    shared = bridge.share_arrow(source)
    result = bridge.quantize_arrow(shared, "q8_0")
    expected = result.to_pylist()
    pid = bridge.server_pid
    bridge.close()
    del bridge
    gc.collect()
    assert not Path(f"/proc/{pid}").exists()
    assert shared.equals(source)
    assert result.to_pylist() == expected


def test_results_never_share_memory(bridge: tb.Bridge, rng: np.random.Generator) -> None:
    table = bridge.share_arrow(table_of(layers(rng)))
    results = [bridge.quantize_arrow(table, "q8_0") for _ in range(3)]
    starts = {result["quantized_data"].chunk(0).buffers()[2].address for result in results}
    assert len(starts) == 3


# --- PyArrow is optional ---


def test_a_missing_pyarrow_is_told_with_what_to_install() -> None:
    done = run_python(
        "import sys\n"
        "sys.modules['pyarrow'] = None\n"
        "import tensorbridge as tb\n"
        "with tb.open() as bridge:\n"
        "    for call in (bridge.quantize_arrow, bridge.share_arrow, bridge.writable):\n"
        "        try:\n"
        "            call(None)\n"
        "        except tb.ResourceError as error:\n"
        "            print('tensorbridge[arrow]' in str(error))\n"
    )
    assert done.stdout.splitlines() == ["True"] * 3, done.stderr


def test_an_old_pyarrow_is_told() -> None:
    done = run_python(
        "import pyarrow, tensorbridge as tb\n"
        "pyarrow.__version__ = '9.0.0'\n"
        "with tb.open() as bridge:\n"
        "    try:\n"
        "        bridge.share_arrow(None)\n"
        "    except tb.ResourceError as error:\n"
        "        print(error)\n"
    )
    assert "pyarrow 9.0.0 is too old, 16 is needed" in done.stdout, done.stderr


def test_tables_can_be_dropped_at_interpreter_shutdown() -> None:
    done = run_python(
        "import numpy as np, pyarrow as pa, tensorbridge as tb\n"
        "bridge = tb.open()\n"
        "table = pa.table({'layer_name': ['a'], 'weights': [[1.0, 2.0]]})\n"
        "shared = bridge.share_arrow(table)\n"
        "kept = [bridge.quantize_arrow(shared), shared]\n"
        "kept.append(kept)\n"
    )
    assert done.returncode == 0
    assert done.stderr == ""
