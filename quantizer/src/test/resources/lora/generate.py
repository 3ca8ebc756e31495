"""Writes the adapters of this folder, their base, and what torch makes of them in float64.

Run: benches/target/peers/bin/python quantizer/src/test/resources/lora/generate.py
Made with torch 2.13 and safetensors. The rules are those of the tools that users merge with:
kohya's sd-scripts (networks/lora.py, merge_to: 3x3 by conv2d), LyCORIS (rebuild_tucker for mid),
PEFT (tuners/lora/layer.py and dora.py: get_delta_weight, merge).
"""

from pathlib import Path

import torch
from safetensors.torch import save_file

HERE = Path(__file__).parent
torch.manual_seed(7)


def normal(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return (torch.randn(*shape, dtype=torch.float64) * 0.1).to(dtype)


BASE = {
    "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q.weight": normal(40, 24),
    "down_blocks.0.attentions.0.proj_in.weight": normal(24, 16, 1, 1),
    "down_blocks.0.resnets.0.conv1.weight": normal(20, 8, 3, 3),
    "up_blocks.1.resnets.2.conv2.weight": normal(12, 10, 3, 3),
}
TO_Q, PROJ_IN, CONV1, CONV2 = (name.removesuffix(".weight") for name in BASE)


def kohya(module: str) -> str:
    return "lora_unet_" + module.replace(".", "_")


def write_kohya() -> dict[str, torch.Tensor]:
    half = torch.float16
    tensors = {}
    parts = {
        TO_Q: (normal(4, 24, dtype=half), normal(40, 4, dtype=half), None, 2.0),
        PROJ_IN: (normal(3, 16, 1, 1, dtype=half), normal(24, 3, 1, 1, dtype=half), None, 3.0),
        CONV1: (normal(5, 8, 3, 3, dtype=half), normal(20, 5, 1, 1, dtype=half), None, 1.0),
        CONV2: (
            normal(4, 10, 1, 1, dtype=half),
            normal(12, 4, 1, 1, dtype=half),
            normal(4, 4, 3, 3, dtype=half),
            8.0,
        ),
    }
    merged = {}
    for module, (down, up, mid, alpha) in parts.items():
        name = kohya(module)
        tensors[f"{name}.lora_down.weight"] = down
        tensors[f"{name}.lora_up.weight"] = up
        tensors[f"{name}.alpha"] = torch.tensor(alpha, dtype=half)
        d, u = down.double(), up.double()
        if mid is not None:
            tensors[f"{name}.lora_mid.weight"] = mid
            delta = torch.einsum(
                "ijkl,ip,jr->prkl", mid.double(), u[:, :, 0, 0].T.contiguous(), d[:, :, 0, 0]
            )
        elif d.dim() == 2:
            delta = u @ d
        elif d.shape[2:] == (1, 1):
            delta = (u[:, :, 0, 0] @ d[:, :, 0, 0])[:, :, None, None]
        else:
            delta = torch.nn.functional.conv2d(d.permute(1, 0, 2, 3), u).permute(1, 0, 2, 3)
        ratio = 0.8 * alpha / down.shape[0]
        merged[f"{module}.weight"] = BASE[f"{module}.weight"].double() + ratio * delta
    save_file(tensors, HERE / "kohya.safetensors")
    return merged


def write_dora() -> dict[str, torch.Tensor]:
    """A DoRA of a linear layer and of a 3x3 convolution, alpha = rank without a config."""
    tensors, merged = {}, {}
    for module, rank in ((TO_Q, 4), (CONV1, 2)):
        weight = BASE[f"{module}.weight"].double()
        conv = weight.dim() == 4
        a = normal(rank, *weight.shape[1:])
        b = normal(weight.shape[0], rank, *((1, 1) if conv else ()))
        magnitude = weight.flatten(1).norm(dim=1) * (1 + 0.1 * torch.randn(weight.shape[0]))
        magnitude = magnitude.float()
        name = f"base_model.model.{module}"
        tensors[f"{name}.lora_A.weight"] = a
        tensors[f"{name}.lora_B.weight"] = b
        tensors[f"{name}.lora_magnitude_vector"] = (
            magnitude[None, :, None, None].contiguous() if conv else magnitude
        )
        delta = (b.double().flatten(1) @ a.double().flatten(1)).reshape(weight.shape)
        combined = 0.8 * delta + weight
        factor = magnitude.double() / combined.flatten(1).norm(dim=1)
        shape = (-1,) + (1,) * (weight.dim() - 1)
        merged[f"{module}.weight"] = factor.reshape(shape) * combined
    save_file(tensors, HERE / "dora.safetensors")
    return merged


def main() -> None:
    save_file(BASE, HERE / "base.safetensors")
    save_file(write_kohya(), HERE / "kohya-merged.safetensors")
    save_file(write_dora(), HERE / "dora-merged.safetensors")


if __name__ == "__main__":
    main()
