"""Quantize the layers of an Arrow table: zero-copy in, a table out."""

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

import tensorbridge as tb

rng = np.random.default_rng(0)
weights = {f"block.{i}.weight": rng.standard_normal((64, 256), np.float32) for i in range(6)}
table = pa.table(
    {
        "layer_name": list(weights),
        "weights": pa.array([w.reshape(-1) for w in weights.values()], pa.list_(pa.float32())),
        "shape": [list(w.shape) for w in weights.values()],
    }
)

with tb.open() as bridge:
    # Copied into shared memory once per call, quantized, and back as a table.
    quantized = bridge.quantize_arrow(table, bit_width=4)
    print(quantized.schema.names)

    # Shared once: what follows reads it where it is, slices too.
    shared = bridge.share_arrow(table)
    eight = bridge.quantize_arrow(shared, "q8_0")
    two = bridge.quantize_arrow(shared.slice(1, 2), "q4_k", overrides={"block.2.*": "q6_k"})
    print(two["layer_name"].to_pylist(), two["scheme"].to_pylist())

    # Born in shared memory: filled through NumPy views, never copied.
    schema = {"layer_name": pa.string(), "weights": pa.fixed_shape_tensor(pa.float32(), [64, 256])}
    born = bridge.empty_table(schema, 3, columns={"layer_name": ["a", "b", "c"]})
    bridge.writable(born["weights"])[:] = rng.standard_normal((3, 64, 256), np.float32)
    print(bridge.quantize_arrow(born, "q8_0")["shape"].to_pylist())

    # Frames of polars, relations of duckdb and so on go in as they are; failures can be rows.
    frame = pl.DataFrame({"layer_name": ["good", "bad"], "weights": [[1.0, 2.0], [1.0, np.nan]]})
    rows = bridge.quantize_arrow(frame, bit_width=8, continue_on_error=True)
    print(rows["layer_name"].to_pylist(), rows["error"].to_pylist())

# The tables hold their memory, also after the bridge has gone; files and frames take them.
sink = pa.BufferOutputStream()
with pa.ipc.new_file(sink, eight.schema) as writer:
    writer.write_table(eight)
total = pc.sum(pc.binary_length(eight["quantized_data"])).as_py()
print(
    "bytes in q8_0:", total, "in polars:", pl.from_arrow(eight)["quantized_data"].bin.size().sum()
)
