"""Quantized tensors as other libraries take them, without copying the codes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .errors import ErrorCode, OptionError

if TYPE_CHECKING:
    from .bridge import Bridge
    from .results import QuantizedTensor

__all__ = ["GGML_TYPES", "GgmlTensor", "to_bitsandbytes", "to_ggml"]

Arrays = dict[str, npt.NDArray[Any]]

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


# Blocks whose scales bitsandbytes quantizes together.
_NESTED_BLOCK = 256
# The least block that a scheme of four bits can have.
_LEAST_BLOCK = 32


def to_bitsandbytes(tensor: QuantizedTensor, name: str) -> Arrays:
    """Return the entries that bitsandbytes' modules would save for a weight.

    Parameters
    ----------
    tensor : QuantizedTensor
    name : str
        The weight's.

    Raises
    ------
    OptionError
        If bitsandbytes has no such scheme.
    """
    family, options = _parsed(tensor.scheme)
    if family in ("nf4", "fp4"):
        return _four_bits(tensor, name, family, options)
    if tensor.scheme == "int8":
        return _int8(tensor, name)
    raise OptionError(
        f"bitsandbytes has nothing like {tensor.scheme}; it has nf4, fp4 and int8 (rule bnb)",
        ErrorCode.BAD_OPTION,
    )


def _parsed(scheme: str) -> tuple[str, dict[str, str]]:
    family, _, text = scheme.partition(":")
    return family, dict(option.split("=", 1) for option in text.split(",") if option)


def _four_bits(tensor: QuantizedTensor, name: str, family: str, options: dict[str, str]) -> Arrays:
    """Return what ``QuantState.as_dict(packed=True)`` does, and the codes."""
    parts = tensor.parts
    values = _values_of_codes(tensor._bridge, family)
    entries: Arrays = {
        name: tensor.data.reshape(-1, 1),
        f"{name}.absmax": parts["scales"],
        f"{name}.quant_map": values.copy(),
    }
    state: dict[str, Any] = {
        "quant_type": family,
        "blocksize": int(options.get("block", "64")),
        "dtype": tensor.dtype,
        "shape": list(tensor.shape),
    }
    if options.get("double") == "true":
        entries[f"{name}.nested_absmax"] = parts["nested_scales"]
        entries[f"{name}.nested_quant_map"] = _dynamic_map(tensor._bridge).copy()
        offset = parts["nested_offset"]
        state["nested_blocksize"] = _NESTED_BLOCK
        state["nested_dtype"] = "float32"
        state["nested_offset"] = float(offset[0]) if offset.size else 0.0
    text = json.dumps(state).encode("ascii")
    key = f"{name}.quant_state.bitsandbytes__{family}"
    entries[key] = np.frombuffer(bytearray(text), np.uint8)
    return entries


def _int8(tensor: QuantizedTensor, name: str) -> Arrays:
    """Return what ``Linear8bitLt`` saves."""
    beside = "" if name == "weight" else name.removesuffix(".weight") + "."
    return {
        name: tensor.data.view(np.int8).reshape(tensor.shape),
        f"{beside}SCB": tensor.parts["scales"],
        f"{beside}weight_format": np.zeros((), np.uint8),  # rows
    }


_code_books: dict[str, npt.NDArray[np.float32]] = {}


def _values_of_codes(bridge: Bridge, family: str) -> npt.NDArray[np.float32]:
    """Return the 16 values of ``nf4`` or ``fp4``: the codes, dequantized with the scale 1."""
    if family not in _code_books:
        codes = np.arange(16, dtype=np.uint8)
        parts = (codes[0::2] << 4 | codes[1::2], np.ones(1, np.float32))
        _code_books[family] = _dequantize(bridge, family, parts, 16)
    return _code_books[family]


def _dynamic_map(bridge: Bridge) -> npt.NDArray[np.float32]:
    """Return the 256 values of a quantized scale: those of blocks that hold 1 alone."""
    if "scales" not in _code_books:
        one = int(np.flatnonzero(_values_of_codes(bridge, "nf4") == 1)[0])
        parts = (
            np.full(256 * _LEAST_BLOCK // 2, one << 4 | one, np.uint8),
            np.arange(256, dtype=np.uint8),
            np.ones(1, np.float32),
            np.zeros(1, np.float32),
        )
        scheme = f"nf4:block={_LEAST_BLOCK},double=true"
        values = _dequantize(bridge, scheme, parts, 256 * _LEAST_BLOCK)
        _code_books["scales"] = values[::_LEAST_BLOCK]
    return _code_books["scales"]


def _dequantize(
    bridge: Bridge, scheme: str, parts: tuple[npt.NDArray[Any], ...], elements: int
) -> npt.NDArray[np.float32]:
    result = bridge.run("dequantize", {"codes": parts}, scheme=scheme, shape=str(elements))
    # A copy gives the shared memory back.
    return np.array(result["codes"], np.float32)
