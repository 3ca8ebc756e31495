"""The examples run, and say what they promise."""

from __future__ import annotations

import subprocess
import sys

import pytest

from conftest import ROOT

SAYS = {
    "python/share.py": "copied: [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0] [0, 1, 2, 3, 4]",
    "python/batch.py": "tensors quantized: 42",
    "python/arrow.py": "bytes in q8_0: 104448 in polars: 104448",
    "controlnet.py": "kept as f16: 2 of 3",
    "lora_online.py": "the bytes are those of the beginning: True",
}


@pytest.mark.parametrize("name", SAYS)
def test_an_example_runs(name: str) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / name],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == SAYS[name]
