"""``lora extract``, against NumPy's SVD; models are small and made here."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from safetensors.numpy import load_file, save_file

from tensorbridge.launcher import find_jar, find_jdk, java_command

SHAPES = {
    "mid_block.attentions.0.transformer_blocks.0.attn1.to_q.weight": (96, 80),
    "mid_block.attentions.0.proj_in.weight": (64, 64, 1, 1),
    "down_blocks.0.resnets.0.conv1.weight": (48, 20, 3, 3),
    "conv_in.weight": (40, 4, 3, 3),
}


def _run(*words: object, code: int = 0) -> str:
    command = [*java_command(find_jdk(), find_jar()), *map(str, words)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == code, ended.stderr
    return ended.stdout if code == 0 else ended.stderr


def _matrix(array: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    return array.reshape(array.shape[0], -1).astype(np.float64)


def _decaying(rng: np.random.Generator, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Make a difference whose singular values fall slowly, as those of training do."""
    rows, columns = shape[0], int(np.prod(shape[1:]))
    left, _, right = np.linalg.svd(rng.standard_normal((rows, columns)), full_matrices=False)
    values = 1 / np.arange(1, left.shape[1] + 1) ** 0.7
    return ((left * values) @ right).reshape(shape).astype(np.float32)


def _models(directory: Path) -> tuple[Path, Path, dict[str, Any], dict[str, Any]]:
    rng = np.random.default_rng(3)
    base = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in SHAPES.items()}
    base["conv_in.bias"] = rng.standard_normal(40).astype(np.float32)
    tuned = {
        name: value + _decaying(rng, value.shape) for name, value in base.items() if value.ndim > 1
    }
    tuned["conv_in.weight"] = base["conv_in.weight"]
    tuned["conv_in.bias"] = base["conv_in.bias"] + 1
    paths = directory / "base.safetensors", directory / "tuned.safetensors"
    save_file(base, paths[0])
    save_file(tuned, paths[1])
    return *paths, base, tuned


def _delta(file: dict[str, Any], name: str) -> npt.NDArray[np.float64]:
    """Multiply the factors of a module, as kohya names them."""
    module = "lora_unet_" + name.removesuffix(".weight").replace(".", "_")
    scale = float(file[module + ".alpha"]) / file[module + ".lora_down.weight"].shape[0]
    product: npt.NDArray[np.float64] = _matrix(file[module + ".lora_up.weight"]) @ _matrix(
        file[module + ".lora_down.weight"]
    )
    return scale * product


@pytest.mark.parametrize("rank", [1, 8, 24])
def test_the_error_is_that_of_the_exact_svd(tmp_path: Path, rank: int) -> None:
    """Within one percent of the best that any product of that rank can do."""
    one, two, base, tuned = _models(tmp_path)
    out = tmp_path / "lora.safetensors"
    report = json.loads(
        _run("lora", "extract", one, two, "-o", out, "--rank", rank, "--dtype=f32", "--json")
    )
    file = load_file(out)
    assert report["unchanged"] == 1
    assert report["without_factors"] == ["conv_in.bias"]
    assert {layer["tensor"] for layer in report["layers"]} == SHAPES.keys() - {"conv_in.weight"}
    for layer in report["layers"]:
        name = layer["tensor"]
        difference = _matrix(tuned[name] - base[name])
        values = np.linalg.svd(difference, compute_uv=False)
        best = np.sqrt((values[rank:] ** 2).sum() / (values**2).sum())
        found = np.linalg.norm(difference - _delta(file, name)) / np.linalg.norm(difference)
        assert layer["rank"] == rank
        assert found <= best * 1.01
        assert layer["error"] == pytest.approx(found, rel=1e-3)
        assert layer["norm"] == pytest.approx(np.linalg.norm(difference), rel=1e-5)


def test_energy_chooses_the_rank_of_each_layer(tmp_path: Path) -> None:
    """The least rank that holds it, by NumPy's singular values."""
    one, two, base, tuned = _models(tmp_path)
    out = tmp_path / "lora" / "adapter_model.safetensors"
    out.parent.mkdir()
    report = json.loads(
        _run("lora", "extract", one, two, "-o", out, "--energy=0.9", "--format=peft", "--json")
    )
    for layer in report["layers"]:
        difference = _matrix(tuned[layer["tensor"]] - base[layer["tensor"]])
        shares = np.cumsum(np.linalg.svd(difference, compute_uv=False) ** 2)
        assert abs(layer["rank"] - 1 - np.searchsorted(shares / shares[-1], 0.9)) <= 1
    assert (out.parent / "adapter_config.json").exists()
    assert any(name.endswith(".lora_A.weight") for name in load_file(out))


