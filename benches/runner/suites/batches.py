"""``batch_*``: many layers: a call for each, one batch, a batch prepared before.

``batch_N`` is a no-op of N layers, ``batch_work_N`` quantizes N layers of 4 KB, ``batch_NxSIZE``
quantizes large ones. All quantize to ``uniform:bits=4``, one scale and zero point a layer.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

import tensorbridge as tb
from tensorbridge.demo.legacy import LegacyClient

from ..benchmark import Contender, Group, Launch, Operation, Parameter, Throughput
from ..servers import bridge, legacy_client, touch_client

Layers = dict[str, npt.NDArray[np.float32]]

SCHEME = "uniform:bits=4"
SMALL_LAYER_BYTES = 4 << 10

# One layer alone is what further layers are compared with.
_NOOP_LAYERS = (1, 10, 100, 1000)
_WORK_LAYERS = (10, 100, 1000)
_LARGE = ((10, 4), (50, 4), (100, 4), (1, 400), (100, 1))
# Above it a list of a layer takes gigabytes, which nobody else in the process shall feel.
_ISOLATED_BYTES = 256 << 20
# Above it a list-converting way takes some seconds.
_SLOW_BYTES = 150 << 20
# What a legacy call is checked with: one of 400 MB takes ten seconds.
_CHECKED_ELEMENTS = 1 << 20


def groups() -> list[Group]:
    """List the groups of the families ``batch``, ``batch_work`` and ``batch_quantize``."""
    return [
        *(noop_group(count) for count in _NOOP_LAYERS),
        *(work_group(count) for count in _WORK_LAYERS),
        *(
            quantize_group(f"batch_{count}x{mb}mb", count, mb << 20, f"{count} layers of {mb} MB")
            for count, mb in _LARGE
        ),
    ]


def noop_frame(count: int) -> Group:
    """Describe a group of no-ops without its contenders, for suites that join it."""
    return Group(
        f"batch_{count}",
        "batch",
        "Layers of 4 KB of which the JVM reads first and last element: the overhead of calls.",
        (),
        parameter=Parameter("layers", "", count),
        throughput=Throughput("layers", count),
    )


def noop_group(count: int) -> Group:
    """Describe a group of no-ops of so many layers."""

    def call_per_layer(launch: Launch) -> Callable[[], object]:
        run, layers = bridge(launch).run, _shared(launch, count, SMALL_LAYER_BYTES)
        _check_ends({name: run("noop", {name: a})[name] for name, a in layers.items()}, layers)

        def call() -> None:
            for name, array in layers.items():
                run("noop", {name: array})

        return call

    def batch(launch: Launch) -> Callable[[], object]:
        run, layers = bridge(launch).run, _shared(launch, count, SMALL_LAYER_BYTES)
        _check_ends(run("noop", layers), layers)
        return lambda: run("noop", layers)

    def prepared(launch: Launch) -> Callable[[], object]:
        layers = _shared(launch, count, SMALL_LAYER_BYTES)
        plan = launch.enter(bridge(launch).prepare("noop", layers))
        _check_ends(plan.run(), layers)
        return plan.run

    def legacy(launch: Launch) -> Callable[[], object]:
        client, layers = touch_client(launch), ordinary(launch, count, SMALL_LAYER_BYTES)
        touch, arrays = client.touch_list, list(layers.values())
        _check_ends({name: tuple(touch(array)) for name, array in layers.items()}, layers)

        def call() -> None:
            for array in arrays:
                touch(array)

        return call

    return replace(
        noop_frame(count),
        contenders=(
            Contender("prepared", "One batch that was prepared before; arrays shared.", prepared),
            Contender("batch", "One batch of arrays in shared memory.", batch),
            Contender("call_per_layer", "A bridge call for each shared array.", call_per_layer),
            Contender(
                "legacy",
                "For each layer tolist, struct.pack, a Unix socket, a new float[], and the two"
                " elements as a list.",
                legacy,
                role="legacy",
            ),
        ),
    )


def work_group(count: int, nbytes: int = SMALL_LAYER_BYTES) -> Group:
    """Describe a group that quantizes so many small layers."""

    def call_per_layer(launch: Launch) -> Callable[[], object]:
        quantize, layers = bridge(launch).quantize_batch, _shared(launch, count, nbytes)
        first = {name: quantize({name: a}, scheme=SCHEME)[name] for name, a in layers.items()}
        _check_codes(launch, first, layers)

        def call() -> None:
            for name, array in layers.items():
                quantize({name: array}, scheme=SCHEME)

        return call

    def batch(launch: Launch) -> Callable[[], object]:
        quantize, layers = bridge(launch).quantize_batch, _shared(launch, count, nbytes)
        _check_codes(launch, quantize(layers, scheme=SCHEME), layers)
        return lambda: quantize(layers, scheme=SCHEME)

    def batch_read(launch: Launch) -> Callable[[], object]:
        quantize, layers = bridge(launch).quantize_batch, _shared(launch, count, nbytes)
        _check_codes(launch, quantize(layers, scheme=SCHEME), layers)

        def call() -> None:
            result = quantize(layers, scheme=SCHEME)
            for name in layers:
                _ = result[name].data

        return call

    def prepared(launch: Launch) -> Callable[[], object]:
        layers = _shared(launch, count, nbytes)
        plan = launch.enter(bridge(launch).prepare("quantize", layers, scheme=SCHEME))
        _check_codes(launch, plan.run(), layers)
        return plan.run

    return Group(
        f"batch_work_{count}",
        "batch_work",
        "Layers of 4 KB quantized to 4 bits.",
        (
            Contender("prepared", "One batch that was prepared before; arrays shared.", prepared),
            Contender("batch", "One batch of arrays in shared memory.", batch),
            Contender(
                "batch_read",
                "The same, and the result of every layer is looked up, which makes its views.",
                batch_read,
            ),
            Contender("call_per_layer", "A bridge call for each shared array.", call_per_layer),
            _legacy_quantize(count, nbytes),
        ),
        parameter=Parameter("layers", "", count),
        throughput=Throughput("layers", count),
    )


def quantize_group(name: str, count: int, nbytes: int, work: str) -> Group:
    """Describe a group that quantizes large layers.

    Parameters
    ----------
    name : str
        Its name.
    count, nbytes : int
        Layers, and bytes of each: four times a square number.
    work : str
        Both in words.
    """
    figures: dict[str, Any] = {"outside_kernels": "ratio"}

    def quantizer(
        launch: Launch, layers: Layers
    ) -> Callable[[], tb.BatchResult[tb.QuantizedTensor]]:
        quantize = bridge(launch).quantize_batch
        return lambda: quantize(layers, scheme=SCHEME)

    def checked(launch: Launch, layers: Layers) -> Callable[[Mapping[str, Any]], None]:
        return lambda result: _check_codes(launch, result, layers)

    def ordinary_arrays(launch: Launch) -> Operation:
        layers = ordinary(launch, count, nbytes)
        return OutsideKernels(quantizer(launch, layers)).operation(checked(launch, layers))

    def shared_arrays(launch: Launch) -> Operation:
        layers = _shared(launch, count, nbytes)
        return OutsideKernels(quantizer(launch, layers)).operation(checked(launch, layers))

    def prepared(launch: Launch) -> Operation:
        layers = _shared(launch, count, nbytes)
        plan = launch.enter(bridge(launch).prepare("quantize", layers, scheme=SCHEME))
        return OutsideKernels(plan.run).operation(checked(launch, layers))

    return Group(
        name,
        "batch_quantize",
        f"{work} (randn, seed 42) quantized to 4 bits.",
        (
            Contender(
                "prepared",
                "One batch that was prepared before; arrays in shared memory.",
                prepared,
                figures=figures,
            ),
            Contender(
                "shared", "One batch of arrays in shared memory.", shared_arrays, figures=figures
            ),
            Contender(
                "ordinary",
                "One batch of ordinary arrays, each copied once into kept shared memory.",
                ordinary_arrays,
                figures=figures,
            ),
            _legacy_quantize(count, nbytes),
        ),
        throughput=Throughput("bytes", count * nbytes),
    )


class OutsideKernels:
    """Times a batch, to tell the share of its time that the server did not spend on items.

    Parameters
    ----------
    run : callable
        Runs the batch and returns when it is done.
    """

    def __init__(self, run: Callable[[], tb.BatchResult[Any]]) -> None:
        self._run = run
        self._wall = 0
        self._inside = 0

    def operation(self, check: Callable[[tb.BatchResult[Any]], None]) -> Operation:
        """Give the operation after its answer was found right once."""
        check(self._run())
        return Operation(self._call, figures=self._figures)

    def _call(self) -> None:
        begun = time.perf_counter_ns()
        result = self._run()
        self._wall += time.perf_counter_ns() - begun
        self._inside += result.run_nanos

    def _figures(self) -> dict[str, float]:
        wall, inside = self._wall, self._inside
        self._wall = self._inside = 0
        return {"outside_kernels": 1 - inside / wall}


def ordinary(launch: Launch, count: int, nbytes: int) -> Layers:
    """Make the ordinary arrays of a launch: square, randn, seed 42."""

    def make() -> Layers:
        rng = np.random.default_rng(42)
        side = math.isqrt(nbytes // 4)
        if 4 * side * side != nbytes:
            raise ValueError(f"{nbytes} bytes are no square matrix of float32")
        return {
            f"layer.{i}.weight": rng.standard_normal((side, side), dtype=np.float32)
            for i in range(count)
        }

    return launch.shared(("ordinary", count, nbytes), make)


def _shared(launch: Launch, count: int, nbytes: int) -> Layers:
    def make() -> Layers:
        share = bridge(launch).share
        return {name: share(array) for name, array in ordinary(launch, count, nbytes).items()}

    return launch.shared(("shared", count, nbytes), make)


def _legacy_quantize(count: int, nbytes: int) -> Contender:
    def legacy(launch: Launch) -> Callable[[], object]:
        client, layers = legacy_client(launch), ordinary(launch, count, nbytes)
        quantize, arrays = client.quantize_parts, list(layers.values())
        _check_legacy(launch, client, layers)

        def call() -> None:
            for array in arrays:  # one answer at a time: those of 100 layers would be 400 MB
                quantize(array, SCHEME)

        return call

    return Contender(
        "legacy",
        "For each layer tolist, struct.pack (a million elements at a time), a Unix socket, a new"
        " float[], the same kernel, and the answer as lists.",
        legacy,
        role="legacy",
        isolated=nbytes >= _ISOLATED_BYTES,
        slow=count * nbytes >= _SLOW_BYTES,
    )


def _check_ends(found: Any, layers: Layers) -> None:
    for name, array in layers.items():
        expected = float(array[0, 0]), float(array[-1, -1])
        if found[name] != expected:
            raise ValueError(
                f"{name}: first and last element are {expected}, but {found[name]} came back"
            )


def _check_codes(launch: Launch, found: Mapping[str, Any], layers: Layers) -> None:
    """Check the first and the last layer of a batch against NumPy."""
    for name in {next(iter(layers)), next(reversed(layers))}:
        _compare(launch, name, list(found[name].parts.values()), layers[name])


def _check_legacy(launch: Launch, client: LegacyClient, layers: Layers) -> None:
    name, layer = next(iter(layers.items()))
    some = layer[: _CHECKED_ELEMENTS // layer.shape[1]]
    data, apart = client.quantize_parts(some, SCHEME)
    found = [np.array(data, np.uint8), *(np.array(part, np.float32) for part in apart)]
    _compare(launch, name, found, some)


def _compare(launch: Launch, name: str, found: list[Any], layer: npt.NDArray[np.float32]) -> None:
    expected = launch.shared(("codes", name, layer.shape), lambda: _uniform4(layer))
    if len(found) != len(expected) or not all(map(np.array_equal, found, expected)):
        raise ValueError(f"the codes of {name} are not those that docs/uniform.md defines")


def _uniform4(layer: npt.NDArray[np.float32]) -> list[npt.NDArray[Any]]:
    """Quantize to ``uniform:bits=4`` by the rule of docs/uniform.md: data, scale, zero point."""
    flat = layer.reshape(-1)
    scale = (flat.max() - flat.min()) / np.float32(15)
    zero_point = (np.float32(0) - flat.min()) / scale
    codes = np.clip(np.rint(flat / scale + zero_point), 0, 15).astype(np.uint8)
    low, high = codes[0::2], codes[1::2]
    return [low | high << np.uint8(4), np.array([scale]), np.array([zero_point])]
