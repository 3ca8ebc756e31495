"""Add the residuals of two ControlNets to a UNet's tensors, and quantize a ControlNet."""

import tempfile
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

import tensorbridge as tb

rng = np.random.default_rng(0)
shapes = [(2, 320, 64, 64)] * 3 + [(2, 320, 32, 32)] + [(2, 640, 32, 32)] * 2
shapes += [(2, 640, 16, 16)] + [(2, 1280, 16, 16)] * 2 + [(2, 1280, 8, 8)] * 4
names = [f"down_{i}" for i in range(12)] + ["mid"]

with tb.open() as bridge:

    def tensors() -> list[np.ndarray]:
        """Give what a network gives, in shared memory: 12 skip connections and the middle."""
        arrays = [bridge.empty(shape, "float16", access="readwrite") for shape in shapes]
        for array in arrays:
            array[:] = rng.standard_normal(array.shape, np.float32)
        return arrays

    skips, canny, depth = tensors(), tensors(), tensors()

    # One batch for all 13 tensors; float32 inside, rounded once.
    sums = bridge.control_sum(skips, [(canny, 0.8), (depth, 0.5)])
    expected = skips[12] + np.float32(0.8) * canny[12].astype(np.float32)
    expected = expected + np.float32(0.5) * depth[12].astype(np.float32)
    print("as NumPy:", bool((sums["mid"] == expected.astype(np.float16)).all()))

    # Validated once, run in each step: the second ControlNet takes part in the first half only.
    nets = [(canny, 0.8), (depth, 0.5)]
    with bridge.prepare_control_sum(skips, nets, ranges=[None, (0.0, 0.5)]) as plan:
        for step in range(4):
            sums = plan.run(step=step, steps=4)
    print("names:", list(sums) == names)

    # In place: the UNet's own arrays are replaced.
    replaced = bridge.control_sum(skips, nets, in_place=True)
    print("replaced:", replaced["mid"] is skips[12])

    # Zero convolutions, hint block and time embeddings stay as they are.
    with tempfile.TemporaryDirectory() as directory:
        source = Path(directory) / "controlnet.safetensors"
        layers = ["conv_in.weight", "controlnet_mid_block.weight", "time_embedding.linear_1.weight"]
        save_file({name: np.ones((64, 64), np.float16) for name in layers}, source)
        result = bridge.quantize_file(source, Path(directory) / "out.gguf", "q8_0")
        kept = [tensor.name for tensor in result.tensors if tensor.stored == "f16"]
        print("kept as f16:", len(kept), "of", len(layers))
