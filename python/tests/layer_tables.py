"""Tables of weights, as the tests of Arrow want them."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt
import pyarrow as pa

Arrays = dict[str, npt.NDArray[Any]]

PARTED = "nf4:double=true"
"""A scheme that needs the column ``parts``."""

SCHEMES = (
    "uniform",
    "uniform:bits=2",
    "uniform:bits=4,group=32",
    "uniform:bits=8,group=row",
    "uniform:bits=4,group=128,sym=true",
    "q8_0",
    "q4_k",
    "nf4",
    "nf4:double=true",
    "fp4:block=128",
    "mxfp4",
    "mxfp4:layout=ocp",
    "nvfp4:layout=two-level",
    "mxfp8",
    "mxint8",
    "int8",
    "int8:rule=torchao",
    "int4",
    "int4:layout=compressed-tensors",
    "fp8_e4m3",
    "fp8_e4m3:scale=row",
    "fp8_e5m2:scale=block",
    "hqq",
    "f32",
    "f16",
    "bf16",
)


def table_of(
    arrays: Arrays, kind: Any = None, *, name_type: Any = None, shapes: bool = True
) -> pa.Table:
    """Make a table of weights."""
    kind = kind or pa.list_(pa.float32())
    columns = {
        "layer_name": pa.array(list(arrays), name_type or pa.string()),
        "weights": pa.array([a.reshape(-1) for a in arrays.values()], kind),
    }
    if shapes:
        columns["shape"] = pa.array([list(a.shape) for a in arrays.values()], pa.list_(pa.int64()))
    return pa.table(columns)
