"""Swap LoRA adapters under a quantized model: only what an adapter touches is made anew."""

import tempfile
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

import tensorbridge as tb

rng = np.random.default_rng(0)
scratch = tempfile.TemporaryDirectory()
folder = Path(scratch.name)

# A model, and two adapters as kohya's scripts write them; take your own files instead.
block = "down_blocks.0.attentions.0.transformer_blocks.0"
layers = [f"{block}.attn1.to_{part}" for part in ("q", "k", "v")]
model = {f"{layer}.weight": rng.standard_normal((320, 320), np.float32) for layer in layers}
save_file(model, folder / "unet.safetensors")
for style in ("ink", "pastel"):
    adapter = {}
    for layer in layers[:2]:
        module = "lora_unet_" + layer.replace(".", "_")
        adapter[f"{module}.lora_down.weight"] = rng.standard_normal((16, 320), np.float32)
        adapter[f"{module}.lora_up.weight"] = 0.05 * rng.standard_normal((320, 16), np.float32)
        adapter[f"{module}.alpha"] = np.array(16, np.float32)
    save_file(adapter, folder / f"{style}.safetensors")

with (
    tb.open() as bridge,
    bridge.session(folder / "unet.safetensors", scheme="q8_0", survival=True) as session,
):
    base = {name: tensor.data.tobytes() for name, tensor in session.weights().items()}

    # The adapter is merged in float32 into the original weights, which are then quantized once.
    ink = session.apply(folder / "ink.safetensors", scale=0.8)
    print("applied:", dict(session.adapters))
    print(f"left of it after quantization: {session.survival.survival:.0%}")

    # Whoever renders works on a snapshot, which stays as it is.
    with session.snapshot() as view:
        session.set_scale(ink, 0.5)
        print("the snapshot has", dict(view.adapters), "the session", dict(session.adapters))

    # Reading a file and applying it are apart, so that a swap is quick.
    pastel = session.load(folder / "pastel.safetensors")
    session.apply(pastel, scale=0.4)
    session.set_scales({ink: 0.3, pastel: 0.7})  # one generation
    session.save(folder / "merged.gguf")

    # Taken out again, the bytes are those of the beginning.
    session.remove(ink)
    session.remove(pastel)
    same = {name: tensor.data.tobytes() for name, tensor in session.weights().items()} == base
    print("memory:", session.memory)
    print("the bytes are those of the beginning:", same)

scratch.cleanup()
