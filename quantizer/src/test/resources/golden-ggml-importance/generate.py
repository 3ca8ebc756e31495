"""Writes what ggml makes of every fifth golden row with importances.

Run with the interpreter of the benchmarks' peers, which have xllamacpp and so ggml:
``benches/target/peers/bin/python generate.py``.
"""

import ctypes
import importlib.util
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
COLUMNS = 1024
TYPES = {"q2_K": 10, "q3_K": 11, "q4_K": 12, "q5_K": 13, "q6_K": 14, "iq4_nl": 20}


def main() -> None:
    wheel = Path(importlib.util.find_spec("xllamacpp").origin).parent
    library = ctypes.CDLL(str(next(wheel.glob("*.so"))))
    library.ggml_row_size.restype = ctypes.c_size_t
    library.ggml_row_size.argtypes = [ctypes.c_int, ctypes.c_int64]
    library.ggml_quantize_chunk.restype = ctypes.c_size_t
    library.ggml_quantize_chunk.argtypes = (
        [ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p] + [ctypes.c_int64] * 3 + [ctypes.c_void_p]
    )
    golden = np.fromfile(HERE.parent / "golden-ggml" / "input.f32", np.float32)
    rows = np.ascontiguousarray(golden.reshape(-1, COLUMNS)[::5])
    importance = np.random.default_rng(7).gamma(0.5, 2, COLUMNS).astype(np.float32)
    importance[::37] = 0
    importance[256:288] = 0
    importance.tofile(HERE / "importance.f32")
    for name, number in TYPES.items():
        library.ggml_quantize_init(number)
        coded = np.zeros(library.ggml_row_size(number, COLUMNS) * len(rows), np.uint8)
        library.ggml_quantize_chunk(
            number,
            rows.ctypes.data,
            coded.ctypes.data,
            0,
            len(rows),
            COLUMNS,
            importance.ctypes.data,
        )
        coded.tofile(HERE / f"ggml_{name}.bin")


main()
