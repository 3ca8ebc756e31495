"""gguf-py: ggml's formats in NumPy."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..benchmark import Launch, Unavailable
from .kernels_data import (
    Bytes,
    Floats,
    golden_bytes,
    golden_values,
    keep_freed_memory,
    require_same,
    values,
)


def opener(name: str, byte_length: int) -> Callable[[Launch], Callable[[], object]]:
    """Give the ``open`` of a contender that quantizes to a type of ggml."""

    def open_gguf(launch: Launch) -> Callable[[], object]:
        try:
            import gguf
        except ImportError as error:
            raise Unavailable(f"gguf is not installed among the peers: {error}") from None
        keep_freed_memory()
        golden = golden_values()
        found = quantized(name, golden)
        if found is None:
            raise Unavailable(f"gguf-py can't quantize to {name}")
        expected = golden_bytes(name)
        if expected is not None:
            require_same(f"gguf-py's {name}", found, expected, golden)
        kind = gguf.GGMLQuantizationType[name.upper()]
        source = values(launch, byte_length)
        return lambda: gguf.quants.quantize(source, kind)

    return open_gguf


def quantized(name: str, source: Floats) -> Bytes | None:
    """Quantize; None if gguf-py doesn't know how, or isn't installed."""
    try:
        import gguf

        with np.errstate(all="ignore"):
            found = gguf.quants.quantize(source, gguf.GGMLQuantizationType[name.upper()])
    except (ImportError, KeyError, NotImplementedError):
        return None
    return np.ascontiguousarray(found).view(np.uint8).reshape(-1)
