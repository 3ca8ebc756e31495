"""Whole files: what `Bridge.quantize_file` writes, tells and leaves behind."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import psutil
import pytest
import safetensors.numpy

import tensorbridge as tb
from conftest import command_line, eventually, weights

MODEL = {"a.weight": (64, 256), "b.weight": (32, 512), "b.bias": (32,), "c.weight": (8, 96)}


@pytest.fixture
def model(tmp_path: Path, rng: np.random.Generator) -> Path:
    path = tmp_path / "model.safetensors"
    safetensors.numpy.save_file({name: weights(rng, *dims) for name, dims in MODEL.items()}, path)
    return path


@pytest.fixture
def big(tmp_path: Path, rng: np.random.Generator) -> Path:
    """A model that takes a while, and whose quantized file has a name while it is written."""
    path = tmp_path / "big.safetensors"
    tensor = np.tile(weights(rng, 1024, 1024), (64, 1))
    safetensors.numpy.save_file({"a.weight": tensor}, path)
    return path


def tools() -> list[psutil.Process]:
    """Return our runs of the command line tool, other than servers."""
    children = psutil.Process().children(recursive=True)
    return [child for child in children if "quantize" in child.cmdline()]


def test_a_file_is_that_of_the_command_line(bridge: tb.Bridge, model: Path, tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours.gguf", tmp_path / "theirs.gguf"
    done: list[float] = []
    result = bridge.quantize_file(
        model,
        ours,
        "q4_k",
        {r"b\..*weight": "q8_0", r"nothing=.*": "f16"},
        metadata={"general.author": "me"},
        skip=[r"a\..*", "none"],
        quality=True,
        progress_callback=done.append,
    )
    document = command_line(
        "quantize", model, "-o", theirs, "--scheme=q4_k", r"--override=b\..*weight=q8_0",
        "--override=nothing=.*=f16", "--metadata=general.author=me", r"--skip=a\..*", "--skip=none",
        "--quality",
    )  # fmt: skip
    assert ours.read_bytes() == theirs.read_bytes()

    assert result.path == str(ours)
    assert [vars_of(tensor) for tensor in result.tensors] == document["tensors"]
    assert {tensor.name: tensor.stored for tensor in result.tensors} == {
        "a.weight": "f32", "b.weight": "q8_0", "b.bias": "f32", "c.weight": "q5_0",
    }  # fmt: skip
    assert result.quality == document["quality"]
    assert result.failures == {}
    assert result.warnings == tuple(document["warnings"])
    assert "nothing=.*" in result.warnings[0]
    assert result.input_bytes == document["input_bytes"]
    assert result.output_bytes == document["output_bytes"]
    assert result.seconds > 0
    assert done == sorted(set(done))
    assert done[-1] == 1.0
    assert not tools()


def vars_of(tensor: tb.FileTensor) -> dict[str, Any]:
    """Write a tensor as the document of the command line does."""
    facts: dict[str, Any] = {
        "name": tensor.name,
        "shape": list(tensor.shape),
        "from": tensor.source,
        "to": tensor.stored,
        "bytes": tensor.nbytes,
    }
    if tensor.note:
        facts["note"] = tensor.note
    if tensor.quality is not None:
        size = int(np.prod(tensor.shape)) * 4
        facts |= {"saved_bytes": size - tensor.nbytes, **tensor.quality}
    return facts


def test_the_name_of_the_target_and_raised_tensors(bridge: tb.Bridge, model: Path) -> None:
    result = bridge.quantize_file(
        str(model), scheme="q4_0", min_cosine=0.9999, ladder=["q8_0"], threads=1,
        memory_limit="400MiB",
    )  # fmt: skip
    assert Path(result.path) == model.with_name("model.q4_0.gguf")
    raised = {tensor.name: tensor.raised_from for tensor in result.tensors}
    assert raised == {"a.weight": "q4_0", "b.weight": "q4_0", "b.bias": None, "c.weight": "q4_0"}
    assert {tensor.stored for tensor in result.tensors} == {"q8_0", "f32"}
    with pytest.raises(tb.TensorError, match=r"cosine 0\.99"):
        bridge.quantize_file(model, scheme="q4_0", min_cosine=0.9999, fail_fast=True)
    profiled = bridge.quantize_file(model, profile="cloud")
    assert Path(profiled.path).name == "model.uniform-bits8-group64.safetensors"


def test_names_are_taken_as_they_are(
    bridge: tb.Bridge, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "C")
    monkeypatch.chdir(model.parent)
    model.rename("--größe=1.safetensors")
    result = bridge.quantize_file("--größe=1.safetensors", "-ö.gguf")
    assert result.path == "-ö.gguf"
    assert Path("-ö.gguf").is_file()


def test_failures_are_the_exceptions_of_batches(
    bridge: tb.Bridge, model: Path, tmp_path: Path
) -> None:
    target = tmp_path / "out.gguf"
    with pytest.raises(tb.OptionError, match="q99") as unknown:
        bridge.quantize_file(model, target, "q99")
    assert unknown.value.code is tb.ErrorCode.UNKNOWN_SCHEME
    with pytest.raises(tb.OptionError, match="no regular expression"):
        bridge.quantize_file(model, target, overrides={"(": "q8_0"})
    with pytest.raises(tb.OptionError, match="memory-limit"):
        bridge.quantize_file(model, target, memory_limit=1)
    with pytest.raises(tb.OptionError, match="safetensors"):
        bridge.quantize_file(model, tmp_path / "out.safetensors", "q4_k")
    with pytest.raises(tb.OptionError, match="timeout"):
        bridge.quantize_file(model, target, timeout=0)
    with pytest.raises(tb.OptionError, match="no name of a file"):
        bridge.quantize_file("", target)
    with pytest.raises(tb.FormatError, match="no such file") as missing:
        bridge.quantize_file(tmp_path / "none.gguf", target)
    assert missing.value.code is tb.ErrorCode.FILE_IO
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"\x02" + bytes(7) + b"{]")
    with pytest.raises(tb.FormatError, match="broken") as malformed:
        bridge.quantize_file(broken, target)
    assert malformed.value.code is tb.ErrorCode.BAD_FORMAT
    assert malformed.value.offset is not None
    assert not target.exists()


def test_a_tensor_that_fails_is_named_or_left_out(
    bridge: tb.Bridge, tmp_path: Path, rng: np.random.Generator
) -> None:
    spoilt = weights(rng, 4, 64)
    spoilt[1, 3] = np.nan
    source, target = tmp_path / "model.safetensors", tmp_path / "out.gguf"
    safetensors.numpy.save_file({"good": weights(rng, 4, 64), "spoilt": spoilt}, source)
    with pytest.raises(tb.TensorError) as failure:
        bridge.quantize_file(source, target)
    with pytest.raises(tb.TensorError) as expected:
        bridge.quantize_batch({"spoilt": spoilt}, scheme="q8_0")
    assert failure.value.args == expected.value.args
    assert (failure.value.name, failure.value.index) == ("spoilt", 67)
    assert failure.value.code is tb.ErrorCode.NON_FINITE
    assert sorted(tmp_path.iterdir()) == [source]

    result = bridge.quantize_file(source, target, continue_on_error=True)
    assert [tensor.name for tensor in result.tensors] == ["good"]
    left_out = result.failures["spoilt"]
    assert isinstance(left_out, tb.TensorError)
    assert left_out.index == 67
    clipped = bridge.quantize_file(source, target, nonfinite="clip")
    assert len(clipped.tensors) == 2


def test_a_callback_that_fails_is_logged_once(
    bridge: tb.Bridge, model: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(done: float) -> None:
        raise ValueError(done)

    with caplog.at_level(logging.ERROR, "tensorbridge"):
        bridge.quantize_file(model, progress_callback=fails)
    assert [record.levelname for record in caplog.records] == ["ERROR"]


def test_an_interrupt_leaves_nothing_behind(bridge: tb.Bridge, big: Path) -> None:
    seen: list[float] = []

    def interrupt(done: float) -> None:
        seen.append(done)
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        bridge.quantize_file(big, scheme="q3_k", threads=1, progress_callback=interrupt)
    assert len(seen) == 1
    assert seen[0] < 0.5
    assert not tools()
    assert list(big.parent.iterdir()) == [big]


def test_a_timeout_leaves_nothing_behind(bridge: tb.Bridge, big: Path) -> None:
    with pytest.raises(TimeoutError, match=r"0\.01 s") as late:
        bridge.quantize_file(big, scheme="q3_k", timeout=0.01)
    assert isinstance(late.value, tb.TimeoutError)
    assert not tools()
    assert list(big.parent.iterdir()) == [big]


def test_a_tool_that_is_killed_or_stopped_by_others(bridge: tb.Bridge, big: Path) -> None:
    def send(number: int) -> None:
        for tool in tools():
            tool.send_signal(number)

    with pytest.raises(tb.ServerDied, match=r"ended by signal SIGKILL"):
        bridge.quantize_file(
            big, scheme="q3_k", threads=1, progress_callback=lambda _: send(signal.SIGKILL)
        )
    with pytest.raises((tb.Cancelled, tb.ServerDied)):
        bridge.quantize_file(
            big, scheme="q3_k", threads=1, progress_callback=lambda _: send(signal.SIGTERM)
        )
    # The second run removed what the killed one left.
    assert list(big.parent.iterdir()) == [big]


_PARENT = """
import signal, sys, tensorbridge as tb
def say(done):
    print(done, flush=True)
    signal.pause()
