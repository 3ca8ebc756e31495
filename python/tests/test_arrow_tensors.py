"""Messages of single tensors, written and read by us and PyArrow; what the others say of them."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import arro3.io
import nanoarrow.ipc
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from arrow_peers import Job, ProgramPeer, attempt, ours, peers
from conftest import ROOT

PAGE = ROOT / "docs" / "arrow-layouts.md"
BEGIN, END = "<!-- tensors -->", "<!-- end tensors -->"
UPDATE = "TENSORBRIDGE_UPDATE_DOCS"
DTYPES = ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"]
FORM = "stream"

Array = npt.NDArray[np.generic]


@dataclass(frozen=True)
class Message:
    """A tensor, and PyArrow's message of it."""

    layout: str
    array: Array
    names: tuple[str, ...]
    data: bytes


def message_of(array: Array, names: tuple[str, ...] = ()) -> bytes:
    sink = pa.BufferOutputStream()
    pa.ipc.write_tensor(pa.Tensor.from_numpy(array, list(names) or None), sink)
    return bytes(sink.getvalue())


def every_second_column(array: Array) -> Message:
    """Make a message with gaps, which no library writes: of one without, told other strides."""
    columns, size = array.shape[1], array.itemsize
    data = bytearray(message_of(array))
    dense = struct.pack("<2q", columns * size, size)
    extent = struct.pack("<q", columns)
    head = bytes(data[: len(data) - array.nbytes])
    strides = head.index(dense)
    places = [i for i in range(len(head)) if head.startswith(extent, i) and i != strides]
    assert len(places) == 1, "the extent could be another number"
    struct.pack_into("<2q", data, strides, columns * size, 2 * size)
    struct.pack_into("<q", data, places[0], columns // 2)
    return Message("strided", array[:, ::2], (), bytes(data))


def messages() -> Iterator[Message]:
    rng = np.random.default_rng(11)
    for dtype in DTYPES:
        array = (rng.random((3, 5, 2)) * 100).astype(dtype)
        yield Message("row-major", array, (), message_of(array))
        major = np.asfortranarray(array)
        yield Message("column-major", major, (), message_of(major))
        yield every_second_column((rng.random((37, 90)) * 100).astype(dtype))
    array = rng.random((4, 6))
    yield Message("of a view", array[::3, 1:4], (), message_of(array[::3, 1:4]))
    yield Message("with names", array, ("größe", "y"), message_of(array, ("größe", "y")))
    yield Message("of no elements", array[:0], (), message_of(array[:0]))
    yield Message("of one dimension", array[0], (), message_of(array[0]))


def read_pyarrow(path: Path) -> pa.Tensor:
    with pa.memory_map(str(path)) as source:
        return pa.ipc.read_tensor(source)


def compared(found: pa.Tensor, message: Message) -> str:
    array = found.to_numpy()
    same = array.dtype == message.array.dtype and np.array_equal(array, message.array)
    names = tuple(found.dim_names or ()) if any(found.dim_names or ()) else ()
    return "ok" if same and names == message.names else "differs"


class Matrix:
    """Who reads the messages that PyArrow and we write.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        self.messages = list(messages())
        others, self.missing = peers()
        self.theirs = [folder / f"{i}.tensor" for i in range(len(self.messages))]
        self.mine = [folder / f"{i}.ours" for i in range(len(self.messages))]
        for path, message in zip(self.theirs, self.messages, strict=True):
            path.write_bytes(message.data)
        us = ours()
        assert isinstance(us, ProgramPeer)
        self.written = self._copied(us, self.theirs, self.mine)
        again = [path.with_suffix(".again") for path in self.mine]
        reads: dict[str, Callable[[list[Path]], list[str]]] = {
            "tensorbridge": lambda paths: self._through(us, paths, again),
            "PyArrow": self._by_pyarrow,
            "nanoarrow": lambda paths: [attempted(lambda q=p: nanoarrow_reads(q)) for p in paths],
            "arro3": lambda paths: [attempted(lambda q=p: arro3_reads(q)) for p in paths],
        }
        for peer in others[1:]:
            if isinstance(peer, ProgramPeer):
                reads[peer.name] = lambda paths, p=peer: self._through(p, paths, again)
        # By writer and reader, what the reader says of each message.
        self.found = {
            (writer, reader): read(paths)
            for writer, paths in (("PyArrow", self.theirs), ("tensorbridge", self.mine))
            for reader, read in reads.items()
        }

    def _copied(self, peer: ProgramPeer, sources: list[Path], targets: list[Path]) -> list[str]:
        return peer.write([Job(FORM, "tensor", s, t)
                           for s, t in zip(sources, targets, strict=True)])  # fmt: skip

    def _through(self, peer: ProgramPeer, paths: list[Path], again: list[Path]) -> list[str]:
        told = self._copied(peer, paths, again)
        found = self._by_pyarrow(again)
        return [f if t == "ok" else t for t, f in zip(told, found, strict=True)]

    def _by_pyarrow(self, paths: list[Path]) -> list[str]:
        return [attempted(lambda p=path, m=message: compared(read_pyarrow(p), m))
                for path, message in zip(paths, self.messages, strict=True)]  # fmt: skip

    def lines(self) -> list[str]:
        layouts = list(dict.fromkeys(message.layout for message in self.messages))
        found = ["| written by | read by | " + " | ".join(layouts) + " | because |",
                 "|---|---|" + "--:|" * len(layouts) + "---|"]  # fmt: skip
        for (writer, reader), told in self.found.items():
            cells = []
            for layout in layouts:
                mine = [t for t, m in zip(told, self.messages, strict=True) if m.layout == layout]
                cells.append(f"{mine.count('ok')} of {len(mine)}")
            why = ", ".join(dict.fromkeys(t for t in told if t != "ok")).replace("|", "\\|")
            found.append(f"| {writer} | {reader} | {' | '.join(cells)} | {why} |")
        return found


def attempted(work: Callable[[], str]) -> str:
    return str(attempt(work))


def nanoarrow_reads(path: Path) -> str:
    with nanoarrow.ipc.InputStream.from_path(path) as source:
        return str(pa.RecordBatchReader.from_stream(source).read_all())


def arro3_reads(path: Path) -> str:
    return str(arro3.io.read_ipc_stream(path).read_all())


@pytest.fixture(scope="module")
def matrix(tmp_path_factory: pytest.TempPathFactory) -> Matrix:
    return Matrix(tmp_path_factory.mktemp("tensors"))


@pytest.mark.parametrize("writer", ["tensorbridge", "PyArrow"])
@pytest.mark.parametrize("reader", ["tensorbridge", "PyArrow"])
def test_messages_come_through(matrix: Matrix, writer: str, reader: str) -> None:
    told = matrix.found[writer, reader]
    assert [t for t in told if t != "ok"] == []
    assert len(told) == 3 * len(DTYPES) + 4


def test_orders_stay_as_they_were(matrix: Matrix) -> None:
    """Column-major stays so, gaps are closed."""
    for path, message in zip(matrix.mine, matrix.messages, strict=True):
        found = read_pyarrow(path)
        if message.layout == "column-major":
            assert found.is_contiguous
            assert not found.to_numpy().flags.c_contiguous
        elif message.layout in ("row-major", "strided"):
            assert found.to_numpy().flags.c_contiguous
    strided = next(m for m in matrix.messages if m.layout == "strided")
    gaps = pa.ipc.read_tensor(pa.BufferReader(strided.data))
    assert not gaps.is_contiguous


def test_a_difference_is_told() -> None:
    """What the other tests rely on."""
    array = np.arange(6.0).reshape(2, 3)
    message = Message("any", array, ("a", "b"), b"")
    assert compared(pa.Tensor.from_numpy(array, ["a", "b"]), message) == "ok"
    assert compared(pa.Tensor.from_numpy(array, ["a", "c"]), message) == "differs"
    assert compared(pa.Tensor.from_numpy(array + 1, ["a", "b"]), message) == "differs"
    assert compared(pa.Tensor.from_numpy(array.astype("f4"), ["a", "b"]), message) == "differs"


def test_the_page_tells_who_knows_messages_of_tensors(matrix: Matrix) -> None:
    for name, why in matrix.missing.items():
        print(f"{name}: not run: {why}")
    found = matrix.lines()
    text = PAGE.read_text()
    head, _, rest = text.partition(BEGIN)
    told, _, tail = rest.partition(END)
    if os.environ.get(UPDATE):
        PAGE.write_text(f"{head}{BEGIN}\n" + "\n".join(found) + f"\n{END}{tail}")
        return
    known = [line for line in told.strip().splitlines()
             if not any(f"| {name} |" in line for name in matrix.missing)]  # fmt: skip
    assert known == found, f"{PAGE.name} is stale; to write it anew: {UPDATE}=1 python/interop.sh"
