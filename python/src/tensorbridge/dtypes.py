"""Element types: codes of the wire (``spec/tensor-descriptor.md``) and their NumPy dtypes.

bfloat16 and the two fp8 types are known to NumPy through ``ml_dtypes``, which is optional: without
it their elements are seen as raw unsigned integers.
"""

from __future__ import annotations

import sys
from functools import cache, lru_cache
from typing import Any

import numpy as np

from .errors import ErrorCode, OptionError

__all__ = ["BF16", "CODES", "ENCODINGS", "code_of", "dtype_named", "dtype_of", "itemsize_of"]

CODES: dict[int, tuple[str, int]] = {
    1: ("bool", 1),
    2: ("int8", 1),
    3: ("int16", 2),
    4: ("int32", 4),
    5: ("int64", 8),
    6: ("uint8", 1),
    7: ("uint16", 2),
    8: ("uint32", 4),
    9: ("uint64", 8),
    10: ("float16", 2),
    11: ("bfloat16", 2),
    12: ("float32", 4),
    13: ("float64", 8),
    14: ("float8_e4m3fn", 1),
    15: ("float8_e5m2", 1),
    16: ("complex64", 8),
    17: ("complex128", 16),
}
"""Wire code to (NumPy name, bytes per element)."""

ENCODINGS: dict[int, str] = {
    1: "bool",
    2: "i8",
    3: "i16",
    4: "i32",
    5: "i64",
    6: "u8",
    7: "u16",
    8: "u32",
    9: "u64",
    10: "f16",
    11: "bf16",
    12: "f32",
    13: "f64",
    14: "f8_e4m3",
    15: "f8_e5m2",
    16: "c64",
    17: "c128",
}
"""Wire code to the name in ``spec/tensor-descriptor.md``, which files and schemes use as well."""

BF16 = 11
_BY_NAME = {name: code for code, (name, _) in CODES.items()}
_FROM_ML_DTYPES = {"bfloat16", "float8_e4m3fn", "float8_e5m2"}
_RAW = {1: np.uint8, 2: np.uint16}


def _ml_dtypes() -> Any | None:
    try:
        import ml_dtypes
    except ImportError:
        return None
    return ml_dtypes


@lru_cache(maxsize=256)
def code_of(dtype: np.dtype[Any]) -> int | None:
    """Return the wire code of a dtype, or None if it can't travel."""
    if dtype.fields is not None or dtype.subdtype is not None:
        return None
    return _BY_NAME.get(dtype.name)


@cache
def dtype_of(code: int) -> np.dtype[Any]:
    """Return the NumPy dtype of a wire code; raw integers where ``ml_dtypes`` is missing."""
    name, size = CODES[code]
    if name not in _FROM_ML_DTYPES:
        return np.dtype(name)
    module = _ml_dtypes()
    return np.dtype(_RAW[size]) if module is None else np.dtype(getattr(module, name))


@cache
def interface_type(code: int) -> str:
    """Return the type string of NumPy's array interface; raw integers for ``ml_dtypes`` types."""
    name, size = CODES[code]
    raw: np.dtype[Any] = np.dtype(_RAW[size] if name in _FROM_ML_DTYPES else name)
    return str(raw.str)


def itemsize_of(code: int) -> int:
    """Return the bytes of one element of a wire code."""
    return CODES[code][1]


def dtype_named(dtype: Any) -> tuple[np.dtype[Any], int]:
    """Resolve what a caller gave as a dtype.

    Parameters
    ----------
    dtype : dtype_like
        Anything that ``numpy.dtype`` takes, or the name of an ``ml_dtypes`` type.

    Returns
    -------
    dtype : numpy.dtype
    code : int
        Its code on the wire.

    Raises
    ------
    OptionError
        If there is no such dtype or it can't be shared.
    """
    if isinstance(dtype, str) and dtype in _FROM_ML_DTYPES:
        module = _ml_dtypes()
        if module is None:
            raise OptionError(
                f"dtype {dtype} needs the package ml_dtypes: pip install ml_dtypes",
                ErrorCode.BAD_OPTION,
            )
        return np.dtype(getattr(module, dtype)), _BY_NAME[dtype]
    try:
        resolved = np.dtype(dtype)
    except TypeError as error:
        raise OptionError(f"{dtype!r} is no dtype: {error}", ErrorCode.BAD_OPTION) from None
    code = code_of(resolved)
    if code is None or not is_little_endian(resolved):
        raise OptionError(
            f"dtype {resolved} can't be shared; known are {', '.join(_BY_NAME)}",
            ErrorCode.BAD_OPTION,
        )
    return resolved, code


def is_little_endian(dtype: np.dtype[Any]) -> bool:
    """Tell whether elements of a dtype lie as the wire wants them."""
    return dtype.byteorder in ("<", "|") or (dtype.byteorder == "=" and sys.byteorder == "little")
