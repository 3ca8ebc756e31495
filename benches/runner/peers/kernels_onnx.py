"""ONNX Runtime's quantizers of weights: MatMulNBits has blocks along columns, MatMulBnb4 rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..benchmark import Launch, Unavailable
from .kernels_data import require_near, use_one_core, values

_NF4 = 1


def integer_opener(
    bits: int, byte_length: int, threads: int
) -> Callable[[Launch], Callable[[], object]]:
    """Give the ``open`` of a contender of 4 or 8 bits, blocks of 32, symmetric."""

    def open_integer(launch: Launch) -> Callable[[], object]:
        quantize = _function(f"quantize_matmul_{bits}bits", threads)
        source = values(launch, byte_length)
        rows, columns = source.shape
        block = 32
        blocks = -(-rows // block)
        data = np.ones((columns, blocks, block * bits // 8), np.uint8)
        scales = np.ones(columns * blocks, np.float32)
        zero_points = np.ones(columns * -(-blocks * bits // 8), np.uint8)

        def call() -> None:
            quantize(data, source, scales, zero_points, block, columns, rows, True)

        call()
        codes = data[0, 0] if bits == 8 else np.stack([data[0, 0] & 15, data[0, 0] >> 4], 1)
        decoded = (codes.reshape(-1).astype(np.float32) - 2 ** (bits - 1)) * scales[0]
        require_near(f"onnxruntime's {bits} bits", decoded, source[:block, 0], 6 / 2**bits)
        return call

    return open_integer


def nf4_opener(byte_length: int, threads: int) -> Callable[[Launch], Callable[[], object]]:
    """Give the ``open`` of a contender of ``nf4``, blocks of 64."""

    def open_nf4(launch: Launch) -> Callable[[], object]:
        quantize = _function("quantize_matmul_bnb4", threads)
        source = values(launch, byte_length)
        rows, columns = source.shape
        block = 64
        data = np.ones(-(-source.size // 2), np.uint8)
        scales = np.ones(-(-source.size // block), np.float32)

        def call() -> None:
            quantize(data, source, scales, block, _NF4, columns, rows)

        call()
        require_near(
            "the scales of onnxruntime's nf4", scales[0], np.abs(source[0, :block]).max(), 1e-6
        )
        return call

    return open_nf4


def _function(name: str, threads: int) -> Any:
    if threads == 1:
        use_one_core()
    try:
        from onnxruntime.capi import _pybind_state
    except ImportError as error:
        raise Unavailable(f"onnxruntime is not installed among the peers: {error}") from None
    function = getattr(_pybind_state, name, None)
    if function is None:
        raise Unavailable(f"this onnxruntime has no {name}")
    return function
