"""Servers that lie: their client gets typed errors, does not hang, reads only its own."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

import numpy as np
import pytest

import tensorbridge as tb
from conftest import descriptors
from fuzz.liar import LIES, Liar

ROUNDS = 12


def use(path: Path, honest: bool) -> None:
    with tb.open(f"unix:{path}") as bridge:
        shared = bridge.share(np.arange(64, dtype=np.float32))
        for _ in range(3):
            try:
                result = bridge.run("copy", {"a": shared, "b": np.ones((3, 5))}, timeout=0.3)
                for name in ("a", "b"):
                    np.array(result[name]).tobytes()  # of whatever form: all of it can be read
                if honest:
                    assert result["a"].shape == (64,)
                    assert result["b"].nbytes == 120
                    assert list(bridge.operations()) == ["copy"]
                bridge.operations()
            except tb.BridgeError:
                continue


@pytest.mark.parametrize("lie", LIES)
def test_a_lying_server_causes_typed_errors_only(lie: str) -> None:
    before = descriptors()
    for number in range(ROUNDS):
        rng = random.Random(f"{lie}:{number}")
        with tempfile.TemporaryDirectory(prefix="tb") as folder:
            path = Path(folder) / "s"
            liar = Liar(path, rng, lie)
            try:
                use(path, honest=lie == "none")
            except tb.BridgeError:
                if lie == "none":
                    raise
            finally:
                liar.close()
            assert liar.failure is None, f"{lie}:{number}: {liar.failure!r}"
    assert descriptors() == before
