"""Writes the golden files of this folder: NumPy's own bytes, for tests that run without NumPy.

Each array holds its flat index in C order: element k is k (of bool k % 2, of complex k + 1j * k).

    python make_golden.py            # needs numpy and ml_dtypes
"""

from pathlib import Path

import ml_dtypes
import numpy as np

HERE = Path(__file__).parent
SHAPE = (2, 3, 4)
INDEX = np.arange(24).reshape(SHAPE)


def save(name: str, array: np.ndarray, version: tuple[int, int] | None = None) -> None:
    with open(HERE / f"{name}.npy", "wb") as file:
        np.lib.format.write_array(file, array, version=version, allow_pickle=True)


def main() -> None:
    for dtype in ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"):
        save(np.dtype(dtype).name, INDEX.astype(dtype))
    save("bool", INDEX % 2 == 1)
    for dtype in ("complex64", "complex128"):
        save(dtype, (INDEX + 1j * INDEX).astype(dtype))
    for dtype in (ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e5m2):
        save(np.dtype(dtype).name, np.minimum(INDEX, 8).astype(dtype))

    for dtype in (">i2", ">f4", ">f8", ">c8"):
        save(f"big_endian_{dtype[1:]}", (INDEX + (1j * INDEX if "c" in dtype else 0)).astype(dtype))
    save("fortran_float32", np.asfortranarray(INDEX.astype("f4")))
    save("fortran_big_endian_int16", np.asfortranarray(INDEX.astype(">i2")))
    save("fortran_complex128", np.asfortranarray((INDEX + 1j * INDEX).astype("c16")))
    save("version_2", INDEX.astype("f4"), version=(2, 0))
    save("version_3", INDEX.astype("f4"), version=(3, 0))
    save("scalar", np.float32(7))
    save("empty", np.zeros((2, 0, 3), "f4"))
    save("vector", np.arange(5, dtype="i4"))

    save("refused_object", np.array([{}, None], dtype=object))
    save("refused_structured", np.zeros(2, [("x", "f4"), ("y", "i4")]))
    save("refused_text", np.array(["a", "bc"]))
    save("refused_bytes", np.array([b"a", b"bc"]))
    save("refused_datetime", np.array(["2026-01-01"], "M8[s]"))
    save("refused_longdouble", np.zeros(2, np.longdouble))
    save("refused_void", np.zeros(2, "V2"))

    arrays = {
        "a.weight": INDEX.astype("f4"),
        "fortran": np.asfortranarray(INDEX.astype("f4")),
        "big": INDEX.astype(">f4"),
        "scalar": np.float32(7),
        "empty": np.zeros((0, 3), "f4"),
        "größe": INDEX.astype("i2"),
    }
    np.savez(HERE / "stored.npz", **arrays)
    np.savez_compressed(HERE / "compressed.npz", **arrays)
    np.savez(HERE / "no_arrays.npz")


if __name__ == "__main__":
    main()
