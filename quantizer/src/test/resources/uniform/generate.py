"""Writes the golden vectors of the scheme uniform with the NumPy reference of docs/uniform.md.

    python generate.py          (in this folder; NumPy is all it needs)

Writes vectors.bin, a sequence of cases: a line of text "bits group sym rows columns", then the
float32 input, the packed data, the scales and the zero points, each without gaps.

Writes variants.bin likewise: lines "scheme rows columns side", where side is the number of float32
values beside the tensor, maybe 0; then the input, these values, all parts of the scheme, and the
float32 values that dequantizing gives.
"""

import pathlib
import re

import numpy as np

HERE = pathlib.Path(__file__).parent
PAGE = HERE.parents[4] / "docs" / "uniform.md"

reference: dict = {}
for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S):
    exec(block, reference)

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


def unpack(data: bytes, bits: int, count: int) -> np.ndarray:
    shifts = np.arange(8 // bits, dtype=np.uint8) * np.uint8(bits)
    every = np.frombuffer(data, np.uint8)[:, None] >> shifts & np.uint8(2**bits - 1)
    return every.reshape(-1)[:count]


def time_case(x: np.ndarray, side: np.ndarray | None, bits: int, time: int, sym: bool) -> list:
    data, scales, zero_points, order = reference["quantize_time"](x, side, bits, time, sym)
    codes = unpack(data.tobytes(), bits, x.size).reshape(x.shape)
    counts = [len(rows) for rows in np.array_split(x, len(scales))]
    scale, zero_point = (np.repeat(each, counts)[:, None] for each in (scales, zero_points))
    values = reference["restore_order"](reference["values"](codes, scale, zero_point), order)
    zeros = [] if sym else [zero_points.astype("<f4")]
    return [data, scales.astype("<f4"), *zeros, order.astype("<i4"), values.astype("<f4")]


def spatial_case(
    x: np.ndarray, side: np.ndarray | None, bits: int, group: str, sym: bool
) -> list:
    eq = reference["channel_scales"](x, side)
    data, scales, zero_points = quantize(x / eq, bits, group, sym)
    codes = unpack(data, bits, x.size).reshape(x.shape)
    rows, columns = x.shape
    length = {"tensor": x.size, "row": columns}.get(group) or int(group)
    per_row = -(-columns // length)
    at = np.arange(rows)[:, None] * per_row + np.arange(columns) // length
    if group == "tensor":
        at = np.zeros(x.shape, int)
    zero_point = np.float32(2 ** (bits - 1)) if sym else np.frombuffer(zero_points, "<f4")[at]
    with np.errstate(over="ignore"):  # columns of the greatest float32
        values = reference["values"](codes, np.frombuffer(scales, "<f4")[at], zero_point) * eq
    parts = [data, scales, zero_points, eq.astype("<f4"), values.astype("<f4")]
    return [np.frombuffer(part, np.uint8) if isinstance(part, bytes) else part for part in parts]


def variants() -> None:
    """Timesteps with ties, columns of zeros, activations of all sizes, zero among them."""
    with (HERE / "variants.bin").open("wb") as out:
        seed = 0
        for rows, columns in [(1, 1), (1, 37), (11, 3), (23, 17), (5, 65)]:
            for bits in (2, 4, 8):
                for has_side in (False, True):
                    sym = seed % 3 == 0
                    random = np.random.default_rng(seed)
                    x = inputs(rows, columns, seed)
                    x[:, random.integers(columns)] = 0
                    end = ",sym=true" if sym else ""
                    time = (1, 3, 5, 10, 20)[seed % 5]
                    steps = random.integers(0, 12, rows).astype(np.float32) if has_side else None
                    group = GROUPS[seed % len(GROUPS)]
                    most = np.exp(random.uniform(-20, 20, columns)).astype(np.float32)
                    most[random.integers(columns)] = 0
                    most[random.integers(columns)] = np.float32(1e-42)
                    activations = most if has_side else None
                    seed += 1
                    cases = [
                        (f"time={time}", steps, time_case(x, steps, bits, time, sym)),
                        (
                            f"group={group},spatial=true",
                            activations,
                            spatial_case(x, activations, bits, group, sym),
                        ),
                    ]
                    for text, side, parts in cases:
                        count = 0 if side is None else len(side)
                        head = f"uniform:bits={bits},{text}{end} {rows} {columns} {count}\n"
                        out.write(head.encode())
                        out.write(x.astype("<f4").tobytes())
                        out.write(b"" if side is None else side.astype("<f4").tobytes())
                        for part in parts:
                            out.write(part.tobytes())


def main() -> None:
    variants()
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
