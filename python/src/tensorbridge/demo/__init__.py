"""The main job on a real model file: ``python -m tensorbridge.demo``.

A checkpoint with the shapes of the SD1.5 ControlNet is made (or the user's own is taken), quantized
through shared memory, compared with the list-converting legacy way on a sample of its layers, and
the outcome is printed and drawn.
"""
