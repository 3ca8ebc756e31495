"""What the system refuses: the error names what is missing and the remedy; then all goes on."""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import tensorbridge as tb
from conftest import SharedServer, eventually, run_python
from dying import write_model

MIB = 1 << 20
# A part of a program that prints how a call ended.
TELL = """
import os, resource, sys
import numpy as np, tensorbridge as tb
def tell(call):
    try:
        call()
        print("worked", flush=True)
        return True
    except tb.BridgeError as error:
        print(type(error).__name__, error.code.name, str(error).replace("\\n", " "), flush=True)
"""


@pytest.fixture
def own_server() -> Iterator[SharedServer]:
    with shared_server() as server:
        yield server


@contextlib.contextmanager
def shared_server(*jvm: str) -> Iterator[SharedServer]:
    with tempfile.TemporaryDirectory(prefix="tb") as folder:
        os.chmod(folder, 0o700)
        server = SharedServer(Path(folder), jvm=jvm)
        try:
            yield server
        finally:
            server.close()


@contextlib.contextmanager
def limited(pid: int, what: int, soft: int) -> Iterator[None]:
    """Lower a limit of another process for a while."""
    before = resource.prlimit(pid, what)
    resource.prlimit(pid, what, (soft, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, what, before)


def told(program: str, *arguments: str) -> list[str]:
    done = run_python(TELL + program, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def works(address: str) -> bool:
    with tb.open(address) as bridge:
        found = bridge.run("copy", {"a": np.arange(1000.0)})["a"]
        return found.tolist() == list(range(1000))


# --- descriptors ---

UNTIL_IT_WORKS = """
import asyncio, selectors, subprocess  # which a library may import late
address = sys.argv[1] or None
top = max(map(int, os.listdir("/proc/self/fd")))
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
def use():
    with tb.open(address) as bridge:
        bridge.run("copy", {"a": bridge.share(np.ones(1000))})
for more in range(20):
    resource.setrlimit(resource.RLIMIT_NOFILE, (top + more, hard))
    if tell(use):
        break
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
tell(use)
"""


@pytest.mark.parametrize("private", [False, True])
def test_a_client_without_descriptors_is_told_so(server: SharedServer, private: bool) -> None:
    ends = told(UNTIL_IT_WORKS, "" if private else server.address)
    refused = [end for end in ends if end != "worked"]
    assert len(refused) > 3
    for end in refused:
        assert end.startswith("ResourceError OUT_OF_DESCRIPTORS"), end
        assert "ulimit -n" in end
    assert ends[len(refused) :] == 2 * ["worked"], "at its limit, and without one"


def test_a_server_without_descriptors_says_so(own_server: SharedServer) -> None:
    pid = own_server.process.pid
    with tb.open(own_server.address) as bridge:
        shared = bridge.share(np.arange(10.0))
        bridge.run("copy", {"a": shared})
        start = own_server.footprint()
        top = max(map(int, os.listdir(f"/proc/{pid}/fd")))
        refusals = []
        for more in range(1, 5):
            with limited(pid, resource.RLIMIT_NOFILE, top + more):
                with pytest.raises(tb.ResourceError) as refused:
                    tb.open(own_server.address, start_timeout=20)
                refusals.append(refused.value)
                assert bridge.run("noop", {"a": shared})["a"] == (0, 9)
        assert {error.code for error in refusals} == {tb.ErrorCode.OUT_OF_DESCRIPTORS}
        assert all("ulimit -n" in str(error) for error in refusals)
        with limited(pid, resource.RLIMIT_NOFILE, 3):  # not even one to receive
            with pytest.raises(tb.ResourceError, match="ulimit -n") as refused:
                bridge.empty((MIB,))
            assert refused.value.code is tb.ErrorCode.OUT_OF_DESCRIPTORS
            assert bridge.run("noop", {"a": shared})["a"] == (0, 9)
        assert bridge.empty((MIB,)).size == MIB
        bridge.trim()
        assert works(own_server.address)
        eventually(lambda: own_server.footprint()[0] <= start[0])


# --- memory ---

OF_A_CLIENT = """
bridge = tb.open(sys.argv[1])
shared = bridge.share(np.ones(1000))
def use():
    bridge.run("copy", {"a": shared})
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (8 << 20), -1))
tell(lambda: bridge.empty((1 << 26,)))
tell(use)
resource.setrlimit(resource.RLIMIT_AS, (-1, -1))
resource.setrlimit(resource.RLIMIT_FSIZE, (2 << 20, -1))
tell(lambda: bridge.empty((1 << 20,)))
tell(use)
resource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1))
tell(lambda: bridge.empty((1 << 20,)))
tell(lambda: bridge.empty((1 << 44,)))
tell(use)
"""


def test_a_client_without_memory_is_told_so(server: SharedServer) -> None:
    address, used, file, used_again, works_now, machine, at_last = told(OF_A_CLIENT, server.address)
    assert address.startswith("ResourceError OUT_OF_MEMORY")
    assert "ulimit -v" in address
    assert file.startswith("ResourceError OUT_OF_MEMORY")
    assert "ulimit -f" in file
    assert machine.startswith("ResourceError OUT_OF_MEMORY")
    assert [used, used_again, works_now, at_last] == 4 * ["worked"]


def test_a_server_that_can_map_no_more_says_so(own_server: SharedServer) -> None:
    pid = own_server.process.pid
    with tb.open(own_server.address) as bridge:
        shared = bridge.share(np.arange(10.0))
        bridge.run("copy", {"a": shared})
        used = int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * resource.getpagesize()
        with limited(pid, resource.RLIMIT_AS, used + 8 * MIB):
            for access in ("read", "readwrite"):
                with pytest.raises(tb.ResourceError, match="raise") as refused:
                    bridge.empty((64 * MIB,), "uint8", access)
                assert refused.value.code is tb.ErrorCode.OUT_OF_MEMORY
            assert bridge.run("noop", {"a": shared})["a"] == (0, 9)
        assert bridge.empty((64 * MIB,), "uint8").size == 64 * MIB
    assert works(own_server.address)


def test_a_full_heap_fails_the_batch_and_not_the_server() -> None:
    with shared_server("-Xmx24m") as server, tb.open(server.address) as bridge:
        shared = bridge.share(np.arange(16.0))
        rows = bridge.empty((40_000, 16))
        layers = {str(i): row for i, row in enumerate(rows)}  # all different, so each is kept
        prepared = [bridge.prepare("copy", {"a": shared})]
        with pytest.raises(tb.ResourceError) as failure:
            prepared.extend(bridge.prepare("noop", layers) for _ in range(20))
        assert failure.value.code is tb.ErrorCode.OUT_OF_MEMORY
        assert (prepared[0].run()["a"] == shared).all()
        for batch in prepared:
            batch.close()
        prepared.clear()
        assert bridge.run("noop", {"a": shared})["a"] == (0, 15)
        assert works(server.address)


# --- groups of processes ---


@contextlib.contextmanager
def group(controller: str, **settings: object) -> Iterator[Path]:
    """A control group of version 1 of our own, in the one that we are in."""
    root = Path("/sys/fs/cgroup") / controller
    made = root / f"tensorbridge-test-{os.getpid()}"
    try:
        made.mkdir()
        for name, value in settings.items():
            (made / f"{controller}.{name}").write_text(str(value))
    except OSError as refused:
        with contextlib.suppress(OSError):
            made.rmdir()
        pytest.skip(f"no {controller} group of version 1 can be made here: {refused}")
    try:
        yield made
    finally:
        eventually(lambda: not (made / "cgroup.procs").read_text())
        made.rmdir()


def enter(folder: Path) -> Callable[[], None]:
    """Have a process begin in a group."""

    def move() -> None:
        (folder / "cgroup.procs").write_text(str(os.getpid()))

    return move


IN_A_GROUP = """
from tensorbridge.limits import memory_limit
assert memory_limit() == 192 << 20, memory_limit()
bridge = tb.open(sys.argv[1])
kept = []
def fill():
    while True:
        kept.append(bridge.empty((16 << 20,), "uint8"))
tell(fill)
print(sum(array.nbytes for array in kept) >> 20)
kept.clear()
bridge.trim()
tell(lambda: bridge.run("copy", {"a": bridge.share(np.ones(1 << 20))}))
"""


def test_a_client_at_the_limit_of_its_memory_group_is_told_so(server: SharedServer) -> None:
    with group("memory", limit_in_bytes=192 * MIB) as folder:
        done = subprocess.run(
            [sys.executable, "-c", TELL + IN_A_GROUP, server.address],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            preexec_fn=enter(folder),
        )
    assert done.returncode == 0, (done.returncode, done.stderr)
    full, held, after = done.stdout.splitlines()
    assert full.startswith("ResourceError OUT_OF_MEMORY")
    assert "memory group" in full
    assert int(held) >= 32, "it must be told at the limit, not long before"
    assert after == "worked"
    assert works(server.address)


def test_a_server_that_the_kernel_ends_for_its_memory_is_a_death(own_server: SharedServer) -> None:
    with group("memory", limit_in_bytes=1 << 30) as folder, tb.open(own_server.address) as bridge:
        shared = bridge.share(np.arange(1000.0))
        bridge.run("copy", {"a": shared})
        enter_group = folder / "cgroup.procs"
        enter_group.write_text(str(own_server.process.pid))
        (folder / "memory.limit_in_bytes").write_text(str(8 * MIB))
        with contextlib.suppress(tb.ServerDied, tb.ResourceError):
            for _ in range(200):  # what it has it keeps; anew it gets little
                bridge.quantize_batch({"a": np.ones((1024, 1024), np.float32)}, "q8_0", timeout=30)
        assert shared.tolist() == list(range(1000))
        own_server.process.kill()
        own_server.process.wait()
    with shared_server() as successor, tb.open(successor.address) as bridge:
        assert (bridge.run("copy", {"a": shared})["a"] == shared).all()


def test_a_server_without_threads_goes_on(own_server: SharedServer) -> None:
    pid = own_server.process.pid
    assert works(own_server.address)
    start = own_server.footprint()
    with group("pids", max=1) as folder:
        (folder / "cgroup.procs").write_text(str(pid))
        for _ in range(3):  # each leaves regions to unmap and lines to log
            assert works(own_server.address)
        eventually(lambda: own_server.is_back_at(start))
        # A private server can't even be started there.
        program = (
            "from pathlib import Path\n"
            "Path(sys.argv[1]).write_text(str(os.getpid()))\n"
            "tell(lambda: tb.open(start_timeout=20))\n"
        )
        (said,) = told(program, str(folder / "cgroup.procs"))
        assert said.startswith("ResourceError SYSTEM_CALL")
        assert "pids.max" in said
        Path("/sys/fs/cgroup/pids/cgroup.procs").write_text(str(pid))
    assert works(own_server.address)


# --- disks ---


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    made = tmp_path / "disk"
    made.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", made]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no small file system can be mounted here: {done.stderr.strip()}")
    yield made
    subprocess.run(["umount", made], check=True)


def test_a_full_disk_fails_the_file_and_leaves_nothing(
    bridge: tb.Bridge, small_disk: Path, tmp_path: Path
) -> None:
    source = tmp_path / "model.safetensors"
    write_model(source)  # 64 KiB
    (small_disk / "other").write_bytes(bytes(250 << 10))
    for scheme, ending in (("q8_0", "gguf"), ("nf4", "safetensors")):
        target = str(small_disk / f"out.{ending}")
        with bridge.session(str(source), scheme) as session:
            with pytest.raises(tb.BridgeError, match="space") as refused:
                session.save(target)
            assert refused.value.code in (tb.ErrorCode.FILE_IO, tb.ErrorCode.OUT_OF_MEMORY)
        with pytest.raises(tb.BridgeError, match=r"space|full"):
            bridge.quantize_file(str(source), target, scheme=scheme)
        assert os.listdir(small_disk) == ["other"]
    (small_disk / "other").unlink()
    with bridge.session(str(source), "q8_0") as session:
        session.save(str(small_disk / "out.gguf"))
    assert os.listdir(small_disk) == ["out.gguf"]


def test_the_size_of_dev_shm_bounds_nothing(server: SharedServer) -> None:
    program = f"""
import os, sys, subprocess
sys.argv[1:]
os.execvp("unshare", ["unshare", "-m", "sh", "-c",
    "mount -t tmpfs -o size=64k tmpfs /dev/shm && exec \\"$0\\" -c \\"$1\\" \\"$2\\"",
    sys.executable, {TELL + SHARES!r}, sys.argv[1]])
"""
    done = run_python(program, server.address)
    if done.returncode and "worked" not in done.stdout:
        pytest.skip(f"/dev/shm can't be mounted anew here: {done.stderr.strip()}")
    assert done.stdout.splitlines() == ["65536", "worked"]


SHARES = """
disk = os.statvfs("/dev/shm")
print(disk.f_blocks * disk.f_frsize)
def use():
    with tb.open(sys.argv[1]) as bridge:
        assert bridge.run("noop", {"a": bridge.share(np.ones(1 << 22))})["a"] == (1, 1)
tell(use)
"""
