"""Adapters: opened here, read and matched to the base by the server."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import count
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

from ..batches import Settings
from ..driver import Steps
from ..errors import ErrorCode, OptionError
from ..files import PathLike
from .base import Base
from .calls import AdapterText, read_adapters
from .home import Home
from .inputs import Input, Inputs
from .memory import Ledger
from .sources import Identity, SourceFile, identities_of, text_of

__all__ = ["AdapterShelf", "Change", "LoadedAdapter", "name_of", "require_scale", "resolved"]

_F32 = 12
_ENDING = ".safetensors"
_PEFT_MODEL = "adapter_model.safetensors"
_PEFT_CONFIG = "adapter_config.json"
_KNOWN_AT_MOST = 1024


class _Span(NamedTuple):
    """A factor: its first element, and its shape."""

    first: int
    shape: tuple[int, ...]


class Change(NamedTuple):
    """What an adapter does to one tensor.

    Attributes
    ----------
    module : str
    ratio : float
        By what a scale is multiplied.
    spans : tuple of _Span
        ``down``, ``up``, and the magnitude of a DoRA.
    """

    module: str
    ratio: float
    spans: tuple[_Span, ...]

    @property
    def kind(self) -> str:
        """Its kind, as the operation names it."""
        return "lora" if len(self.spans) == 2 else "dora"


class LoadedAdapter:
    """An adapter that was read and matched to the base of a session, ready to be applied.

    Made by `Session.load`; belongs to that session. Immutable.

    Attributes
    ----------
    path : str
        The file.
    format : str
        Who writes such files, for example ``"kohya"`` or ``"peft"``.
    modules : dict of str to str
        The name of each module, and of the tensor that it changes.
    unmatched : tuple of str
        A line for each module that was left out.
    nbytes : int
        What its factors take in shared memory.
    """

    def __init__(self, path: str, number: int, text: AdapterText) -> None:
        facts = text.facts
        self.path = path
        self.number = number
        self.format = str(facts["format"])
        self.unmatched = tuple(str(line) for line in facts["unmatched"])
        self.changes = {module["tensor"]: _change(module) for module in facts["modules"]}
        self.modules = {change.module: tensor for tensor, change in self.changes.items()}
        self.nbytes = text.values.length
        self._lease = text.values
        self._count = text.size
        self._home: Inputs | None = None
        self._inputs: dict[str, tuple[Input, ...]] = {}

    def inputs(self, tensor: str, home: Inputs) -> tuple[Input, ...]:
        """Return the factors of one tensor as batches read them."""
        if self._home is not home:
            self._place(home)
        return self._inputs[tensor]

    def _place(self, home: Inputs) -> None:
        if self._home is not None:  # it lies where another bridge's server could read it
            values = self._lease.array(0, _F32, (self._count,))
            self._lease, _ = home.lease_copy(values, _F32)
        lease = self._lease
        self._inputs = {
            tensor: tuple(
                [home.part(lease, 4 * span.first, _F32, span.shape) for span in change.spans]
            )
            for tensor, change in self.changes.items()
        }
        self._home = home

    def __repr__(self) -> str:
        return f"<LoadedAdapter {self.path!r} of {len(self.changes)} modules, {self.nbytes} bytes>"


def _change(module: dict[str, Any]) -> Change:
    rank, rows, columns = module["rank"], module["rows"], module["columns"]
    spans = [_Span(module["down"], (rank, columns)), _Span(module["up"], (rows, rank))]
    if module["magnitude"] is not None:
        spans.append(_Span(module["magnitude"], (rows,)))
    return Change(module["module"], float(module["ratio"]), tuple(spans))


def resolved(path: PathLike) -> str:
    """Return the file of an adapter: that of PEFT where a folder is named."""
    text = text_of(path)
    return os.path.join(text, _PEFT_MODEL) if os.path.isdir(text) else text


def name_of(path: PathLike) -> str:
    """Return how an adapter is called unless it is told otherwise: as its file, without the ending.

    PEFT's files all have one name: those are called as their folder.
    """
    text = resolved(path)
    folder, file = os.path.split(os.path.abspath(text))
    if file == _PEFT_MODEL:
        return os.path.basename(folder) or file
    return os.path.splitext(file)[0]


class AdapterShelf:
    """Reads adapters, and knows again those that it has read; who changes the session uses it.

    Attributes
    ----------
    loaded : Ledger
        All adapters that are alive.
    """

    def __init__(self) -> None:
        self.loaded = Ledger()
        self._numbers: dict[object, int] = {}
        self._by_identity: WeakValueDictionary[object, LoadedAdapter] = WeakValueDictionary()
        self._next = count(1)

    def read(
        self,
        home: Home,
        base: Base,
        paths: Sequence[str],
        allow_unmatched: bool,
        settings: Settings,
    ) -> Steps[tuple[list[LoadedAdapter], int]]:
        """Read adapters in one batch; those that are alive and unchanged are not read again.

        Returns
        -------
        adapters : list of LoadedAdapter
        run_nanos : int
            How long the server read, by its clock.
        """
        with ExitStack() as stack:
            opened = [_open(path, stack) for path in paths]
            keys = [identities_of(files) for files in opened]
            found = [self._alive(key, allow_unmatched) for key in keys]
            missing = [i for i, adapter in enumerate(found) if adapter is None]
            texts = []
            if missing:
                requests = [self._request(home, base, opened[i]) for i in missing]
                texts = yield from read_adapters(home.executor, requests, allow_unmatched, settings)
            for i, text in zip(missing, texts, strict=True):
                for file in opened[i]:
                    file.require_unchanged()
                adapter = LoadedAdapter(paths[i], self._number(keys[i]), text)
                self.loaded.enter(adapter, adapter.nbytes)
                if keys[i] is not None:
                    self._by_identity[keys[i]] = adapter
                found[i] = adapter
        adapters = [adapter for adapter in found if adapter is not None]
        return adapters, sum(text.run_nanos for text in texts)

    def _alive(
        self, key: tuple[Identity, ...] | None, allow_unmatched: bool
    ) -> LoadedAdapter | None:
        adapter = None if key is None else self._by_identity.get(key)
        if adapter is not None and adapter.unmatched and not allow_unmatched:
            return None  # is refused when it is read
        return adapter

    def _number(self, key: tuple[Identity, ...] | None) -> int:
        if key is None:
            return next(self._next)
        if len(self._numbers) >= _KNOWN_AT_MOST:
            self._numbers.clear()
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = next(self._next)
        return number

    @staticmethod
    def _request(home: Home, base: Base, files: list[SourceFile]) -> tuple[str, list[Input]]:
        """Read files into shared memory; the factors that come of it are apart from that."""
        contents = [home.inputs.content(file) for file in files]
        return files[0].path, [contents[0], base.table, *contents[1:]]


def _open(path: str, stack: ExitStack) -> list[SourceFile]:
    """Open an adapter, and the configuration that PEFT writes beside it, if there is one."""
    if not path.lower().endswith(_ENDING):
        raise OptionError(
            f"{path}: a session reads adapters from .safetensors; 'tensorbridge lora convert' "
            "writes other files as such",
            ErrorCode.BAD_OPTION,
        )
    files = [stack.enter_context(SourceFile(path))]
    config = os.path.join(os.path.dirname(path), _PEFT_CONFIG)
    if os.path.exists(config):
        files.append(stack.enter_context(SourceFile(config)))
    return files


def require_scale(scale: Any) -> float:
    """Check a scale.

    Raises
    ------
    OptionError
        If it is no finite number.
    """
    try:
        value = float(scale)
    except (TypeError, ValueError):
        value = float("nan")
    if value != value or value in (float("inf"), float("-inf")):
        raise OptionError(f"scale {scale!r} is no finite number", ErrorCode.BAD_OPTION)
    return value
