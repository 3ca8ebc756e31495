"""Reads DLPack capsules of CPU tensors without the help of NumPy, which refuses bfloat16.

The structures are those of ``dlpack.h``, version 1.1: ``DLManagedTensor`` and
``DLManagedTensorVersioned``.
"""

from __future__ import annotations

import ctypes
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from .dtypes import itemsize_of
from .regions import as_array

__all__ = ["from_dlpack", "is_on_cpu"]

_CPU_DEVICES = (1, 3, 11)  # kDLCPU, kDLCUDAHost, kDLROCMHost
_CODES = {
    (0, 8): 2,
    (0, 16): 3,
    (0, 32): 4,
    (0, 64): 5,
    (1, 8): 6,
    (1, 16): 7,
    (1, 32): 8,
    (1, 64): 9,
    (2, 16): 10,
    (2, 32): 12,
    (2, 64): 13,
    (4, 16): 11,
    (5, 64): 16,
    (5, 128): 17,
    (6, 8): 1,
    (10, 8): 14,
    (12, 8): 15,
}
"""(DLDataTypeCode, bits) to wire code."""


class _DLTensor(ctypes.Structure):
    _fields_: ClassVar[Any] = [
        ("data", ctypes.c_void_p),
        ("device_type", ctypes.c_int32),
        ("device_id", ctypes.c_int32),
        ("ndim", ctypes.c_int32),
        ("code", ctypes.c_uint8),
        ("bits", ctypes.c_uint8),
        ("lanes", ctypes.c_uint16),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    ]


class _Versioned(ctypes.Structure):
    _fields_: ClassVar[Any] = [
        ("major", ctypes.c_uint32),
        ("minor", ctypes.c_uint32),
        ("manager_ctx", ctypes.c_void_p),
        ("deleter", ctypes.c_void_p),
        ("flags", ctypes.c_uint64),
        ("tensor", _DLTensor),
    ]


def is_on_cpu(value: Any) -> bool:
    """Tell whether an object with ``__dlpack__`` keeps its elements where the CPU can read them."""
    device = getattr(value, "__dlpack_device__", None)
    return device is None or int(device()[0]) in _CPU_DEVICES


def from_dlpack(value: Any) -> tuple[npt.NDArray[Any], int]:
    """View an object with ``__dlpack__`` as an ndarray, without a copy.

    Parameters
    ----------
    value : object
        On the CPU.

    Returns
    -------
    array : numpy.ndarray
        Keeps the exporter's memory alive; read-only.
    dtype : int
        Wire code.

    Raises
    ------
    TypeError
        If its elements have no code on the wire.
    """
    try:
        capsule = value.__dlpack__(max_version=(1, 1))
    except TypeError:
        capsule = value.__dlpack__()
    tensor = _tensor_of(capsule)
    code = _CODES.get((tensor.code, tensor.bits)) if tensor.lanes == 1 else None
    if code is None:
        raise TypeError(f"DLPack type {tensor.code} of {tensor.bits} bits x {tensor.lanes}")
    shape = tuple(tensor.shape[i] for i in range(tensor.ndim))
    size = itemsize_of(code)
    strides = None
    if tensor.strides and tensor.ndim:
        strides = tuple(tensor.strides[i] * size for i in range(tensor.ndim))
    address = (tensor.data or 0) + tensor.byte_offset
    if 0 in shape or not address:
        return np.empty(shape, as_array(None, 0, code, (0,)).dtype), code
    # The capsule is not consumed: its destructor frees the tensor when the last view dies.
    return as_array(capsule, address, code, shape, strides, readonly=True), code


def _tensor_of(capsule: Any) -> _DLTensor:
    get_pointer = ctypes.pythonapi.PyCapsule_GetPointer
    get_pointer.restype = ctypes.c_void_p
    get_pointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
    is_valid = ctypes.pythonapi.PyCapsule_IsValid
    is_valid.restype = ctypes.c_int
    is_valid.argtypes = [ctypes.py_object, ctypes.c_char_p]
    if is_valid(capsule, b"dltensor_versioned"):
        versioned = _Versioned.from_address(get_pointer(capsule, b"dltensor_versioned"))
        if versioned.major != 1:
            raise TypeError(f"DLPack version {versioned.major}")
        tensor: _DLTensor = versioned.tensor
        return tensor
    return _DLTensor.from_address(get_pointer(capsule, b"dltensor"))
