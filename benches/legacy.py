"""Batch against legacy: the same layers, a list-converting call each, and one batch."""

from __future__ import annotations

import tempfile

import numpy as np

import tensorbridge as tb
from sampling import estimate, interleaved, keep, ratio
from settings import Settings
from tensorbridge.demo.__main__ import serve_both
from tensorbridge.demo.legacy import LegacyClient


def legacy_against_batch(settings: Settings) -> None:
    """10 layers of 4 MB to q8_0: per layer as lists, in one batch of ordinary arrays, and shared."""
    rng = np.random.default_rng(42)
    arrays = {
        f"layer.{i}.weight": rng.standard_normal((1024, 1024), dtype=np.float32) for i in range(10)
    }
    with tempfile.TemporaryDirectory(prefix="tensorbridge-") as folder, serve_both(folder) as paths:
        with tb.open("unix:" + paths[0]) as bridge, LegacyClient(paths[1]) as client:
            shared = {name: bridge.share(array) for name, array in arrays.items()}
            samples = interleaved(
                {
                    "legacy": lambda: [client.quantize(a, "q8_0") for a in arrays.values()],
                    "batch, ordinary arrays": lambda: bridge.quantize_batch(arrays, scheme="q8_0"),
                    "batch, shared arrays": lambda: bridge.quantize_batch(shared, scheme="q8_0"),
                },
                settings.rounds(10),
                warm_up=2,
            )
    keep(settings.folder, "legacy_against_batch", samples)
    for name, values in samples.items():
        print(f"  {name:24} {estimate(values).text()}")
    print(f"  legacy over batch, ordinary: {ratio(samples['legacy'], samples['batch, ordinary arrays'])}")
    print(f"  legacy over batch, shared:   {ratio(samples['legacy'], samples['batch, shared arrays'])}")
