"""Quantize many layers with one call, in several ways."""

import asyncio

import numpy as np

import tensorbridge as tb

rng = np.random.default_rng(0)
layers = {f"block.{i}.weight": rng.standard_normal((256, 512), np.float32) for i in range(20)}
layers["block.0.bias"] = rng.standard_normal(512, np.float32)

with tb.open() as bridge:
    # One call for all layers; a regular expression chooses another scheme for some.
    result = bridge.quantize_batch(
        layers,
        scheme="q8_0",
        overrides={r".*\.bias": "f32"},
        progress_callback=lambda done: None,  # a float that rises to 1.0
    )
    for name in ("block.0.weight", "block.0.bias"):
        print(name, result[name].scheme, result[name].data.nbytes, "bytes")

    # Back to float32, to see what was lost.
    weight = layers["block.3.weight"]
    error = np.abs(result["block.3.weight"].dequantize() - weight).max()
    print(f"largest error: {error:.4f}")

    # A failed tensor need not stop the others.
    layers["broken"] = np.array([1.0, np.nan], np.float32)
    result = bridge.quantize_batch(layers, bit_width=4, continue_on_error=True)
    print("failed:", {name: error.reason for name, error in result.errors.items()})
    del layers["broken"]

    # Prepared once, run again and again: shared arrays are read anew, results never alias.
    shared = {name: bridge.share(layer) for name, layer in layers.items()}
    with bridge.prepare("quantize", shared, scheme="uniform:bits=4,group=128") as prepared:
        first = prepared.run()
        shared["block.0.weight"][:] = 0
        second = prepared.run()
    print("changed:", (first["block.0.weight"].data != second["block.0.weight"].data).any())

    # Several batches at once, from a thread or an event loop.
    future = bridge.submit("quantize", shared, scheme="q8_0")

    async def both() -> int:
        """Wait for both in an event loop."""
        one = await future
        other = await bridge.quantize_batch_async(shared, scheme="q4_0")
        return len(one) + len(other)

    print("tensors quantized:", asyncio.run(both()))
