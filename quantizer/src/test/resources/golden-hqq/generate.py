"""Writes what hqq makes of some values, for tests by tolerance.

Needs torch and hqq 0.2.8: ``python generate.py ../golden-ggml/input.f32``.

The input is golden-ggml's: its 80 rows, cut to 256 columns. A file is named after its scheme, ``:``
and ``=`` written as ``-`` and ``,`` as ``_``. It holds the packed codes, the scales and the zero
points behind each other.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from hqq.core.quantize import Quantizer

HERE = Path(__file__).parent
SCHEMES = {"hqq": (4, 64), "hqq:bits=8,group=128": (8, 128), "hqq:bits=2,group=32": (2, 32)}


def main() -> None:
    torch.set_num_threads(1)
    values = np.fromfile(sys.argv[1], np.float32).reshape(80, 1024)[:, :256]
    for scheme, (bits, group) in SCHEMES.items():
        tensor = torch.from_numpy(values.copy())
        codes, meta = Quantizer.quantize(
            tensor, nbits=bits, group_size=group, axis=1, optimize=True, device="cpu"
        )
        name = scheme.replace(":", "-").replace("=", "-").replace(",", "_")
        parts = [codes, meta["scale"], meta["zero"]]
        stored = b"".join(np.ascontiguousarray(part.numpy()).tobytes() for part in parts)
        (HERE / f"{name}.bin").write_bytes(stored)


if __name__ == "__main__":
    main()