def test_a_merged_adapter_comes_back(tmp_path: Path) -> None:
    """Merged into a model, then extracted from it, then merged again: the same model."""
    one, two, _, _ = _models(tmp_path)
    first = tmp_path / "first.safetensors"
    _run("lora", "extract", one, two, "-o", first, "--rank=4", "--dtype=f32")
    merged = tmp_path / "merged.safetensors"
    _run("quantize", one, "--lora", first, "--scheme=f32", "-o", merged)
    second = tmp_path / "second.safetensors"
    report = json.loads(
        _run("lora", "extract", one, merged, "-o", second, "--rank=4", "--dtype=f32", "--json")
    )
    known = load_file(first)
    again = load_file(second)
    for layer in report["layers"]:
        wanted = _delta(known, layer["tensor"])
        assert layer["rank"] == 4
        assert layer["error"] < 1e-5
        np.testing.assert_allclose(_delta(again, layer["tensor"]), wanted, atol=2e-6)


def test_a_control_lora_has_the_names_that_comfyui_reads(tmp_path: Path) -> None:
    """UNet plus products is the ControlNet's encoder; the rest is stored whole."""
    one, _, base, tuned = _models(tmp_path)
    rng = np.random.default_rng(5)
    control = dict(tuned)
    control["controlnet_down_blocks.0.weight"] = rng.standard_normal((40, 40, 1, 1), np.float32)
    control["controlnet_cond_embedding.conv_in.weight"] = rng.standard_normal(
        (16, 3, 3, 3), np.float32
    )
    two = tmp_path / "control.safetensors"
    save_file(control, two)
    out = tmp_path / "control-lora.safetensors"
    text = _run("lora", "extract", "--control", one, two, "-o", out, "--rank=48")
    assert "3 layers of low rank, 3 tensors stored whole, 1 layers as in the UNet" in text
    file = load_file(out)
    layers = {
        "middle_block.1.transformer_blocks.0.attn1.to_q": next(iter(SHAPES)),
        "middle_block.1.proj_in": "mid_block.attentions.0.proj_in.weight",
        "input_blocks.1.0.in_layers.2": "down_blocks.0.resnets.0.conv1.weight",
    }
    assert file.keys() == {
        "lora_controlnet",
        "input_blocks.0.0.bias",
        "zero_convs.0.0.weight",
        "input_hint_block.0.weight",
        *(layer + part for layer in layers for part in (".up", ".down")),
    }
    assert file["lora_controlnet"].shape == (0,)
    for layer, name in layers.items():
        # ComfyUI's arithmetic: weight + (up.flatten(1) @ down.flatten(1)).reshape(weight.shape)
        product = _matrix(file[layer + ".up"]) @ _matrix(file[layer + ".down"])
        found = _matrix(base[name]) + product
        difference = np.linalg.norm(found - _matrix(tuned[name]))
        values = np.linalg.svd(_matrix(tuned[name] - base[name]), compute_uv=False)
        assert difference <= np.sqrt((values[48:] ** 2).sum()) * 1.01 + 2e-3
    hint = control["controlnet_cond_embedding.conv_in.weight"].astype(np.float16)
    np.testing.assert_array_equal(file["input_hint_block.0.weight"], hint)


def test_models_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    """With the name of the tensor, or what to do."""
    one, two, base, _ = _models(tmp_path)
    other = tmp_path / "other.safetensors"
    save_file({"conv_in.weight": np.zeros((40, 5, 3, 3), np.float32)}, other)
    out = tmp_path / "out.safetensors"
    error = _run("lora", "extract", one, other, "-o", out, code=1)
    assert '"conv_in.weight"' in error
    assert "one was not made from the other" in error
    assert "no weight differs" in _run("lora", "extract", one, one, "-o", out, code=1)
    assert "only ControlNets have" in _run(
        "lora", "extract", "--control", one, two, "-o", out, code=1
    )
    assert "two models" in _run("lora", "extract", one, "-o", out, code=2)
    assert "is an input" in _run("lora", "extract", one, two, "-o", one, code=2)
    assert "at most 1" in _run("lora", "extract", one, two, "-o", out, "--energy=2", code=2)
    bad = dict(base)
    bad["conv_in.weight"] = base["conv_in.weight"].copy()
    bad["conv_in.weight"].flat[7] = np.nan
    save_file(bad, other)
    assert "element 7 is NaN" in _run("lora", "extract", one, other, "-o", out, code=1)
    assert not out.exists()
