"""Arrow libraries that write and read files: ours, those of PyPI, arrow-go, arrow-rs."""

from __future__ import annotations

import os
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import arro3.core
import arro3.io
import nanoarrow.ipc
import pyarrow as pa

from conftest import ROOT
from tensorbridge.launcher import find_jar, find_jdk

FILE, STREAM = "file", "stream"
COPIES = ROOT / "arrow-ipc/src/test/java/io/tensorbridge/arrow/Copies.java"
# Paths of the programs that python/interop.sh builds; empty or unset where it did not.
GO, RUST = "TENSORBRIDGE_GO_COPIES", "TENSORBRIDGE_RUST_COPIES"
NOT_ASKED = "python/interop.sh did not build it"


@dataclass(frozen=True)
class Job:
    """A table to write: as which form, how, and where PyArrow's own file or stream of it is."""

    form: str
    how: str
    source: Path
    target: Path


def write_pyarrow(batches: Sequence[pa.RecordBatch], path: Path, form: str, how: str) -> None:
    versions = pa.ipc.MetadataVersion
    options = pa.ipc.IpcWriteOptions(
        compression=how if how in ("lz4", "zstd") else None,
        emit_dictionary_deltas=how == "deltas",
        metadata_version=versions.V4 if how == "v4" else versions.V5,
    )
    new = pa.ipc.new_stream if form == STREAM else pa.ipc.new_file
    with (
        pa.OSFile(str(path), "wb") as sink,
        new(sink, batches[0].schema, options=options) as writer,
    ):
        for batch in batches:
            writer.write_batch(batch)


def read_pyarrow(path: Path, form: str) -> pa.Table:
    opened = pa.ipc.open_stream if form == STREAM else pa.ipc.open_file
    with pa.OSFile(str(path)) as source, opened(source) as reader:
        return reader.read_all()


def batches_of(path: Path, form: str) -> pa.RecordBatchReader:
    table = read_pyarrow(path, form)
    return pa.RecordBatchReader.from_batches(table.schema, table.to_batches())


class Peer(ABC):
    """A library, and the forms that it knows.

    Parameters
    ----------
    name : str
    forms : tuple of str
    """

    def __init__(self, name: str, forms: tuple[str, ...] = (FILE, STREAM)) -> None:
        self.name = name
        self.forms = forms

    @abstractmethod
    def write(self, jobs: Sequence[Job]) -> list[str]:
        """Write all; tell of each ``ok`` or what was wrong."""

    @abstractmethod
    def read(self, paths: Sequence[tuple[Path, str]]) -> list[pa.Table | str]:
        """Read all; return the table or what was wrong."""


class PackagePeer(Peer):
    """A Python package in this process.

    Parameters
    ----------
    name : str
    write : callable
        Writes a job.
    read : callable
        Reads a path of a form.
    forms : tuple of str
    """

    def __init__(
        self,
        name: str,
        write: Callable[[Job], None],
        read: Callable[[Path, str], pa.Table],
        forms: tuple[str, ...] = (FILE, STREAM),
    ) -> None:
        super().__init__(name, forms)
        self._write, self._read = write, read

    def write(self, jobs: Sequence[Job]) -> list[str]:
        return [str(attempt(lambda j=job: self._write(j) or "ok")) for job in jobs]

    def read(self, paths: Sequence[tuple[Path, str]]) -> list[pa.Table | str]:
        return [attempt(lambda p=path, f=form: self._read(p, f)) for path, form in paths]


