"""Generations: every tensor of a model for one choice of adapters and scales."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from types import MappingProxyType, TracebackType
from typing import NamedTuple

from ..errors import BridgeClosed
from ..results import QuantizedTensor
from .survival import Sums

__all__ = ["Generation", "Layer", "LayerCache", "Snapshot", "State"]

State = tuple[tuple[int, float], ...]
"""What was merged into a tensor: numbers of adapters with their scales, in order."""


class Layer(NamedTuple):
    """A tensor in one state.

    Attributes
    ----------
    state : State
    tensor : QuantizedTensor
    nbytes : int
        Of the session's memory; 0 if it lies elsewhere.
    sums : Sums or None
        How much of the adapters is left, if that was asked for.
    """

    state: State
    tensor: QuantizedTensor
    nbytes: int
    sums: Sums | None = None


class Generation(Mapping[str, QuantizedTensor]):
    """All tensors of a session at one moment, by name; immutable and thread-safe.

    Its memory is held by the generation as a whole, and by each array that was taken from it.

    Attributes
    ----------
    number : int
        Counts the changes of the session, from 0.
    adapters : mapping of str to float
        The adapters that were merged, in order, with their scales.
    """

    __slots__ = ("_layers", "adapters", "number")

    def __init__(
        self, number: int, adapters: Mapping[str, float], layers: Mapping[str, Layer]
    ) -> None:
        self.number = number
        self.adapters: Mapping[str, float] = MappingProxyType(dict(adapters))
        self._layers = layers

    @property
    def layers(self) -> Mapping[str, Layer]:
        """The tensors with their states."""
        return self._layers

    def __getitem__(self, name: str) -> QuantizedTensor:
        return self._layers[name].tensor

    def __contains__(self, name: object) -> bool:
        return name in self._layers

    def __iter__(self) -> Iterator[str]:
        return iter(self._layers)

    def __len__(self) -> int:
        return len(self._layers)

    def __repr__(self) -> str:
        merged = ", ".join(f"{name}: {scale:g}" for name, scale in self.adapters.items())
        return f"<Generation {self.number} of {len(self)} tensors, adapters {{{merged}}}>"


class Snapshot(Mapping[str, QuantizedTensor]):
    """A generation that is held until the end of a ``with`` statement; thread-safe.

    Arrays that were taken from it stay valid beyond.
    """

    __slots__ = ("_generation",)

    def __init__(self, generation: Generation) -> None:
        self._generation: Generation | None = generation

    def _held(self) -> Generation:
        generation = self._generation
        if generation is None:
            raise BridgeClosed("the snapshot has ended with its with statement; take another one")
        return generation

    @property
    def number(self) -> int:
        """See `Generation`."""
        return self._held().number

    @property
    def adapters(self) -> Mapping[str, float]:
        """See `Generation`."""
        return self._held().adapters

    def __enter__(self) -> Snapshot:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._generation = None

    def __getitem__(self, name: str) -> QuantizedTensor:
        return self._held()[name]

    def __contains__(self, name: object) -> bool:
        return name in self._held()

    def __iter__(self) -> Iterator[str]:
        return iter(self._held())

    def __len__(self) -> int:
        return len(self._held())


class LayerCache:
    """Tensors in states that are not current, the newest last, within a budget.

    Not thread-safe: who changes the session uses it.

    Parameters
    ----------
    budget : int
        Bytes.
    """

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self.nbytes = 0
        self._layers: OrderedDict[tuple[str, State], Layer] = OrderedDict()

    def get(self, name: str, state: State) -> Layer | None:
        """Return a tensor in a state, if it is there; it stays."""
        return self._layers.get((name, state))

    def discard(self, name: str, state: State) -> None:
        """Let go of a tensor, because it is current again."""
        layer = self._layers.pop((name, state), None)
        if layer is not None:
            self.nbytes -= layer.nbytes

    def put(self, name: str, layer: Layer) -> None:
        """Keep a tensor; what is over the budget goes, the oldest first."""
        if layer.nbytes > self.budget:
            return
        self.discard(name, layer.state)
        self._layers[name, layer.state] = layer
        self.nbytes += layer.nbytes
        while self.nbytes > self.budget:
            _, oldest = self._layers.popitem(last=False)
            self.nbytes -= oldest.nbytes

    def items(self) -> list[tuple[str, Layer]]:
        """Return what is there, the oldest first."""
        return [(name, layer) for (name, _), layer in self._layers.items()]

    def clear(self) -> None:
        """Let go of everything."""
        self._layers.clear()
        self.nbytes = 0
