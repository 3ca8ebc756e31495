"""What `tensorbridge quantize` writes opens in the libraries whose layouts it uses."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from tensorbridge.exports import GGML_TYPES

ROOT = Path(__file__).parents[4]
ROWS, COLUMNS = 60, 256

torch = pytest.importorskip("torch", reason="torch is a peer: benches/peers.sh all installs it")
safetensors_torch = pytest.importorskip("safetensors.torch")


@pytest.fixture(scope="module")
def weight() -> npt.NDArray[np.float32]:
    return np.random.default_rng(7).normal(0, 0.02, (ROWS, COLUMNS)).astype(np.float32)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, weight: npt.NDArray[np.float32]) -> Path:
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    tensors = {"l.weight": torch.from_numpy(weight), "l.bias": torch.zeros(ROWS)}
    safetensors_torch.save_file(tensors, path, {"format": "pt"})
    return path


def tensorbridge(*arguments: str | Path) -> None:
    command = [ROOT / "tensorbridge", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=dict(os.environ))
    assert done.returncode == 0, done.stderr


def quantized(model: Path, scheme: str) -> dict[str, torch.Tensor]:
    target = model.with_name(f"out-{scheme.replace(':', '-')}.safetensors")
    tensorbridge("quantize", model, "-o", target, "--scheme", scheme, "--quiet")
    return safetensors_torch.load_file(target)


def restored(model: Path, scheme: str) -> torch.Tensor:
    """What we read from what we wrote."""
    target = model.with_name(f"out-{scheme.replace(':', '-')}.safetensors")
    back = model.with_name("back.safetensors")
    tensorbridge("dequantize", target, "-o", back, "--quiet")
    return safetensors_torch.load_file(back)["l.weight"]


FP8 = {"num_bits": 8, "type": "float"}
FP4 = {"num_bits": 4, "type": "float"}
COMPRESSED = [
    ("int8:rule=compressed-tensors", "int-quantized", {"num_bits": 8, "strategy": "channel"}),
    ("fp8_e4m3:scale=row", "float-quantized", {**FP8, "strategy": "channel"}),
    ("fp8_e4m3:scale=tensor", "float-quantized", {**FP8, "strategy": "tensor"}),
    ("mxfp8", "mxfp8-quantized", {**FP8, "strategy": "group", "group_size": 32}),
    ("mxfp4:layout=ocp", "mxfp4-pack-quantized", {**FP4, "strategy": "group", "group_size": 32}),
    (
        "nvfp4:layout=two-level",
        "nvfp4-pack-quantized",
        {**FP4, "strategy": "tensor_group", "group_size": 16},
    ),
    *(
        (
            f"int4:layout=compressed-tensors,bits={bits},group={group},sym={str(sym).lower()}",
            "pack-quantized",
            {"num_bits": bits, "symmetric": sym}
            | (
                {"strategy": "channel"}
                if group == "row"
                else {"strategy": "group", "group_size": group}
            ),
        )
        for bits in (4, 8)
        for group in (32, 128, "row")
        for sym in (False, True)
    ),
]


@pytest.mark.parametrize(("scheme", "kind", "arguments"), COMPRESSED)
def test_compressed_tensors_reads_the_values_that_we_read(
    model: Path, scheme: str, kind: str, arguments: dict[str, object]
) -> None:
    pytest.importorskip("compressed_tensors", reason="a peer: benches/peers.sh all installs it")
    from compressed_tensors.compressors import BaseCompressor
    from compressed_tensors.quantization import QuantizationArgs, QuantizationScheme

    if kind.startswith("mx"):
        arguments = {**arguments, "scale_dtype": torch.uint8}
    plan = QuantizationScheme(targets=["Linear"], weights=QuantizationArgs(**arguments))
    state = {
        name.removeprefix("l."): tensor
        for name, tensor in quantized(model, scheme).items()
        if name.startswith("l.weight")
    }
    compressor = BaseCompressor.get_value_from_registry(kind)
    read = compressor.decompress(state, plan)["weight"].to(torch.float32)
    torch.testing.assert_close(restored(model, scheme), read, rtol=0, atol=0)


def test_bitsandbytes_loads_int8(model: Path, weight: npt.NDArray[np.float32]) -> None:
    bnb = pytest.importorskip("bitsandbytes", reason="a peer: benches/peers.sh all installs it")
    state = quantized(model, "int8")
    assert state["l.weight_format"].item() == 0
    assert state["l.weight"].dtype == torch.int8
    read = bnb.functional.int8_vectorwise_dequant(state["l.weight"], state["l.SCB"])
    torch.testing.assert_close(restored(model, "int8"), read, rtol=1e-6, atol=0)
    assert (read - torch.from_numpy(weight)).abs().max() < 0.001


@pytest.mark.parametrize("scheme", ["nf4", "fp4", "nf4:double=true"])
def test_bitsandbytes_loads_four_bits(model: Path, scheme: str) -> None:
    bnb = pytest.importorskip("bitsandbytes", reason="a peer: benches/peers.sh all installs it")
    state = quantized(model, scheme)
    packed = state.pop("l.weight")
    stats = {name: tensor for name, tensor in state.items() if name.startswith("l.weight.")}
    parameter = bnb.nn.Params4bit.from_prequantized(packed, stats, device="cpu")
    read = bnb.functional.dequantize_4bit(parameter.data, parameter.quant_state)
    torch.testing.assert_close(restored(model, scheme), read, rtol=0, atol=0)


def test_safetensors_reads_the_shards(model: Path, weight: npt.NDArray[np.float32]) -> None:
    import json

    index = model.with_name("sharded.safetensors.index.json")
    tensorbridge(
        "quantize", model, "-o", index, "--scheme", "f32", "--max-shard-size", "1KiB", "--quiet"
    )
    text = json.loads(index.read_text())
    assert text["metadata"]["total_size"] == 4 * (ROWS * COLUMNS + ROWS)
    assert text["weight_map"]["l.weight"] != text["weight_map"]["l.bias"]
    shard = safetensors_torch.load_file(model.with_name(text["weight_map"]["l.weight"]))
    np.testing.assert_array_equal(shard["l.weight"].numpy(), weight)


@pytest.mark.parametrize("scheme", sorted(set(GGML_TYPES) - {"f32"}))
def test_gguf_py_opens_every_ggml_type(
    model: Path, weight: npt.NDArray[np.float32], scheme: str
) -> None:
    gguf = pytest.importorskip("gguf", reason="a peer: benches/peers.sh all installs it")
    target = model.with_name(f"{scheme}.gguf")
    metadata = ["general.alignment=64", "general.name=a name", "some.flag=true"]
    given = [argument for entry in metadata for argument in ("--metadata", entry)]
    tensorbridge("quantize", model, "-o", target, "--scheme", scheme, "--quiet", *given)
    reader = gguf.GGUFReader(target)
    assert reader.alignment == 64
    assert reader.get_field("general.name").contents() == "a name"
    assert reader.get_field("some.flag").contents() is True
    tensors = {tensor.name: tensor for tensor in reader.tensors}
    assert set(tensors) == {"l.weight", "l.bias"}
    tensor = tensors["l.weight"]
    assert tensor.tensor_type == GGML_TYPES[scheme]
    assert list(tensor.shape) == [COLUMNS, ROWS]
    values = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
    back = model.with_name("gguf-back.safetensors")
    tensorbridge("dequantize", target, "-o", back, "--quiet")
    ours = safetensors_torch.load_file(back)["l.weight"].to(torch.float32).numpy()
    np.testing.assert_array_equal(ours, values.reshape(weight.shape))


def test_gguf_py_opens_what_fell_back(tmp_path: Path) -> None:
    gguf = pytest.importorskip("gguf", reason="a peer: benches/peers.sh all installs it")
    source, target = tmp_path / "narrow.safetensors", tmp_path / "narrow.gguf"
    narrow = np.random.default_rng(8).normal(0, 0.02, (ROWS, 96)).astype(np.float32)
    odd = narrow[:, :33].copy()
    tensors = {"narrow.weight": torch.from_numpy(narrow), "odd.weight": torch.from_numpy(odd)}
    safetensors_torch.save_file(tensors, source)
    tensorbridge("quantize", source, "-o", target, "--scheme", "q4_k", "--quiet")
    read = {tensor.name: tensor for tensor in gguf.GGUFReader(target).tensors}
    q5_0 = gguf.GGMLQuantizationType.Q5_0  # llama.cpp's fallback
    assert read["narrow.weight"].tensor_type == q5_0
    expected = gguf.quants.quantize(narrow, q5_0)
    np.testing.assert_array_equal(read["narrow.weight"].data, expected)
    assert read["odd.weight"].tensor_type == gguf.GGMLQuantizationType.F16
    np.testing.assert_array_equal(read["odd.weight"].data, odd.astype(np.float16))
