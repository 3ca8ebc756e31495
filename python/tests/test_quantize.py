"""Quantization against independent implementations: NumPy by the documented rule, gguf-py, ggml."""

from __future__ import annotations

import asyncio
import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import gguf
import ml_dtypes
import numpy as np
import pytest
import safetensors.numpy

import tensorbridge as tb
import uniform
from conftest import ROOT, weights
from tensorbridge.exports import GGML_TYPES
from tensorbridge.launcher import find_jar, find_jdk, java_command

GOLDEN = ROOT / "quantizer" / "src" / "test" / "resources" / "golden-ggml"
IMPORTANCE = GOLDEN.with_name("golden-ggml-importance")
GGUF_TYPES = {"q8_0": gguf.GGMLQuantizationType.Q8_0, "q4_0": gguf.GGMLQuantizationType.Q4_0}


@pytest.mark.parametrize("sym", [False, True])
@pytest.mark.parametrize("group", ["tensor", "row", 32, 128])
@pytest.mark.parametrize("bits", [2, 4, 8])
@pytest.mark.parametrize("shape", [(7,), (5, 33), (3, 4, 3, 3), (2, 300)])
def test_uniform_is_what_its_page_says(
    bridge: tb.Bridge,
    rng: np.random.Generator,
    shape: tuple[int, ...],
    bits: int,
    group: int | str,
    sym: bool,
) -> None:
    tensor = weights(rng, *shape)
    scheme = f"uniform:bits={bits},group={group},sym={str(sym).lower()}"
    quantized = bridge.quantize_batch({"a": tensor}, scheme=scheme)["a"]
    data, scales, zero_points, values = uniform.quantize(tensor, bits, group, sym)
    assert quantized.data.tobytes() == data.tobytes()
    assert quantized.data.dtype == np.uint8
    assert quantized.scales is not None
    assert quantized.scales.shape == scales.shape
    assert quantized.scales.tobytes() == scales.tobytes()
    if sym:
        assert quantized.zero_points is None
    else:
        assert quantized.zero_points is not None
        assert quantized.zero_points.tobytes() == zero_points.tobytes()
    dequantized = quantized.dequantize()
    assert dequantized.dtype == np.float32
    assert dequantized.shape == shape
    assert dequantized.tobytes() == values.tobytes()


def test_short_forms_and_defaults(bridge: tb.Bridge, rng: np.random.Generator) -> None:
    tensor = weights(rng, 8, 256)
    short = bridge.quantize_batch({"a": tensor}, bit_width=8, group_size=64)["a"]
    assert short.scheme == "uniform:bits=8,group=64"
    assert short.shape == (8, 256)
    assert short.name == "a"
    default = bridge.quantize_batch({"a": tensor})["a"]
    assert default.scheme == "uniform:bits=4,group=tensor"


@pytest.mark.parametrize("dtype", [np.float16, np.float64, ml_dtypes.bfloat16])
@pytest.mark.parametrize("scheme", ["q8_0", "q4_0", "uniform"])
def test_other_floats_are_as_their_float32(
    bridge: tb.Bridge, rng: np.random.Generator, scheme: str, dtype: Any
) -> None:
    tensor = weights(rng, 6, 64).astype(dtype)
    result = bridge.quantize_batch(
        {"given": tensor, "strided": np.stack([tensor, tensor], -1)[..., 0],
         "float32": tensor.astype(np.float32)}, scheme=scheme,
    )  # fmt: skip
    assert len({entry.data.tobytes() for entry in result.values()}) == 1


@pytest.mark.parametrize("scheme", GGUF_TYPES)
def test_ggml_schemes_are_those_of_gguf_py(
    bridge: tb.Bridge, rng: np.random.Generator, scheme: str
) -> None:
    tensor = weights(rng, 64, 256)
    quantized = bridge.quantize_batch({"a": tensor}, scheme=scheme)["a"]
    expected = gguf.quants.quantize(tensor, GGUF_TYPES[scheme])
    assert quantized.scheme == scheme
    assert quantized.scales is None
    assert quantized.data.tobytes() == expected.tobytes()
    values = gguf.quants.dequantize(expected, GGUF_TYPES[scheme])
    assert quantized.dequantize().tobytes() == values.astype(np.float32).tobytes()


@pytest.mark.parametrize("scheme", sorted(path.stem[5:] for path in GOLDEN.glob("ggml_*.bin")))
def test_golden_bytes_of_ggml(bridge: tb.Bridge, scheme: str) -> None:
    tensor = np.fromfile(GOLDEN / "input.f32", "<f4").reshape(80, 1024)
    expected = (GOLDEN / f"ggml_{scheme}.bin").read_bytes()
    golden = json.loads((GOLDEN / "golden.json").read_text())
    assert hashlib.sha256(expected).hexdigest() in json.dumps(golden)
    quantized = bridge.quantize_batch({"a": tensor}, scheme=scheme.lower())["a"]
    assert quantized.data.tobytes() == expected


