"""The bytes and the restored values of every ggml type, against ggml in C and gguf-py in NumPy."""

from __future__ import annotations

import ctypes
import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import tensorbridge as tb
from conftest import Floats
from tensorbridge.exports import GGML_TYPES

Bytes = npt.NDArray[np.uint8]

SCHEMES = sorted(set(GGML_TYPES) - {"f32"})
WEIGHTED = ["q2_k", "q3_k", "q4_k", "q5_k", "q6_k", "iq4_nl"]
PLAIN = {"f16": "ggml_fp16_to_fp32_row", "bf16": "ggml_bf16_to_fp32_row"}


@pytest.fixture(scope="session")
def ggml() -> Any:
    """The library in the wheel of xllamacpp."""
    found = importlib.util.find_spec("xllamacpp")
    if found is None or found.origin is None:
        pytest.skip("xllamacpp, whose wheel holds ggml, is not installed among the peers")
    library = ctypes.CDLL(str(min(Path(found.origin).parent.glob("*.so"))))
    library.ggml_type_name.restype = ctypes.c_char_p
    library.ggml_row_size.restype = ctypes.c_size_t
    library.ggml_row_size.argtypes = [ctypes.c_int, ctypes.c_int64]
    library.ggml_quantize_chunk.restype = ctypes.c_size_t
    library.ggml_quantize_chunk.argtypes = (
        [ctypes.c_int] + [ctypes.c_void_p] * 2 + [ctypes.c_int64] * 3 + [ctypes.c_void_p]
    )
    for scheme in SCHEMES:
        number = GGML_TYPES[scheme]
        assert library.ggml_type_name(number).decode().lower() == scheme
        library.ggml_quantize_init(number)
    return library


def quantized(ggml: Any, scheme: str, values: Floats, importances: Floats | None = None) -> Bytes:
    number = GGML_TYPES[scheme]
    rows, columns = values.shape
    target = np.zeros((rows, ggml.ggml_row_size(number, columns)), np.uint8)
    weights = None if importances is None else importances.ctypes.data
    written = ggml.ggml_quantize_chunk(
        number, values.ctypes.data, target.ctypes.data, 0, rows, columns, weights
    )
    assert written == target.nbytes
    return target


def dequantized(ggml: Any, scheme: str, codes: Bytes, columns: int) -> Floats:
    name = ggml.ggml_type_name(GGML_TYPES[scheme]).decode()
    function = getattr(ggml, PLAIN.get(scheme, f"dequantize_row_{name}"))
    function.restype = None
    function.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64]
    values = np.zeros((len(codes), columns), np.float32)
    function(codes.ctypes.data, values.ctypes.data, values.size)
    return values


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_type(
    bridge: tb.Bridge, ggml: Any, matrix: Floats, scheme: str, threads: int
) -> None:
    expected = quantized(ggml, scheme, matrix)
    ours = bridge.quantize_batch({"w": matrix}, scheme=scheme, threads=threads)["w"]
    np.testing.assert_array_equal(ours.to_ggml().data, expected)
    restored = dequantized(ggml, scheme, expected, matrix.shape[1])
    np.testing.assert_array_equal(ours.dequantize().view(np.uint32), restored.view(np.uint32))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_tensor_that_threads_share(bridge: tb.Bridge, ggml: Any, scheme: str) -> None:
    values = np.random.default_rng(5).normal(0, 0.02, (1201, 1024)).astype(np.float32)
    assert values.nbytes > 4 << 20
    expected = quantized(ggml, scheme, values)
    for threads in (1, 2):
        ours = bridge.quantize_batch({"w": values}, scheme=scheme, threads=threads)["w"]
        np.testing.assert_array_equal(ours.to_ggml().data, expected)
    restored = dequantized(ggml, scheme, expected, values.shape[1])
    np.testing.assert_array_equal(ours.dequantize().view(np.uint32), restored.view(np.uint32))


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("scheme", WEIGHTED)
def test_importances(
    bridge: tb.Bridge, ggml: Any, matrix: Floats, scheme: str, threads: int
) -> None:
    importances = np.random.default_rng(9).gamma(0.5, 2, matrix.shape[1]).astype(np.float32)
    importances[5::37] = 0
    expected = quantized(ggml, scheme, matrix, importances)
    assert not np.array_equal(expected, quantized(ggml, scheme, matrix))
    batch = {"w": (matrix, importances)}
    ours = bridge.run("quantize", batch, scheme=scheme, threads=threads)["w"]
    np.testing.assert_array_equal(ours.to_ggml().data, expected)


@pytest.mark.parametrize("scheme", WEIGHTED)
def test_importances_of_a_tensor_that_threads_share(
    bridge: tb.Bridge, ggml: Any, scheme: str
) -> None:
    random = np.random.default_rng(6)
    values = random.normal(0, 0.02, (1501, 768)).astype(np.float32)
    importances = random.gamma(0.5, 2, 768).astype(np.float32)
    expected = quantized(ggml, scheme, values, importances)
    for threads in (1, 2):
        batch = {"w": (values, importances)}
        ours = bridge.run("quantize", batch, scheme=scheme, threads=threads)["w"]
        np.testing.assert_array_equal(ours.to_ggml().data, expected)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_gguf_py(bridge: tb.Bridge, matrix: Floats, scheme: str) -> None:
    gguf = pytest.importorskip("gguf", reason="gguf is not installed among the peers")
    kind = gguf.GGMLQuantizationType[scheme.upper()]
    ours = bridge.quantize_batch({"w": matrix}, scheme=scheme)["w"]
    try:
        with np.errstate(all="ignore"):
            expected = gguf.quants.quantize(matrix, kind)
    except NotImplementedError:
        expected = None
    if expected is not None:
        kept = matrix.any(axis=1)  # of zeros alone its scale is +0 where ggml's is -0
        found = np.ascontiguousarray(expected).view(np.uint8).reshape(len(matrix), -1)
        np.testing.assert_array_equal(ours.to_ggml().data[kept], found[kept])
    try:
        restored = gguf.quants.dequantize(ours.to_ggml().data, kind)
    except NotImplementedError:
        if expected is None:
            pytest.skip(f"gguf-py neither quantizes nor restores {scheme}")
    else:
        np.testing.assert_array_equal(ours.dequantize(), restored)
