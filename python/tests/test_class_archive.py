from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import tensorbridge as tb
from tensorbridge.class_archive import ClassArchive
from tensorbridge.launcher import find_jar, find_jdk, java_command

WHOLE = (0xF00BABA2).to_bytes(4, sys.byteorder) + b"an archive"
INCUBATES = "WARNING: Using incubator modules: jdk.incubator.vector"
OPEN = "import tensorbridge; tensorbridge.open().close()"


def real() -> ClassArchive:
    archive = ClassArchive.of(find_jdk().home, find_jar())
    assert archive is not None
    return archive


def wait_for_the_maker(archive: ClassArchive) -> str:
    """Wait until nobody makes it; give what the last one who tried says."""
    lock = archive.lock(wait=True)
    assert lock is not None
    try:
        return os.pread(lock, 1 << 16, 0).decode()
    finally:
        os.close(lock)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that programs found empty which were started at once."""
    cache = tmp_path_factory.mktemp("cache")
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache)}
    programs = [
        subprocess.Popen([sys.executable, "-W", "error", "-c", OPEN], env=environment)
        for _ in range(3)
    ]
    assert [program.wait(120) for program in programs] == [0, 0, 0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(cache))
        assert wait_for_the_maker(real()) == ""
    return cache


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "tensorbridge"


@pytest.fixture
def invented(cache: Path, tmp_path: Path) -> ClassArchive:
    """The archive of a JDK and a jar that can't be started."""
    home = tmp_path / "jdk"
    (home / "bin").mkdir(parents=True)
    (home / "bin" / "java").write_text("#!/bin/sh\necho no such option >&2\nexit 3\n")
    (home / "bin" / "java").chmod(0o755)
    (home / "release").write_text('JAVA_VERSION="25"\nMODULES="java.base"\n')
    (tmp_path / "x.jar").write_bytes(b"one")
    archive = ClassArchive.of(home, tmp_path / "x.jar")
    assert archive is not None
    return archive


def works() -> tuple[str, str]:
    """Quantize with a private server; give its mappings and its log."""
    with tb.open() as bridge:
        done = bridge.quantize_batch({"w": np.ones((2, 32), np.float32)}, scheme="q8_0")
        assert done["w"].data.nbytes == 2 * 34
        server = bridge._link.server
        assert server is not None
        maps = Path(f"/proc/{bridge.server_pid}/maps").read_text()
        return maps, server.log_tail().removeprefix(INCUBATES)


def test_programs_that_start_at_once_leave_one_whole_archive(made: Path) -> None:
    names = sorted(path.suffix for path in (made / "tensorbridge").iterdir())
    assert names == [".jsa", ".lock"]


def test_a_server_starts_from_the_archive(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(made))
    maps, log = works()
    assert str(real().file) in maps
    assert log == ""


def test_a_quantizing_server_parses_hardly_a_class_of_ours(
    made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(made))
    command = java_command(find_jdk(), find_jar())
    done = subprocess.run(
        [*command[:-3], "-Xlog:class+load:stderr", *command[-3:], "serve", "--inherit-fd", "0"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    ours = [line for line in done.stderr.splitlines() if " io.tensorbridge." in line]
    parsed = [line for line in ours if "shared objects file" not in line]
    assert len(ours) > 20
    assert len(parsed) <= len(ours) // 4, parsed


def test_a_file_that_was_cut_off_costs_the_archive_only(
    made: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = real()
    whole = (made / "tensorbridge" / archive.file.name).read_bytes()
    archive.file.write_bytes(whole[: len(whole) // 2])
    assert archive.usable
    maps, log = works()
    assert str(archive.file) not in maps
    assert log == ""


def test_bytes_that_are_no_archive_are_made_anew(cache: Path) -> None:
    archive = real()
    archive.file.write_bytes(b"\0" * 4096)
    assert not any("SharedArchive" in word for word in java_command(find_jdk(), find_jar()))
    works()
    assert wait_for_the_maker(archive) == ""
    assert archive.usable


def test_another_jar_or_jdk_has_another_archive(invented: ClassArchive) -> None:
    invented.file.write_bytes(WHOLE)
    assert invented.usable
    assert ClassArchive.of(invented.home, invented.jar) == invented
    invented.jar.write_bytes(b"another")
    second = ClassArchive.of(invented.home, invented.jar)
    assert second is not None
    assert second.file != invented.file
    assert not second.usable
    assert second.flags() == []
    (invented.home / "release").write_text('JAVA_VERSION="25.0.4"\n')
    third = ClassArchive.of(invented.home, invented.jar)
    assert third is not None
    assert third.file not in (invented.file, second.file)


def test_a_new_archive_replaces_those_of_older_states(invented: ClassArchive) -> None:
    invented.file.write_bytes(WHOLE)
    other = invented.file.parent / "another-place.jsa"
    other.write_bytes(WHOLE)
    invented.jar.write_bytes(b"another")
    second = ClassArchive.of(invented.home, invented.jar)
    assert second is not None
    second.file.write_bytes(WHOLE)
    second.remove_others()
    assert {path.name for path in second.file.parent.iterdir()} == {second.file.name, other.name}


def test_a_machine_with_wide_references_has_an_archive_of_its_own(
    invented: ClassArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tensorbridge.class_archive.memory_limit", lambda: 256 << 30)
    wide = ClassArchive.of(invented.home, invented.jar)
    assert wide is not None
    assert wide.file != invented.file


def test_who_makes_it_keeps_others_from_it(invented: ClassArchive) -> None:
    lock = invented.lock()
    assert lock is not None
    assert invented.lock() is None
    os.close(lock)
    lock = invented.lock()
    assert lock is not None
    os.close(lock)


def test_what_failed_is_told_and_not_tried_again_for_a_day(invented: ClassArchive) -> None:
    invented.begin()
    assert "no such option" in wait_for_the_maker(invented)
    assert not invented.usable
    assert sorted(path.suffix for path in invented.file.parent.iterdir()) == [".lock"]
    assert invented.lock() is None
    yesterday = time.time() - 25 * 3600
    os.utime(invented.file.with_suffix(".lock"), (yesterday, yesterday))
    lock = invented.lock()
    assert lock is not None
    os.close(lock)


def test_a_program_that_embeds_python_is_not_started_again(
    invented: ClassArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/opt/editor/bin/editor")
    invented.begin()
    assert list(invented.file.parent.iterdir()) == []


def test_the_maker_leaves_no_descriptor(invented: ClassArchive) -> None:
    before = set(os.listdir("/proc/self/fd"))
    invented.begin()
    assert set(os.listdir("/proc/self/fd")) == before
    with invented.file.with_suffix(".lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)


@pytest.mark.parametrize("home", ["/proc/nowhere", os.devnull])
def test_a_read_only_home_costs_the_archive_only(
    home: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", home)
    assert ClassArchive.of(find_jdk().home, find_jar()) is None
    _, log = works()
    assert log == ""


def test_it_can_be_made_beforehand(made: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tensorbridge.archive_maker"],
        env={**os.environ, "XDG_CACHE_HOME": str(made)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(done.stdout.strip()).parent == made / "tensorbridge"
