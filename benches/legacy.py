"""Batch against legacy: the same layers, a list-converting call each, and one batch."""

from __future__ import annotations

import contextlib
import tempfile

import numpy as np
from sampling import estimate, interleaved, keep, ratio
from settings import Settings

import tensorbridge as tb
from tensorbridge.demo.__main__ import serve_both
from tensorbridge.demo.legacy import LegacyClient


def legacy_against_batch(settings: Settings) -> None:
    """Quantize 10 layers of 4 MB: per layer as lists, in a batch of ordinary arrays, and shared."""
    rng = np.random.default_rng(42)
    arrays = {
        f"layer.{i}.weight": rng.standard_normal((1024, 1024), dtype=np.float32) for i in range(10)
    }
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="tensorbridge-"))
        bridge_path, legacy_path = stack.enter_context(serve_both(folder))
        bridge = stack.enter_context(tb.open("unix:" + bridge_path))
        client = stack.enter_context(LegacyClient(legacy_path))
        shared = {name: bridge.share(array) for name, array in arrays.items()}
        samples = interleaved(
            {
                "legacy": lambda: [client.quantize(a, "q8_0") for a in arrays.values()],
                "batch, ordinary": lambda: bridge.quantize_batch(arrays, scheme="q8_0"),
                "batch, shared": lambda: bridge.quantize_batch(shared, scheme="q8_0"),
            },
            settings.rounds(10),
            warm_up=2,
        )
    keep(settings.folder, "legacy_against_batch", samples)
    for name, values in samples.items():
        print(f"  {name:18} {estimate(values).text()}")
    for name in ("batch, ordinary", "batch, shared"):
        print(f"  legacy over {name}: {ratio(samples['legacy'], samples[name])}")
