"""What a batch gives back: views of shared memory, made when they are asked for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from struct import Struct
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from .allocator import ALIGNMENT
from .describe import TensorType
from .dtypes import dtype_of
from .errors import TensorError
from .exports import GgmlTensor, to_bitsandbytes, to_ggml
from .layout import Outcome, Placed
from .wire import align

if TYPE_CHECKING:
    from .bridge import Bridge

__all__ = ["BatchResult", "QuantizedTensor"]

T = TypeVar("T")

_building = threading.RLock()
"""Held while an entry is made, which takes microseconds."""


def renew_lock() -> None:
    """Forget, in a forked child, a thread that held the lock."""
    global _building
    _building = threading.RLock()


class BatchResult(Mapping[str, T], Generic[T]):
    """The results of a batch by tensor name, in the order of the input; thread-safe.

    Entries are made when they are looked up, and kept. Their arrays are views of shared memory that
    stay valid for as long as someone holds them, also after the bridge or the server has gone.

    A tensor that failed is no entry of the mapping, and looking it up raises its error.
    """

    # One is made for each call: what the first lookup needs lies in the class until then.
    _built: dict[str, T] | None = None
    _index: dict[str, int] | None = None

    def __init__(self, outcome: Outcome, build: Callable[[Outcome, int], T]) -> None:
        self._outcome = outcome
        self._build = build

    @property
    def errors(self) -> dict[str, TensorError]:
        """The tensors that failed, by name, if the batch was to go on."""
        return dict(self._outcome.errors)

    @property
    def run_nanos(self) -> int:
        """How long the tensors were worked on, by the server's clock.

        What the call took beyond that was the crossing.
        """
        return self._outcome.head.run_nanos()

    def _indices(self) -> dict[str, int]:
        index = self._index
        if index is None:
            names = self._outcome.names
            index = dict(zip(names, range(len(names)), strict=True))
            for name in self._outcome.errors:
                index.pop(name, None)
            self._index = index
        return index

    def __getitem__(self, name: str) -> T:
        built = self._built
        if built is not None and name in built:  # most lookups end here
            return built[name]
        if name in self._outcome.errors:
            raise self._outcome.errors[name]
        at = self._indices()[name]
        with _building:
            built = self._built
            if built is None:
                built = self._built = {}
            if name not in built:
                built[name] = self._build(self._outcome, at)
            return built[name]

    def __contains__(self, name: object) -> bool:
        return name in self._indices()

    def __iter__(self) -> Iterator[str]:
        return iter(self._indices())

    def __len__(self) -> int:
        return len(self._indices())

    def __repr__(self) -> str:
        errors = self._outcome.errors
        failed = f", {len(errors)} failed" if errors else ""
        return f"<BatchResult of {len(self)} tensors{failed}>"


class QuantizedTensor:
    """One quantized tensor; immutable.

    Attributes
    ----------
    name : str
    scheme : str
        The scheme's full name, for example ``uniform:bits=4,group=128``.
    shape : tuple of int
        Of the tensor that was quantized.
    dtype : str
        Of the tensor that was quantized, for example ``"float32"`` or ``"bfloat16"``.
    data : numpy.ndarray
        The stored bytes: uint8, one-dimensional, a view of shared memory.
    scales, zero_points : numpy.ndarray or None
        Where the scheme stores them apart from ``data``.
    parts : dict of str to numpy.ndarray
        All stored arrays by the names that the scheme gives them.
    """

    __slots__ = (
        "_bridge",
        "data",
        "dtype",
        "name",
        "parts",
        "scales",
        "scheme",
        "shape",
        "zero_points",
    )

    def __init__(
        self,
        bridge: Bridge,
        name: str,
        scheme: str,
        shape: tuple[int, ...],
        dtype: str,
        parts: dict[str, npt.NDArray[Any]],
    ) -> None:
        self._bridge = bridge
        self.name = name
        self.scheme = scheme
        self.shape = shape
        self.dtype = dtype
        self.parts = parts
        self.data: npt.NDArray[np.uint8] = parts["data"].reshape(-1).view(np.uint8)
        self.scales = parts.get("scales")
        self.zero_points = parts.get("zero_points")

    def dequantize(self) -> npt.NDArray[np.float32]:
        """Return what the stored values stand for.

        Returns
        -------
        numpy.ndarray
            float32 of the original shape.

        Raises
        ------
        BridgeClosed
            If the bridge was closed; the work is done by the server.
        """
        return self._bridge.dequantize(self)

    def to_ggml(self) -> GgmlTensor:
        """View the blocks of a ggml type as rows of bytes.

        With gguf-py: ``writer.add_tensor(q.name, g.data, raw_dtype=GGMLQuantizationType(g.type))``.

        Returns
        -------
        GgmlTensor
            ``data`` (a view), ``type`` (the number in ``enum ggml_type``) and ``shape``.

        Raises
        ------
        OptionError
            If ggml has no type for this scheme.
        """
        return to_ggml(self.scheme, self.shape, self.data)

    def to_bitsandbytes(self, prefix: str | None = None) -> dict[str, npt.NDArray[Any]]:
        """Return the entries of a state dict of bitsandbytes, for ``nf4``, ``fp4`` and ``int8``.

        With bitsandbytes: the entries as tensors, without the first of them, are what
        ``QuantState.from_dict`` takes, and the first one goes into ``dequantize_4bit``.

        Parameters
        ----------
        prefix : str, optional
            The name of the weight in the state dict; by default that of the tensor.

        Returns
        -------
        dict of str to numpy.ndarray
            Codes and scales are views. Four bits: ``W``, ``W.absmax``, ``W.quant_map`` and
            ``W.quant_state.bitsandbytes__nf4``, with double quantization also
            ``W.nested_absmax`` and ``W.nested_quant_map``. ``int8``: ``P.weight``, ``P.SCB`` and
            ``P.weight_format``.

        Raises
        ------
        OptionError
            If bitsandbytes has no such scheme.
        BridgeClosed
            If the bridge was closed before the first call; the server knows the code books.
        """
        return to_bitsandbytes(self, self.name if prefix is None else prefix)

    @property
    def nbytes(self) -> int:
        """The stored bytes of all parts."""
        return sum(part.nbytes for part in self.parts.values())

    def __repr__(self) -> str:
        shape = "x".join(map(str, self.shape))
        return f"<QuantizedTensor {self.name!r} {shape} {self.scheme}, {self.nbytes} bytes>"


def arrays_of(placed: Placed) -> dict[str, npt.NDArray[Any]]:
    """Return the outputs of one item by name; they give their memory back independently."""
    plan, lease, offsets = placed
    if lease is None or not plan.outputs:
        return {}
    begin = offsets[0]
    end = align(offsets[-1] + max(plan.outputs[-1].byte_length, 1), ALIGNMENT)
    part = lease.carve(begin, end - begin)
    return {
        spec.name: part.array(offset - begin, spec.dtype, spec.shape)
        for offset, spec in zip(offsets, plan.outputs, strict=True)
    }


_FORMS = {np.dtype(form).str: form for form in "?bBhHiIqQefd"}


@cache
def _pair_of(code: int) -> Struct | None:
    """Return how two elements of a dtype are read; None where only NumPy can."""
    form = _FORMS.get(dtype_of(code).str)
    return None if form is None else Struct(f"<2{form}")


class FirstAndLast(BatchResult[tuple[Any, Any]]):
    """The results of ``noop``: two elements of each input, decoded all at once when one is wanted.

    Parameters
    ----------
    types : sequence of TensorType
        By type number (see `Catalog`).
    outcome : Outcome
    """

    def __init__(self, types: Sequence[TensorType], outcome: Outcome) -> None:
        self._outcome = outcome
        self._types = types

    def __getitem__(self, name: str) -> tuple[Any, Any]:
        built = self._built
        if built is None:
            built = self._built = self._decode_all()
        found = built.get(name)
        return super().__getitem__(name) if found is None else found

    def _build(self, outcome: Outcome, index: int) -> tuple[Any, Any]:
        code = self._types[outcome.type_ids[index][0]].dtype
        pair = _pair_of(code)
        value = outcome.status.value(index)
        if pair is None:
            first, last = np.frombuffer(value, dtype_of(code), 2).tolist()
        else:
            first, last = pair.unpack_from(value)
        return first, last

    def _decode_all(self) -> dict[str, tuple[Any, Any]]:
        """Decode all items if that can be done in one go."""
        outcome = self._outcome
        names, type_ids = outcome.names, outcome.type_ids
        if outcome.errors or len(set(type_ids)) != 1:
            return {}
        if len(names) == 1:
            return {names[0]: self._build(outcome, 0)}
        code = self._types[type_ids[0][0]].dtype
        rows = outcome.status.values(len(names)).view(dtype_of(code))[:, :2]
        return dict(zip(names, map(tuple, rows.tolist()), strict=True))
