"""What users know of activations, from files and arrays to quantized models."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import tensorbridge as tb

SPATIAL = "uniform:bits=4,group=128,spatial=true"
TIME = "uniform:bits=8,time=3"


@pytest.fixture(scope="module")
def bridge() -> Iterator[tb.Bridge]:
    """Give one bridge to all tests."""
    with tb.open() as opened:
        yield opened


def _given(kind: str, directory: Path, vectors: dict[str, Any]) -> Any:
    """Hand the vectors over in one of the ways that there are."""
    if kind == "mapping":
        return {name: list(vector) for name, vector in vectors.items()}
    path = directory / ("vectors." + kind)
    if kind == "npz":
        np.savez(path, **vectors)
    else:
        save_file(vectors, path)
    return path


@pytest.mark.parametrize("kind", ["npz", "safetensors", "mapping"])
@pytest.mark.parametrize("scheme", [SPATIAL, TIME, "q4_k"])
def test_a_file_is_quantized_as_a_batch_with_vectors(
    bridge: tb.Bridge, tmp_path: Path, kind: str, scheme: str
) -> None:
    """Spatial equalization, groups of timesteps, and importances: the same bytes as in a batch."""
    rng = np.random.default_rng(1)
    weights = {
        name: rng.standard_normal((24, 256)).astype(np.float32) for name in ("a.weight", "b.weight")
    }
    source = tmp_path / "model.safetensors"
    save_file(weights, source)
    count = 24 if scheme == TIME else 256
    vectors = {"a.weight": (rng.permutation(count) + 1).astype(np.float32)}
    target = tmp_path / ("out.gguf" if scheme == "q4_k" else "out.safetensors")
    result = bridge.quantize_file(
        source, target, scheme, calibration=_given(kind, tmp_path, vectors)
    )
    notes = {tensor.name: tensor.note for tensor in result.tensors}
    assert notes == {"a.weight": "", "b.weight": "the calibration does not tell of it"}
    if scheme == "q4_k":
        wanted = bridge.quantize_batch(weights, scheme, importance=vectors)
        content = target.read_bytes()
        assert all(wanted[name].data.tobytes() in content for name in weights)
        return
    argument = "timesteps" if scheme == TIME else "activations"
    wanted = bridge.quantize_batch(weights, scheme, **{argument: vectors})
    stored = load_file(target)
    for name in weights:
        parts = dict(wanted[name].parts)
        np.testing.assert_array_equal(stored[name].ravel(), parts.pop("data"))
        for part, values in parts.items():
            np.testing.assert_array_equal(stored[f"{name}.{part}"], values)
    plain = bridge.quantize_batch(weights, scheme)
    assert plain["a.weight"].data.tobytes() != wanted["a.weight"].data.tobytes()


def test_vectors_that_do_not_fit_are_refused(bridge: tb.Bridge, tmp_path: Path) -> None:
    """With the tensor and the numbers."""
    source = tmp_path / "model.safetensors"
    save_file({"a.weight": np.ones((4, 256), np.float32)}, source)
    out = tmp_path / "out.safetensors"
    with pytest.raises(tb.TensorError, match="255"):
        bridge.quantize_file(source, out, SPATIAL, calibration={"a.weight": np.ones(255)})
    with pytest.raises(tb.OptionError, match="no vector of floats"):
        bridge.quantize_file(source, out, SPATIAL, calibration={"a.weight": ["x"]})
    with pytest.raises(tb.OptionError, match="calibration"):
        bridge.quantize_file(source, out, "nf4", calibration={"a.weight": np.ones(256)})
    assert not out.exists()


def test_the_policy_for_controlnets(bridge: tb.Bridge, tmp_path: Path) -> None:
    """Their parts stay as they are, unless told otherwise."""
    source = tmp_path / "model.safetensors"
    names = ["conv_in.weight", "controlnet_mid_block.weight", "time_embedding.linear_1.weight"]
    save_file({name: np.ones((4, 64), np.float16) for name in names}, source)
    out = tmp_path / "out.gguf"
    kept = {tensor.name: tensor for tensor in bridge.quantize_file(source, out).tensors}
    assert [kept[name].stored for name in names] == ["q8_0", "f16", "f16"]
    assert kept[names[1]].note == "kept: zero convolution of a ControlNet"
    none = bridge.quantize_file(source, out, policy="none").tensors
    assert [tensor.stored for tensor in none] == ["q8_0"] * 3
