"""How a bridge begins sessions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, cast

from ..batches import Executor, Settings
from ..describe import Catalog
from ..files import PathLike
from ..regions import Pool
from ..ring import Ring
from .base import base_of
from .home import Home
from .inputs import Inputs
from .making import Choice
from .session import Session, open_session

if TYPE_CHECKING:
    from ..bridge import Bridge

__all__ = ["SessionEntries"]


class SessionEntries:
    """The part of `Bridge` that begins sessions."""

    _pool: Pool
    _ring: Ring
    _catalog: Catalog
    _executor: Executor

    if TYPE_CHECKING:

        def _require_open(self) -> None: ...

        def _settings(
            self, continue_on_error: bool, threads: int | None, timeout: float | None
        ) -> Settings: ...

    def session(
        self,
        weights: Mapping[str, Any] | PathLike,
        scheme: str = "q8_0",
        overrides: Mapping[str, str] | None = None,
        *,
        adapters: Mapping[PathLike, float] | None = None,
        cache_bytes: int | None = None,
        survival: bool = False,
        nonfinite: str = "error",
        threads: int | None = None,
        progress_callback: Callable[[float], object] | None = None,
        timeout: float | None = None,
    ) -> Session:
        """Quantize a model, and keep it so while LoRA adapters come and go.

        What becomes of each tensor is what `quantize_file` would make of it: vectors stay float32,
        what is usually kept stays, rows that don't divide get another scheme.

        Parameters
        ----------
        weights : mapping of str to array_like, or path
            Shared arrays are used in place and must not be changed while the session lasts; others
            are copied into shared memory once. A path is a ``.safetensors`` or a
            ``.safetensors.index.json``: opened here and read by the server, its bytes never enter
            this process; the file must not be changed either.
        scheme : str
            For example ``"q4_k"``.
        overrides : mapping of str to str, optional
            Regular expression (of RE2) to scheme; the first one that matches a whole name
            decides.
        adapters : mapping of path to float, optional
            Adapters with their scales, merged from the start: base and adapters become quantized
            weights in one pass.
        cache_bytes : int, optional
            How much memory may keep tensors in other states than the current one, so that a return
            to them computes nothing; by default as much as the first generation takes. With 0 a
            removal quantizes the touched tensors anew, into the same bytes.
        survival : bool
            Whether to measure how much of the adapters is left after quantization.
        nonfinite : {"error", "clip"}
            What becomes of NaN and infinity.
        threads : int, optional
            How many workers may work at once; by default as for this bridge.
        progress_callback : callable, optional
            Called with a float that rises to 1.0, in this thread; a failure of it is logged once.
        timeout : float, optional
            Seconds for the first generation.

        Returns
        -------
        Session
            To be closed, or used in a ``with`` statement.

        Raises
        ------
        FormatError
            If a file can't be read, or breaks a rule of its format.
        BridgeError
            As for `quantize_batch`.

        Examples
        --------
        >>> with bridge.session("unet.safetensors", scheme="q8_0") as session:  # doctest: +SKIP
        ...     style = session.apply("style.safetensors", scale=0.8)
        ...     session.weights()["mid_block.attentions.0.proj_in.weight"].data
        ...     session.remove(style)
        """
        self._require_open()
        settings = self._settings(False, threads, timeout)
        return open_session(
            self._session_home(),
            base_of(weights),
            Choice(scheme, overrides, nonfinite, survival, threads),
            adapters or {},
            cache_bytes,
            settings,
            progress_callback,
        )

    def _session_home(self) -> Home:
        inputs = Inputs(self._pool, self._catalog)
        return Home(cast("Bridge", self), self._executor, self._ring, inputs)
