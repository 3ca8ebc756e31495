"""The session: what is applied, and how one generation follows another."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from ..batches import Settings
from ..driver import BatchProgress, Steps, drive, drive_async
from ..errors import BridgeClosed, ErrorCode, OptionError
from ..files import PathLike
from ..results import QuantizedTensor
from .adapters import AdapterShelf, LoadedAdapter, name_of, require_scale, resolved
from .base import Base
from .generations import Generation, Layer, LayerCache, Snapshot, State
from .home import Home
from .making import Applied, Applieds, Choice, Maker, state_of, touched
from .memory import Ledger, SessionMemory
from .saving import save
from .survival import LEAST_SURVIVAL, AdapterSurvival, survival_of
from .writers import Writers

if TYPE_CHECKING:
    from ..bridge import Bridge

__all__ = ["Session", "open_session"]

_log = logging.getLogger("tensorbridge")

T = TypeVar("T")
Which: TypeAlias = "str | os.PathLike[str] | LoadedAdapter"
Callback: TypeAlias = Callable[[float], object]

_CHUNK_BYTES = 64 << 20


class Session:
    """Base weights with adapters that come and go, quantized; made by `Bridge.session`.

    Readers never wait: what they get is one generation, whatever is changed meanwhile. Changes of
    several threads take turns. A change that fails, for whatever reason, leaves the session as it
    was. A session ends with ``close`` or its ``with`` statement; what was taken from it stays.
    """

    def __init__(self, home: Home, base: Base, choice: Choice) -> None:
        self._home = home
        self._base = base
        self._choice = choice
        self._writers = Writers()
        self._ledger = Ledger()
        self._maker = Maker(home, base, choice, self._ledger)
        self._shelf = AdapterShelf()
        self._cache = LayerCache(0)
        self._applied: Applieds = {}
        self._current = Generation(0, {}, {})
        self._run_nanos = 0
        self._closed = False

    # --- what there is ---

    def weights(self) -> Generation:
        """Return all tensors as they are now, by name.

        The mapping is one generation: it never changes, whatever becomes of the session. Its memory
        returns when nobody holds it, nor an array of it.
        """
        current = self._current
        if self._closed:
            raise _closed()
        return current

    def snapshot(self) -> AbstractContextManager[Snapshot]:
        """Hold one generation during a ``with`` statement.

        Returns
        -------
        Snapshot
            The same as `weights`, but let go at the end of the statement, whoever still has its
            name.
        """
        return Snapshot(self.weights())

    @property
    def adapters(self) -> Mapping[str, float]:
        """The applied adapters by name, in order, with their scales."""
        return self.weights().adapters

    @property
    def memory(self) -> SessionMemory:
        """What the session takes."""
        current = self.weights()
        outputs = sum([layer.nbytes for layer in current.layers.values()])
        cache = self._cache.nbytes
        return SessionMemory(
            base=self._base.copied,
            base_in_place=self._base.in_place,
            outputs=outputs,
            older=max(0, self._ledger.nbytes() - outputs - cache),
            cache=cache,
            cache_budget=self._cache.budget,
            adapters=self._shelf.loaded.nbytes(),
        )

    @property
    def survival(self) -> AdapterSurvival:
        """How much of the adapters is left after quantization, by tensor and in all.

        Raises
        ------
        OptionError
            If the session was made without ``survival=True``.
        """
        if not self._choice.survival:
            raise OptionError(
                "the session does not measure: make it with survival=True", ErrorCode.BAD_OPTION
            )
        layers = self.weights().layers
        return survival_of(
            {name: layer.sums for name, layer in layers.items() if layer.sums is not None}
        )

    @property
    def run_nanos(self) -> int:
        """How long the server worked on the newest change, by its clock.

        What the call took beyond that was the crossing.
        """
        return self._run_nanos

    # --- changes ---

    def load(
        self,
        path: PathLike,
        *,
        allow_unmatched: bool = False,
        timeout: float | None = None,
    ) -> LoadedAdapter:
        """Read an adapter and match it to the base, to apply it later.

        Parameters
        ----------
        path : path
            ``.safetensors`` of kohya, PEFT or diffusers, or a folder of PEFT's. See
            ``docs/lora.md``.
        allow_unmatched : bool
            Whether modules that fit no tensor of the base are left out.
        timeout : float, optional
            Seconds.

        Raises
        ------
        FormatError
            If the file can't be read, or breaks a rule of its format.
        TensorError
            If a module is malformed or fits nothing; the message names it.
        BridgeError
            As for `Bridge.run`.
        """
        with self._writing(timeout) as settings:
            steps = self._read([resolved(path)], allow_unmatched, settings)
            ((adapter,), _) = self._drive(steps, settings, None)
            return adapter

    def apply(
        self,
        adapter: PathLike | LoadedAdapter,
        scale: float = 1.0,
        name: str | None = None,
        allow_unmatched: bool = False,
        *,
        progress_callback: Callback | None = None,
        timeout: float | None = None,
    ) -> str:
        """Merge an adapter on top of those that are applied.

        Parameters
        ----------
        adapter : path or LoadedAdapter
            See `load`.
        scale : float
            By what its changes are multiplied; 0 changes nothing.
        name : str, optional
            How it is called; by default as its file, without the ending.
        allow_unmatched : bool
            See `load`.
        progress_callback : callable, optional
            Called with a float that rises to 1.0, in this thread; a failure of it is logged once.
        timeout : float, optional
            Seconds, after which the session is as it was.

        Returns
        -------
        str
            The name, to change or remove it.

        Raises
        ------
        OptionError
            If an adapter of this name is applied.
        BridgeError
            As for `load`.
        """
        with self._writing(timeout) as settings:
            progress = _progress(progress_callback)
            steps = self._apply(adapter, scale, name, allow_unmatched, settings, progress)
            return self._drive(steps, settings, progress)

    async def apply_async(
        self,
        adapter: PathLike | LoadedAdapter,
        scale: float = 1.0,
        name: str | None = None,
        allow_unmatched: bool = False,
        *,
        timeout: float | None = None,
    ) -> str:
        """Do the same as `apply` in an event loop."""
        async with self._writers.writing_async():
            settings = self._settings(timeout)
            steps = self._apply(adapter, scale, name, allow_unmatched, settings, None)
            return await drive_async(self._home.ring, steps, settings.deadline)

    def set_scale(
        self,
        adapter: Which,
        scale: float,
        *,
        progress_callback: Callback | None = None,
        timeout: float | None = None,
    ) -> None:
        """Change the scale of an adapter, which keeps its place in the order.

        Parameters
        ----------
        adapter : str, path or LoadedAdapter
            Its name or its file.
        scale : float
        progress_callback, timeout
            See `apply`.
        """
        self.set_scales({adapter: scale}, progress_callback=progress_callback, timeout=timeout)

    def set_scales(
        self,
        scales: Mapping[Any, float],
        *,
        progress_callback: Callback | None = None,
        timeout: float | None = None,
    ) -> None:
        """Change the scales of several adapters at once: one generation.

        Parameters
        ----------
        scales : mapping of str, path or LoadedAdapter to float
        progress_callback, timeout
            See `apply`.
        """
        with self._writing(timeout) as settings:
            wanted = dict(self._applied)
            for which, scale in scales.items():
                name = self._name(which)
                wanted[name] = Applied(wanted[name].adapter, require_scale(scale))
            progress = _progress(progress_callback)
            self._drive(self._change(wanted, settings, progress, 0), settings, progress)

    def remove(
        self,
        adapter: Which,
        *,
        progress_callback: Callback | None = None,
        timeout: float | None = None,
    ) -> None:
        """Take an adapter out; the bytes are those that they were without it.

        Parameters
        ----------
        adapter : str, path or LoadedAdapter
            Its name or its file.
        progress_callback, timeout
            See `apply`.
        """
        with self._writing(timeout) as settings:
            wanted = dict(self._applied)
            del wanted[self._name(adapter)]
            progress = _progress(progress_callback)
            self._drive(self._change(wanted, settings, progress, 0), settings, progress)

    def save(
        self,
        path: PathLike,
        *,
        metadata: Mapping[str, str] | None = None,
        progress_callback: Callback | None = None,
        timeout: float | None = None,
    ) -> None:
        """Write the current generation to a model file, which appears whole or not at all.

        Others may change the session meanwhile: one generation is written.

        Parameters
        ----------
        path : path
            ``.gguf`` or ``.safetensors``.
        metadata : mapping of str to str, optional
            Added to that of the base file, or replacing it.
        progress_callback, timeout
            See `apply`.

        Raises
        ------
        OptionError
            If the container can't hold a scheme.
        FormatError
            If the file can't be written.
        TimeoutError
            After the timeout.
        """
        generation = self.weights()
        settings = self._settings(timeout)
        save(
            self._home,
            self._base,
            generation,
            path,
            self._choice.scheme,
            {**self._base.metadata, **(metadata or {})},
            settings,
            _progress(progress_callback, "the writing"),
        )

    def reopen(self, bridge: Bridge) -> None:
        """Go on over another bridge, after the server of the first one has died.

        Nothing is lost and nothing is computed: outputs are this process's memory. Base arrays that
        lay in shared memory of the first bridge are copied into that of the other one, as are the
        factors of adapters; files are handed over anew.

        Parameters
        ----------
        bridge : Bridge
            Open.
        """
        bridge._require_open()
        with self._writers.writing():
            if self._closed:
                raise _closed()
            home = bridge._session_home()
            self._base.place(home.inputs)
            self._home = home
            self._maker = Maker(home, self._base, self._choice, self._ledger)
            current = self._current
            layers = {name: _moved(bridge, layer) for name, layer in current.layers.items()}
            cached = self._cache.items()
            self._cache.clear()
            for name, layer in cached:
                self._cache.put(name, _moved(bridge, layer))
            self._current = Generation(current.number, current.adapters, layers)

    def close(self) -> None:
        """End the session, after the change that is under way; what was taken from it stays."""
        if self._closed:
            return
        with self._writers.writing():
            self._closed = True
            self._current = Generation(self._current.number, {}, {})
            self._applied = {}
            self._cache.clear()
            self._shelf = AdapterShelf()
            self._base.close()

    @property
    def closed(self) -> bool:
        """Whether it has ended."""
        return self._closed

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        if self._closed:
            return "<Session, closed>"
        merged = ", ".join(f"{name}: {scale:g}" for name, scale in self.adapters.items())
        return f"<Session of {len(self._current)} tensors, adapters {{{merged}}}>"

    # --- inside ---

    @contextmanager
    def _writing(self, timeout: float | None) -> Iterator[Settings]:
        """Wait for one's turn to change the session."""
        with self._writers.writing(timeout):
            yield self._settings(timeout)

    def _settings(self, timeout: float | None) -> Settings:
        if self._closed:
            raise _closed()
        self._home.bridge._require_open()
        return self._home.bridge._settings(False, self._choice.threads, timeout)

    def _drive(self, steps: Steps[T], settings: Settings, progress: BatchProgress | None) -> T:
        return drive(self._home.ring, steps, settings.deadline, progress)

    def _name(self, which: Which) -> str:
        """Return the name of an applied adapter."""
        if isinstance(which, LoadedAdapter):
            found = [name for name, one in self._applied.items() if one.adapter is which]
        elif isinstance(which, str) and which in self._applied:
            return which
        else:
            path = os.path.abspath(resolved(which))
            found = [
                name
                for name, one in self._applied.items()
                if os.path.abspath(one.adapter.path) == path
            ]
        if len(found) == 1:
            return found[0]
        if found:
            raise OptionError(
                f"{which!r} is applied as {' and as '.join(map(repr, found))}: name one of them",
                ErrorCode.BAD_OPTION,
            )
        names = ", ".join(map(repr, self._applied)) or "none"
        raise OptionError(
            f"no adapter {which!r} is applied; these are: {names}", ErrorCode.BAD_OPTION
        )

    def _read(
        self, paths: list[str], allow_unmatched: bool, settings: Settings
    ) -> Steps[tuple[list[LoadedAdapter], int]]:
        return self._shelf.read(self._home, self._base, paths, allow_unmatched, settings)

    def _apply(
        self,
        adapter: PathLike | LoadedAdapter,
        scale: float,
        name: str | None,
        allow_unmatched: bool,
        settings: Settings,
        progress: BatchProgress | None,
    ) -> Steps[str]:
        factor = require_scale(scale)
        if isinstance(adapter, LoadedAdapter):
            if adapter not in self._shelf.loaded:
                raise OptionError(
                    f"{adapter.path} was loaded by another session: load it by this one",
                    ErrorCode.BAD_OPTION,
                )
            called = name_of(adapter.path) if name is None else name
        else:
            called = name_of(adapter) if name is None else name
        if called in self._applied:
            raise OptionError(
                f"an adapter {called!r} is applied already: change it with set_scale, or give "
                "this one another name",
                ErrorCode.BAD_OPTION,
            )
        nanos = 0
        if not isinstance(adapter, LoadedAdapter):
            if progress is not None:
                progress.share(0.0, 0.0)
            paths = [resolved(adapter)]
            ((adapter,), nanos) = yield from self._read(paths, allow_unmatched, settings)
        wanted = {**self._applied, called: Applied(adapter, factor)}
        yield from self._change(wanted, settings, progress, nanos)
        return called

    def _change(
        self,
        wanted: Applieds,
        settings: Settings,
        progress: BatchProgress | None,
        nanos: int,
    ) -> Steps[None]:
        """Make the next generation and publish it; until then nothing is changed."""
        current = self._current
        changed: dict[str, Layer] = {}
        missing: list[tuple[str, State]] = []
        for tensor in touched([*self._applied.values(), *wanted.values()]):
            state = state_of(tensor, wanted)
            if current.layers[tensor].state == state:
                continue
            layer = self._cache.get(tensor, state)
            if layer is None:
                missing.append((tensor, state))
            else:
                changed[tensor] = layer
        if missing:
            if progress is not None:
                progress.share(0.0, 1.0)
            made, run_nanos = yield from self._maker.make(missing, wanted, settings, progress)
            changed |= made
            nanos += run_nanos
        self._publish(wanted, changed, nanos)

    def _publish(self, wanted: Applieds, changed: Mapping[str, Layer], nanos: int) -> None:
        before = self._current
        layers = {**before.layers, **changed}
        scales = {name: one.scale for name, one in wanted.items()}
        after = Generation(before.number + 1, scales, layers)
        self._applied = wanted
        self._current = after
        self._run_nanos = nanos
        for tensor, layer in changed.items():
            self._cache.discard(tensor, layer.state)
        for tensor in changed:
            self._cache.put(tensor, before.layers[tensor])
        self._warn()

    def _warn(self) -> None:
        """Tell the log if quantization drowns the adapters."""
        if self._choice.survival and self.survival.survival < LEAST_SURVIVAL:
            _log.warning(
                "only %.1f %% of what the adapters do survives quantization; a scheme of more "
                "bits would keep more",
                100 * self.survival.survival,
            )

    def _open(
        self,
        adapters: Mapping[Any, float],
        settings: Settings,
        progress: BatchProgress | None,
    ) -> Steps[None]:
        """Make the first generation."""
        choice = self._choice
        if progress is not None:
            progress.share(0.0, 0.0)
        yield from self._base.plan(self._home, choice.scheme, choice.overrides, settings)
        applied: Applieds = {}
        nanos = 0
        if adapters:
            paths = [resolved(path) for path in adapters]
            loaded, nanos = yield from self._read(paths, False, settings)
            for path, adapter, scale in zip(paths, loaded, adapters.values(), strict=True):
                name = name_of(path)
                if name in applied:
                    raise OptionError(
                        f"two adapters are called {name!r}: apply one of them later, by another "
                        "name",
                        ErrorCode.BAD_OPTION,
                    )
                applied[name] = Applied(adapter, require_scale(scale))
        wanted = [(tensor, state_of(tensor, applied)) for tensor in self._base.tensors]
        layers, run_nanos = yield from self._maker.make(
            wanted, applied, settings, progress, _CHUNK_BYTES
        )
        scales = {name: one.scale for name, one in applied.items()}
        self._applied = applied
        self._current = Generation(0, scales, {name: layers[name] for name, _ in wanted})
        self._run_nanos = nanos + run_nanos
        self._warn()

    def _keep_at_most(self, cache_bytes: int | None) -> None:
        if cache_bytes is None:
            cache_bytes = self.memory.outputs
        self._cache.budget = cache_bytes


def open_session(
    home: Home,
    base: Base,
    choice: Choice,
    adapters: Mapping[Any, float],
    cache_bytes: int | None,
    settings: Settings,
    progress_callback: Callback | None,
) -> Session:
    """Make a session and its first generation; see `Bridge.session`."""
    if cache_bytes is not None and cache_bytes < 0:
        raise OptionError(f"cache_bytes={cache_bytes} is less than 0", ErrorCode.BAD_OPTION)
    try:
        base.place(home.inputs)
        session = Session(home, base, choice)
        progress = _progress(progress_callback, "the session")
        drive(home.ring, session._open(adapters, settings, progress), settings.deadline, progress)
        session._keep_at_most(cache_bytes)
    except BaseException:
        base.close()
        raise
    return session


def _moved(bridge: Bridge, layer: Layer) -> Layer:
    """Return the same tensor over another bridge."""
    old = layer.tensor
    tensor = QuantizedTensor(bridge, old.name, old.scheme, old.shape, old.dtype, old.parts)
    return layer._replace(tensor=tensor)


def _progress(callback: Callback | None, what: str = "the change") -> BatchProgress | None:
    return None if callback is None else BatchProgress(callback, what)


def _closed() -> BridgeClosed:
    return BridgeClosed("the session is closed")
