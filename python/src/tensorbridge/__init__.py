"""Hand tensors to Java and back without copying them, in batches.

>>> import tensorbridge as tb
>>> with tb.open() as bridge:  # doctest: +SKIP
...     weight = bridge.empty((1280, 1280), "float32")
...     result = bridge.quantize_batch({"a.weight": weight}, scheme="q8_0")
...     result["a.weight"].data
...     bridge.quantize_file("model.safetensors", "model.gguf", scheme="q4_k")
...     with bridge.session("unet.safetensors", scheme="q8_0") as session:
...         session.apply("style.safetensors", scale=0.8)

`open` starts a private server or joins one; a `Bridge` gives arrays in shared memory, runs
batches of operations on them, takes and gives Arrow tables (with the extra ``arrow``), has whole
model files quantized, and keeps models quantized while adapters come and go. Every failure is a
`BridgeError`. Messages for diagnosis go to the logger ``tensorbridge``.
"""

from .bridge import Bridge, open
from .control import ControlSum
from .errors import (
    BridgeClosed,
    BridgeError,
    Cancelled,
    ErrorCode,
    FormatError,
    OptionError,
    ProtocolError,
    QuotaError,
    ResourceError,
    ServerDied,
    TensorError,
    TimeoutError,
)
from .exports import GgmlTensor
from .files import FileResult, FileTensor
from .futures import Future
from .observe import Held, ObservedClient, ObservedServer, Work, observe
from .online import (
    AdapterSurvival,
    Generation,
    LoadedAdapter,
    Session,
    SessionMemory,
    TensorSurvival,
)
from .prepared import Prepared
from .results import BatchResult, QuantizedTensor

__all__ = [
    "AdapterSurvival",
    "BatchResult",
    "Bridge",
    "BridgeClosed",
    "BridgeError",
    "Cancelled",
    "ControlSum",
    "ErrorCode",
    "FileResult",
    "FileTensor",
    "FormatError",
    "Future",
    "Generation",
    "GgmlTensor",
    "Held",
    "LoadedAdapter",
    "ObservedClient",
    "ObservedServer",
    "OptionError",
    "Prepared",
    "ProtocolError",
    "QuantizedTensor",
    "QuotaError",
    "ResourceError",
    "ServerDied",
    "Session",
    "SessionMemory",
    "TensorError",
    "TensorSurvival",
    "TimeoutError",
    "Work",
    "observe",
    "open",
]

__version__ = "0.1.0"
