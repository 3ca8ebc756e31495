"""C by hand (``benches/native``), compiled here: what the machine can do."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
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

_BENCHES = Path(__file__).resolve().parents[2]
_SOURCES = _BENCHES / "native"
_BUILT = _BENCHES / "target" / "native"
_FLAGS = ("-O3", "-march=native", "-ffp-contract=off", "-shared", "-fPIC")
_BLOCK_ELEMENTS = 32
_BLOCK_BYTES = 34
_ALIGNMENT = 64


def q8_0_opener(byte_length: int, threads: int) -> Callable[[Launch], Callable[[], object]]:
    """Give the ``open`` of a contender that quantizes to q8_0; its bytes are ggml's."""

    def open_q8_0(launch: Launch) -> Callable[[], object]:
        library = _library("q8_0")
        library.q8_0.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64]
        library.q8_0.restype = None
        golden = golden_values()
        found = np.zeros(golden.size // _BLOCK_ELEMENTS * _BLOCK_BYTES, np.uint8)
        _quantize(library, golden, found, slice(0, len(golden)))
        expected = golden_bytes("q8_0")
        if expected is None:
            raise Unavailable("the golden bytes of q8_0 are not there")
        require_same("the C twin of q8_0", found, expected, golden)
        source = values(launch, byte_length)
        target = np.ones(source.size // _BLOCK_ELEMENTS * _BLOCK_BYTES, np.uint8)
        return over_rows(
            launch, len(source), threads, lambda rows: _quantize(library, source, target, rows)
        )

    return open_q8_0


def _quantize(library: Any, source: Floats, target: Bytes, rows: slice) -> None:
    row_blocks = source.shape[1] // _BLOCK_ELEMENTS
    library.q8_0(
        source.ctypes.data + rows.start * source.strides[0],
        target.ctypes.data + rows.start * row_blocks * _BLOCK_BYTES,
        (rows.stop - rows.start) * row_blocks,
    )


def bound_opener(kind: str, byte_length: int) -> Callable[[Launch], Callable[[], object]]:
    """Give the ``open`` of a limit: ``read``, ``copy`` or ``copy_non_temporal``."""

    def open_bound(launch: Launch) -> Callable[[], object]:
        library = _library("bounds")
        function = getattr(library, f"bounds_{kind}", None)
        if function is None:
            raise Unavailable(f"this processor has no {kind}")
        source = _aligned(values(launch, byte_length))
        target = source if kind == "read" else _aligned(np.ones_like(source))
        function.restype = ctypes.c_int64 if kind == "read" else None

        def run() -> object:
            begin = ctypes.c_void_p(source.ctypes.data)
            end = () if kind == "read" else (ctypes.c_void_p(target.ctypes.data),)
            return function(begin, *end, ctypes.c_int64(source.nbytes))

        run()
        if not np.array_equal(target, source):
            raise AssertionError(f"bounds_{kind} doesn't copy")
        return run

    return open_bound


def _aligned(array: Floats) -> Floats:
    if array.ctypes.data % _ALIGNMENT == 0:
        return array
    room = np.empty(array.nbytes + _ALIGNMENT, np.uint8)
    start = -room.ctypes.data % _ALIGNMENT
    copy = room[start : start + array.nbytes].view(np.float32).reshape(array.shape)
    copy[...] = array
    return copy


def _library(name: str) -> Any:
    compiler = shutil.which("gcc")
    if compiler is None:
        raise Unavailable("gcc, which compiles benches/native, is not installed")
    source = _SOURCES / f"{name}.c"
    target = _BUILT / f"lib{name}.so"
    if not target.exists() or target.stat().st_mtime < source.stat().st_mtime:
        _BUILT.mkdir(parents=True, exist_ok=True)
        result = subprocess.run(
            [compiler, *_FLAGS, "-o", str(target), str(source)],
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode != 0:
            raise Unavailable(f"gcc can't compile {source.name}: {result.stderr.strip()}")
    return ctypes.CDLL(str(target))
