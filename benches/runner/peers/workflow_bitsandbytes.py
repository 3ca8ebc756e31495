"""Quantizes a safetensors file to nf4 as a user of torch and bitsandbytes would, in a process.

``python -m runner.peers.workflow_bitsandbytes IN.safetensors OUT.safetensors ADAPTER SCALE`` reads
with safetensors, merges kohya's adapter with torch, quantizes the matrices and convolutions with
bitsandbytes on the processor, and writes what ``QuantState.as_dict`` gives. ``OUT.seconds`` tells
the time without start and imports.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any


def convert(source: str, target: str, adapter: str, scale: str) -> None:
    """Convert a file."""
    import bitsandbytes.functional as bnb
    from safetensors import safe_open
    from safetensors.torch import save_file

    from .workflow_merge import Deltas

    begun = time.perf_counter()
    deltas = Deltas(adapter, float(scale))
    stored: dict[str, Any] = {}
    with safe_open(source, "pt") as file:
        for name in file.keys():  # noqa: SIM118 (the reader is no mapping)
            tensor = deltas.merge(name, file.get_tensor(name))
            if tensor.ndim < 2:
                stored[name] = tensor
                continue
            codes, state = bnb.quantize_4bit(tensor, blocksize=64, quant_type="nf4")
            stored[name] = codes
            for key, value in state.as_dict(packed=True).items():
                stored[f"{name}.{key}"] = value
    save_file(stored, target)
    Path(f"{target}.seconds").write_text(str(time.perf_counter() - begun))


if __name__ == "__main__":
    convert(*sys.argv[1:])
