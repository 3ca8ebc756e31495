"""PyTorch's casts into an output that is warm already."""

from __future__ import annotations

from collections.abc import Callable

from ..benchmark import Launch, Unavailable
from .kernels_data import require_near, values


def opener(
    dtype: str, byte_length: int, threads: int, tolerance: float
) -> Callable[[Launch], Callable[[], object]]:
    """Give the ``open`` of a contender that casts to a dtype of torch."""

    def open_torch(launch: Launch) -> Callable[[], object]:
        try:
            import torch
        except ImportError as error:
            raise Unavailable(f"torch is not installed among the peers: {error}") from None
        torch.set_num_threads(threads)
        original = values(launch, byte_length)
        source = torch.from_numpy(original)
        target = torch.ones(source.shape, dtype=getattr(torch, dtype))
        target.copy_(source)
        require_near(f"torch.{dtype}", target[:8].float().numpy(), original[:8], tolerance)
        return lambda: target.copy_(source)

    return open_torch
