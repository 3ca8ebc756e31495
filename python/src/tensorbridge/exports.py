"""Quantized tensors as other libraries take them, without copying the codes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .errors import ErrorCode, OptionError

__all__ = ["GGML_TYPES", "GgmlTensor", "to_ggml"]

# enum ggml_type of ggml.h, by our scheme names.
GGML_TYPES = {
    "f32": 0,
    "f16": 1,
    "q4_0": 2,
    "q4_1": 3,
    "q5_0": 6,
    "q5_1": 7,
    "q8_0": 8,
    "q2_k": 10,
    "q3_k": 11,
    "q4_k": 12,
    "q5_k": 13,
    "q6_k": 14,
    "iq4_nl": 20,
    "bf16": 30,
    "mxfp4": 39,
    "nvfp4": 40,
}


class GgmlTensor(NamedTuple):
    """A tensor as ggml and gguf-py take it.

    Attributes
    ----------
    data : numpy.ndarray
        uint8 of the shape ``(rows, bytes of a row)``: a view of the quantized tensor.
    type : int
        The number of the type in ``enum ggml_type``.
    shape : tuple of int
        Of the tensor that was quantized, outermost first.
    """

    data: npt.NDArray[np.uint8]
    type: int
    shape: tuple[int, ...]


def to_ggml(scheme: str, shape: tuple[int, ...], data: npt.NDArray[np.uint8]) -> GgmlTensor:
    """View the bytes of a ggml scheme as rows.

    Raises
    ------
    OptionError
        If ggml has no such type.
    """
    number = GGML_TYPES.get(scheme)
    if number is None:
        raise OptionError(
            f"ggml has no type for {scheme}; it has {', '.join(GGML_TYPES)}", ErrorCode.BAD_OPTION
        )
    if not data.size:
        return GgmlTensor(data.reshape(0, 0), number, shape)
    rows = shape[0] if len(shape) > 1 else 1
    return GgmlTensor(data.reshape(rows, -1), number, shape)
