"""What the peers of kernels share: float32 values, threads, memory that stays warm."""

from __future__ import annotations

import ctypes
import itertools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..benchmark import Launch

COLUMNS = 4096
_CACHES = Path("/sys/devices/system/cpu/cpu0/cache")
_USUAL_LAST_LEVEL_BYTES = 32 << 20
_REPOSITORY = Path(__file__).resolve().parents[3]
_GOLDEN = _REPOSITORY / "quantizer" / "src" / "test" / "resources" / "golden-ggml"
_GOLDEN_COLUMNS = 1024
_M_TRIM_THRESHOLD = -1
_M_TOP_PAD = -2
_M_MMAP_MAX = -4

Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]


def dram_bytes() -> int:
    """Give the bytes of a DRAM-sized benchmark, as ``Payload`` in Java: eight last-level caches."""
    sizes = [file.read_text().strip() for file in _CACHES.glob("index*/size")]
    units = {"K": 1 << 10, "M": 1 << 20}
    last = max(
        (int(size.rstrip("KM")) * units.get(size[-1], 1) for size in sizes),
        default=_USUAL_LAST_LEVEL_BYTES,
    )
    return min(max(8 * last, 64 << 20), 512 << 20)


def values(launch: Launch, byte_length: int) -> Floats:
    """Give rows of normally distributed float32 that the contenders of a launch share."""

    def make() -> Floats:
        shape = (byte_length // (4 * COLUMNS), COLUMNS)
        return np.random.default_rng(42).standard_normal(shape, dtype=np.float32)

    return launch.shared(("kernel values", byte_length), make)


def golden_values() -> Floats:
    """Give the float32 that the golden bytes were made of."""
    return np.fromfile(_GOLDEN / "input.f32", np.float32).reshape(-1, _GOLDEN_COLUMNS)


def golden_bytes(name: str) -> Bytes | None:
    """Give what ggml's reference made of them, which our kernels give, too; None if not kept."""
    file = _GOLDEN / f"ggml_{name}.bin"
    return np.fromfile(file, np.uint8) if file.exists() else None


def require_same(name: str, found: Bytes, expected: Bytes, source: Floats) -> None:
    """Refuse bytes that differ in a row that isn't all zeros: there gguf-py's scale is +0, not -0.

    Raises
    ------
    AssertionError
        With the first row that differs.
    """
    differs = (found.reshape(len(source), -1) != expected.reshape(len(source), -1)).any(axis=1)
    rows = np.flatnonzero(differs & source.any(axis=1))
    if rows.size:
        raise AssertionError(f"{name} differs from the reference in row {rows[0]}")


def over_rows(
    launch: Launch, rows: int, threads: int, work: Callable[[slice], object]
) -> Callable[[], object]:
    """Give a call that does the work on as many ranges of rows as there are threads."""
    if threads == 1:
        return lambda: work(slice(0, rows))
    pool = launch.enter(ThreadPoolExecutor(threads))
    edges = [rows * index // threads for index in range(threads + 1)]
    ranges = [slice(first, last) for first, last in itertools.pairwise(edges)]
    return lambda: list(pool.map(work, ranges))


def keep_freed_memory() -> None:
    """Make the C library keep freed memory: the pages of results stay warm, as ours do."""
    mallopt: Any = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_MAX, 0)
        mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)
        mallopt(_M_TOP_PAD, 64 << 20)


def use_one_core() -> None:
    """Keep this process on one core, for libraries that don't let themselves be told."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def require_near(name: str, decoded: Any, original: Floats, tolerance: float) -> None:
    """Refuse a result that isn't near the original.

    Raises
    ------
    AssertionError
        With the greatest difference.
    """
    worst = float(np.abs(np.asarray(decoded, np.float32) - original).max())
    if not worst <= tolerance:
        raise AssertionError(f"{name} is off by {worst}, more than {tolerance}")
