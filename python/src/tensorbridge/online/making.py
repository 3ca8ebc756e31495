"""How tensors are made in states: which batches, of what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy.typing as npt

from .. import wire
from ..allocator import ALIGNMENT
from ..batches import Settings
from ..driver import BatchProgress, Steps
from ..layout import Outcome
from ..options import option_text
from ..results import QuantizedTensor
from .adapters import LoadedAdapter
from .base import Base
from .generations import Layer, State
from .home import Home, Share, run_all
from .inputs import Input, Item, batch_of, lease_of
from .memory import Ledger
from .survival import read_sums

__all__ = ["Applied", "Applieds", "Choice", "Maker", "state_of", "touched"]


class Choice(NamedTuple):
    """How a session quantizes."""

    scheme: str
    overrides: Mapping[str, str] | None
    nonfinite: str
    survival: bool
    threads: int | None


class Applied(NamedTuple):
    """An adapter with its scale."""

    adapter: LoadedAdapter
    scale: float


Applieds = dict[str, Applied]
"""By name, in the order of merging."""


class Maker:
    """Quantizes tensors of a base in states; the memory of what it makes is in a ledger.

    Parameters
    ----------
    home : Home
    base : Base
    choice : Choice
    ledger : Ledger
    """

    def __init__(self, home: Home, base: Base, choice: Choice, ledger: Ledger) -> None:
        self._home = home
        self._base = base
        self._choice = choice
        self._ledger = ledger

    def make(
        self,
        wanted: Iterable[tuple[str, State]],
        applied: Applieds,
        settings: Settings,
        progress: BatchProgress | None,
        chunk_bytes: int | None = None,
    ) -> Steps[tuple[dict[str, Layer], int]]:
        """Quantize tensors in states: those that hold adapters in one batch, others in another.

        Parameters
        ----------
        wanted : iterable of (str, State)
        applied : dict
            What the states refer to.
        settings : Settings
        progress : BatchProgress or None
        chunk_bytes : int, optional
            Of outputs, after which another batch begins.
        """
        home = self._home
        layers: dict[str, Layer] = {}
        merged: list[tuple[str, State]] = []
        plain: list[Item] = []
        for tensor, state in wanted:
            if state:
                merged.append((tensor, state))
            elif self._base.tensors[tensor].scheme is None:
                layers[tensor] = self._kept(tensor)
            else:
                plain.append(self._plain_item(tensor))
        states: dict[str, State] = dict(merged)
        shares: list[Share] = []
        parts: list[tuple[str, list[Item]]] = [
            ("quantize_lora", self._merging_items(merged, applied)),
            ("quantize", plain),
        ]
        for operation, items in parts:
            if not items:
                continue
            chunks = [(items, 0)]
            if chunk_bytes is not None:
                plans = yield from home.executor.plan(batch_of(operation, items), settings)
                chunks = _chunks(items, [_span_bytes(plan) for plan in plans], chunk_bytes)
            for chunk, length in chunks:
                weight = float(sum([self._base.tensors[item.name].nbytes for item in chunk]))
                shares.append(Share(batch_of(operation, chunk), 0.0, weight, length))
        results = yield from run_all(
            home,
            _spread(shares),
            settings,
            lambda outcome: self._layers(outcome, states),
            progress,
        )
        for made, _ in results:
            layers.update(made)
        return layers, sum(nanos for _, nanos in results)

    def _plain_item(self, tensor: str) -> Item:
        options = {"scheme": self._base.tensors[tensor].scheme, **self._nonfinite()}
        return Item(tensor, option_text(options), (self._base.input(tensor),))

    def _nonfinite(self) -> dict[str, str]:
        nonfinite = self._choice.nonfinite
        return {} if nonfinite == "error" else {"nonfinite": nonfinite}

    def _merging_items(self, tensors: list[tuple[str, State]], applied: Applieds) -> list[Item]:
        if not tensors:
            return []
        inputs = self._home.inputs
        scaled = [
            [
                (one.scale, one.adapter, one.adapter.changes[tensor])
                for one in applied.values()
                if one.scale and tensor in one.adapter.changes
            ]
            for tensor, _ in tensors
        ]
        strengths = inputs.doubles(
            [[scale * change.ratio for scale, _, change in parts] for parts in scaled]
        )
        items = []
        texts: dict[tuple[str, str | None], str] = {}
        for (tensor, _), parts, strength in zip(tensors, scaled, strengths, strict=True):
            kinds = [change.kind for _, _, change in parts]
            written = ",".join(kinds) if "dora" in kinds else None
            key = (self._base.tensors[tensor].merged_scheme, written)
            if key not in texts:
                texts[key] = option_text(
                    {
                        "scheme": key[0],
                        "parts": written,
                        "survival": self._choice.survival or None,
                        **self._nonfinite(),
                    }
                )
            factors: list[Input] = [self._base.input(tensor), strength]
            for _, adapter, _ in parts:
                factors.extend(adapter.inputs(tensor, inputs))
            items.append(Item(tensor, texts[key], factors))
        return items

    def _kept(self, tensor: str) -> Layer:
        facts = self._base.tensors[tensor]
        array, lease = self._base.kept(tensor, self._home.inputs)
        if lease is not None:
            self._ledger.enter(lease, lease.length)
        quantized = self._tensor(tensor, facts.encoding, {"data": array})
        return Layer((), quantized, 0 if lease is None else lease.length)

    def _tensor(self, name: str, label: str, parts: dict[str, npt.NDArray[Any]]) -> QuantizedTensor:
        facts = self._base.tensors[name]
        bridge = self._home.bridge
        return QuantizedTensor(bridge, name, label, facts.shape, facts.dtype, parts)

    def _layers(
        self, outcome: Outcome, states: Mapping[str, State]
    ) -> tuple[dict[str, Layer], int]:
        layers = {}
        for index, name in enumerate(outcome.names):
            placed = outcome.placed(index)
            lease, offsets = lease_of(placed)
            self._ledger.enter(lease, lease.length)
            parts = {
                spec.name: lease.array(offset, spec.dtype, spec.shape)
                for offset, spec in zip(offsets, placed.plan.outputs, strict=True)
            }
            state = states.get(name, ())
            sums = None
            if state and self._choice.survival:
                sums = read_sums(outcome.status.value(index))
            tensor = self._tensor(name, placed.plan.label, parts)
            layers[name] = Layer(state, tensor, lease.length, sums)
        return layers, outcome.status.run_nanos()


def touched(applied: Iterable[Applied]) -> dict[str, None]:
    """Return the tensors that some of the adapters change, each once."""
    tensors: dict[str, None] = {}
    for one in applied:
        tensors.update(dict.fromkeys(one.adapter.changes))
    return tensors


def state_of(tensor: str, applied: Applieds) -> State:
    """Return what is merged into a tensor: adapters of scale 0 are not part of it."""
    return tuple(
        [
            (one.adapter.number, one.scale)
            for one in applied.values()
            if one.scale and tensor in one.adapter.changes
        ]
    )


def _span_bytes(plan: wire.Plan) -> int:
    """Return what the outputs of an item take in the span of its batch; see `Layout`."""
    return sum([wire.align(max(spec.byte_length, 1), ALIGNMENT) for spec in plan.outputs])


def _chunks(
    items: list[Item], sizes: Sequence[int], chunk_bytes: int
) -> list[tuple[list[Item], int]]:
    """Divide items into chunks of about equal outputs; give the bytes of each."""
    chunks: list[tuple[list[Item], int]] = []
    for item, size in zip(items, sizes, strict=True):
        if not chunks or chunks[-1][1] + size > chunk_bytes:
            chunks.append(([], 0))
        chunk, length = chunks[-1]
        chunk.append(item)
        chunks[-1] = (chunk, length + size)
    return chunks


def _spread(shares: list[Share]) -> list[Share]:
    """Turn the weights of batches into shares of the whole."""
    total = sum(share.end for share in shares) or 1.0
    spread = []
    at = 0.0
    for share in shares:
        spread.append(share._replace(begin=at / total, end=(at + share.end) / total))
        at += share.end
    return spread
