"""The package hqq, on a CPU in float32, as its ``HQQLinear`` quantizes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..benchmark import Launch, Unavailable
from .kernels_data import keep_freed_memory, require_near, values


def opener(
    bits: int, group: int, byte_length: int, threads: int
) -> Callable[[Launch], Callable[[], object]]:
    """Give the ``open`` of a contender with groups along rows."""

    def open_hqq(launch: Launch) -> Callable[[], object]:
        keep_freed_memory()
        try:
            import torch
            from hqq.core.quantize import Quantizer
        except ImportError as error:
            raise Unavailable(f"hqq is not installed among the peers: {error}") from None
        torch.set_num_threads(threads)
        original = values(launch, byte_length)
        source = torch.from_numpy(original)

        def quantize(part: Any) -> Any:
            return Quantizer.quantize(part, nbits=bits, group_size=group, axis=1, device="cpu")

        data, meta = quantize(source[:8])
        decoded = Quantizer.dequantize(data, {**meta, "compute_dtype": torch.float32})
        require_near(f"hqq's {bits} bits", decoded.numpy(), original[:8], 12 / 2**bits)
        return lambda: quantize(source)

    return open_hqq
