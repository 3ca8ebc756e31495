"""What can be handed over, and how refusals help."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import ml_dtypes
import numpy as np
import pytest
import tvm_ffi

import tensorbridge as tb
from tensorbridge.arrays import adopt
from tensorbridge.dlpack import from_dlpack


class Exporter:
    """A tensor of another library: bfloat16 over DLPack, which NumPy refuses."""

    def __init__(self, array: np.ndarray[Any, Any], device: int = 1) -> None:
        self._tensor = tvm_ffi.from_dlpack(array) if device == 1 else None
        self._device = device
        self.device = "cuda:0"

    def __dlpack__(self, **given: object) -> object:
        if self._tensor is None:
            raise BufferError("is on another device")
        return self._tensor.__dlpack__(**given)

    def __dlpack_device__(self) -> tuple[int, int]:
        return (self._device, 0)


@pytest.mark.parametrize(
    "dtype", ["float32", "float16", "float64", "int8", "uint8", "int64", "uint16", "bool"]
)
def test_dlpack_is_read_without_a_copy(dtype: str) -> None:
    array = np.arange(24).reshape(2, 3, 4).astype(dtype)
    view, _ = from_dlpack(Exporter(array))
    assert view.dtype == array.dtype
    assert (view == array).all()
    assert np.shares_memory(view, array)
    assert not view.flags.writeable


def test_strides_come_over_dlpack() -> None:
    array = np.arange(24, dtype=np.float32).reshape(4, 6)
    view, _ = from_dlpack(array.T[::2])
    assert view.strides == array.T[::2].strides
    assert (view == array.T[::2]).all()


def test_bfloat16_comes_over_dlpack() -> None:
    array = np.arange(24, dtype=np.float32).reshape(4, 6).astype(ml_dtypes.bfloat16)
    raw = tvm_ffi.from_dlpack(array.view(np.uint16))

    class Tensor:
        def __dlpack__(self) -> object:
            return retyped(raw.__dlpack__(), 4)

        def __dlpack_device__(self) -> tuple[int, int]:
            return (1, 0)

    view, code = from_dlpack(Tensor())
    assert code == 11
    assert view.dtype == ml_dtypes.bfloat16
    assert (view == array).all()


def retyped(capsule: Any, code: int) -> Any:
    """Give a capsule another type code, as torch would export a bfloat16."""
    from tensorbridge.dlpack import _tensor_of

    _tensor_of(capsule).code = code
    return capsule


def test_a_view_keeps_the_exporters_memory() -> None:
    array = np.arange(8, dtype=np.float32)
    alive = weakref.ref(array)
    view, _ = from_dlpack(array)
    del array
    gc.collect()
    assert alive() is not None or view[3] == 3
    assert (view == np.arange(8)).all()


def test_a_tensor_elsewhere_is_refused_with_the_remedy() -> None:
    with pytest.raises(tb.TensorError, match=r'"a.weight".*cuda:0.*\.cpu\(\)'):
        adopt("a.weight", Exporter(np.zeros(2), device=2))


def test_a_failing_exporter_is_named() -> None:
    class Gradient:
        def __dlpack__(self, **given: object) -> object:
            raise BufferError("requires gradient")

    with pytest.raises(tb.TensorError, match=r'"w".*requires gradient.*detach') as refused:
        adopt("w", Gradient())
    assert refused.value.name == "w"


def test_whatever_has_array_is_taken() -> None:
    class Frame:
        def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray[Any, Any]:
            return np.arange(3.0)

    array, code = adopt("w", Frame())
    assert code == 13
    assert (array == np.arange(3.0)).all()


@pytest.mark.parametrize(
    ("value", "remedy"),
    [
        ([1.0, 2.0], "numpy.asarray"),
        ("text", "numpy.asarray"),
        (np.array([None]), "astype"),
        (np.array(["a"]), "astype"),
        (np.array(["2020-01-01"], "datetime64[D]"), "astype"),
        (np.zeros(2, np.longdouble), "astype"),
        (np.zeros(2, [("a", "f4")]), "fields"),
        (np.ma.masked_array(np.zeros(2), [0, 1]), "filled"),
    ],
)
def test_refusals_name_the_tensor_and_the_remedy(value: object, remedy: str) -> None:
    with pytest.raises(tb.TensorError, match=remedy) as refused:
        adopt("a.weight", value)
    assert "a.weight" in str(refused.value)
    assert refused.value.name == "a.weight"
