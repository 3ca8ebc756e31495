"""Every layout of Arrow, written by each library and read by each."""

from __future__ import annotations

import importlib.util
import os
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nanoarrow
import numpy as np
import pyarrow as pa
import pytest

from arrow_peers import FILE, STREAM, Job, Peer, attempt, peers, read_pyarrow, write_pyarrow
from conftest import ROOT

PAGE = ROOT / "docs" / "arrow-layouts.md"
BEGIN, END = "<!-- layouts -->", "<!-- end layouts -->"
UPDATE = "TENSORBRIDGE_UPDATE_DOCS"
NAMES = ["tensorbridge", "PyArrow", "nanoarrow", "arro3", "arrow-go", "arrow-rs"]
ROWS = 23
YES = "ok"
V4 = 3
TEXTS = ["utf8", "large_utf8", "binary", "large_binary"]


def generator() -> Any:
    """Load the script whose layouts the tests in Java use as well."""
    path = ROOT / "arrow-ipc/src/test/resources/arrow/layouts.py"
    spec = importlib.util.spec_from_file_location("layouts", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@dataclass(frozen=True)
class Case:
    """A layout in a form."""

    layout: str
    form: str
    how: str
    batches: tuple[pa.RecordBatch, ...]

    def __str__(self) -> str:
        return f"{self.layout} ({self.form})"


def in_batches(table: pa.Table) -> tuple[pa.RecordBatch, ...]:
    """Make batches of different lengths, with text of a schema and of fields."""
    fields = [field.with_metadata({"unit": "größe"} | (field.metadata or {}))
              for field in table.schema]  # fmt: skip
    schema = pa.schema(fields, {"z": "last", "a": "first"})
    told = pa.Table.from_arrays(table.columns, schema=schema)
    return tuple(told.slice(0, 16).to_batches() + told.slice(16).to_batches())


def variable_shape_tensors() -> pa.Array:
    """Make what PyArrow knows when it reads it, but has no Python type for."""
    parts = pa.struct([("data", pa.list_(pa.float32())), ("shape", pa.list_(pa.int32(), 2))])
    rows = [{"data": [0.5] * (2 * i), "shape": [2, i]} for i in range(ROWS)]
    told = {"ARROW:extension:name": "arrow.variable_shape_tensor",
            "ARROW:extension:metadata": '{"dim_names":["x","y"]}'}  # fmt: skip
    table = pa.table([pa.array(rows, parts)], schema=pa.schema([pa.field("c", parts, True, told)]))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    (column,) = pa.ipc.open_stream(sink.getvalue()).read_all()["c"].chunks
    return column


def tensors() -> dict[str, pa.Array]:
    """Make columns of the canonical extension types."""
    numbers = pa.array([float(i) for i in range(ROWS * 6)], pa.float32())
    fixed = pa.FixedSizeListArray.from_arrays(numbers, 6)
    kind = pa.fixed_shape_tensor(pa.float32(), (2, 3), dim_names=["x", "y"], permutation=[1, 0])
    bytes_ = pa.array([None, *(i % 2 for i in range(1, ROWS))], pa.int8())
    return {
        "fixed_shape_tensor": pa.ExtensionArray.from_storage(kind, fixed),
        "fixed_shape_tensor, no options": pa.ExtensionArray.from_storage(
            pa.fixed_shape_tensor(pa.float32(), (2, 3)), fixed
        ),
        "bool8": pa.ExtensionArray.from_storage(pa.bool8(), bytes_),
        "variable_shape_tensor": variable_shape_tensors(),
        "uuid": pa.ExtensionArray.from_storage(
            pa.uuid(), pa.array([bytes([i] * 16) for i in range(ROWS)], pa.binary(16))
        ),
        "opaque": pa.ExtensionArray.from_storage(pa.opaque(pa.int8(), "geometry", "us"), bytes_),
        "json": pa.ExtensionArray.from_storage(pa.json_(), pa.array(['{"a": 1}'] * ROWS)),
    }


def intervals() -> pa.Table:
    """Make what PyArrow reads, writes and compares, but has no Python type for."""
    kinds = {"months": (nanoarrow.interval_months(), 4),
             "days and milliseconds": (nanoarrow.interval_day_time(), 8)}  # fmt: skip
    validity = np.packbits([i % 3 != 1 for i in range(ROWS)], bitorder="little").tobytes()
    numbers = np.random.default_rng(7).integers(-(2**31), 2**31, 2 * ROWS).astype("<i4").tobytes()
    children = [
        nanoarrow.c_array_from_buffers(kind, ROWS, [bits, numbers[: ROWS * size]])
        for kind, size in kinds.values()
        for bits in (validity, None)
    ]
    names = [name + what for name in kinds for what in ("", " without nulls")]
    fields = dict(zip(names, [k for k, _ in kinds.values() for _ in range(2)], strict=True))
    struct = nanoarrow.c_array_from_buffers(
        nanoarrow.struct(fields), ROWS, [None], children=children
    )
    return pa.Table.from_batches([pa.record_batch(struct)])


def in_groups(columns: dict[str, dict[str, pa.Array]]) -> dict[str, dict[str, pa.Array]]:
    """Group the columns that there were when metadata had version 4, Arrow 0.8 to 0.17."""
    groups: dict[str, dict[str, pa.Array]] = {}
    for kinds in columns.values():
        for name, column in kinds.items():
            kind = column.type
            if pa.types.is_dictionary(kind) or name == "list of dictionary":
                group = "dictionaries"
            elif pa.types.is_union(kind):
                group = "unions"
            elif pa.types.is_nested(kind):
                group = "nested"
            elif name.removesuffix(" without nulls") in TEXTS:
                group = "texts and bytes"
            else:
                group = "fixed width"
            groups.setdefault(f"metadata V4: {group}", {})[name] = column
    return groups


def cases() -> Iterator[Case]:
    made = generator()
    columns: dict[str, dict[str, pa.Array]] = {}
    for name, column in made.columns(ROWS).items():
        columns.setdefault(name.removesuffix(" without nulls"), {})[name] = column
    layouts = {name: pa.table(kinds) for name, kinds in columns.items()}
    layouts |= {f"extension {name}": pa.table({"c": c}) for name, c in tensors().items()}
    unknown = pa.field("c", pa.int16(), metadata={"ARROW:extension:name": "tensorbridge.unknown",
                                                  "ARROW:extension:metadata": "?"})  # fmt: skip
    layouts["extension that nobody knows"] = pa.table(
        [pa.array(range(ROWS), pa.int16())], schema=pa.schema([unknown])
    )
    told = intervals()
    for name in ("months", "days and milliseconds"):
        layouts[f"interval of {name}"] = told.select([name, f"{name} without nulls"])
    old: dict[str, dict[str, pa.Array]] = {}
    for name, column in made.columns(ROWS, plain=True).items():
        old.setdefault(name.removesuffix(" without nulls"), {})[name] = column
    few = pa.table({n: c for n, kinds in columns.items() if n in ("int32", "utf8", "struct")
                    for c in [kinds[n]]})  # fmt: skip
    for form in (FILE, STREAM):
        for name, table in layouts.items():
            yield Case(name, form, "none", in_batches(table))
        for name, group in in_groups(old).items():
            yield Case(name, form, "v4", in_batches(pa.table(group)))
        yield Case("no rows", form, "none", tuple(few.slice(0, 0).to_batches()) or (
            pa.RecordBatch.from_pylist([], few.schema),))  # fmt: skip
        wide = tuple(pa.concat_tables([few] * 50).combine_chunks().to_batches())
        yield Case("LZ4 of int32, utf8, struct", form, "lz4", wide)
        yield Case("ZSTD of int32, utf8, struct", form, "zstd", wide)
        words = ["", "a", "größe", "a text that is longer than twelve bytes"]
        growing = [pa.record_batch({"d": pa.DictionaryArray.from_arrays(
            pa.array([*range(n), None], pa.int16()), words[:n])}) for n in (2, 4)]  # fmt: skip
        yield Case("dictionary with deltas", form, "deltas", tuple(growing))
    words = [["a", "b"], ["c", "d", "e"]]
    yield Case("dictionary that is replaced", STREAM, "none", tuple(
        pa.record_batch({"d": pa.array(w).dictionary_encode()}) for w in words))  # fmt: skip


def compared(found: pa.Table | str, expected: pa.Table) -> str:
    """Tell ``ok``, or what the reader said, or what of the table is not the same."""
    if isinstance(found, str):
        return found
    try:
        found.validate(full=True)
    except pa.ArrowInvalid as error:
        return f"differs: not valid: {str(error).splitlines()[0]}"
    if found.equals(expected, check_metadata=True):
        return YES
    if found.num_columns != expected.num_columns:
        return f"differs: {found.num_columns} columns for {expected.num_columns}"
    for ours, theirs in zip(found.schema, expected.schema, strict=True):
        if not ours.type.equals(theirs.type):
            return f"differs: {ours.type} for {theirs.type}"
        if not ours.equals(theirs, check_metadata=True):
            return "differs: field"
    if not found.schema.equals(expected.schema, check_metadata=True):
        return "differs: metadata of the schema"
    # Dictionaries may be split otherwise between batches.
    told = attempt(lambda: YES if found.to_pylist() == expected.to_pylist() else "")
    return YES if told == YES else "differs: values"


class Matrix:
    """What each reader finds in what each writer wrote.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        self.peers, self.missing = peers()
        self.cases = list(cases())
        self._folder = folder
        self._sources = [folder / f"{i}.arrow" for i in range(len(self.cases))]
        self._expected: list[pa.Table] = []
        for case, path in zip(self.cases, self._sources, strict=True):
            write_pyarrow(case.batches, path, case.form, case.how)
            self._expected.append(pa.Table.from_batches(case.batches))
        # By writer, reader, and case; cases of forms that one of them lacks are left out.
        self.found: dict[tuple[str, str], dict[int, str]] = {}
        self.written: dict[str, dict[int, str]] = {}
        for writer in self.peers:
            self._write_and_read(writer)

    def _write_and_read(self, writer: Peer) -> None:
        chosen = [i for i, case in enumerate(self.cases) if case.form in writer.forms]
        targets = {i: self._folder / f"{writer.name}-{i}.arrow" for i in chosen}
        jobs = [Job(self.cases[i].form, self.cases[i].how, self._sources[i], targets[i])
                for i in chosen]  # fmt: skip
        told = dict(zip(chosen, writer.write(jobs), strict=True))
        for i in (i for i in chosen if told[i] == YES):
            found = attempt(lambda k=i: read_pyarrow(targets[k], self.cases[k].form))
            if compared(found, self._expected[i]).startswith("differs"):
                told[i] = compared(found, self._expected[i])
        self.written[writer.name] = told
        for reader in self.peers:
            mine = [i for i in chosen if self.cases[i].form in reader.forms]
            done = [i for i in mine if told[i] == YES]
            tables = reader.read([(targets[i], self.cases[i].form) for i in done])
            cells = dict.fromkeys(mine, f"{writer.name} can't write it")
            for i, table in zip(done, tables, strict=True):
                cells[i] = compared(table, self._expected[i])
            self.found[writer.name, reader.name] = cells

    def written_by(self, writer: str) -> list[tuple[Case, Path]]:
        """Return what a writer wrote, right or wrong."""
        return [(self.cases[i], self._folder / f"{writer}-{i}.arrow") for i in self.written[writer]]

    def read(self, reader: str) -> dict[int, str]:
        """Return what a reader finds in PyArrow's own files."""
        return self.found["PyArrow", reader]

    def exceptions(self) -> dict[tuple[str, str, int], str]:
        """Return what fails though the writer writes it right and the reader reads PyArrow's."""
        return {
            (writer, reader, i): told
            for (writer, reader), cells in self.found.items()
            for i, told in cells.items()
            if told != YES and self.written[writer][i] == YES and self.read(reader)[i] == YES
        }


def message(told: str) -> str:
    """Make what a library says the same in every run, and short enough for a table."""
    if told.startswith("differs"):
        return told
    text = re.sub(r"/\S+/|Arrow\w+(::\w+)?\(\) failed ", "", told)
    text = re.sub(r"value but found \d+", "value", text).replace("|", "\\|")
    return "not supported: " + (text if len(text) <= 90 else text[:87] + "...")


def named(indexes: list[int], all_cases: list[Case], forms: tuple[str, ...]) -> str:
    """Name layouts, and the form where it is only one of those that there are."""
    chosen: dict[str, list[str]] = {}
    for i in indexes:
        chosen.setdefault(all_cases[i].layout, []).append(all_cases[i].form)
    there_are = {
        layout: [c.form for c in all_cases if c.layout == layout and c.form in forms]
        for layout in chosen
    }
    return ", ".join(
        layout if found == there_are[layout] else f"{layout} ({found[0]})"
        for layout, found in chosen.items()
    )


def grouped(
    cells: dict[int, str], all_cases: list[Case], forms: tuple[str, ...]
) -> list[tuple[str, str]]:
    """Return what was said, with the layouts that it was said of."""
    said: dict[str, list[int]] = {}
    for i, told in cells.items():
        if told != YES:
            said.setdefault(message(told), []).append(i)
    return [(text, named(indexes, all_cases, forms)) for text, indexes in said.items()]


def lines(matrix: Matrix) -> list[str]:
    """Return the tables as lines of Markdown."""
    found = [
        "| written by, read by | " + " | ".join(NAMES) + " |",
        "|---|" + "--:|" * len(NAMES),
    ]
    for writer in NAMES:
        cells = []
        for reader in NAMES:
            told = matrix.found.get((writer, reader))
            good = sum(t == YES for t in told.values()) if told else 0
            cells.append(f"{good} of {len(told)}" if told else "not run")
        found.append(f"| {writer} | {' | '.join(cells)} |")
    found += ["", "| who | does not | because | layouts |", "|---|---|---|---|"]
    forms = {peer.name: peer.forms for peer in matrix.peers}
    for name in forms:
        for what, cells in (("write", matrix.written[name]), ("read", matrix.read(name))):
            found += [f"| {name} | {what} | {text} | {which} |"
                      for text, which in grouped(cells, matrix.cases, forms[name])]  # fmt: skip
    found += ["", "| written by | not read by | because | layouts |", "|---|---|---|---|"]
    exceptions: dict[tuple[str, str], dict[int, str]] = {}
    for (writer, reader, i), told in matrix.exceptions().items():
        exceptions.setdefault((writer, reader), {})[i] = told
    for (writer, reader), cells in exceptions.items():
        found += [f"| {writer} | {reader} | {text} | {which} |"
                  for text, which in grouped(cells, matrix.cases, forms[writer])]  # fmt: skip
    return found


def masked(told: list[str], missing: set[str]) -> list[str]:
    """Make of the page what a run without some libraries finds."""
    shown, kept = 0, []
    for line in told:
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        shown += line.startswith("|---")
        if not shown or line.startswith("|---") or not line or cells[-1] == "layouts":
            kept.append(line)
        elif shown == 1 and cells[0] in NAMES:
            values = [
                "not run" if {cells[0], name} & missing else value
                for name, value in zip(NAMES, cells[1:], strict=True)
            ]
            kept.append(f"| {cells[0]} | {' | '.join(values)} |")
        elif not {*cells[: shown - 1]} & missing:
            kept.append(line)
    return kept


@pytest.fixture(scope="module")
def matrix(tmp_path_factory: pytest.TempPathFactory) -> Matrix:
    return Matrix(tmp_path_factory.mktemp("layouts"))


@pytest.mark.timeout(600)
def test_we_write_what_all_others_read(matrix: Matrix) -> None:
    """Nobody refuses or misreads ours who reads PyArrow's."""
    assert not {k: v for k, v in matrix.exceptions().items() if k[0] == "tensorbridge"}
    assert not {str(matrix.cases[i]): told for i, told in matrix.written["tensorbridge"].items()
                if told != YES and matrix.cases[i].how != "v4"}  # fmt: skip


def test_a_column_without_rows_has_an_offset(matrix: Matrix) -> None:
    """The format asks for it; nanoarrow takes what is not there for one."""
    found = [
        read_pyarrow(path, case.form)["utf8"].chunk(0).buffers()[1].size
        for case, path in matrix.written_by("tensorbridge")
        if case.layout == "no rows"
    ]
    assert found == [4, 4]


def test_metadata_are_of_the_version_that_was_asked_for(matrix: Matrix) -> None:
    """Else the cases of V4 would show nothing."""
    found = {}
    for peer in matrix.peers:
        for i, (case, path) in zip(
            matrix.written[peer.name], matrix.written_by(peer.name), strict=True
        ):
            if case.how == "v4" and matrix.written[peer.name][i] == YES:
                found[peer.name, str(case)] = metadata_version(path, case.form)
    assert set(found.values()) == {V4}
    assert {peer for peer, _ in found} <= {"PyArrow", "arrow-rs"}


def metadata_version(path: Path, form: str) -> int:
    """Read the version that the first message tells, 3 for V4, 4 for V5."""
    data = path.read_bytes()[8 if form == FILE else 0 :]
    message = data[8:]
    (root,) = struct.unpack_from("<I", message)
    (back,) = struct.unpack_from("<i", message, root)
    (first,) = struct.unpack_from("<H", message, root - back + 4)
    return int(struct.unpack_from("<h", message, root + first)[0]) if first else 0


def test_we_read_what_others_write(matrix: Matrix) -> None:
    """We refuse and misread nothing that its writer wrote right."""
    wrong = {
        (writer, str(matrix.cases[i])): told
        for (writer, reader), cells in matrix.found.items()
        for i, told in cells.items()
        if reader == "tensorbridge" and told != YES and matrix.written[writer][i] == YES
    }
    assert not wrong


def test_the_page_tells_who_reads_and_writes_which_layout(matrix: Matrix) -> None:
    for name, why in matrix.missing.items():
        print(f"{name}: not run: {why}")
    found = lines(matrix)
    text = PAGE.read_text()
    head, _, rest = text.partition(BEGIN)
    told, _, tail = rest.partition(END)
    if os.environ.get(UPDATE):
        PAGE.write_text(f"{head}{BEGIN}\n" + "\n".join(found) + f"\n{END}{tail}")
        return
    assert masked(told.strip().splitlines(), set(matrix.missing)) == found, (
        f"{PAGE.name} is stale; to write it anew, where Go and Cargo are: "
        f"{UPDATE}=1 python/interop.sh"
    )


@pytest.mark.parametrize("name", ["arrow-go", "arrow-rs"])
def test_a_library_of_another_language_takes_part(matrix: Matrix, name: str) -> None:
    if name in matrix.missing:
        pytest.skip(f"{name}: not run: {matrix.missing[name]}")
    assert sum(told == YES for told in matrix.read(name).values()) > 100


def test_a_difference_is_told() -> None:
    """What the other tests rely on."""
    schema = pa.schema([pa.field("c", pa.int32(), metadata={"a": "b"})], {"c": "d"})
    table = pa.table([pa.array([1, None])], schema=schema)
    assert compared(table, table) == YES
    others = {
        "differs: metadata of the schema": table.replace_schema_metadata(None),
        "differs: field": pa.table([table["c"]], schema=pa.schema([("c", "i4")], {"c": "d"})),
        "differs: values": pa.table([pa.array([1, 0])], schema=schema),
        "differs: int64 for int32": table.cast(pa.schema([("c", "i8")])),
        "differs: 0 columns for 1": table.select([]),
    }
    for told, other in others.items():
        assert compared(other, table) == told
    ends = pa.py_buffer(b"\0\0\0\0\1\0\0\0")
    broken = pa.Array.from_buffers(pa.utf8(), 1, [None, ends, pa.py_buffer(b"\xff")])
    found = compared(pa.table({"c": broken}), pa.table({"c": ["a"]}))
    assert found.startswith("differs: not valid")


def test_a_page_is_compared_without_what_was_not_run() -> None:
    page = [
        "| written by, read by | " + " | ".join(NAMES) + " |",
        "|---|" + "--:|" * 6,
        "| PyArrow | 1 of 2 | 2 of 2 | 3 of 3 | 4 of 4 | 5 of 5 | 6 of 6 |",
        "| arrow-go | 1 of 2 | 2 of 2 | 3 of 3 | 4 of 4 | 5 of 5 | 6 of 6 |",
        "",
        "| who | does not | because | layouts |",
        "|---|---|---|---|",
        "| nanoarrow | read | why | what |",
        "| arrow-go | read | why | what |",
        "| arrow-go | read | why | what else |",
    ]
    assert masked(page, set()) == page
    assert masked(page, {"arrow-go"}) == [
        *page[:2],
        "| PyArrow | 1 of 2 | 2 of 2 | 3 of 3 | 4 of 4 | not run | 6 of 6 |",
        "| arrow-go | not run | not run | not run | not run | not run | not run |",
        *page[4:8],
    ]