class ProgramPeer(Peer):
    """A program that reads and writes again what the lines of its input name.

    Parameters
    ----------
    name : str
    command : sequence of str
    """

    def __init__(self, name: str, command: Sequence[str]) -> None:
        super().__init__(name)
        self._command = command

    def write(self, jobs: Sequence[Job]) -> list[str]:
        return self._run([f"{job.source}\t{job.target}\t{job.how}" for job in jobs])

    def read(self, paths: Sequence[tuple[Path, str]]) -> list[pa.Table | str]:
        targets = [path.with_suffix(".again") for path, _ in paths]
        lines = [f"{path}\t{again}\tnone" for (path, _), again in zip(paths, targets, strict=True)]
        found: list[pa.Table | str] = []
        for said, again, (_, form) in zip(self._run(lines), targets, paths, strict=True):
            ok = said == "ok"
            found.append(attempt(lambda a=again, f=form: read_pyarrow(a, f)) if ok else said)
            again.unlink(missing_ok=True)
        return found

    def _run(self, lines: Sequence[str]) -> list[str]:
        done = subprocess.run(
            self._command,
            input="".join(line + "\n" for line in lines),
            capture_output=True,
            text=True,
            check=False,
        )
        answers = done.stdout.splitlines()
        assert done.returncode == 0, done.stderr
        assert len(answers) == len(lines), done.stdout + done.stderr
        return answers


def attempt(work: Callable[[], pa.Table | str]) -> pa.Table | str:
    """Return what the work does, or the first line of what it says."""
    try:
        return work()
    except BaseException as error:  # a panic of Rust is no Exception
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise
        return str(error).splitlines()[0] if str(error) else type(error).__name__


def _write_pyarrow(job: Job) -> None:
    table = read_pyarrow(job.source, job.form)
    write_pyarrow(table.to_batches() or [pa.RecordBatch.from_pylist([], table.schema)],
                  job.target, job.form, job.how)  # fmt: skip


def _refuse_v4(job: Job) -> None:
    if job.how == "v4":
        raise NotImplementedError("no option for metadata V4")


def _write_nanoarrow(job: Job) -> None:
    if job.how in ("lz4", "zstd"):
        raise NotImplementedError("no compression")
    _refuse_v4(job)
    with nanoarrow.ipc.StreamWriter.from_path(job.target) as writer:
        writer.write_stream(batches_of(job.source, job.form))


def _read_nanoarrow(path: Path, form: str) -> pa.Table:
    with (
        nanoarrow.ipc.InputStream.from_path(path) as source,
        pa.RecordBatchReader.from_stream(source) as reader,
    ):
        return reader.read_all()


def _write_arro3(job: Job) -> None:
    _refuse_v4(job)
    compression = {"lz4": "LZ4", "zstd": "ZSTD"}.get(job.how)
    new = arro3.io.write_ipc_stream if job.form == STREAM else arro3.io.write_ipc
    new(arro3.core.RecordBatchReader.from_stream(batches_of(job.source, job.form)), job.target,
        compression=compression)  # fmt: skip


def _read_arro3(path: Path, form: str) -> pa.Table:
    opened = arro3.io.read_ipc_stream if form == STREAM else arro3.io.read_ipc
    return pa.RecordBatchReader.from_stream(opened(path)).read_all()


def java_program(source: Path) -> list[str]:
    """Return the command of a class that is run from its source, with the jar's classes."""
    options = ["--enable-native-access=ALL-UNNAMED", "-XX:+UseSerialGC"]
    modules = ["--add-modules", "jdk.incubator.vector"]
    return [find_jdk().java, *options, *modules, "-cp", str(find_jar()), str(source)]


def ours() -> Peer:
    return ProgramPeer("tensorbridge", java_program(COPIES))


def peers() -> tuple[list[Peer], dict[str, str]]:
    """Return who takes part, ours first, and why others don't."""
    found = [
        ours(),
        PackagePeer("PyArrow", _write_pyarrow, read_pyarrow),
        PackagePeer("nanoarrow", _write_nanoarrow, _read_nanoarrow, (STREAM,)),
        PackagePeer("arro3", _write_arro3, _read_arro3),
    ]
    missing = {}
    for name, variable in (("arrow-go", GO), ("arrow-rs", RUST)):
        program = os.environ.get(variable)
        if program:
            found.append(ProgramPeer(name, [program]))
        else:
            missing[name] = NOT_ASKED
    return found, missing
