"""Merged weights against PEFT's and diffusers' own merging in torch.

Both sides add ``scale * up @ down`` to the weight in float32, in different orders. For ranks that
sum up to R, the error of such a sum is at most ``(R + 2) * 2**-24 * sum |factors * down|`` on each
side, and each rounds the result once, by half an ulp. So two merges differ by at most twice both;
the tests compute that bound for each element.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import tensorbridge as tb

torch = pytest.importorskip("torch", reason="torch is not installed among the peers")
peft = pytest.importorskip("peft", reason="peft is not installed among the peers")
safetensors = pytest.importorskip("safetensors.torch", reason="safetensors is not installed")

RANK = 8
Weights = dict[str, npt.NDArray[np.float32]]


class Block(torch.nn.Module):  # type: ignore[misc]  # torch has no types here
    """An attention, and convolutions of both kinds."""

    def __init__(self) -> None:
        super().__init__()
        self.to_q = torch.nn.Linear(96, 64, bias=False)
        self.to_out = torch.nn.Linear(64, 96)
        self.conv1 = torch.nn.Conv2d(32, 48, 3)
        self.proj_in = torch.nn.Conv2d(48, 96, 1)


def shake(model: Any, seed: int) -> None:
    """Give every factor of an adapter values, since PEFT begins with zeros."""
    torch.manual_seed(seed)
    for name, parameter in model.named_parameters():
        if "lora_" in name:
            noise = torch.randn_like(parameter) * 0.05
            parameter.data = parameter.abs() + noise.abs() if "magnitude" in name else noise


def merged_by_us(
    bridge: tb.Bridge, folder: Path, base: Weights, adapters: dict[Path, float]
) -> Weights:
    source, target = folder / "base.safetensors", folder / "merged.safetensors"
    safetensors.save_file({name: torch.from_numpy(w) for name, w in base.items()}, source)
    bridge.quantize_file(source, target, "f32", lora=dict(adapters), default_skips=False)
    return {name: w.numpy() for name, w in safetensors.load_file(target).items()}


def require_same(
    ours: Weights, theirs: Weights, base: Weights, parts: dict[str, list[tuple[Any, Any, float]]]
) -> None:
    assert ours.keys() == theirs.keys()
    for name, expected in theirs.items():
        rank = sum(down.shape[0] for down, _, _ in parts.get(name, []))
        if not rank:
            assert np.array_equal(ours[name], base[name]), name
            continue
        products = sum(
            np.abs(up * scale).reshape(up.shape[0], -1) @ np.abs(down).reshape(down.shape[0], -1)
            for down, up, scale in parts[name]
        ).reshape(expected.shape)
        bound = 2 * ((rank + 2) * 2.0**-24 * products + np.spacing(np.abs(expected)) / 2)
        changed = np.abs(ours[name] - base[name]).max()
        assert changed > 1000 * bound.max(), f"{name} is hardly changed: the test shows nothing"
        assert (np.abs(ours[name].astype(np.float64) - expected) <= bound).all(), name


def factors(state: dict[str, Any], layer: str, scale: float) -> tuple[Any, Any, float]:
    prefix = f"base_model.model.{layer}"
    down = state[f"{prefix}.lora_A.weight"].numpy().astype(np.float64)
    up = state[f"{prefix}.lora_B.weight"].numpy().astype(np.float64)
    return down, up, scale


def weights_of(model: Any) -> Weights:
    return {name: w.detach().numpy().copy() for name, w in model.state_dict().items()}


@pytest.mark.parametrize("stabilized", [False, True], ids=["lora", "rslora"])
def test_merging_is_that_of_peft(bridge: tb.Bridge, tmp_path: Path, stabilized: bool) -> None:
    torch.manual_seed(1)
    model = Block()
    base = weights_of(model)
    config = peft.LoraConfig(
        r=RANK,
        lora_alpha=12,
        target_modules=["to_q", "to_out", "conv1", "proj_in"],
        alpha_pattern={"conv1": 3},
        rank_pattern={"to_out": 4},
        use_rslora=stabilized,
    )
    tuned = peft.get_peft_model(model, config)
    shake(tuned, 2)
    tuned.save_pretrained(tmp_path / "adapter")
    file = tmp_path / "adapter" / "adapter_model.safetensors"
    state = safetensors.load_file(file)
    theirs = weights_of(tuned.merge_and_unload())
    parts = {}
    for layer in ("to_q", "to_out", "conv1", "proj_in"):
        rank = 4 if layer == "to_out" else RANK
        alpha = 3 if layer == "conv1" else 12
        scale = alpha / (rank**0.5 if stabilized else rank)
        parts[f"{layer}.weight"] = [factors(state, layer, scale)]
    require_same(merged_by_us(bridge, tmp_path, base, {file: 1.0}), theirs, base, parts)


def test_dora_is_that_of_peft(bridge: tb.Bridge, tmp_path: Path) -> None:
    torch.manual_seed(3)
    model = Block()
    base = weights_of(model)
    config = peft.LoraConfig(
        r=RANK, lora_alpha=4, target_modules=["to_q", "to_out", "conv1"], use_dora=True
    )
    tuned = peft.get_peft_model(model, config)
    shake(tuned, 4)
    tuned.save_pretrained(tmp_path / "adapter")
    file = tmp_path / "adapter" / "adapter_model.safetensors"
    theirs = weights_of(tuned.merge_and_unload())
    ours = merged_by_us(bridge, tmp_path, base, {file: 1.0})
    for name, expected in theirs.items():
        # torch adds up the norm of a row in float32, in an order of its own.
        columns = expected[0].size if expected.ndim > 1 else 1
        assert np.allclose(ours[name], expected, rtol=columns * 2.0**-24, atol=1e-7), name
    assert not np.allclose(ours["to_q.weight"], base["to_q.weight"], rtol=1e-2)


def test_adapters_add_up_as_in_peft(bridge: tb.Bridge, tmp_path: Path) -> None:
    torch.manual_seed(5)
    model = Block()
    base = weights_of(model)
    tuned, files, parts = None, {}, {"to_q.weight": []}
    for name, strength in (("one", 0.8), ("two", -0.3)):
        config = peft.LoraConfig(r=RANK, lora_alpha=RANK, target_modules=["to_q"])
        if tuned is None:
            tuned = peft.get_peft_model(model, config, adapter_name=name)
        else:
            tuned.add_adapter(name, config)
        files[tmp_path / name / name / "adapter_model.safetensors"] = strength
    shake(tuned, 6)
    for name in ("one", "two"):
        tuned.save_pretrained(tmp_path / name, selected_adapters=[name])
    tuned.base_model.set_adapter(["one", "two"])
    for name, strength in (("one", 0.8), ("two", -0.3)):
        tuned.base_model.model.to_q.set_scale(name, strength)
    for file, strength in files.items():
        parts["to_q.weight"].append(factors(safetensors.load_file(file), "to_q", strength))
    theirs = weights_of(tuned.merge_and_unload(adapter_names=["one", "two"]))
    require_same(merged_by_us(bridge, tmp_path, base, files), theirs, base, parts)


def test_fusing_is_that_of_diffusers(bridge: tb.Bridge, tmp_path: Path) -> None:
    diffusers = pytest.importorskip("diffusers", reason="diffusers is not among the peers")
    torch.manual_seed(7)
    unet = diffusers.UNet2DConditionModel(
        sample_size=16,
        block_out_channels=(32, 64),
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        layers_per_block=2,
        cross_attention_dim=32,
        attention_head_dim=8,
        norm_num_groups=8,
    )
    base = weights_of(unet)
    touched = [name for name in base if name.endswith((".to_q.weight", ".to_out.0.weight"))]
    assert len(touched) > 8
    rng = np.random.default_rng(8)
    state, parts = {}, {}
    for name in touched:
        rows, columns = base[name].shape
        down = rng.standard_normal((RANK, columns), dtype=np.float32) * np.float32(0.1)
        up = rng.standard_normal((rows, RANK), dtype=np.float32) * np.float32(0.1)
        layer = name.removesuffix(".weight")
        state[f"unet.{layer}.lora_A.weight"] = torch.from_numpy(down)
        state[f"unet.{layer}.lora_B.weight"] = torch.from_numpy(up)
        parts[name] = [(down.astype(np.float64), up.astype(np.float64), 0.7)]
    file = tmp_path / "pytorch_lora_weights.safetensors"
    safetensors.save_file(state, file)
    unet.load_lora_adapter(file, prefix="unet", adapter_name="style")
    unet.fuse_lora(lora_scale=0.7, adapter_names=["style"])
    unet.unload_lora()
    ours = merged_by_us(bridge, tmp_path, base, {file: 0.7})
    require_same(ours, weights_of(unet), base, parts)
