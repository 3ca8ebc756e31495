"""Writes the golden vectors of the scheme uniform with the NumPy reference of docs/uniform.md.

    python generate.py          (in this folder; NumPy is all it needs)

Writes vectors.bin, a sequence of cases: a line of text "bits group sym rows columns", then the
float32 input, the packed data, the scales and the zero points, each without gaps.
"""

import pathlib
import re

import numpy as np

HERE = pathlib.Path(__file__).parent
PAGE = HERE.parents[4] / "docs" / "uniform.md"

reference: dict = {}
exec(re.search(r"```python\n(.*?)```", PAGE.read_text(), re.S).group(1), reference)

SHAPES = [(1, 1), (1, 5), (3, 7), (5, 33), (4, 64), (3, 130), (2, 320), (7, 256)]
GROUPS = ["tensor", "row", "32", "64", "128", "256"]


def inputs(rows: int, columns: int, seed: int) -> np.ndarray:
    """Rows of several kinds: Gaussian, constants, tiny, huge, half-way ties."""
    random = np.random.default_rng(seed)
    x = random.standard_normal((rows, columns)).astype(np.float32)
    kinds = [
        lambda row: row * np.float32(0.02),
        lambda row: np.full_like(row, row[0]),
        lambda row: row * np.float32(1e-40),
        lambda row: np.clip(row, -3, 3) * np.float32(1.1e38),
        lambda row: np.round(row * 4) / 4,
        lambda row: np.zeros_like(row),
        lambda row: abs(row) + np.float32(1000),
        lambda row: row * np.float32(1e-45),
    ]
    for i in range(rows):
        x[i] = kinds[(seed + i) % len(kinds)](x[i])
    return x


def quantize(x: np.ndarray, bits: int, group: str, sym: bool) -> tuple[bytes, bytes, bytes]:
    rows = x.reshape(1, -1) if group == "tensor" else x
    length = int(group) if group.isdigit() else rows.shape[1]
    codes, scales, zero_points = [], [], []
    for row in rows:
        for first in range(0, len(row), length):
            part = row[first : first + length]
            scale, zero_point = reference["parameters"](part, bits, sym)
            codes.append(reference["codes"](part, scale, zero_point, bits))
            scales.append(scale)
            zero_points.append(zero_point)
    data = reference["pack"](np.concatenate(codes), bits)
    zeros = np.array([] if sym else zero_points, "<f4")
    return data.tobytes(), np.array(scales, "<f4").tobytes(), zeros.tobytes()


def main() -> None:
    with (HERE / "vectors.bin").open("wb") as out:
        seed = 0
        for rows, columns in SHAPES:
            for group in GROUPS:
                for bits in (2, 4, 8):
                    sym = seed % 2 == 0
                    x = inputs(rows, columns, seed)
                    seed += 1
                    out.write(f"{bits} {group} {str(sym).lower()} {rows} {columns}\n".encode())
                    out.write(x.astype("<f4").tobytes())
                    for part in quantize(x, bits, group, sym):
                        out.write(part)


main()
