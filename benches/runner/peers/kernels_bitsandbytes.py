"""bitsandbytes' quantizers on the CPU."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..benchmark import Launch, Unavailable
from .kernels_data import keep_freed_memory, require_near, use_one_core, values


def four_bit_opener(
    kind: str, byte_length: int, threads: int
) -> Callable[[Launch], Callable[[], object]]:
    """Give the ``open`` of a contender of ``nf4`` or ``fp4``, blocks of 64 with fp32 scales."""

    def open_four_bit(launch: Launch) -> Callable[[], object]:
        torch, functional = _libraries(threads)
        original = values(launch, byte_length)
        source = torch.from_numpy(original)
        codes, state = functional.quantize_4bit(source[:8], blocksize=64, quant_type=kind)
        decoded = functional.dequantize_4bit(codes, state)
        require_near(f"bitsandbytes' {kind}", decoded.numpy(), original[:8], 1.0)
        return lambda: functional.quantize_4bit(source, blocksize=64, quant_type=kind)

    return open_four_bit


def rows_opener(byte_length: int, threads: int) -> Callable[[Launch], Callable[[], object]]:
    """Give the ``open`` of a contender of signed bytes with one scale for each row."""

    def open_rows(launch: Launch) -> Callable[[], object]:
        torch, functional = _libraries(threads)
        original = values(launch, byte_length)
        source = torch.from_numpy(original)
        codes, scales, _ = functional.int8_vectorwise_quant(source[:8])
        decoded = functional.int8_vectorwise_dequant(codes, scales)
        require_near("bitsandbytes' int8", decoded.numpy(), original[:8], 0.05)
        return lambda: functional.int8_vectorwise_quant(source)

    return open_rows


def _libraries(threads: int) -> tuple[Any, Any]:
    keep_freed_memory()
    if threads == 1:
        use_one_core()
    try:
        import bitsandbytes.functional as functional
        import torch
    except (ImportError, RuntimeError) as error:
        raise Unavailable(f"bitsandbytes does not load among the peers: {error}") from None
    torch.set_num_threads(threads)
    return torch, functional
