"""ggml's quantizers in C, called in the library that the wheel of xllamacpp bundles."""

from __future__ import annotations

import ctypes
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ..benchmark import Launch, Unavailable
from .kernels_data import (
    Bytes,
    Floats,
    golden_bytes,
    golden_values,
    over_rows,
    require_same,
    values,
)

# enum ggml_type of ggml.h
TYPES = {
    "f16": 1,
    "q4_0": 2,
    "q4_1": 3,
    "q5_0": 6,
    "q5_1": 7,
    "q8_0": 8,
    "q2_K": 10,
    "q3_K": 11,
    "q4_K": 12,
    "q5_K": 13,
    "q6_K": 14,
    "iq4_nl": 20,
    "bf16": 30,
    "mxfp4": 39,
    "nvfp4": 40,
}


def opener(name: str, byte_length: int, threads: int) -> Callable[[Launch], Callable[[], object]]:
    """Give the ``open`` of a contender that quantizes to a type of ggml."""

    def open_ggml(launch: Launch) -> Callable[[], object]:
        library = _library()
        _check(library, name)
        source = values(launch, byte_length)
        target = np.ones(_row_bytes(library, name, source) * len(source), np.uint8)
        return over_rows(
            launch,
            len(source),
            threads,
            lambda rows: _quantize(library, name, source, target, rows),
        )

    return open_ggml


def _library() -> Any:
    found = importlib.util.find_spec("xllamacpp")
    if found is None or found.origin is None:
        raise Unavailable("xllamacpp, whose wheel holds ggml, is not installed among the peers")
    libraries = sorted(Path(found.origin).parent.glob("*.so"))
    if not libraries:
        raise Unavailable("the wheel of xllamacpp has no shared library")
    library = ctypes.CDLL(str(libraries[0]))
    if not hasattr(library, "ggml_quantize_chunk"):
        raise Unavailable(f"{libraries[0].name} of xllamacpp doesn't export ggml_quantize_chunk")
    library.ggml_type_name.restype = ctypes.c_char_p
    library.ggml_row_size.restype = ctypes.c_size_t
    library.ggml_row_size.argtypes = [ctypes.c_int, ctypes.c_int64]
    library.ggml_quantize_init.restype = None
    library.ggml_quantize_chunk.restype = ctypes.c_size_t
    library.ggml_quantize_chunk.argtypes = [
        ctypes.c_int,
        ctypes.c_void_p,
        ctypes.c_void_p,
        ctypes.c_int64,
        ctypes.c_int64,
        ctypes.c_int64,
        ctypes.c_void_p,
    ]
    return library


def _row_bytes(library: Any, name: str, source: Floats) -> int:
    return int(library.ggml_row_size(TYPES[name], source.shape[1]))


def _quantize(library: Any, name: str, source: Floats, target: Bytes, rows: slice) -> None:
    columns = source.shape[1]
    library.ggml_quantize_chunk(
        TYPES[name],
        source.ctypes.data,
        target.ctypes.data,
        rows.start * columns,
        rows.stop - rows.start,
        columns,
        None,
    )


def _check(library: Any, name: str) -> None:
    """Compare with our golden bytes, or with gguf-py where it has the type, too."""
    told = library.ggml_type_name(TYPES[name])
    if told is None or told.decode().lower() != name.lower():
        raise Unavailable(f"this ggml has no {name}: its number {TYPES[name]} means {told!r}")
    library.ggml_quantize_init(TYPES[name])
    source = golden_values()
    found = np.zeros(_row_bytes(library, name, source) * len(source), np.uint8)
    _quantize(library, name, source, found, slice(0, len(source)))
    expected = golden_bytes(name)
    if expected is None:
        from .kernels_gguf import quantized

        expected = quantized(name, source)
    if expected is not None:
        require_same(f"ggml's {name}", found, expected, source)
