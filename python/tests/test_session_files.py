"""Sessions over files: they are read where they lie, and written whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import safetensors.numpy

import lora_files as lora
import tensorbridge as tb
from conftest import command_line, eventually
from lora_files import bytes_of


@pytest.fixture
def base(rng: np.random.Generator) -> dict[str, Any]:
    return lora.unet(rng)


@pytest.fixture
def file(tmp_path: Path, base: dict[str, Any]) -> Path:
    path = tmp_path / "unet.safetensors"
    safetensors.numpy.save_file(base, path)
    return path


@pytest.fixture
def style_file(tmp_path: Path, rng: np.random.Generator) -> Path:
    return lora.save_kohya(tmp_path / "style.safetensors", lora.factors(rng))


@pytest.fixture
def detail_file(tmp_path: Path, rng: np.random.Generator) -> Path:
    touched = (lora.Q, lora.FF, lora.OUT)
    made = lora.factors(rng, touched, rank=7, alpha=7.0)
    return lora.save_peft(tmp_path / "detail", made)


@pytest.fixture
def session(bridge: tb.Bridge, base: dict[str, Any]) -> Iterator[tb.Session]:
    with bridge.session(base, scheme="q8_0") as session:
        yield session


def test_a_file_gives_the_same_bytes_as_its_arrays(
    bridge: tb.Bridge, file: Path, session: tb.Session, style_file: Path
) -> None:
    with bridge.session(file) as other:
        assert bytes_of(other.weights()) == bytes_of(session.weights())
        assert sorted(other.weights()) == sorted(session.weights())
        other.apply(style_file, 0.5)
        session.apply(style_file, 0.5)
        assert bytes_of(other.weights()) == bytes_of(session.weights())
        assert other.memory.base == 0
        assert other.memory.base_in_place == sum(array.nbytes for array in lora_arrays(file))


def lora_arrays(file: Path) -> list[Any]:
    return list(safetensors.numpy.load_file(file).values())


@pytest.mark.parametrize("ending", ["gguf", "safetensors"])
def test_a_saved_session_is_the_file_that_the_command_line_writes(
    bridge: tb.Bridge,
    file: Path,
    style_file: Path,
    detail_file: Path,
    tmp_path: Path,
    ending: str,
) -> None:
    ours, theirs = tmp_path / f"ours.{ending}", tmp_path / f"theirs.{ending}"
    scheme = "q4_k" if ending == "gguf" else "nf4"
    command_line(
        "quantize", file, "-o", theirs, "--scheme", scheme, "--lora", f"{style_file}:0.8",
        "--lora", f"{detail_file}:-0.3",
    )  # fmt: skip
    done: list[float] = []
    with bridge.session(file, scheme, adapters={style_file: 0.8, detail_file: -0.3}) as session:
        assert session.adapters == {"style": 0.8, "detail": -0.3}
        session.save(ours, progress_callback=done.append)
        assert ours.read_bytes() == theirs.read_bytes()
        assert done == sorted(set(done))
        assert done[-1] == 1.0
        session.remove("style")
        ours.write_bytes(b"old")
        session.save(ours)
    command_line(
        "quantize", file, "-o", theirs, "--scheme", scheme, "--lora", f"{detail_file}:-0.3"
    )
    assert ours.read_bytes() == theirs.read_bytes()
    assert not [path.name for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_shards_are_one_model(
    bridge: tb.Bridge, base: dict[str, Any], tmp_path: Path, style_file: Path, session: tb.Session
) -> None:
    base["steps"] = np.arange(10, dtype=np.int64)
    names = list(base)
    shards = {"a.safetensors": names[:3], "b.safetensors": names[3:]}
    for shard, inside in shards.items():
        safetensors.numpy.save_file({name: base[name] for name in inside}, tmp_path / shard)
    index = tmp_path / "unet.safetensors.index.json"
    weight_map = {name: shard for shard, inside in shards.items() for name in inside}
    index.write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))
    with bridge.session(index, overrides={r".*to_q\.weight": "q8_0"}) as other:
        assert set(other.weights()) == set(base)
        other.apply(style_file)
        session.apply(style_file)
        there = bytes_of(other.weights())
        assert there.pop("steps") == base["steps"].tobytes()
        assert there == bytes_of(session.weights())


def test_a_base_file_that_is_truncated_ends_the_change_and_not_the_server(
    bridge: tb.Bridge, base: dict[str, Any], style_file: Path, tmp_path: Path
) -> None:
    path = tmp_path / "unet.safetensors"
    safetensors.numpy.save_file(base, path)
    with bridge.session(path) as session:
        before = session.weights()
        content = bytes_of(before)
        os.truncate(path, 1 << 12)
        with pytest.raises(tb.BridgeError) as raised:
            session.apply(style_file)
        assert raised.value.code == tb.ErrorCode.FILE_IO
        assert session.weights() is before
        assert bytes_of(before) == content
        assert session.adapters == {}
    assert bridge.run("noop", {"a": np.arange(3.0)})["a"] == (0, 2)


def test_a_file_is_handed_over_to_the_next_bridge(
    base: dict[str, Any], style_file: Path, tmp_path: Path
) -> None:
    path = tmp_path / "unet.safetensors"
    safetensors.numpy.save_file(base, path)
    with tb.open() as bridge, tb.open() as other, bridge.session(path) as session:
        session.apply(style_file)
        content = bytes_of(session.weights())
        psutil.Process(bridge.server_pid).kill()
        eventually(lambda: not psutil.pid_exists(bridge.server_pid) or bridge_is_dead(bridge))
        session.reopen(other)
        session.set_scale("style", 0.5)
        session.set_scale("style", 1.0)
        assert bytes_of(session.weights()) == content


def bridge_is_dead(bridge: tb.Bridge) -> bool:
    try:
        bridge.run("noop", {"a": np.zeros(1)})
    except tb.ServerDied:
        return True
    return False


def test_a_file_that_can_not_be_saved_is_told(
    session: tb.Session, tmp_path: Path, bridge: tb.Bridge, base: dict[str, Any]
) -> None:
    with pytest.raises(tb.FormatError, match="No such file"):
        session.save(tmp_path / "nowhere" / "out.gguf")
    with pytest.raises(tb.OptionError, match="saved as one of"):
        session.save(tmp_path / "out.bin")
    out = tmp_path / "out.gguf"
    out.write_bytes(b"old")
    with pytest.raises(tb.TimeoutError):
        session.save(out, timeout=1e-6)
    with bridge.session(base, "nf4") as other, pytest.raises(tb.FormatError, match="nf4"):
        other.save(out)
    assert out.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
