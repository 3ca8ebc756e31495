"""The jar that people run: every provider in it loads and works."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import gguf
import numpy as np
import pyarrow as pa
import pyarrow.feather
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


_ENDINGS = ["npy", "npz", "safetensors", "gguf", "arrow", "lora.arrow"]


@pytest.mark.parametrize("ending", _ENDINGS)
def test_every_format_of_the_jar_loads_and_reads(tmp_path: Path, ending: str) -> None:
    weights = np.linspace(-1, 1, 64, dtype=np.float32).reshape(2, 32)
    path = tmp_path / f"model.{ending}"
    if ending == "npy":
        np.save(path, weights)
    elif ending == "npz":
        np.savez(path, w=weights)
    elif ending == "safetensors":
        safetensors.numpy.save_file({"w": weights}, path)
    elif ending == "lora.arrow":
        table = _adapter(weights)
        with pa.ipc.new_file(str(path), table.schema) as sink:
            sink.write_table(table)
    elif ending == "arrow":
        pa.feather.write_feather(_layers({"w": weights}), str(path), compression="uncompressed")
    else:
        writer = gguf.GGUFWriter(path, "test")
        writer.add_tensor("w", weights)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
    assert len(_providers(_FORMATS)) == len(_ENDINGS)
    shown = _tool("inspect", str(path))
    assert shown.returncode == 0, shown.stderr
    assert "[error]" not in shown.stderr, "the JVM speaks of its class archive"
    assert "(2, 32)" in shown.stdout
    assert "f32" in shown.stdout


def _adapter(factor: np.ndarray) -> pa.Table:
    shape = pa.array([factor.shape], pa.list_(pa.int32()))
    turned = pa.array([factor.T.shape], pa.list_(pa.int32()))
    return pa.table(
        {
            "module": ["to_q"],
            "weight_a": pa.array([factor.tobytes()], pa.binary()),
            "weight_b": pa.array([factor.T.tobytes()], pa.binary()),
            "shape_a": shape,
            "shape_b": turned,
            "dtype": ["float32"],
        }
    )


def _layers(tensors: dict[str, np.ndarray]) -> pa.Table:
    return pa.table(
        {
            "layer_name": list(tensors),
            "weights": pa.array([t.ravel() for t in tensors.values()], pa.list_(pa.float32())),
            "shape": pa.array([t.shape for t in tensors.values()], pa.list_(pa.int64())),
        }
    )


def test_arrow_tables_are_quantized_and_restored(tmp_path: Path) -> None:
    weights = np.linspace(-1, 1, 512, dtype=np.float32).reshape(2, 256)
    model, small, restored = (tmp_path / f"{name}.arrow" for name in ("model", "small", "restored"))
    table = _layers({"w": weights, "bias": weights[0]})
    with pa.ipc.new_stream(str(model), table.schema) as writer:
        writer.write_table(table, max_chunksize=1)
    done = _tool("quantize", str(model), "-o", str(small), "--scheme", "uniform:bits=4,group=128")
    assert done.returncode == 0, done.stderr
    layers = pa.ipc.open_file(str(small)).read_all().to_pylist()
    assert [(layer["layer_name"], layer["scheme"]) for layer in layers] == [
        ("w", "uniform:bits=4,group=128"),
        ("bias", "f32"),
    ]
    packed = np.frombuffer(layers[0]["quantized_data"], np.uint8)
    codes = np.stack([packed & 15, packed >> 4], axis=1).reshape(4, 128).astype(np.float32)
    scales, zero_points = (
        np.float32(layers[0][part])[:, None] for part in ("scales", "zero_points")
    )
    expected = ((codes - zero_points) * scales).reshape(2, 256)
    assert np.abs(expected - weights).max() < scales.max()
    assert layers[1]["quantized_data"] == weights[0].tobytes()

    done = _tool("dequantize", str(small), "-o", str(restored))
    assert done.returncode == 0, done.stderr
    back = pa.ipc.open_file(str(restored)).read_all()
    assert back.schema.equals(table.schema)
    assert np.array_equal(back["weights"][0].values.to_numpy().reshape(2, 256), expected)
    assert back["weights"][1].as_py() == weights[0].tolist()


def test_arrow_classes_load_for_arrow_files_only(tmp_path: Path) -> None:
    weights = np.ones((2, 32), np.float32)
    safetensors.numpy.save_file({"w": weights}, tmp_path / "model.safetensors")
    pa.feather.write_feather(
        _layers({"w": weights}), str(tmp_path / "model.arrow"), compression="uncompressed"
    )
    command = java_command(find_jdk(), find_jar())
    command.insert(command.index("-cp"), "-Xlog:class+load:stderr")
    for ending, expected in (("safetensors", False), ("arrow", True)):
        done = subprocess.run(
            [
                *command,
                "quantize",
                str(tmp_path / f"model.{ending}"),
                "-o",
                str(tmp_path / "out.gguf"),
            ],
            capture_output=True,
            text=True,
            check=True,
        )
        loaded = done.stderr + done.stdout
        assert "io.tensorbridge.quantize" in loaded
        assert ("org.apache.arrow" in loaded) is expected
        assert ("com.google.flatbuffers" in loaded) is expected
        assert ("io.tensorbridge.arrow.ArrowFile " in loaded) is expected


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
