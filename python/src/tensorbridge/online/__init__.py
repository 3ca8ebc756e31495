"""Online quantization: base weights, adapters that come and go, and what is resident of them.

A *session* holds base weights, *adapters* in the order in which they were applied, and the current
*generation*: every tensor of the model, quantized, for one choice of adapters and scales. A change
makes the touched tensors anew in one batch and then publishes the next generation by a single
assignment, so that readers see one or the other and never wait. The *state* of a tensor is what was
merged into it: the adapters that touch it, with their scales, in order. Its bytes depend on that
alone.

All memory is this process's; the server has no part of a session but the files and regions that it
may read.
"""

from .adapters import LoadedAdapter
from .entries import SessionEntries
from .generations import Generation
from .memory import SessionMemory
from .session import Session
from .survival import AdapterSurvival, TensorSurvival

__all__ = [
    "AdapterSurvival",
    "Generation",
    "LoadedAdapter",
    "Session",
    "SessionEntries",
    "SessionMemory",
    "TensorSurvival",
]
