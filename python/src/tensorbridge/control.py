"""What ControlNets add to a UNet, for many tensors and several ControlNets in one batch."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from . import wire
from .arrays import adopt
from .batches import Executor, Settings
from .batches import Prepared as PreparedBatch
from .describe import Catalog
from .driver import drive
from .dtypes import CODES, dtype_named
from .errors import ErrorCode, OptionError, TensorError
from .layout import Batch, Outcome
from .options import option_text
from .prepared import Prepared
from .regions import Pool
from .results import BatchResult, arrays_of
from .ring import Ring

__all__ = ["ControlEntries", "ControlSum"]

Tensors = Mapping[str, Any] | Sequence[Any]
"""Arrays by name, or in the order of the UNet's skip connections with that of its middle last."""

Net = tuple[Tensors, float]
"""The residuals of a ControlNet, and its conditioning scale."""

Range = tuple[float, float]
"""Where a ControlNet begins and ends, as shares of all steps."""

_OPERATION = "control_sum"
_GREATEST = float(np.finfo(np.float32).max)


class ControlSum:
    """Residuals that are added up again and again; made by `Bridge.prepare_control_sum`.

    Shared arrays are read anew by each run, ordinary ones are copied anew. Thread-safe: runs take
    turns. Close it, or use it in a ``with`` statement, to release it on the server earlier than
    with the bridge.
    """

    def __init__(self, prepared: Prepared, weights: npt.NDArray[np.float32], plan: _Plan) -> None:
        self._prepared = prepared
        self._weights = weights
        self._plan = plan
        self._turn = threading.Lock()

    def run(
        self,
        *,
        step: int | None = None,
        steps: int | None = None,
        weights: Sequence[float] | None = None,
        timeout: float | None = None,
        progress_callback: Callable[[float], object] | None = None,
    ) -> BatchResult[npt.NDArray[Any]]:
        """Add up; see `Bridge.control_sum`.

        Parameters
        ----------
        step, steps : int, optional
            Which step of how many; needed where ControlNets have ranges.
        weights : sequence of float, optional
            In the place of the ControlNets' own, for this run.
        timeout, progress_callback
            See `Bridge.run`.
        """
        chosen = self._plan.weights(step, steps, weights)
        with self._turn:
            self._weights[:] = chosen
            return self._prepared.run(timeout=timeout, progress_callback=progress_callback)

    def close(self) -> None:
        """Release it on the server; its results stay valid."""
        self._prepared.close()

    def __enter__(self) -> ControlSum:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class ControlEntries:
    """The part of `Bridge` that adds the residuals of ControlNets to a UNet's tensors."""

    _pool: Pool
    _ring: Ring
    _catalog: Catalog
    _executor: Executor

    if TYPE_CHECKING:

        def _settings(
            self, continue_on_error: bool, threads: int | None, timeout: float | None
        ) -> Settings: ...

        def _batch(
            self,
            operation: str,
            option_sets: tuple[str, ...],
            set_indices: list[int] | None,
            tensors: Mapping[str, Any],
            settings: Settings,
        ) -> Batch: ...

    def control_sum(
        self,
        base: Tensors | None,
        nets: Sequence[Net],
        *,
        ranges: Sequence[Range | None] | None = None,
        step: int | None = None,
        steps: int | None = None,
        guess_mode: bool = False,
        in_place: bool = False,
        dtype: Any = None,
        nonfinite: str = "error",
        threads: int | None = None,
        timeout: float | None = None,
        progress_callback: Callable[[float], object] | None = None,
    ) -> BatchResult[npt.NDArray[Any]]:
        """Add the residuals of ControlNets to a UNet's tensors.

        ``base + weight_1 * residual_1 + weight_2 * residual_2 + ...`` for each tensor, in float32
        and in this order, rounded once at the end. A residual with the weight 0 is not read.

        Parameters
        ----------
        base : mapping or sequence of array_like, or None
            The skip connections of the UNet and its middle, float32, float16 or bfloat16; a
            sequence gets the names ``down_0``, ``down_1``, ... and ``mid``. None adds the residuals
            to each other, as diffusers' ``MultiControlNetModel`` does.
        nets : sequence of (residuals, weight)
            The residuals of each ControlNet, by the names of ``base`` or in its order, and its
            ``controlnet_conditioning_scale``. Shapes are those of the base, dtypes may differ.
        ranges : sequence of (start, end) or None, optional
            For each ControlNet its ``control_guidance_start`` and ``control_guidance_end``, with
            0 <= start < end <= 1: outside of them it has the weight 0.
        step, steps : int, optional
            Which step, from 0 on, of how many; needed with ``ranges``.
        guess_mode : bool
            Whether deeper residuals count more: from 0.1 for the first to 1 for the last, as
            diffusers has it.
        in_place : bool
            Whether the sums replace the base, whose arrays were made by ``empty(...,
            access="readwrite")``. If the batch fails, what they hold is not told.
        dtype : dtype_like, optional
            Of the result: float32, float16 or bfloat16; by default that of the base, else of the
            first residual.
        nonfinite : {"error", "keep"}
            What becomes of NaN and infinity in the result, also of float16 that overflows.
        threads, timeout, progress_callback
            See `Bridge.run`.

        Returns
        -------
        BatchResult of numpy.ndarray
            By name, in the order of ``base``; the arrays of ``base`` if they were replaced.

        Raises
        ------
        BridgeError
            As for `Bridge.run`.
        """
        settings = self._settings(False, threads, timeout)
        plan = _Plan.of(base, nets, ranges, guess_mode)
        weights = plan.weights(step, steps, None)
        used = plan.used(weights)
        shared = self._share_weights(weights[:, used])
        batch, bases = self._control_batch(plan, shared, used, in_place, dtype, nonfinite, settings)
        steps_of = self._executor.run(batch, settings, _conclude(bases))
        return drive(self._ring, steps_of, settings.deadline, progress_callback)

    def prepare_control_sum(
        self,
        base: Tensors | None,
        nets: Sequence[Net],
        *,
        ranges: Sequence[Range | None] | None = None,
        guess_mode: bool = False,
        in_place: bool = False,
        dtype: Any = None,
        nonfinite: str = "error",
        threads: int | None = None,
    ) -> ControlSum:
        """Validate a sum once, to run it in each step; parameters as for `control_sum`.

        Weights and ranges may change from run to run, since they are no part of what is validated.
        """
        settings = self._settings(False, threads, None)
        plan = _Plan.of(base, nets, ranges, guess_mode)
        shared = self._share_weights(np.zeros((len(plan.names), len(nets)), np.float32))
        batch, bases = self._control_batch(
            plan, shared, range(len(nets)), in_place, dtype, nonfinite, settings
        )
        prepared: PreparedBatch = drive(
            self._ring, self._executor.prepare(batch, settings), None, None
        )

        def settings_of(timeout: float | None) -> Settings:
            return self._settings(False, threads, timeout)

        return ControlSum(
            Prepared(self._executor, prepared, settings_of, _conclude(bases)), shared, plan
        )

    def _share_weights(self, weights: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        code = dtype_named("float32")[1]
        shared = self._pool.take(weights.nbytes, wire.READ).array(0, code, weights.shape)
        shared[:] = weights
        return shared

    def _control_batch(
        self,
        plan: _Plan,
        weights: npt.NDArray[np.float32],
        used: Sequence[int],
        in_place: bool,
        dtype: Any,
        nonfinite: str,
        settings: Settings,
    ) -> tuple[Batch, dict[str, Any] | None]:
        """Describe the sums; with ``in_place`` also tell the arrays that are replaced."""
        wanted = None if dtype is None else _summable(dtype)
        options = {
            "base": "input" if plan.base else "none",
            "dtype": wanted,
            "nonfinite": nonfinite,
        }
        texts: tuple[str, ...] = (option_text(options),)
        set_indices: list[int] | None = None
        lent: list[bytes] | None = None
        if in_place:
            dtypes, lent = self._lend(plan, wanted)
            sets = list(dict.fromkeys(dtypes))
            texts = tuple(option_text(options | {"base": "output", "dtype": d}) for d in sets)
            set_indices = [sets.index(d) for d in dtypes]
        inputs = {
            name: (
                weights[i],
                *([plan.base[name]] if plan.base and not in_place else []),
                *(plan.nets[k][name] for k in used),
            )
            for i, name in enumerate(plan.names)
        }
        batch = self._batch(_OPERATION, texts, set_indices, inputs, settings)
        batch.lent = lent
        if lent is None:
            return batch, None
        batch.keep.append(plan.base)
        return batch, dict(plan.base)

    def _lend(self, plan: _Plan, wanted: str | None) -> tuple[list[str], list[bytes]]:
        """Return the dtypes of the bases, and how blocks name them as outputs."""
        if not plan.base:
            raise OptionError("in_place needs a base to replace", ErrorCode.BAD_OPTION)
        dtypes = []
        lent = []
        for name, value in plan.base.items():
            array, code = adopt(name, value)
            dtype = CODES[code][0]
            place = array.__array_interface__["data"][0]
            region = self._pool.find(place, array.nbytes)
            if region is None or region.access != wire.READWRITE or not array.flags.c_contiguous:
                raise TensorError(
                    name,
                    None,
                    "can't be replaced by the sum: it must be row-major and lie in memory made by "
                    'bridge.empty(shape, dtype, access="readwrite")',
                    ErrorCode.REGION_NOT_WRITABLE,
                )
            if wanted not in (None, dtype):
                raise TensorError(
                    name,
                    None,
                    f"is {dtype} and can't be replaced by {wanted}: leave out dtype",
                    ErrorCode.UNSUPPORTED_DTYPE,
                )
            dtypes.append(dtype)
            offset = place - region.address
            lent.append(wire.descriptor(region.id, region.generation, offset, code, array.shape))
        return dtypes, lent


class _Plan(NamedTuple):
    """Whose residuals are added to what, and how much they count."""

    names: list[str]
    base: dict[str, Any]
    nets: list[dict[str, Any]]
    scales: list[float]
    ranges: list[Range | None]
    guess_mode: bool

    @classmethod
    def of(
        cls,
        base: Tensors | None,
        nets: Sequence[Net],
        ranges: Sequence[Range | None] | None,
        guess_mode: bool,
    ) -> _Plan:
        nets = list(nets)
        if not nets:
            raise OptionError("there is no ControlNet whose residuals to add", ErrorCode.BAD_OPTION)
        named = _named(nets[0][0] if base is None else base)
        names = list(named)
        by_name = [_by_names(names, residuals, k) for k, (residuals, _) in enumerate(nets)]
        chosen: list[Range | None] = [None] * len(nets) if ranges is None else list(ranges)
        if len(chosen) != len(nets):
            raise OptionError(f"{len(chosen)} ranges for {len(nets)} nets", ErrorCode.BAD_OPTION)
        for limits in chosen:
            if limits is not None and not 0 <= limits[0] < limits[1] <= 1:
                raise OptionError(
                    f"range {limits} is not 0 <= start < end <= 1", ErrorCode.BAD_OPTION
                )
        scales = [_finite(weight) for _, weight in nets]
        return cls(names, {} if base is None else named, by_name, scales, chosen, guess_mode)

    def weights(
        self, step: int | None, steps: int | None, given: Sequence[float] | None
    ) -> npt.NDArray[np.float32]:
        """Return the weights of a step: a row for each tensor, a column for each ControlNet."""
        scales = self.scales if given is None else [_finite(weight) for weight in given]
        if len(scales) != len(self.nets):
            raise OptionError(
                f"{len(scales)} weights for {len(self.nets)} nets", ErrorCode.BAD_OPTION
            )
        if any(self.ranges):
            scales = [
                scale * _keep(limits, step, steps)
                for scale, limits in zip(scales, self.ranges, strict=True)
            ]
        count = len(self.names)
        depth = np.logspace(-1, 0, count) if self.guess_mode else np.ones(count)
        return np.outer(depth, np.array(scales)).astype(np.float32)

    def used(self, weights: npt.NDArray[np.float32]) -> list[int]:
        """Return the ControlNets that are worth handing over; the first decides the dtype."""
        counts = [k for k in range(len(self.nets)) if weights[:, k].any()]
        first = [] if self.base and counts else [0]
        return sorted({*first, *counts})


def _keep(limits: Range | None, step: int | None, steps: int | None) -> float:
    """Return 1 within a range and 0 outside, by the formula of diffusers."""
    if limits is None:
        return 1.0
    if step is None or steps is None or not 0 <= step < steps:
        raise OptionError(
            f"ranges need the step and the number of steps, not step={step}, steps={steps}",
            ErrorCode.BAD_OPTION,
        )
    return 1.0 - float(step / steps < limits[0] or (step + 1) / steps > limits[1])


def _finite(weight: float) -> float:
    number = float(weight)
    if not abs(number) <= _GREATEST:
        raise OptionError(f"weight {weight} is not finite as float32", ErrorCode.BAD_OPTION)
    return number


def _named(tensors: Tensors) -> dict[str, Any]:
    if isinstance(tensors, Mapping):
        return dict(tensors)
    last = len(tensors) - 1
    return {"mid" if i == last else f"down_{i}": tensor for i, tensor in enumerate(tensors)}


def _by_names(names: Sequence[str], residuals: Tensors, net: int) -> dict[str, Any]:
    if isinstance(residuals, Mapping):
        if residuals.keys() != set(names):
            odd = sorted(residuals.keys() ^ set(names))
            raise OptionError(
                f"net {net} has no residual for each tensor, or others: {', '.join(odd[:8])}",
                ErrorCode.BAD_OPTION,
            )
        return dict(residuals)
    if len(residuals) != len(names):
        raise OptionError(
            f"net {net} has {len(residuals)} residuals for {len(names)} tensors",
            ErrorCode.BAD_OPTION,
        )
    return dict(zip(names, residuals, strict=True))


def _summable(dtype: Any) -> str:
    return CODES[dtype_named(dtype)[1]][0]


def _conclude(
    bases: dict[str, Any] | None,
) -> Callable[[Outcome], BatchResult[npt.NDArray[Any]]]:
    def build(outcome: Outcome, index: int) -> npt.NDArray[Any]:
        if bases is not None:
            replaced: npt.NDArray[Any] = bases[outcome.names[index]]
            return replaced
        return next(iter(arrays_of(outcome.placed(index)).values()))

    return lambda outcome: BatchResult(outcome, build)
