"""The peers' transports and the Arrow suite: right answers, said reasons, nothing left behind.

What .venv has is tested always; the rest where ``benches/peers.sh`` was run.
"""

from __future__ import annotations

import gc
import importlib.util
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from runner.benchmark import Group, Launch, Operation, Unavailable
from runner.isolated import PEERS
from runner.peers.transport import Transport, library
from runner.suites import arrays, arrow, arrow_files, batches, c_data, crossing, transports

_HERE = Path(__file__).resolve().parent
_PROBE = _HERE / "transport_probe.py"
_PEER_PYTHON = PEERS / "bin" / "python"
_LIBRARIES = {
    "jpype_direct": "jpype",
    "jpype_address": "jpype",
    "jpype_array": "jpype",
    "py4j_bytes": "py4j",
    "flight_python": "pyarrow",
    "flight_java": "pyarrow",
    "pyzmq": "zmq",
    "ray": "ray",
}
_CASES = [
    *(("array", peer.name) for peer in transports.PEERS),
    *(("layers", peer.name) for peer in transports.PEERS if peer.layers),
]
_HERE_NOW = [
    peer.name
    for peer in transports.PEERS
    if importlib.util.find_spec(_LIBRARIES.get(peer.name, "multiprocessing"))
]
_LIST_GROUPS = """
import sys
from runner.suites import arrow, transports
arrow.groups(), transports.groups()
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""

needs_peers = pytest.mark.skipif(
    not _PEER_PYTHON.exists(), reason="the peers are not installed; run benches/peers.sh light"
)


@pytest.fixture
def folder() -> Iterator[Path]:
    """Give a folder for temporary files with a path short enough for sockets."""
    path = Path(tempfile.mkdtemp(prefix="t"))
    yield path
    shutil.rmtree(path)


def _environment(folder: Path) -> dict[str, str]:
    path = [str(_HERE.parent), str(_HERE.parent.parent / "python" / "src")]
    return {**os.environ, "TMPDIR": str(folder), "PYTHONPATH": os.pathsep.join(path)}


def _probe(python: Path | str, kind: str, name: str, folder: Path) -> dict[str, Any]:
    process = subprocess.run(
        [str(python), str(_PROBE), kind, name],
        env=_environment(folder),
        capture_output=True,
        text=True,
    )
    assert process.returncode == 0, process.stderr
    said: dict[str, Any] = json.loads(process.stdout.splitlines()[-1])
    assert said["processes"] == []
    assert said["segments"] == []
    assert list(folder.iterdir()) == []
    return said


@pytest.mark.parametrize(("kind", "name"), _CASES)
def test_a_peer_answers_or_says_what_is_missing(kind: str, name: str, folder: Path) -> None:
    said = _probe(sys.executable, kind, name, folder)
    if name in _HERE_NOW:
        assert said["answers"] == [True] * 3
    else:
        assert "can't be imported" in said["unavailable"]
        assert "run benches/peers.sh" in said["unavailable"]


@needs_peers
@pytest.mark.parametrize(("kind", "name"), _CASES)
def test_a_peer_answers_in_its_own_environment(kind: str, name: str, folder: Path) -> None:
    assert _probe(_PEER_PYTHON, kind, name, folder)["answers"] == [True] * 3


@pytest.mark.parametrize(
    ("python", "name"),
    [
        *((sys.executable, name) for name in _HERE_NOW),
        *(
            pytest.param(str(_PEER_PYTHON), peer.name, marks=needs_peers)
            for peer in transports.PEERS
            # Ray's agents need a minute to see it.
            if peer.name not in (*_HERE_NOW, "ray")
        ),
    ],
)
def test_receivers_end_with_a_killed_sender(python: str, name: str, folder: Path) -> None:
    with subprocess.Popen(
        [python, str(_PROBE), "wait", name],
        env=_environment(folder),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        said = json.loads(process.stdout.readline())
        receivers = [psutil.Process(pid) for pid in said["children"]]
        process.kill()
    assert psutil.wait_procs(receivers, 30)[1] == []
    assert not any(os.path.exists(f"/dev/shm/{name}") for name in said["segments"])


def test_an_answer_that_differs_is_refused() -> None:
    class Repeating(Transport):
        def touch(self, prepared: Any) -> Any:
            return 1.0, 2.0

    layers = [np.array([1, 2], np.float32), np.array([1, 3], np.float32)]
    transport = Repeating()
    transports.check(transport, transport.touch_layers(layers[:1]), layers[:1])
    with pytest.raises(ValueError, match=r"are \(1.0, 3.0\), but \(1.0, 2.0\)"):
        transports.check(transport, transport.touch_layers(layers), layers)
    with pytest.raises(ValueError, match="2 arrays were handed over, 1 answers"):
        transports.check(transport, transport.touch_layers(layers[:1]), layers)


def test_a_missing_library_is_named_with_its_remedy() -> None:
    with pytest.raises(Unavailable, match=r"nothing can't be imported .* run benches/peers.sh"):
        library("no_such_library", "nothing")


def test_listing_imports_no_peer() -> None:
    environment = _environment(Path(tempfile.gettempdir()))
    listed = subprocess.run(
        [sys.executable, "-c", _LIST_GROUPS], env=environment, capture_output=True, text=True
    )
    assert listed.returncode == 0, listed.stderr
    assert not {*_LIBRARIES.values(), "pyarrow"} & set(listed.stdout.split())


def test_peers_join_the_groups_of_the_seed() -> None:
    seed = {
        group.name: group for group in [*arrays.groups(), *batches.groups(), *crossing.groups()]
    }
    for group in transports.groups():
        ours = seed[group.name]
        assert (group.family, group.parameter, group.throughput, group.description) == (
            ours.family,
            ours.parameter,
            ours.throughput,
            ours.description,
        )
        names = [contender.name for contender in (*ours.contenders, *group.contenders)]
        assert len(set(names)) == len(names)
        assert all(one.role == "peer" and one.isolated for one in group.contenders)


def test_py4j_is_spared_the_largest_array() -> None:
    with_py4j = {
        group.name
        for group in transports.groups()
        if "py4j_bytes" in {contender.name for contender in group.contenders}
    }
    assert "numpy_40mb" in with_py4j
    assert "numpy_400mb" not in with_py4j


_ARROW = arrow.group("arrow_ipc_tiny", 1 << 16)


@pytest.mark.parametrize("name", [contender.name for contender in _ARROW.contenders])
def test_a_column_arrives_whole_and_leaves_nothing(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (contender,) = (one for one in _ARROW.contenders if one.name == name)
    with tempfile.TemporaryDirectory(dir="/dev/shm") as memory:
        monkeypatch.setattr(arrow, "_MEMORY_FOLDER", Path(memory))
        before = _held()
        with Launch() as launch:
            expected = arrays.source(launch, 1 << 16)
            opened = contender.open(launch)
            operation = opened if isinstance(opened, Operation) else Operation(opened)
            assert operation.call is not None
            assert operation.call() == (expected[0], expected[-1])
            figures = operation.figures() if operation.figures else {}
            del opened, operation
        assert set(figures) == set(contender.figures)
        assert all(figure > 0 for figure in figures.values())
        assert _held() == before
        assert os.listdir(memory) == []


@pytest.mark.parametrize("group", [arrow_files.opening, arrow_files.writing])
def test_an_arrow_file_is_opened_and_written_within_the_jvm(
    group: Callable[[str, int], Group], monkeypatch: pytest.MonkeyPatch
) -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as memory:
        monkeypatch.setattr(arrow_files, "_MEMORY_FOLDER", Path(memory))
        monkeypatch.setattr(arrow_files, "_SAMPLE_NANOS", 100_000)
        before = _held()
        with Launch() as launch:
            for contender in group("arrow_tiny", 1 << 16).contenders:
                operation = contender.open(launch)
                assert isinstance(operation, Operation)
                assert operation.measured is not None
                assert operation.measured() > 0
                del operation
            ask = launch.shared(("arrow files", 1 << 16), lambda: None)
            sums = [ask(f"{kind} 1").split()[1] for kind in ("region", "vectors")]
            assert sums[0] == sums[1] != "0.0"
            del ask
        assert _held() == before
        assert os.listdir(memory) == []


def _held() -> tuple[int, int, int]:
    gc.collect()
    process = psutil.Process()
    maps = Path("/proc/self/maps").read_text()
    return process.num_fds(), maps.count("/memfd:"), len(process.children(recursive=True))


def test_the_column_of_a_stream_is_read_where_it_lies() -> None:
    pyarrow = pytest.importorskip("pyarrow")
    region = np.zeros(1 << 14, np.uint8)
    batch = pyarrow.record_batch([pyarrow.array(np.arange(1000, dtype=np.float32))], names=["c"])
    sink = pyarrow.FixedSizeBufferWriter(pyarrow.py_buffer(region))
    with pyarrow.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    column = arrow._first_column(region)
    assert np.shares_memory(column, region)
    assert np.array_equal(column, np.arange(1000))


def test_halves_are_means_of_the_calls_since_the_last_sample() -> None:
    halves = arrow.Halves()
    halves.add(10, 1)
    halves.add(30, 2)
    assert halves.figures() == {"write": 20.0, "read": 1.5}
    halves.add(7, 8)
    assert halves.figures() == {"write": 7.0, "read": 8.0}


@pytest.mark.parametrize("with_schema", [True, False])
def test_arrow_java_passes_the_same_batch(with_schema: bool) -> None:
    (contender,) = (
        one
        for one in c_data.group(5, with_schema, warm_up_times=1).contenders
        if one.role == "peer"
    )
    before = _held()
    with Launch() as launch:
        operation = contender.open(launch)
        assert isinstance(operation, Operation)
        assert operation.measured is not None
        assert operation.measured() > 0
        del operation
    assert _held() == before


def test_a_server_that_gives_up_is_named() -> None:
    with Launch() as launch:
        server = arrow._server(launch)
        server._socket.sendall(struct.pack("<i", -1))
        with pytest.raises(ConnectionError, match="ArrowTouchServer gave up"):
            server._answer()
