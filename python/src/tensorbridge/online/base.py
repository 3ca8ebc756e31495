"""The base weights of a session: arrays, or files that the server reads."""

from __future__ import annotations

import json
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy.typing as npt

from .. import wire
from ..arrays import adopt
from ..batches import Settings
from ..driver import Steps
from ..dtypes import CODES, ENCODINGS
from ..errors import ErrorCode, FormatError, OptionError, TensorError
from ..files import PathLike
from ..regions import FileRegion, Lease
from .calls import PlannedTensor, plan_model
from .home import Home
from .inputs import Input, Inputs
from .sources import SourceFile, text_of

__all__ = ["Base", "BaseTensor", "base_of"]

_CODES = {encoding: code for code, encoding in ENCODINGS.items()}
_U8 = 6
_FLOATS = ("f32", "f16", "bf16")


class BaseTensor(NamedTuple):
    """A tensor of the base.

    Attributes
    ----------
    name : str
    encoding : str
        Its dtype as files name it.
    code : int
        That of the wire; bytes where the wire has none.
    shape : tuple of int
    scheme : str or None
        None if it stays as it is.
    nbytes : int
        As it is.
    """

    name: str
    encoding: str
    code: int
    shape: tuple[int, ...]
    scheme: str | None
    nbytes: int

    @property
    def dtype(self) -> str:
        """Its dtype as NumPy names it."""
        return CODES[self.code][0]

    @property
    def merged_scheme(self) -> str:
        """In what it is stored when something was merged into it."""
        if self.scheme is not None:
            return self.scheme
        return self.encoding if self.encoding in _FLOATS else "f32"


class Base(ABC):
    """Base weights; what they are handed over as belongs to one bridge.

    Attributes
    ----------
    tensors : dict of str to BaseTensor
        In their order.
    metadata : dict of str to str
        Of the file.
    copied : int
        Bytes that were copied into shared memory.
    in_place : int
        Bytes that were not.
    """

    def __init__(self) -> None:
        self.tensors: dict[str, BaseTensor] = {}
        self.metadata: dict[str, str] = {}
        self.copied = 0
        self.in_place = 0
        self._inputs: dict[str, Input] = {}
        self._table: Input | None = None

    def input(self, name: str) -> Input:
        """Return a tensor as batches read it."""
        return self._inputs[name]

    @property
    def table(self) -> Input:
        """Names and shapes, for adapters."""
        assert self._table is not None
        return self._table

    @abstractmethod
    def place(self, inputs: Inputs) -> None:
        """Hand everything over to a bridge, which need not be the first one."""

    @abstractmethod
    def plan(
        self, home: Home, scheme: str, overrides: Mapping[str, str] | None, settings: Settings
    ) -> Steps[None]:
        """Find out what there is, and what becomes of it."""

    @abstractmethod
    def kept(self, name: str, inputs: Inputs) -> tuple[npt.NDArray[Any], Lease | None]:
        """Return a tensor as it is, and the memory that this took, if any."""

    def close(self) -> None:
        """Let go of everything."""
        self._inputs = {}
        self._table = None

    def _settle(self, planned: list[PlannedTensor], inputs: Inputs) -> None:
        self.tensors = {
            facts.name: BaseTensor(
                facts.name,
                facts.encoding,
                _CODES.get(facts.encoding, _U8),
                facts.shape,
                facts.scheme,
                facts.nbytes,
            )
            for facts in planned
        }
        self._place_table(inputs)

    def _place_table(self, inputs: Inputs) -> None:
        self._table = inputs.text(
            _document([{"name": t.name, "shape": t.shape} for t in self.tensors.values()])
        )


def _document(tensors: list[dict[str, Any]]) -> bytes:
    return json.dumps({"tensors": tensors}, ensure_ascii=False).encode()


class _Arrays(Base):
    """Arrays of this process."""

    def __init__(self, arrays: Mapping[str, Any]) -> None:
        super().__init__()
        self._arrays: dict[str, Any] = {}
        self._codes: dict[str, int] = {}
        self._copies: set[str] = set()
        for name, value in arrays.items():
            if not isinstance(name, str):
                raise OptionError(f"{name!r} is no name of a tensor", ErrorCode.BAD_OPTION)
            # Refuses what is no array before anything is copied.
            self._codes[name] = adopt(name, value)[1]
            self._arrays[name] = value

    def place(self, inputs: Inputs) -> None:
        self.copied = self.in_place = 0
        for name, value in self._arrays.items():
            if name in self._copies:
                made = inputs.copy(value, self._codes[name])
            else:
                made = inputs.array(name, value)
            self._inputs[name] = made
            nbytes = adopt(name, made.keep)[0].nbytes
            if made.keep is value:
                self.in_place += nbytes
            else:
                self._copies.add(name)
                self.copied += nbytes
        # What was copied is not needed as it was any more.
        self._arrays = {name: made.keep for name, made in self._inputs.items()}
        if self.tensors:
            self._place_table(inputs)

    def plan(
        self, home: Home, scheme: str, overrides: Mapping[str, str] | None, settings: Settings
    ) -> Steps[None]:
        table = []
        for name, value in self._arrays.items():
            encoding = ENCODINGS.get(self._codes[name])
            if encoding is None:
                dtype = CODES[self._codes[name]][0]
                raise TensorError(
                    name,
                    None,
                    f'dtype {dtype} is not supported: convert it with .astype("float32")',
                    ErrorCode.UNSUPPORTED_DTYPE,
                )
            table.append({"name": name, "dtype": encoding, "shape": adopt(name, value)[0].shape})
        model = home.inputs.text(_document(table))
        ((planned, _),) = yield from plan_model(
            home.executor, [model], "table", scheme, overrides, settings
        )
        self._settle(planned, home.inputs)

    def kept(self, name: str, inputs: Inputs) -> tuple[npt.NDArray[Any], Lease | None]:
        array = adopt(name, self._arrays[name])[0]
        if array.flags.c_contiguous:
            return array, None
        lease, copy = inputs.lease_copy(array, self._codes[name])
        return copy, lease

    def close(self) -> None:
        super().close()
        self._arrays = {}


