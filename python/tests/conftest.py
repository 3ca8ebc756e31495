"""Fixtures: a bridge with a private server, a shared server, and accounts of what is left."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import tensorbridge as tb
from tensorbridge.launcher import PrivateServer, find_jar, find_jdk, java_command

ROOT = Path(__file__).resolve().parents[2]
SPEC = ROOT / "spec"


def pytest_sessionstart() -> None:
    """Build the jar where nobody has, and hear of interrupts also as somebody's background job."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if "TENSORBRIDGE_JAR" not in os.environ:
        jar = ROOT / "cli" / "target" / "tensorbridge.jar"
        if not jar.is_file():
            subprocess.run([ROOT / "tensorbridge", "--version"], check=True)
        os.environ["TENSORBRIDGE_JAR"] = str(jar)


@contextmanager
def diagnostic_bridge() -> Iterator[tb.Bridge]:
    """A bridge whose private server has the operations that serve tests, such as ``delay``."""

    def diagnostic(arguments: list[str], archive: Sequence[str] | None) -> PrivateServer:
        return PrivateServer([*arguments, "--diagnostics"], archive)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tensorbridge.link.PrivateServer", diagnostic)
        bridge = tb.open()
    with bridge:
        yield bridge


@pytest.fixture(scope="session")
def shared_bridge() -> Iterator[tb.Bridge]:
    with diagnostic_bridge() as bridge:
        yield bridge


@pytest.fixture
def bridge(shared_bridge: tb.Bridge) -> Iterator[tb.Bridge]:
    """A bridge that must hold nothing more at the end of the test than at its start."""
    gc.collect()
    shared_bridge.trim()
    before = shared_bridge.usage()
    yield shared_bridge
    gc.collect()

    def nothing_is_left() -> bool:
        shared_bridge.trim()  # what was cancelled comes back when the server has ended it
        return shared_bridge.usage() == before

    eventually(nothing_is_left)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20261121)


class SharedServer:
    """A server that others join, in a process of its own."""

    def __init__(self, folder: Path, *arguments: str, jvm: Sequence[str] = ()) -> None:
        self.path = folder / "tb.sock"
        command = java_command(find_jdk(), find_jar())
        flags = command.index("-cp")
        self.process = subprocess.Popen(
            [
                *command[:flags],
                *jvm,
                *command[flags:],
                "serve",
                "--diagnostics",
                "--socket",
                str(self.path),
                *arguments,
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        assert self.process.stdout is not None
        self.said = ""
        for line in self.process.stdout:
            self.said += line
            if "listening" in line:
                # It tells of each bad client, and would wait if nobody read that.
                self._reader = threading.Thread(target=self._read, daemon=True)
                self._reader.start()
                return
        raise AssertionError(f"the server ended with {self.process.wait()}: {self.said}")

    def _read(self) -> None:
        assert self.process.stdout is not None
        self.process.stdout.read()

    @property
    def address(self) -> str:
        return f"unix:{self.path}"

    def footprint(self) -> tuple[int, int, int]:
        """Return its descriptors, its mappings of clients' memory, and its threads.

        The JVM's own threads, and the one that writes the log, come and go.
        """
        process = Path(f"/proc/{self.process.pid}")
        threads = []
        for task in (process / "task").iterdir():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it ended just now
                threads.append((task / "comm").read_text())
        return (
            len(os.listdir(process / "fd")),
            (process / "maps").read_text().count("/memfd:"),
            sum(name.startswith("tensorbridge-") and "-lo" not in name for name in threads),
        )

    def clients(self) -> int:
        """Count its clients: it has a pidfd of each."""
        folder = f"/proc/{self.process.pid}/fd"
        count = 0
        for number in os.listdir(folder):
            with contextlib.suppress(FileNotFoundError):  # it was closed just now
                count += "pidfd" in os.readlink(f"{folder}/{number}")
        return count

    def is_back_at(self, start: tuple[int, int, int]) -> bool:
        """Tell whether it holds no more than it did."""
        return all(now <= then for now, then in zip(self.footprint(), start, strict=True))

    def kill(self) -> None:
        self.process.kill()
        self.close()

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(10)
        self._reader.join()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()


@pytest.fixture(scope="session")
def server() -> Iterator[SharedServer]:
    # A socket's path has at most 107 bytes, which pytest's own folders may exceed.
    with tempfile.TemporaryDirectory(prefix="tb") as folder:
        os.chmod(folder, 0o700)
        shared = SharedServer(Path(folder))
        yield shared
        shared.close()


def run_python(code: str, *arguments: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    """Run a program in a fresh interpreter."""
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def command_line(*arguments: object) -> dict[str, Any]:
    """Run the command line tool; give the document that it prints."""
    command = [*java_command(find_jdk(), find_jar()), *map(str, arguments), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def eventually(condition: Callable[[], Any], patience: float = 20) -> None:
    """Wait for another process to get somewhere that it can't signal to us."""
    deadline = time.monotonic() + patience
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError("it did not happen in time")
        os.sched_yield()


def descriptors() -> int:
    """Count our descriptors; what only garbage holds doesn't count."""
    gc.collect()
    return len(os.listdir("/proc/self/fd"))


def weights(rng: np.random.Generator, *shape: int) -> npt.NDArray[np.float32]:
    return rng.standard_normal(shape, dtype=np.float32)
