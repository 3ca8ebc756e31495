"""Adds kohya's LoRA to weights as torch users do, for the other scripts of whole jobs."""

from __future__ import annotations

from typing import Any


class Deltas:
    """The modules of an adapter, found by the names of the weights that they change.

    Parameters
    ----------
    path : str
        A safetensors file; empty for no adapter.
    scale : float
        Beside alpha by rank.
    """

    def __init__(self, path: str, scale: float) -> None:
        self._factors: dict[str, Any] = {}
        self._scale = scale
        if path:
            from safetensors.torch import load_file

            self._factors = load_file(path)

    def merge(self, name: str, weight: Any) -> Any:
        """Return ``weight + scale * alpha / rank * up @ down``, or the weight as it is."""
        import torch

        module = "lora_unet_" + name.removesuffix(".weight").replace(".", "_")
        down = self._factors.get(f"{module}.lora_down.weight")
        if down is None:
            return weight
        up = self._factors[f"{module}.lora_up.weight"]
        alpha = float(self._factors[f"{module}.alpha"])
        return torch.addmm(weight, up, down, alpha=self._scale * alpha / down.shape[0])