class _Files(Base):
    """Model files; their bytes never enter this process, but for tensors that stay as they are."""

    def __init__(self, path: PathLike) -> None:
        super().__init__()
        text = text_of(path)
        self._paths = [text]
        if text.endswith(".json"):
            self._paths = _shards(text)
        elif not text.endswith(".safetensors"):
            raise OptionError(
                f"{text}: a session reads .safetensors and .safetensors.index.json; pass the "
                "arrays of other files",
                ErrorCode.BAD_OPTION,
            )
        self._sharded = text.endswith(".json")
        self._files = [SourceFile(path) for path in self._paths]
        self._regions: list[FileRegion] = []
        self._places: dict[str, tuple[int, int]] = {}

    def place(self, inputs: Inputs) -> None:
        self._regions = [inputs.pool.add_file(file.fd, file.size) for file in self._files]
        if self.tensors:
            self._place_tensors(inputs)
            self._place_table(inputs)

    def plan(
        self, home: Home, scheme: str, overrides: Mapping[str, str] | None, settings: Settings
    ) -> Steps[None]:
        models = [home.inputs.in_file(region, 0, _U8, (region.size,)) for region in self._regions]
        rules = None if self._sharded else overrides
        plans = yield from plan_model(home.executor, models, "safetensors", scheme, rules, settings)
        planned: list[PlannedTensor] = []
        for index, (tensors, metadata) in enumerate(plans):
            self.metadata.update(metadata)
            for facts in tensors:
                if facts.name in self._places:
                    raise FormatError(
                        None, f'{self._paths[index]}: tensor "{facts.name}" is in another shard too'
                    )
                self._places[facts.name] = (index, facts.offset or 0)
                planned.append(facts)
        if self._sharded:
            planned = yield from self._plan_together(home, planned, scheme, overrides, settings)
        self._settle(planned, home.inputs)
        self.in_place = sum(facts.nbytes for facts in planned)
        self._place_tensors(home.inputs)

    @staticmethod
    def _plan_together(
        home: Home,
        planned: list[PlannedTensor],
        scheme: str,
        overrides: Mapping[str, str] | None,
        settings: Settings,
    ) -> Steps[list[PlannedTensor]]:
        """Plan the tensors of all shards, to which overrides refer."""
        planned = sorted(planned, key=lambda facts: facts.name)
        table = [{"name": t.name, "dtype": t.encoding, "shape": t.shape} for t in planned]
        model = home.inputs.text(_document(table))
        ((together, _),) = yield from plan_model(
            home.executor, [model], "table", scheme, overrides, settings
        )
        return together

    def _place_tensors(self, inputs: Inputs) -> None:
        for name, tensor in self.tensors.items():
            index, offset = self._places[name]
            whole = tensor.encoding in _CODES
            shape = tensor.shape if whole else (tensor.nbytes,)
            self._inputs[name] = inputs.in_file(self._regions[index], offset, tensor.code, shape)

    def kept(self, name: str, inputs: Inputs) -> tuple[npt.NDArray[Any], Lease | None]:
        tensor = self.tensors[name]
        index, offset = self._places[name]
        lease = inputs.pool.take(tensor.nbytes, wire.READ)
        target = lease.region.view[lease.offset : lease.offset + tensor.nbytes]
        self._files[index].read(target, offset)
        shape = tensor.shape if tensor.encoding in _CODES else (tensor.nbytes,)
        return lease.array(0, tensor.code, shape), lease

    def close(self) -> None:
        super().close()
        for file in self._files:
            file.close()
        self._regions = []


def _shards(path: str) -> list[str]:
    with SourceFile(path) as file:
        content = bytearray(file.size)
        file.read(memoryview(content), 0)
    try:
        weight_map = json.loads(content)["weight_map"]
        names = sorted(set(weight_map.values()))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise FormatError(None, f"{path} is no index of shards: {error!r}") from None
    folder = os.path.dirname(path)
    for name in names:
        if not isinstance(name, str) or os.path.basename(name) != name:
            raise FormatError(None, f"{path}: shard {name!r} is not the name of a file beside it")
    return [os.path.join(folder, name) for name in names]


def base_of(weights: Mapping[str, Any] | PathLike) -> Base:
    """Open base weights.

    Parameters
    ----------
    weights : mapping of str to array_like, or path
    """
    if isinstance(weights, Mapping):
        return _Arrays(weights)
    return _Files(weights)
