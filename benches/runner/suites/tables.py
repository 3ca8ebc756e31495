"""``arrow_quantize_*``: 100 layers of an Arrow table to the JVM, and quantized back as a table.

Beside it the same layers as NumPy arrays, the arrays of every result looked up. All quantize to
``uniform:bits=4``, one scale and zero point a layer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorbridge as tb

from ..benchmark import Contender, Group, Launch, Parameter, Throughput
from ..peers.transport import library
from ..servers import bridge
from .batches import SCHEME, Layers, ordinary

_COUNT = 100
_SIZES_KB = (4, 64, 1024, 4096)


def groups() -> list[Group]:
    """List the groups of the family ``arrow_quantize``."""
    return [
        group(f"arrow_quantize_{_COUNT}x{_name(kb << 10)}", _COUNT, kb << 10) for kb in _SIZES_KB
    ]


def group(name: str, count: int, nbytes: int) -> Group:
    """Describe a group of so many layers of so many bytes: four times a square number."""

    def numpy_of(launch: Launch, layers: Layers) -> Callable[[], object]:
        quantize = bridge(launch).quantize_batch

        def call() -> list[Any]:
            result = quantize(layers, scheme=SCHEME)
            return [result[name].data for name in layers]

        return call

    def arrow_of(launch: Launch, table: Any) -> Callable[[], object]:
        quantize = bridge(launch).quantize_arrow
        _check(quantize(table, SCHEME), bridge(launch).quantize_batch(_layers(launch), SCHEME))
        return lambda: quantize(table, SCHEME)

    def _layers(launch: Launch) -> Layers:
        return ordinary(launch, count, nbytes)

    def numpy_shared(launch: Launch) -> Callable[[], object]:
        share = bridge(launch).share
        return numpy_of(launch, {name: share(a) for name, a in _layers(launch).items()})

    def numpy_unread(launch: Launch) -> Callable[[], object]:
        share, quantize = bridge(launch).share, bridge(launch).quantize_batch
        layers = {name: share(a) for name, a in _layers(launch).items()}
        return lambda: quantize(layers, scheme=SCHEME)

    def numpy_ordinary(launch: Launch) -> Callable[[], object]:
        return numpy_of(launch, _layers(launch))

    def arrow_shared(launch: Launch) -> Callable[[], object]:
        return arrow_of(launch, bridge(launch).share_arrow(_table(_layers(launch))))

    def arrow_fresh(launch: Launch) -> Callable[[], object]:
        table = bridge(launch).share_arrow(_table(_layers(launch)))
        quantize = bridge(launch).quantize_arrow
        return lambda: quantize(table.slice(0), SCHEME)

    def arrow_ordinary(launch: Launch) -> Callable[[], object]:
        return arrow_of(launch, _table(_layers(launch)))

    return Group(
        name,
        "arrow_quantize",
        f"{count} layers of {nbytes >> 10} KB (randn, seed 42) quantized to 4 bits.",
        (
            Contender("arrow_shared", "A table in shared memory, and back a table.", arrow_shared),
            Contender(
                "arrow_fresh",
                "The same as another object each time, whose rows are found and checked anew.",
                arrow_fresh,
            ),
            Contender(
                "numpy_shared",
                "Arrays in shared memory, and back an array for each.",
                numpy_shared,
            ),
            Contender(
                "numpy_unread",
                "The same, but no result is looked up, so that its arrays are never made.",
                numpy_unread,
            ),
            Contender(
                "arrow_ordinary",
                "A table elsewhere, copied once into kept shared memory, and back a table.",
                arrow_ordinary,
            ),
            Contender(
                "numpy_ordinary",
                "Ordinary arrays, copied once into kept shared memory, and back an array for each.",
                numpy_ordinary,
            ),
        ),
        parameter=Parameter("layer", "bytes", nbytes),
        throughput=Throughput("bytes", count * nbytes),
    )


def _name(nbytes: int) -> str:
    return f"{nbytes >> 20}mb" if nbytes >= 1 << 20 else f"{nbytes >> 10}kb"


def _table(layers: Layers) -> Any:
    arrow = library("pyarrow", "pyarrow", "python/setup.sh test")
    weights = [array.reshape(-1) for array in layers.values()]
    return arrow.table(
        {
            "layer_name": list(layers),
            "weights": arrow.array(weights, arrow.list_(arrow.float32())),
            "shape": [list(array.shape) for array in layers.values()],
        }
    )


def _check(table: Any, result: tb.BatchResult[tb.QuantizedTensor]) -> None:
    """Check a table against what the arrays gave, whose codes the other suites check."""
    codes = dict(zip(table["layer_name"].to_pylist(), table["quantized_data"], strict=True))
    if list(codes) != list(result):
        raise ValueError("the table has other rows")
    for name in {next(iter(result)), next(reversed(list(result)))}:
        if codes[name].as_buffer().to_pybytes() != bytes(result[name].data):
            raise ValueError(f"the codes of {name} are not those of the array")
