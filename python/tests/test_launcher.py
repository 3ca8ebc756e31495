from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest

import tensorbridge as tb
from conftest import descriptors, run_python
from tensorbridge import launcher


def fake_jdk(home: Path, version: str, modules: str = "java.base jdk.incubator.vector") -> Path:
    (home / "bin").mkdir(parents=True)
    java = home / "bin" / "java"
    java.write_text("#!/bin/sh\nexit 3\n")
    java.chmod(0o755)
    (home / "release").write_text(f'JAVA_VERSION="{version}"\nMODULES="{modules}"\n')
    return home


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An environment without any JDK."""
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.delenv("TENSORBRIDGE_JAVA", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(launcher, "_JDK_FOLDERS", (f"{tmp_path}/jdks/*",))
    return tmp_path


def test_java_home_comes_first(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = fake_jdk(nowhere / "home", "25.0.3")
    fake_jdk(nowhere / "jdks" / "25", "25.0.1")
    monkeypatch.setenv("JAVA_HOME", str(home))
    assert launcher.find_jdk() == launcher.Jdk(home, 25, True)


def test_an_older_java_home_is_passed_over(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", str(fake_jdk(nowhere / "home", "17.0.15")))
    newer = fake_jdk(nowhere / "jdks" / "a", "26-ea")
    assert launcher.find_jdk().home == newer


def test_a_jdk_is_found_through_a_link_on_the_path(nowhere: Path) -> None:
    home = fake_jdk(nowhere / "elsewhere", "25")
    (nowhere / "bin").mkdir()
    (nowhere / "bin" / "java").symlink_to(home / "bin" / "java")
    assert launcher.find_jdk().home == home


def test_a_runtime_without_vectors_is_the_second_choice(nowhere: Path) -> None:
    fake_jdk(nowhere / "jdks" / "z", "25.0.2", modules="java.base")
    assert not launcher.find_jdk().has_vectors
    complete = fake_jdk(nowhere / "jdks" / "a", "25.0.2")
    assert launcher.find_jdk().home == complete


def test_without_a_jdk_one_sentence_says_what_to_do(nowhere: Path) -> None:
    fake_jdk(nowhere / "jdks" / "old", "17.0.15")
    with pytest.raises(tb.ResourceError, match=r"no JDK 25 or newer .* install one") as refused:
        tb.open()
    assert "\n" not in str(refused.value)
    assert refused.value.code is tb.ErrorCode.UNSUPPORTED_PLATFORM


def test_a_named_jdk_must_do(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TENSORBRIDGE_JAVA", str(fake_jdk(nowhere / "home", "17")))
    with pytest.raises(tb.ResourceError, match="no JDK 25"):
        launcher.find_jdk()


def test_the_vector_module_is_asked_for_only_where_it_is(nowhere: Path) -> None:
    jar = nowhere / "x.jar"
    jar.touch()
    plain = launcher.Jdk(nowhere, 25, False)
    assert "--add-modules" not in launcher.java_command(plain, jar)
    assert "--add-modules" in launcher.java_command(launcher.Jdk(nowhere, 25, True), jar)


def test_a_jdk_that_does_not_start_is_told_with_its_log(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = fake_jdk(nowhere / "home", "25")
    (home / "bin" / "java").write_text("#!/bin/sh\necho no such option >&2\nexit 3\n")
    monkeypatch.setenv("JAVA_HOME", str(home))
    before = descriptors()
    with pytest.raises(tb.ServerDied, match="exit code 3") as died:
        tb.open()
    assert "no such option" in died.value.log
    del died  # its frames hold the control region
    gc.collect()
    assert descriptors() == before


def test_a_missing_jar_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TENSORBRIDGE_JAR", "/nowhere.jar")
    with pytest.raises(tb.ResourceError, match=r"/nowhere\.jar"):
        tb.open()


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_elsewhere_the_import_works_and_open_says_why_not(platform: str) -> None:
    done = run_python(
        "import sys\n"
        "import numpy, asyncio, socket, mmap, subprocess, select, tempfile\n"
        f"sys.platform = {platform!r}\n"
        "import os\n"
        "for name in ('memfd_create', 'pidfd_open', 'eventfd', 'register_at_fork',\n"
        "             'posix_fallocate', 'sched_getaffinity'):\n"
        "    delattr(os, name)\n"
        "sys.modules['fcntl'] = None\n"
        "import tensorbridge as tb\n"
        "try:\n"
        "    tb.open()\n"
        "except tb.ResourceError as error:\n"
        "    print(error)\n"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    assert f"needs Linux (this is {platform})" in done.stdout


def test_a_refused_memfd_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "memfd_create", refuse)
    with pytest.raises(tb.ResourceError, match=r"seccomp") as refused:
        tb.open()
    assert "\n" not in str(refused.value)


def test_a_missing_server_is_told(tmp_path: Path) -> None:
    with pytest.raises(tb.ResourceError, match="tensorbridge serve --socket"):
        tb.open(f"unix:{tmp_path}/none.sock")


@pytest.mark.parametrize("address", ["tcp:1.2.3.4", "unix:", "/path"])
def test_an_address_is_of_one_form(address: str) -> None:
    with pytest.raises(tb.OptionError, match=r"unix:/path/to\.sock"):
        tb.open(address)
