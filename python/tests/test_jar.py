"""The jar that people run: every provider in it loads and works."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import gguf
import numpy as np
import pytest
import safetensors.numpy

import tensorbridge as tb
from tensorbridge.launcher import find_jar, find_jdk, java_command

_OPERATIONS = "META-INF/services/io.tensorbridge.op.TensorOpProvider"
_FORMATS = "META-INF/services/io.tensorbridge.file.TensorFileFormatProvider"


def _providers(service: str) -> list[str]:
    with zipfile.ZipFile(find_jar()) as jar:
        return jar.read(service).decode().split()


def _tool(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [*java_command(find_jdk(), find_jar()), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_every_operation_of_the_jar_loads_and_runs() -> None:
    weights = np.linspace(-1, 1, 64, dtype=np.float32).reshape(2, 32)
    with tb.open() as bridge:
        assert len(bridge.operations()) == len(_providers(_OPERATIONS))
        assert bridge.run("noop", {"w": weights})["w"] == (-1.0, 1.0)
        assert np.array_equal(bridge.run("copy", {"w": weights})["w"], weights)
        assert np.array_equal(bridge.run("nonzero", {"w": weights})["w"], np.flatnonzero(weights))
        quantized = bridge.quantize_batch({"w": weights}, scheme="q8_0")["w"]
        assert np.abs(quantized.dequantize() - weights).max() < 1 / 127


@pytest.mark.parametrize("ending", ["npy", "npz", "safetensors", "gguf"])
def test_every_format_of_the_jar_loads_and_reads(tmp_path: Path, ending: str) -> None:
    weights = np.linspace(-1, 1, 64, dtype=np.float32).reshape(2, 32)
    path = tmp_path / f"model.{ending}"
    if ending == "npy":
        np.save(path, weights)
    elif ending == "npz":
        np.savez(path, w=weights)
    elif ending == "safetensors":
        safetensors.numpy.save_file({"w": weights}, path)
    else:
        writer = gguf.GGUFWriter(path, "test")
        writer.add_tensor("w", weights)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
    assert len(_providers(_FORMATS)) == 4
    shown = _tool("inspect", str(path))
    assert shown.returncode == 0, shown.stderr
    assert "[error]" not in shown.stderr, "the JVM speaks of its class archive"
    assert "(2, 32)" in shown.stdout
    assert "f32" in shown.stdout


def test_the_demonstration_runs_to_its_end(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tensorbridge.demo", "--small", "--out", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "batch, warm" in done.stdout
    assert "<svg" in (tmp_path / "report.html").read_text()
    reader = gguf.GGUFReader(tmp_path / "sd15_controlnet_small.q8_0.gguf")
    assert {tensor.tensor_type.name for tensor in reader.tensors} == {"F16", "F32", "Q8_0"}
