"""What may be handed over as a tensor: NumPy arrays, and what can be seen as one."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .dtypes import code_of
from .errors import ErrorCode, TensorError

__all__ = ["adopt"]


def adopt(name: str, value: Any) -> tuple[npt.NDArray[Any], int]:
    """See a value as an ndarray, without a copy where the value allows it.

    Parameters
    ----------
    name : str
        The tensor's name, for messages.
    value : object
        An ndarray, or anything with ``__dlpack__`` on the CPU or ``__array__``.

    Returns
    -------
    array : numpy.ndarray
    dtype : int
        Wire code; the array's own dtype may be raw integers of the same width.

    Raises
    ------
    TensorError
        If it can't be handed over; the message says what to do.
    """
    if isinstance(value, np.ndarray):
        return _numpy(name, value)
    if hasattr(value, "__dlpack__"):
        return _dlpack(name, value)
    if hasattr(value, "__array__"):
        return _numpy(name, np.asarray(value))
    raise TensorError(
        name,
        None,
        f"a {type(value).__name__} is no array: convert it with numpy.asarray(...)",
        ErrorCode.UNSUPPORTED_DTYPE,
    )


def _numpy(name: str, array: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], int]:
    if isinstance(array, np.ma.MaskedArray):
        raise TensorError(
            name, None, "a masked array: fill it with .filled(...)", ErrorCode.UNSUPPORTED_DTYPE
        )
    code = code_of(array.dtype)
    if code is None:
        raise TensorError(name, None, _dtype_remedy(array.dtype), ErrorCode.UNSUPPORTED_DTYPE)
    return array.view(np.ndarray) if type(array) is not np.ndarray else array, code


def _dtype_remedy(dtype: np.dtype[Any]) -> str:
    if dtype.hasobject:
        return 'an object array has no elements to share: convert it with .astype("float32")'
    if dtype.fields is not None:
        return "a structured array is no tensor: pass its fields one by one"
    return f'dtype {dtype} is not supported: convert it with .astype("float32")'


def _dlpack(name: str, value: Any) -> tuple[npt.NDArray[Any], int]:
    from .dlpack import from_dlpack, is_on_cpu

    try:
        if not is_on_cpu(value):
            raise TensorError(
                name,
                None,
                f"lies on device {getattr(value, 'device', 'other than the CPU')}: copy it to the "
                "CPU first, for example with .cpu()",
                ErrorCode.UNSUPPORTED_DTYPE,
            )
        return from_dlpack(value)
    except TensorError:
        raise
    except Exception as error:
        raise TensorError(
            name,
            None,
            f"{type(value).__module__}.{type(value).__name__} can't be read through DLPack "
            f"({error}): detach it or convert it with numpy.asarray(...)",
            ErrorCode.UNSUPPORTED_DTYPE,
        ) from error