@pytest.mark.parametrize("scheme", sorted(path.stem[5:] for path in IMPORTANCE.glob("*.bin")))
def test_importance_gives_the_bytes_of_ggml(bridge: tb.Bridge, scheme: str) -> None:
    tensor = np.fromfile(GOLDEN / "input.f32", "<f4").reshape(80, 1024)[::5]
    importance = np.fromfile(IMPORTANCE / "importance.f32", "<f4")
    expected = (IMPORTANCE / f"ggml_{scheme}.bin").read_bytes()
    tensors = {"plain": tensor, "weighted": tensor, "shared": bridge.share(tensor)}
    vectors = {"weighted": importance.tolist(), "shared": bridge.share(importance)}
    result = bridge.quantize_batch(tensors, scheme=scheme.lower(), importance=vectors)
    assert list(result) == list(tensors)
    assert result["weighted"].data.tobytes() == expected
    assert result["shared"].data.tobytes() == expected
    assert result["shared"].shape == tensor.shape
    alone = bridge.quantize_batch({"plain": tensor}, scheme=scheme.lower())
    assert result["plain"].data.tobytes() == alone["plain"].data.tobytes() != expected
    again = asyncio.run(
        bridge.quantize_batch_async(tensors, scheme=scheme.lower(), importance=vectors)
    )
    assert again["weighted"].data.tobytes() == expected
    with bridge.prepare("quantize", {"a": (tensor, importance)}, scheme=scheme.lower()) as ready:
        assert ready.run()["a"].data.tobytes() == expected


def test_timesteps_and_activations_reach_the_scheme(
    bridge: tb.Bridge, rng: np.random.Generator
) -> None:
    tensor = weights(rng, 12, 64)
    steps = rng.permutation(12)
    given = bridge.quantize_batch(
        {"a": tensor}, scheme="uniform:bits=4,time=3", timesteps={"a": steps}
    )["a"]
    ordered = np.ascontiguousarray(tensor[np.argsort(steps)])
    sorted_rows = bridge.quantize_batch({"a": ordered}, scheme="uniform:bits=4,time=3")["a"]
    assert given.scales is not None
    assert sorted_rows.scales is not None
    np.testing.assert_array_equal(given.scales, sorted_rows.scales)
    np.testing.assert_array_equal(given.dequantize()[np.argsort(steps)], sorted_rows.dequantize())
    plain, smoothed = (
        bridge.quantize_batch({"a": tensor}, scheme="uniform:spatial=true", activations=vectors)
        for vectors in (None, {"a": np.linspace(1, 9, 64)})
    )
    assert plain["a"].data.tobytes() != smoothed["a"].data.tobytes()


def test_vectors_must_fit_their_batch(bridge: tb.Bridge, rng: np.random.Generator) -> None:
    tensors = {"a": weights(rng, 4, 256)}
    vector = np.ones(256, np.float32)
    with pytest.raises(tb.OptionError, match='importance names "b", which is not in the batch'):
        bridge.quantize_batch(tensors, scheme="q4_k", importance={"b": vector})
    with pytest.raises(tb.OptionError, match=r"more than one vector .importance and timesteps"):
        bridge.quantize_batch(
            tensors, scheme="q4_k", importance={"a": vector}, timesteps={"a": vector[:4]}
        )
    with pytest.raises(tb.OptionError, match=r"shape \(1, 256\), and must have one dimension"):
        bridge.quantize_batch(tensors, scheme="q4_k", activations={"a": vector[None]})
    with pytest.raises(tb.OptionError, match="no vector of floats"):
        bridge.quantize_batch(tensors, scheme="q4_k", activations={"a": "much"})
    with pytest.raises(tb.BridgeError, match="a"):
        bridge.quantize_batch(tensors, scheme="q4_k", importance={"a": vector[:100]})


def test_overrides_choose_per_tensor(bridge: tb.Bridge, rng: np.random.Generator) -> None:
    tensors = {name: weights(rng, 4, 32) for name in ("a.weight", "a.bias", "b.weight")}
    result = bridge.quantize_batch(
        tensors, scheme="q8_0", overrides={r".*\.bias": "f32", r"b\..*": "q4_0"}
    )
    assert [entry.scheme for entry in result.values()] == ["q8_0", "f32", "q4_0"]
    assert result["a.bias"].data.tobytes() == tensors["a.bias"].tobytes()


