"""torchao's quantizers, eager, as ``quantize_`` runs them on a CPU."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..benchmark import Launch, Unavailable
from .kernels_data import keep_freed_memory, require_near, values

_FLOAT4_BLOCK = {"mxfp4": 32, "nvfp4": 16}


def affine_opener(
    bits: int, group: int | None, byte_length: int, threads: int
) -> Callable[[Launch], Callable[[], object]]:
    """Give the ``open`` of a contender: a scale for each row, or with a zero point for a group."""

    def open_affine(launch: Launch) -> Callable[[], object]:
        torch = _torch(threads)
        from torchao.quantization import quant_primitives as primitives

        original = values(launch, byte_length)
        source = torch.from_numpy(original)
        block = (1, group or original.shape[1])
        mapping = primitives.MappingType.ASYMMETRIC if group else primitives.MappingType.SYMMETRIC
        low, high = (0, 2**bits - 1) if group else (1 - 2 ** (bits - 1), 2 ** (bits - 1) - 1)
        codes = torch.uint8 if group else torch.int8

        def quantize(part: Any) -> Any:
            scale, zero_point = primitives.choose_qparams_affine(
                part, mapping, block, codes, low, high, eps=1e-9, zero_point_dtype=torch.int32
            )
            data = primitives.quantize_affine(part, block, scale, zero_point, codes, low, high)
            return data, scale, zero_point

        data, scale, zero_point = quantize(source[:8])
        decoded = primitives.dequantize_affine(data, block, scale, zero_point, codes, low, high)
        require_near(f"torchao's {bits} bits", decoded.numpy(), original[:8], 5 / 2**bits)
        return lambda: quantize(source)

    return open_affine


def float4_opener(
    name: str, byte_length: int, threads: int
) -> Callable[[Launch], Callable[[], object]]:
    """Give the ``open`` of a contender of mxfp4 or nvfp4."""

    def open_float4(launch: Launch) -> Callable[[], object]:
        torch = _torch(threads)
        original = values(launch, byte_length)
        source = torch.from_numpy(original)
        if name == "mxfp4":
            from torchao.prototype.mx_formats.mx_tensor import MXTensor

            def quantize(part: Any) -> Any:
                return MXTensor.to_mx(part, torch.float4_e2m1fn_x2, _FLOAT4_BLOCK[name])

        else:
            from torchao.prototype.mx_formats.nvfp4_tensor import NVFP4Tensor

            def quantize(part: Any) -> Any:
                return NVFP4Tensor.to_nvfp4(part, _FLOAT4_BLOCK[name])

        decoded = quantize(source[:8]).dequantize(torch.float32)
        require_near(f"torchao's {name}", decoded.numpy(), original[:8], 1.5)
        return lambda: quantize(source)

    return open_float4


def float_opener(
    name: str, byte_length: int, threads: int
) -> Callable[[Launch], Callable[[], object]]:
    """Give the ``open`` of a contender that makes the bytes of one of our schemes."""

    def open_float(launch: Launch) -> Callable[[], object]:
        torch = _torch(threads)
        original = values(launch, byte_length)
        source = torch.from_numpy(original)
        quantize = _float_quantizer(torch, name)
        decoded = quantize(source[:128])[1]()
        require_near(f"torchao's {name}", decoded.numpy(), original[:128], 1.5)
        return lambda: quantize(source)

    return open_float


def _float_quantizer(torch: Any, name: str) -> Callable[[Any], tuple[Any, Callable[[], Any]]]:
    """Give what quantizes a tensor; it returns codes with scales, and what dequantizes them."""
    if name.startswith("fp8"):
        from torchao.quantization import quant_primitives as primitives

        def scaled(part: Any) -> tuple[Any, Callable[[], Any]]:
            rows, columns = part.shape
            sizes = {"tensor": [rows, columns], "row": [1, columns], "block": [128, 128]}
            scale = primitives._choose_scale_float8(part, sizes[name.rsplit("_", 1)[1]])
            codes = primitives._quantize_affine_float8(part, scale)
            return (codes, scale), lambda: primitives._dequantize_affine_float8(codes, scale)

        return scaled
    if name.startswith("mx"):
        from torchao.prototype.mx_formats.mx_tensor import to_dtype, to_mx

        element = torch.float8_e4m3fn if name == "mxfp8" else torch.float4_e2m1fn_x2

        def micro(part: Any) -> tuple[Any, Callable[[], Any]]:
            scale, codes = to_mx(part, element, 32)
            return (codes, scale), lambda: to_dtype(codes, scale, element, 32, torch.float32)

        return micro
    from torchao.prototype.mx_formats.nvfp4_tensor import NVFP4Tensor, per_tensor_amax_to_scale

    def two_level(part: Any) -> tuple[Any, Callable[[], Any]]:
        scale = per_tensor_amax_to_scale(part.abs().max())
        coded = NVFP4Tensor.to_nvfp4(part, per_tensor_scale=scale)
        return coded, lambda: coded.dequantize(torch.float32)

    return two_level


def _torch(threads: int) -> Any:
    keep_freed_memory()
    try:
        import torch
        import torchao  # noqa: F401
    except ImportError as error:
        raise Unavailable(f"torchao is not installed among the peers: {error}") from None
    torch.set_num_threads(threads)
    torch.set_grad_enabled(False)
    return torch
