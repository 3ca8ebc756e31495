"""``.arrow`` files: ours and those of other libraries, read by all."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import arro3.core
import arro3.io
import nanoarrow.ipc
import numpy as np
import polars as pl
import pyarrow as pa
import pytest
import safetensors.numpy

import tensorbridge as tb
from arrow_peers import FILE, STREAM, Job, ProgramPeer, peers
from conftest import ROOT, command_line, weights
from layer_tables import PARTED, SCHEMES, Arrays, table_of

PAGE = ROOT / "docs" / "arrow-python.md"
BEGIN, END = "<!-- interop -->", "<!-- end interop -->"
UPDATE = "TENSORBRIDGE_UPDATE_DOCS"


@pytest.fixture(scope="module")
def model() -> Arrays:
    rng = np.random.default_rng(3)
    shapes = {"a.weight": (8, 256), "größe.weight": (4, 16, 4, 4), "c.weight": (130, 256)}
    return {name: weights(rng, *shape) for name, shape in shapes.items()}


# --- what other libraries write and read ---


def write_pyarrow(
    table: pa.Table, path: Path, stream: bool = False, compression: str | None = None
) -> None:
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with pa.OSFile(str(path), "wb") as sink:
        new = pa.ipc.new_stream if stream else pa.ipc.new_file
        with new(sink, table.schema, options=options) as writer:
            writer.write_table(table)


def read_pyarrow(path: Path) -> pa.Table:
    with pa.memory_map(str(path)) as source:
        start = source.read(6)
        source.seek(0)
        read = pa.ipc.open_file if start == b"ARROW1" else pa.ipc.open_stream
        return read(source).read_all()


def large(table: pa.Table) -> pa.Table:
    """Make every offset one of 64 bits."""

    def wide(kind: Any) -> Any:
        if pa.types.is_string(kind):
            return pa.large_string()
        if pa.types.is_binary(kind):
            return pa.large_binary()
        if pa.types.is_struct(kind):
            return pa.struct([(field.name, wide(field.type)) for field in kind])
        return pa.large_list(wide(kind.value_type)) if pa.types.is_list(kind) else kind

    return table.cast(pa.schema([(field.name, wide(field.type)) for field in table.schema]))


def views(table: pa.Table) -> pa.Table:
    """Make texts views."""
    return table.set_column(0, "layer_name", table["layer_name"].cast(pa.string_view()))


def frame_of(table: pa.Table) -> pl.DataFrame:
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    return frame


def write_nanoarrow(table: pa.Table, path: Path) -> None:
    with nanoarrow.ipc.StreamWriter.from_path(path) as writer:
        writer.write_stream(table)


def read_nanoarrow(path: Path) -> pa.Table:
    """Read the stream that a file is, between its magic and its footer."""
    with open(path, "rb") as file:
        file.seek(8)
        with nanoarrow.ipc.InputStream.from_readable(file) as source:
            return pa.RecordBatchReader.from_stream(source).read_all()


Write = Callable[[pa.Table, Path], None]
WRITERS: dict[tuple[str, str], Write] = {
    ("PyArrow", "file"): write_pyarrow,
    ("PyArrow", "stream"): lambda t, p: write_pyarrow(t, p, stream=True),
    ("PyArrow", "file of `large_string`, `large_binary`, `large_list`"): lambda t, p: write_pyarrow(
        large(t), p
    ),
    ("PyArrow", "file, LZ4"): lambda t, p: write_pyarrow(t, p, compression="lz4"),
    ("PyArrow", "stream, ZSTD"): lambda t, p: write_pyarrow(t, p, True, "zstd"),
    ("PyArrow", "file of `string_view`"): lambda t, p: write_pyarrow(views(t), p),
    ("polars", "file (`string_view`, `binary_view`, `large_list`)"): lambda t, p: frame_of(
        t
    ).write_ipc(p, compression="uncompressed"),
    ("polars", "stream"): lambda t, p: frame_of(t).write_ipc_stream(p, compression="uncompressed"),
    ("polars", "file, ZSTD"): lambda t, p: frame_of(t).write_ipc(p, compression="zstd"),
    ("arro3 (arrow-rs)", "file"): lambda t, p: arro3.io.write_ipc(
        arro3.core.Table.from_arrow(t), p, compression=None
    ),
    ("arro3 (arrow-rs)", "stream"): lambda t, p: arro3.io.write_ipc_stream(
        arro3.core.Table.from_arrow(t), p, compression=None
    ),
    ("arro3 (arrow-rs)", "file, LZ4"): lambda t, p: arro3.io.write_ipc(
        arro3.core.Table.from_arrow(t), p, compression="LZ4"
    ),
    ("nanoarrow", "stream"): write_nanoarrow,
}
READERS: dict[str, Callable[[Path], pa.Table]] = {
    "PyArrow": read_pyarrow,
    "polars": lambda p: pl.read_ipc(p).to_arrow(),
    "arro3 (arrow-rs)": lambda p: pa.table(arro3.io.read_ipc(p)),
    "nanoarrow (the stream in the file)": read_nanoarrow,
}


def write_program(program: ProgramPeer, form: str, table: pa.Table, path: Path) -> None:
    source = path.with_suffix(".source")
    write_pyarrow(table, source, stream=form == STREAM)
    (said,) = program.write([Job(form, "none", source, path)])
    if said != "ok":
        raise ValueError(said)


def read_program(program: ProgramPeer, path: Path) -> pa.Table:
    (found,) = program.read([(path, FILE)])
    if isinstance(found, str):
        raise ValueError(found)
    return found


RUN, WHY_NOT = peers()
for peer in RUN[1:]:
    if isinstance(peer, ProgramPeer):
        for kind in (FILE, STREAM):
            WRITERS[peer.name, kind] = partial(write_program, peer, kind)
        READERS[peer.name] = partial(read_program, peer)
NOT_RUN = dict.fromkeys([*WHY_NOT, "arrow-java"], "not run")


def outcome(works: Callable[[], None]) -> str:
    """Tell whether something works; a wrong result is no outcome but a failure."""
    try:
        works()
    except AssertionError:
        raise
    except Exception as error:
        return f"no: {str(error).splitlines()[0].split(';')[0]}"
    return "yes"


class Matrix:
    """What works between us and others.

    Parameters
    ----------
    bridge : Bridge
    model : dict of str to numpy.ndarray
    folder : Path
    """

    def __init__(self, bridge: tb.Bridge, model: Arrays, folder: Path) -> None:
        self._bridge = bridge
        self._table = table_of(model)
        self._quantized = {s: bridge.quantize_arrow(self._table, s) for s in ("q8_0", PARTED)}
        self._folder = folder
        self._values = {
            name: tensor.dequantize().reshape(array.shape)
            for (name, tensor), array in zip(
                bridge.quantize_batch(model, PARTED).items(), model.values(), strict=True
            )
        }

    def lines(self) -> list[str]:
        """Return the two tables as lines of Markdown."""
        found = [
            "| written by | as | weights | quantized layers |",
            "|---|---|---|---|",
        ]
        for (library, form), write in WRITERS.items():
            cells = (outcome(lambda w=write: self._reads_weights(w)),
                     outcome(lambda w=write: self._reads_quantized(w)))  # fmt: skip
            found.append(f"| {library} | {form} | {' | '.join(cells)} |")
        found += [f"| {name} | | {why} | {why} |" for name, why in NOT_RUN.items()]
        found += [
            "",
            "| read by | weights | quantized layers | with `parts` |",
            "|---|---|---|---|",
        ]
        paths = [self._our_weights(), self._our_quantized("q8_0"), self._our_quantized(PARTED)]
        for library, read in READERS.items():
            cells = tuple(outcome(lambda r=read, p=p: self._is_same(r, *p)) for p in paths)
            found.append(f"| {library} | {' | '.join(cells)} |")
        found += [f"| {name} | {why} | {why} | {why} |" for name, why in NOT_RUN.items()]
        return found

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.arrow"

    def _reads_weights(self, write: Write) -> None:
        path, target = self._path("weights"), self._path("ours")
        write(self._table, path)
        self._bridge.quantize_file(path, target, "q8_0", default_skips=False)
        assert read_pyarrow(target).equals(self._quantized["q8_0"])

    def _reads_quantized(self, write: Write) -> None:
        path = self._path("quantized")
        target = path.with_suffix(".safetensors")
        write(self._quantized[PARTED], path)
        if "parts" not in read_pyarrow(path).column_names:
            pytest.fail("a peer dropped the column parts")
        command_line("dequantize", path, "-o", target)
        found = safetensors.numpy.load_file(target)
        assert set(found) == set(self._values)
        for name, values in self._values.items():
            assert np.array_equal(found[name], values)

    def _our_weights(self) -> tuple[Path, pa.Table]:
        source, path = self._path("source"), self._path("our-weights")
        write_pyarrow(self._table, source)
        self._bridge.quantize_file(source, path, "f32")
        return path, self._table

    def _our_quantized(self, scheme: str) -> tuple[Path, pa.Table]:
        source, path = self._path("source"), self._path("our-" + scheme.partition(":")[0])
        self._bridge.quantize_file(source, path, scheme, default_skips=False)
        return path, self._quantized[scheme]

    def _is_same(self, read: Callable[[Path], pa.Table], path: Path, expected: pa.Table) -> None:
        assert read(path).to_pylist() == expected.to_pylist()


@pytest.mark.timeout(300)
def test_the_page_tells_what_works_between_us_and_others(
    bridge: tb.Bridge, model: Arrays, tmp_path: Path
) -> None:
    lines = Matrix(bridge, model, tmp_path).lines()
    text = PAGE.read_text()
    head, _, rest = text.partition(BEGIN)
    told, _, tail = rest.partition(END)
    if os.environ.get(UPDATE):
        PAGE.write_text(f"{head}{BEGIN}\n" + "\n".join(lines) + f"\n{END}{tail}")
        return
    # python/interop.sh compares what those of other languages do.
    others = tuple(f"| {name} |" for name in WHY_NOT)
    known = [line for line in told.strip().splitlines() if not line.startswith(others or "-")]
    assert known == [line for line in lines if not line.startswith(others or "-")], (
        f"{PAGE.name} is stale; to write it anew: {UPDATE}=1 python/interop.sh"
    )


# --- one layout, whoever writes it ---


@pytest.mark.parametrize("scheme", sorted({*SCHEMES} - {"f32", "f16"}))
def test_a_quantized_table_is_that_of_a_quantized_file(
    bridge: tb.Bridge, model: Arrays, tmp_path: Path, scheme: str
) -> None:
    source, target = tmp_path / "weights.arrow", tmp_path / "quantized.arrow"
    write_pyarrow(table_of(model), source)
    bridge.quantize_file(source, target, scheme, default_skips=False)
    table = bridge.quantize_arrow(table_of(model), scheme)
    file = read_pyarrow(target).replace_schema_metadata(None)
    assert table.schema.equals(file.schema)
    assert table.equals(file)


def test_a_quantized_table_becomes_a_file_that_java_reads(
    bridge: tb.Bridge, model: Arrays, tmp_path: Path
) -> None:
    overrides = {"a.*": "nvfp4:layout=two-level", "c.*": "uniform:bits=4,group=32"}
    table = bridge.quantize_arrow(table_of(model), "q8_0", overrides=overrides)
    path, back = tmp_path / "table.arrow", tmp_path / "back.safetensors"
    write_pyarrow(table, path)
    told = command_line("inspect", path)["tensors"]
    schemes = {entry["name"]: entry.get("scheme", entry.get("dtype")) for entry in told}
    for row in table.to_pylist():
        assert schemes[row["layer_name"]] == row["scheme"]
    command_line("dequantize", path, "-o", back)
    found = safetensors.numpy.load_file(back)
    result = bridge.quantize_batch(model, "q8_0", overrides=overrides)
    for name, tensor in result.items():
        assert np.array_equal(found[name], tensor.dequantize())


def test_a_table_of_a_mapped_file_is_quantized(
    bridge: tb.Bridge, model: Arrays, tmp_path: Path
) -> None:
    path = tmp_path / "weights.arrow"
    write_pyarrow(table_of(model), path)
    with pa.memory_map(str(path)) as source:
        table = pa.ipc.open_file(source).read_all()
        result = bridge.quantize_arrow(table, "q8_0")
    assert result.equals(bridge.quantize_arrow(table_of(model), "q8_0"))