with tb.open() as bridge:
    bridge.quantize_file(sys.argv[1], scheme="q3_k", threads=1, progress_callback=say)
"""


def test_the_tool_ends_with_its_parent(big: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", _PARENT, big], stdout=subprocess.PIPE)
    with parent:
        assert parent.stdout is not None
        assert float(parent.stdout.readline()) < 0.5
        (tool,) = (p for p in psutil.Process(parent.pid).children() if "quantize" in p.cmdline())
        parent.kill()
    eventually(lambda: not tool.is_running() or tool.status() == psutil.STATUS_ZOMBIE)
    assert list(big.parent.iterdir()) == [big]


def test_a_closed_bridge_starts_nothing(model: Path) -> None:
    bridge = tb.open()
    bridge.close()
    with pytest.raises(tb.BridgeClosed):
        bridge.quantize_file(model)
    assert os.listdir(model.parent) == [model.name]


def test_numpy_opens_quantized_archives(bridge: tb.Bridge, model: Path, tmp_path: Path) -> None:
    target = tmp_path / "quantized.npz"
    bridge.quantize_file(model, target, scheme="uniform:bits=4,group=64")
    tensors = safetensors.numpy.load_file(model)
    with np.load(target) as archive:
        batch = bridge.quantize_batch({"w": tensors["a.weight"]}, "uniform:bits=4,group=64")
        np.testing.assert_array_equal(archive["a.weight"], batch["w"].data.view(np.uint8).ravel())
        np.testing.assert_array_equal(archive["a.weight.scales"], batch["w"].scales)
        np.testing.assert_array_equal(archive["b.bias"], tensors["b.bias"])
        scheme = archive["metadata/tensorbridge.scheme.a.weight.txt"]
        assert scheme == b"uniform:bits=4,group=64"
        assert archive["metadata/tensorbridge.shape.a.weight.txt"] == b"64,256"


@pytest.mark.parametrize("dtype", [np.float32, np.float16, ml_dtypes.bfloat16])
@pytest.mark.parametrize(
    "scheme", ["nf4", "fp4:block=128", "nf4:double=true", "fp4:block=32,double=true", "int8"]
)
def test_exports_are_the_entries_of_files(
    bridge: tb.Bridge, tmp_path: Path, rng: np.random.Generator, scheme: str, dtype: Any
) -> None:
    name = "m.weight"
    tensor = weights(rng, 6, 7, 37).astype(dtype)
    source, target = tmp_path / "in.safetensors", tmp_path / "out.safetensors"
    safetensors.numpy.save_file({name: tensor}, source)
    bridge.quantize_file(source, target, scheme)
    stored = safetensors.numpy.load_file(target)
    quantized = bridge.quantize_batch({name: tensor}, scheme=scheme)[name]
    entries = quantized.to_bitsandbytes()
    assert next(iter(entries)) == name
    assert np.shares_memory(entries[name], quantized.data)
    assert set(entries) == set(stored)
    for key, entry in entries.items():
        assert entry.dtype == stored[key].dtype
        if "quant_state" in key:
            assert json.loads(bytes(entry)) == json.loads(bytes(stored[key]))
        else:
            np.testing.assert_array_equal(entry, stored[key], strict=True)
    renamed = quantized.to_bitsandbytes("other.weight")
    assert len(renamed) == len(entries)
    assert all(key.startswith("other.") for key in renamed)


@pytest.mark.parametrize("name", ["weight", "m"])
def test_exports_of_layers_by_themselves(
    bridge: tb.Bridge, tmp_path: Path, rng: np.random.Generator, name: str
) -> None:
    tensor = weights(rng, 6, 37)
    source, target = tmp_path / "in.safetensors", tmp_path / "out.safetensors"
    safetensors.numpy.save_file({name: tensor}, source)
    bridge.quantize_file(source, target, "int8")
    entries = bridge.quantize_batch({name: tensor}, scheme="int8")[name].to_bitsandbytes()
    assert set(entries) == set(safetensors.numpy.load_file(target))
    restored = tmp_path / "restored.safetensors"
    command_line("dequantize", target, "-o", restored)
    assert list(safetensors.numpy.load_file(restored)) == [name]


def test_exports_of_the_empty_and_of_other_schemes(bridge: tb.Bridge) -> None:
    empty = bridge.quantize_batch({"w": np.empty((0, 4), np.float32)}, scheme="nf4:double=true")
    entries = empty["w"].to_bitsandbytes()
    assert entries["w"].shape == (0, 1)
    assert json.loads(bytes(entries["w.quant_state.bitsandbytes__nf4"]))["nested_offset"] == 0
    other = bridge.quantize_batch({"w": np.ones((2, 32), np.float32)}, scheme="int8:rule=quanto")
    with pytest.raises(tb.OptionError, match="nothing like int8:rule=quanto"):
        other["w"].to_bitsandbytes()
