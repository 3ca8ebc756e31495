"""The hostile inputs of the spec, played against a live server."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import SPEC, SharedServer, eventually
from hostile import Driver, base_bytes

import tensorbridge as tb

FILES = [
    json.loads(path.read_text())
    for path in sorted((SPEC / "hostile").glob("*.json"))
    if path.stem != "bases"
]


@pytest.fixture(scope="module")
def bases() -> dict[str, bytes]:
    return base_bytes()


@pytest.fixture(scope="module")
def witness(server: SharedServer, bases: dict[str, bytes]) -> Iterator[Driver]:
    """A connection that must not notice anything."""
    driver = Driver(str(server.path), bases)
    driver.reach("ready")
    yield driver
    driver.close()


def play(path: Path, bases: dict[str, bytes], file: dict[str, Any]) -> None:
    driver = Driver(str(path), bases)
    try:
        driver.reach(file["stage"])
        driver.play(file["steps"])
        if file["end"] == "alive":
            driver.probe()
    finally:
        driver.close()


def test_there_are_hostile_files() -> None:
    assert len(FILES) > 100


@pytest.mark.parametrize("file", [pytest.param(f, id=f["name"]) for f in FILES if not f["limits"]])
def test_a_hostile_input_is_refused_and_nobody_else_notices(
    server: SharedServer, bases: dict[str, bytes], witness: Driver, file: dict[str, Any]
) -> None:
    play(server.path, bases, file)
    witness.probe()


# The command sets this limit only; the Java tests play the files that need others.
@pytest.mark.parametrize(
    "file", [pytest.param(f, id=f["name"]) for f in FILES if list(f["limits"]) == ["max_bytes"]]
)
def test_limits_are_kept(bases: dict[str, bytes], file: dict[str, Any]) -> None:
    arguments = []
    for name, value in file["limits"].items():
        arguments += ["--" + name.replace("_", "-"), str(value)]
    with tempfile.TemporaryDirectory(prefix="tb") as folder:
        os.chmod(folder, 0o700)
        server = SharedServer(Path(folder), *arguments)
        try:
            play(server.path, bases, file)
        finally:
            server.close()


def test_hostile_clients_leave_nothing_on_the_server(
    server: SharedServer, bases: dict[str, bytes]
) -> None:
    with tb.open(server.address) as bridge:
        bridge.run("noop", {"a": bridge.empty(4)})
    before = server.footprint()
    for file in FILES:
        if not file["limits"]:
            play(server.path, bases, file)
    eventually(lambda: server.is_back_at(before))
