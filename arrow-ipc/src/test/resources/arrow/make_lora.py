"""Writes lora/: an adapter as the seed wrote it, and ones that break its rules.

Run with PyArrow 16 or newer: .venv/bin/python arrow-ipc/src/test/resources/arrow/make_lora.py
"""

from pathlib import Path

import numpy as np
import pyarrow as pa

HERE = Path(__file__).parent / "lora"
SCHEMA = pa.schema(
    [
        ("module", pa.utf8()),
        ("weight_a", pa.binary()),
        ("weight_b", pa.binary()),
        ("shape_a", pa.list_(pa.int32())),
        ("shape_b", pa.list_(pa.int32())),
        ("dtype", pa.utf8()),
    ],
    metadata={
        "lora_name": "style",
        "lora_rank": "2",
        "lora_alpha": "1.0",
        "target_modules": "to_q,to_k",
    },
)


def row(module: str, kind: str, **changes: object) -> dict:
    a = np.arange(6, dtype=kind).reshape(2, 3)
    b = np.arange(8, dtype=kind).reshape(4, 2) * -1
    values = {
        "module": module,
        "weight_a": a.tobytes(),
        "weight_b": b.tobytes(),
        "shape_a": [2, 3],
        "shape_b": [4, 2],
        "dtype": kind,
    }
    return values | changes


def write(name: str, *rows: dict) -> None:
    table = pa.Table.from_pylist(list(rows), schema=SCHEMA)
    with pa.OSFile(str(HERE / f"{name}.lora.arrow"), "wb") as sink:
        with pa.ipc.new_file(sink, SCHEMA) as writer:
            writer.write_table(table, max_chunksize=1)


def main() -> None:
    HERE.mkdir(exist_ok=True)
    write(
        "style",
        row("mid_block.to_q", "float32"),
        row("mid_block.to_k", "float16", dtype="torch.float16"),
    )
    write("no-factor", row("mid_block.to_q", "float32", weight_b=None))
    write("wrong-shape", row("mid_block.to_q", "float32", shape_a=[2, 4]))
    write("negative-shape", row("mid_block.to_q", "float32", shape_a=[-2, -3]))
    write("unknown-dtype", row("mid_block.to_q", "float32", dtype="float17"))
    write("twice", row("mid_block.to_q", "float32"), row("mid_block.to_q", "float32"))


if __name__ == "__main__":
    main()
