"""``end_to_end_controlnet``: what two ControlNets add to a UNet in one step of SD1.5."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from ..benchmark import Contender, Group, Launch, Operation, Throughput, Unavailable
from ..servers import bridge, touch_client
from .batches import OutsideKernels
from .workflows import OUTSIDE

Floats = npt.NDArray[np.float32]
Tensors = dict[str, Floats]

_WEIGHTS = (1.0, 0.7)
# Channels and sides of the skip connections and of the middle, for 512x512 pixels.
_SHAPES = (
    *((320, 64),) * 3,
    (320, 32),
    *((640, 32),) * 2,
    (640, 16),
    *((1280, 16),) * 2,
    *((1280, 8),) * 4,
)
_IMAGES = 2  # with and without the prompt


def groups() -> list[Group]:
    """List the only group."""
    return [group(_SHAPES)]


def group(shapes: tuple[tuple[int, int], ...]) -> Group:
    """Describe sums over tensors of so many channels and such sides.

    Parameters
    ----------
    shapes : tuple of (int, int)
        For each tensor.
    """
    nbytes = 4 * _IMAGES * sum(channels * side * side for channels, side in shapes)

    def batch(launch: Launch) -> Operation:
        own, (base, *residuals) = bridge(launch), _shared(launch, shapes)
        nets = list(zip(residuals, _WEIGHTS, strict=True))
        return OutsideKernels(lambda: own.control_sum(base, nets)).operation(
            lambda result: _check(result, launch, shapes)
        )

    def prepared(launch: Launch) -> Operation:
        own, (base, *residuals) = bridge(launch), _shared(launch, shapes)
        nets = list(zip(residuals, _WEIGHTS, strict=True))
        plan = launch.enter(own.prepare_control_sum(base, nets))
        return OutsideKernels(plan.run).operation(lambda result: _check(result, launch, shapes))

    def per_layer(launch: Launch) -> Callable[[], object]:
        own, (base, *residuals) = bridge(launch), _shared(launch, shapes)

        def call() -> dict[str, Floats]:
            return {
                name: own.control_sum(
                    {name: tensor},
                    [
                        ({name: net[name]}, weight)
                        for net, weight in zip(residuals, _WEIGHTS, strict=True)
                    ],
                )[name]
                for name, tensor in base.items()
            }

        _check(call(), launch, shapes)
        return call

    def legacy(launch: Launch) -> Callable[[], object]:
        touch = touch_client(launch).touch_list
        arrays = [array for tensors in _ordinary(launch, shapes) for array in tensors.values()]

        def call() -> None:
            for array in arrays:
                touch(array)

        return call

    def in_numpy(launch: Launch) -> Callable[[], object]:
        base, *residuals = _ordinary(launch, shapes)
        return lambda: _sums(base, residuals)

    def in_torch(launch: Launch) -> Callable[[], object]:
        try:
            import torch
        except ImportError:
            raise Unavailable("the package torch is not installed here; run with --peers") from None
        base, *residuals = (
            {name: torch.from_numpy(array) for name, array in tensors.items()}
            for tensors in _ordinary(launch, shapes)
        )

        def call() -> dict[str, object]:
            return {
                name: torch.add(tensor, residuals[0][name], alpha=_WEIGHTS[0]).add_(
                    residuals[1][name], alpha=_WEIGHTS[1]
                )
                for name, tensor in base.items()
            }

        return call

    return Group(
        "end_to_end_controlnet",
        "end_to_end_controlnet",
        f"The residuals of two ControlNets added to {len(shapes)} tensors of a UNet, float32.",
        (
            Contender(
                "prepared",
                "prepare_control_sum before; arrays in shared memory.",
                prepared,
                figures=OUTSIDE,
            ),
            Contender(
                "batch",
                "bridge.control_sum of arrays in shared memory.",
                batch,
                figures=OUTSIDE,
            ),
            Contender("per_layer", "A bridge call for each tensor.", per_layer),
            Contender(
                "legacy",
                "Only the way there: each array by tolist, struct.pack, a Unix socket, into a new"
                " float[].",
                legacy,
                role="legacy",
            ),
            Contender("numpy", "base + w1 * r1 + w2 * r2, in this process.", in_numpy, role="peer"),
            Contender(
                "torch",
                "torch.add with alpha, then add_ in place, in its own process.",
                in_torch,
                role="peer",
                isolated=True,
            ),
        ),
        throughput=Throughput("bytes", nbytes),
    )


def _ordinary(launch: Launch, shapes: tuple[tuple[int, int], ...]) -> list[Tensors]:
    """Make the tensors of the UNet and the residuals of both ControlNets."""

    def make() -> list[Tensors]:
        rng = np.random.default_rng(42)
        return [
            {
                f"tensor_{i}": rng.standard_normal((_IMAGES, channels, side, side), np.float32)
                for i, (channels, side) in enumerate(shapes)
            }
            for _ in range(1 + len(_WEIGHTS))
        ]

    return launch.shared(("residuals", shapes), make)


def _shared(launch: Launch, shapes: tuple[tuple[int, int], ...]) -> list[Tensors]:
    def make() -> list[Tensors]:
        share = bridge(launch).share
        return [
            {name: share(array) for name, array in tensors.items()}
            for tensors in _ordinary(launch, shapes)
        ]

    return launch.shared(("shared residuals", shapes), make)


def _sums(base: Tensors, residuals: list[Tensors]) -> Tensors:
    one, two = (np.float32(weight) for weight in _WEIGHTS)
    return {
        name: tensor + one * residuals[0][name] + two * residuals[1][name]
        for name, tensor in base.items()
    }


def _check(
    result: Mapping[str, Floats], launch: Launch, shapes: tuple[tuple[int, int], ...]
) -> None:
    base, *residuals = _ordinary(launch, shapes)
    for name, expected in _sums(base, residuals).items():
        if not np.array_equal(result[name], expected):
            raise ValueError(f"the sum of {name} is not that of NumPy")