def test_nan_can_be_clipped(bridge: tb.Bridge) -> None:
    tensor = np.linspace(-1, 1, 64, dtype=np.float32)
    spoilt = tensor.copy()
    spoilt[5] = np.nan
    tensor[5] = 0
    clipped = bridge.quantize_batch({"a": spoilt}, scheme="q8_0", nonfinite="clip")
    expected = bridge.quantize_batch({"a": tensor}, scheme="q8_0")
    assert clipped["a"].data.tobytes() == expected["a"].data.tobytes()


def test_all_entry_points_give_the_same_bytes(
    bridge: tb.Bridge, rng: np.random.Generator, tmp_path: Path
) -> None:
    tensors = {f"layer.{i}.weight": weights(rng, 32, 64 * (i + 1)) for i in range(5)}
    shared = {name: bridge.share(tensor) for name, tensor in tensors.items()}

    def data(result: tb.BatchResult[tb.QuantizedTensor]) -> dict[str, bytes]:
        return {name: entry.data.tobytes() for name, entry in result.items()}

    expected = data(bridge.quantize_batch(tensors, scheme="q8_0"))
    assert data(bridge.quantize_batch(shared, scheme="q8_0", threads=1)) == expected
    assert data(bridge.run("quantize", shared, scheme="q8_0")) == expected
    assert data(bridge.submit("quantize", tensors, scheme="q8_0").result()) == expected
    with bridge.prepare("quantize", shared, scheme="q8_0") as prepared:
        assert data(prepared.run()) == data(prepared.run()) == expected
    assert data(asyncio.run(bridge.quantize_batch_async(shared, scheme="q8_0"))) == expected

    source = tmp_path / "model.safetensors"
    safetensors.numpy.save_file(tensors, source)
    command_line("quantize", source, "-o", tmp_path / "model.gguf", "--scheme", "q8_0")
    reader = gguf.GGUFReader(tmp_path / "model.gguf")
    assert {t.name: t.data.tobytes() for t in reader.tensors} == expected
    for tensor in reader.tensors:
        assert tensor.tensor_type == gguf.GGMLQuantizationType.Q8_0
        assert tuple(reversed(tensor.shape)) == tensors[tensor.name].shape


def test_safetensors_go_both_ways(tmp_path: Path, rng: np.random.Generator) -> None:
    tensors = {"a.weight": weights(rng, 8, 64), "b.weight": weights(rng, 4, 32)}
    source, back = tmp_path / "model.safetensors", tmp_path / "back.safetensors"
    safetensors.numpy.save_file(tensors, source)
    command_line("quantize", source, "-o", tmp_path / "model.gguf", "--scheme", "q8_0")
    command_line("dequantize", tmp_path / "model.gguf", "-o", back)
    read = safetensors.numpy.load_file(back)
    assert set(read) == set(tensors)
    for name, tensor in tensors.items():
        assert read[name].shape == tensor.shape
        assert np.abs(read[name] - tensor).max() < np.abs(tensor).max() / 100


def test_the_command_of_the_wheel_becomes_java() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tensorbridge.cli", "--version"], capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert tb.__version__ in done.stdout


def command_line(*arguments: object) -> None:
    command = [*java_command(find_jdk(), find_jar()), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_ggml_types_are_those_of_gguf_py() -> None:
    for name, number in GGML_TYPES.items():
        assert gguf.GGMLQuantizationType[name.upper()] == number


def test_rows_of_ggml_go_into_gguf_py(
    bridge: tb.Bridge, rng: np.random.Generator, tmp_path: Path
) -> None:
    tensor = weights(rng, 6, 4, 2, 32)
    quantized = bridge.quantize_batch({"a": tensor}, scheme="q8_0")["a"]
    rows = quantized.to_ggml()
    assert rows.shape == tensor.shape
    assert rows.data.shape == (6, 4 * 2 * 34)
    assert np.shares_memory(rows.data, quantized.data)
    path = tmp_path / "a.gguf"
    writer = gguf.GGUFWriter(path, "test")
    writer.add_tensor("a", rows.data, raw_dtype=gguf.GGMLQuantizationType(rows.type))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    stored = gguf.GGUFReader(path).tensors[0]
    assert stored.tensor_type == gguf.GGMLQuantizationType.Q8_0
    values = gguf.quants.dequantize(stored.data, stored.tensor_type)
    assert values.tobytes() == quantized.dequantize().tobytes()
    with pytest.raises(tb.OptionError, match="ggml has no type for uniform"):
        bridge.quantize_batch({"a": tensor})["a"].to_ggml()
