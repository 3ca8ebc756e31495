"""The bridge: arrays in shared memory, and batches of work on them."""

from __future__ import annotations

import os
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from . import wire
from .arrays import adopt
from .arrow import ArrowEntries
from .arrow.inputs import Tables
from .batches import Executor, Settings
from .control import ControlEntries
from .describe import Catalog
from .driver import Steps, drive, drive_async
from .dtypes import CODES, dtype_named
from .errors import ErrorCode, OptionError, TensorError
from .files import FileResult, PathLike, calibration_file, quantize_file
from .futures import Future
from .launcher import require_platform
from .layout import Batch, Outcome
from .limits import memory_limit
from .link import Link
from .online.entries import SessionEntries
from .options import option_text, quantize_options, with_vectors
from .prepared import Prepared
from .regions import Pool
from .results import BatchResult, FirstAndLast, QuantizedTensor, arrays_of, renew_lock
from .staging import Staged, refill

__all__ = ["Bridge", "open"]

T = TypeVar("T")

_NO_OPTIONS = ("",)
_ACCESS = {"read": wire.READ, "readwrite": wire.READWRITE}


def open(
    address: str | None = None,
    *,
    threads: int | None = None,
    pool_bytes: int | None = None,
    ring_entries: int = 256,
    start_timeout: float = 30.0,
) -> Bridge:
    """Open a bridge.

    Parameters
    ----------
    address : str, optional
        ``"unix:/path/to.sock"`` joins a server; without an address a private one is started, which
        ends with this process.
    threads : int, optional
        How many workers may work on a batch at once; by default as many as the server has, which
        respects a container's limits.
    pool_bytes : int, optional
        How much idle shared memory is kept for reuse; by default a quarter of the memory that the
        machine or container has.
    ring_entries : int
        How many batches can be in flight: a power of two from 16 to 4096.
    start_timeout : float
        Seconds to wait for the server.

    Returns
    -------
    Bridge
        To be closed, or used in a ``with`` statement.

    Raises
    ------
    ResourceError
        If the platform lacks something, no JDK or no server is found; one sentence says what to do.
    """
    require_platform()
    if ring_entries not in (16, 32, 64, 128, 256, 512, 1024, 2048, 4096):
        raise OptionError(
            f"ring_entries={ring_entries} is no power of two from 16 to 4096", ErrorCode.BAD_OPTION
        )
    if threads is not None and threads < 1:
        raise OptionError(f"threads={threads} is less than 1", ErrorCode.BAD_OPTION)
    path = None
    if address is not None:
        scheme, _, path = address.partition(":")
        if scheme != "unix" or not path:
            raise OptionError(
                f"address {address!r} is not of the form unix:/path/to.sock", ErrorCode.BAD_OPTION
            )
    memory = memory_limit()
    link = Link(path, _serve_arguments(threads, memory), ring_entries, start_timeout)
    idle = memory // 4 if pool_bytes is None else pool_bytes
    return Bridge(link, threads or 0, idle)


class Bridge(ArrowEntries, ControlEntries, SessionEntries):
    """A connection to a server and the memory that both share; thread-safe.

    Made by `open`. Arrays that it gave out stay valid after it was closed. In a forked child its
    use raises `BridgeClosed`; the parent is not affected.
    """

    def __init__(self, link: Link, threads: int, pool_bytes: int) -> None:
        self._link = link
        self._threads = threads
        self._default_settings = Settings(threads=threads)
        self._ring = link.ring
        self._pool = Pool(link.connection.register, link.connection.release, pool_bytes)
        self._catalog = Catalog(self._pool)
        self._tables = Tables(self._pool, self._catalog)
        welcome = link.connection.welcome
        self._executor = Executor(
            self._pool, self._ring, welcome.max_items, welcome.max_block_bytes
        )
        self._finalizer = weakref.finalize(self, _close, link, self._pool)
        _watch_forks(self)

    def __enter__(self) -> Bridge:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the bridge; batches in flight end with `BridgeClosed`, arrays stay valid."""
        self._executor.close()
        self._finalizer()

    @property
    def closed(self) -> bool:
        """Whether the bridge can't be used any more."""
        return self._link.closed

    @property
    def server_pid(self) -> int:
        """The server's process id."""
        return self._link.connection.welcome.server_pid

    @property
    def limits(self) -> wire.Welcome:
        """What the server allows this client."""
        return self._link.connection.welcome

    # --- memory ---

    def empty(
        self, shape: int | tuple[int, ...], dtype: Any = "float32", access: str = "read"
    ) -> npt.NDArray[Any]:
        """Return a new array in shared memory, of unspecified contents.

        Parameters
        ----------
        shape : int or tuple of int
        dtype : dtype_like
        access : {"read", "readwrite"}
            What the server may do with it; the kernel enforces it. This process may always write.

        Raises
        ------
        OptionError
            If the shape, dtype or access is not acceptable.
        QuotaError, ResourceError
            If there is no memory.
        """
        self._require_open()
        numpy_dtype, code = dtype_named(dtype)
        dims = (shape,) if isinstance(shape, (int, np.integer)) else tuple(shape)
        if any(dim < 0 for dim in dims):
            raise OptionError(f"shape {dims} has a negative dimension", ErrorCode.BAD_OPTION)
        if access not in _ACCESS:
            raise OptionError(
                f'access {access!r} is neither "read" nor "readwrite"', ErrorCode.BAD_OPTION
            )
        dims = tuple(int(dim) for dim in dims)
        size = numpy_dtype.itemsize
        for dim in dims:
            size *= dim
        return self._pool.take(size, _ACCESS[access]).array(0, code, dims)

    def share(self, array: Any, access: str = "read") -> npt.NDArray[Any]:
        """Copy an array into shared memory, once.

        Parameters
        ----------
        array : array_like
            A NumPy array, or anything with ``__dlpack__`` on the CPU or ``__array__``.
        access : {"read", "readwrite"}
            See `empty`.

        Returns
        -------
        numpy.ndarray
            Row-major, of the same shape and dtype.

        Raises
        ------
        TensorError
            If the array can't be shared; the message says what to do.
        """
        source, _ = adopt("", array)
        shared = self.empty(source.shape, _sharing_dtype(source), access)
        refill(shared, source)
        return shared

    def trim(self) -> int:
        """Return idle shared memory to the system; tell how many bytes that was."""
        self._require_open()
        self._ring.poll()
        self._executor.trim()
        return self._pool.trim()

    def usage(self) -> tuple[int, int]:
        """Return the bytes of shared memory, and how many of them are in use."""
        return self._pool.usage()

    # --- operations ---

    def operations(self) -> dict[str, str]:
        """Return the operations that the server knows, each with a line that explains it."""
        self._require_open()
        return {op.name: op.summary for op in self._link.connection.operations()}

    def run(
        self,
        operation: str,
        tensors: Mapping[str, Any],
        *,
        continue_on_error: bool = False,
        progress_callback: Callable[[float], object] | None = None,
        threads: int | None = None,
        timeout: float | None = None,
        **options: Any,
    ) -> BatchResult[Any]:
        """Run any registered operation on a batch of tensors.

        Parameters
        ----------
        operation : str
            See `operations`.
        tensors : mapping of str to array_like, or to a tuple of them
            A tuple gives the inputs of an operation that takes several.
        continue_on_error : bool
            Whether a failed tensor leaves the others running; it then stands in ``errors``.
        progress_callback : callable, optional
            Called with a float that rises to 1.0, in this thread; a failure of it is logged once.
        threads : int, optional
            How many workers may work at once.
        timeout : float, optional
            Seconds, after which the batch is cancelled.
        **options
            The operation's own options.

        Returns
        -------
        BatchResult
            By name, in the order of ``tensors``: `QuantizedTensor` for ``quantize``, a pair for
            ``noop``, an ndarray where there is one output, else a dict of ndarrays.

        Raises
        ------
        TensorError
            If a tensor is not acceptable or failed.
        OptionError
            If the operation or an option is not acceptable.
        TimeoutError
            After the timeout; also the built-in one.
        ServerDied
            If the server ended; shared arrays are intact.
        """
        settings = self._settings(continue_on_error, threads, timeout)
        texts = (option_text(options),) if options else _NO_OPTIONS
        return self._run(operation, texts, None, tensors, settings, progress_callback)

    async def run_async(
        self,
        operation: str,
        tensors: Mapping[str, Any],
        *,
        continue_on_error: bool = False,
        threads: int | None = None,
        timeout: float | None = None,
        **options: Any,
    ) -> BatchResult[Any]:
        """Do the same as `run` in an event loop."""
        settings = self._settings(continue_on_error, threads, timeout)
        steps = self._run_steps(operation, (option_text(options),), None, tensors, settings)
        return await drive_async(self._ring, steps, settings.deadline)

    def submit(
        self,
        operation: str,
        tensors: Mapping[str, Any],
        *,
        continue_on_error: bool = False,
        threads: int | None = None,
        timeout: float | None = None,
        **options: Any,
    ) -> Future[BatchResult[Any]]:
        """Begin a batch and return at once; parameters as for `run`.

        Ordinary arrays are copied before it returns; shared arrays must not be changed until the
        batch has ended.
        """
        settings = self._settings(continue_on_error, threads, timeout)
        steps = self._run_steps(operation, (option_text(options),), None, tensors, settings)
        return Future(self._ring, steps, settings.deadline)

    def prepare(
        self,
        operation: str,
        tensors: Mapping[str, Any],
        *,
        continue_on_error: bool = False,
        threads: int | None = None,
        **options: Any,
    ) -> Prepared:
        """Validate a batch once, to run it any number of times; parameters as for `run`.

        Returns
        -------
        Prepared
            Shared arrays are read anew by each run; ordinary ones are copied anew.
        """
        settings = self._settings(continue_on_error, threads, None)
        batch = self._batch(operation, (option_text(options),), None, tensors, settings)
        prepared = drive(self._ring, self._executor.prepare(batch, settings), None, None)

        conclude = self._conclude(operation)

        def settings_of(timeout: float | None) -> Settings:
            return self._settings(continue_on_error, threads, timeout)

        return Prepared(self._executor, prepared, settings_of, conclude)

    def quantize_batch(
        self,
        tensors: Mapping[str, Any],
        scheme: str = "uniform",
        bit_width: int | None = None,
        group_size: int | str | None = None,
        overrides: Mapping[str, str] | None = None,
        continue_on_error: bool = False,
        progress_callback: Callable[[float], object] | None = None,
        threads: int | None = None,
        timeout: float | None = None,
        nonfinite: str = "error",
        *,
        importance: Mapping[str, Any] | None = None,
        activations: Mapping[str, Any] | None = None,
        timesteps: Mapping[str, Any] | None = None,
    ) -> BatchResult[QuantizedTensor]:
        """Quantize a batch of tensors.

        Parameters
        ----------
        tensors : mapping of str to array_like
            float32, float16, float64 or bfloat16, any rank and strides.
        scheme : str
            For example ``"q8_0"`` or ``"uniform:bits=4,group=128"``.
        bit_width : int, optional
            Short for the option ``bits`` of ``uniform``.
        group_size : int or str, optional
            Short for the option ``group`` of ``uniform``.
        overrides : mapping of str to str, optional
            Regular expression to scheme; the first one that matches a whole name decides.
        continue_on_error, progress_callback, threads, timeout
            See `run`.
        nonfinite : {"error", "clip"}
            What becomes of NaN and infinity.
        importance, activations, timesteps : mapping of str to array_like, optional
            For schemes that can use them, a float32 vector that goes with the tensor of that name:
            how much each column matters, the greatest magnitude that activations have in it, or
            the timestep of each row. A tensor can have one of them; the server refuses what the
            scheme doesn't take.

        Returns
        -------
        BatchResult of QuantizedTensor

        Raises
        ------
        BridgeError
            As for `run`.
        """
        settings = self._settings(continue_on_error, threads, timeout)
        chosen = quantize_options(tensors, scheme, bit_width, group_size, overrides, nonfinite)
        inputs = with_vectors(
            tensors, importance=importance, activations=activations, timesteps=timesteps
        )
        return self._run("quantize", *chosen, inputs, settings, progress_callback)

    async def quantize_batch_async(
        self,
        tensors: Mapping[str, Any],
        scheme: str = "uniform",
        bit_width: int | None = None,
        group_size: int | str | None = None,
        overrides: Mapping[str, str] | None = None,
        continue_on_error: bool = False,
        threads: int | None = None,
        timeout: float | None = None,
        nonfinite: str = "error",
        *,
        importance: Mapping[str, Any] | None = None,
        activations: Mapping[str, Any] | None = None,
        timesteps: Mapping[str, Any] | None = None,
    ) -> BatchResult[QuantizedTensor]:
        """Do the same as `quantize_batch` in an event loop."""
        settings = self._settings(continue_on_error, threads, timeout)
        chosen = quantize_options(tensors, scheme, bit_width, group_size, overrides, nonfinite)
        inputs = with_vectors(
            tensors, importance=importance, activations=activations, timesteps=timesteps
        )
        steps = self._run_steps("quantize", *chosen, inputs, settings)
        return await drive_async(self._ring, steps, settings.deadline)

    def quantize_file(
        self,
        source: PathLike,
        target: PathLike | None = None,
        scheme: str | None = None,
        overrides: Mapping[str, str] | None = None,
        *,
        nonfinite: str = "error",
        profile: str | None = None,
        min_cosine: float | None = None,
        min_sqnr: float | None = None,
        ladder: Sequence[str] | None = None,
        fail_fast: bool = False,
        skip: Sequence[str] | None = None,
        default_skips: bool = True,
        lora: Mapping[PathLike, float] | None = None,
        allow_unmatched: bool = False,
        calibration: PathLike | Mapping[str, Any] | None = None,
        policy: str = "auto",
        metadata: Mapping[str, str] | None = None,
        max_shard_size: int | str | None = None,
        threads: int | None = None,
        memory_limit: int | str | None = None,
        continue_on_error: bool = False,
        quality: bool = False,
        report: PathLike | None = None,
        progress_callback: Callable[[float], object] | None = None,
        timeout: float | None = None,
    ) -> FileResult:
        """Quantize a model file, as ``tensorbridge quantize`` does: in a process of its own.

        The new file appears whole or not at all. A server that this bridge joined has no part in
        it, because servers open no files for their clients.

        Parameters
        ----------
        source : path
            ``.safetensors``, ``.safetensors.index.json``, ``.gguf``, ``.npz`` or ``.arrow``.
        target : path, optional
            Its ending decides the format; by default the file stands beside ``source``, with the
            scheme in its name.
        scheme : str, optional
            For example ``"q4_k"``; by default that of the profile, else ``"q8_0"``.
        overrides : mapping of str to str, optional
            Regular expression (of RE2) to scheme; the first one that matches a whole name
            decides.
        nonfinite : {"error", "clip"}
            What becomes of NaN and infinity.
        profile : {"edge", "local", "cloud"}, optional
            A scheme and a least cosine, which other parameters override.
        min_cosine, min_sqnr : float, optional
            A tensor that is less like its original (cosine, or decibels) gets more bits.
        ladder : sequence of str, optional
            The schemes that it gets, one after the other; each scheme has its own ladder.
        fail_fast : bool
            Whether such a tensor is an error instead.
        skip : sequence of str, optional
            Regular expressions for whole names of tensors that stay as they are.
        default_skips : bool
            Whether what is usually kept stays as it is: norms, position embeddings, heads.
        lora : mapping of path to float, optional
            Adapters that are merged before quantizing, in this order, and their strengths.
        allow_unmatched : bool
            Whether their modules that fit no tensor are left out; ``warnings`` names them.
        calibration : path, or mapping of str to array_like, optional
            For schemes that can use it, a float32 vector for each tensor's name: how much each
            column matters, the greatest magnitude that activations have in it, or the timestep of
            each row. A file is ``.safetensors``, ``.npz``, or an importance matrix of llama.cpp.
        policy : {"auto", "none", "controlnet"}
            Whether the parts that a ControlNet is sensitive in stay as they are; ``"auto"`` goes by
            the names of the tensors.
        metadata : mapping of str to str, optional
            Added to that of the file, or replacing it.
        max_shard_size : int or str, optional
            Bytes or, for example, ``"2GiB"``: the most that a shard of the target takes.
        threads : int, optional
            How many work at once; by default as for this bridge.
        memory_limit : int or str, optional
            Bytes or, for example, ``"1GiB"`` for the process, mapped files not counted; by
            default 512 MiB.
        continue_on_error : bool
            Whether a tensor that fails is left out; it then stands in ``failures``.
        quality : bool
            Whether to measure each tensor while it is quantized.
        report : path, optional
            Where to write a page of figures.
        progress_callback : callable, optional
            Called with a float that rises to 1.0, in this thread; a failure of it is logged once.
        timeout : float, optional
            Seconds, after which the work is ended. As after Ctrl-C, this returns when the process
            has ended and its unfinished files are gone.

        Returns
        -------
        FileResult

        Raises
        ------
        FormatError
            If a file breaks a rule of its format, or can't be read or written.
        TensorError
            If a tensor can't be quantized.
        OptionError
            If an option is not acceptable, or the target can't hold the scheme.
        TimeoutError
            After the timeout.
        ServerDied
            If the process was ended by someone else; ``log`` has its last words.
        """
        self._require_open()
        options: dict[str, Any] = {
            "scheme": scheme,
            "override": overrides,
            "nonfinite": nonfinite,
            "profile": profile,
            "min_cosine": min_cosine,
            "min_sqnr": min_sqnr,
            "ladder": None if ladder is None else ";".join(ladder),
            "fail_fast": fail_fast,
            "skip": None if skip is None else list(skip),
            "no_default_skips": not default_skips,
            "lora": [f"{os.fspath(path)}:{scale!r}" for path, scale in (lora or {}).items()],
            "allow_unmatched": allow_unmatched,
            "policy": None if policy == "auto" else policy,
            "metadata": metadata,
            "max_shard_size": max_shard_size,
            "threads": threads if threads is not None else self._threads or None,
            "memory_limit": memory_limit,
            "continue_on_error": continue_on_error,
            "quality": quality,
            "report": None if report is None else os.fspath(report),
        }
        with calibration_file(calibration) as path:
            options["calibration"] = path
            return quantize_file(
                source,
                target,
                options=options,
                progress_callback=progress_callback,
                timeout=timeout,
            )

    def dequantize(self, tensor: QuantizedTensor) -> npt.NDArray[np.float32]:
        """Return what a quantized tensor's stored values stand for, as float32."""
        inputs = tuple(tensor.parts.values())
        result = self.run(
            "dequantize",
            {tensor.name: inputs},
            scheme=tensor.scheme,
            shape=",".join(map(str, tensor.shape)),
        )
        array: npt.NDArray[np.float32] = result[tensor.name]
        return array

    # --- inside ---

    def _require_open(self) -> None:
        if self._link.closed or self._link.connection.failed:
            raise self._link.connection.failure()

    def _settings(
        self, continue_on_error: bool, threads: int | None, timeout: float | None
    ) -> Settings:
        if self._link.closed:
            raise self._link.connection.failure()
        if threads is timeout is None and not continue_on_error:
            return self._default_settings
        if threads is not None and threads < 1:
            raise OptionError(f"threads={threads} is less than 1", ErrorCode.BAD_OPTION)
        if timeout is None:
            return Settings(continue_on_error, threads or self._threads)
        if not timeout > 0:
            raise OptionError(f"timeout={timeout} is not above 0", ErrorCode.BAD_OPTION)
        return Settings(
            continue_on_error,
            threads or self._threads,
            min(int(timeout * 1e9) or 1, (1 << 62)),
            time.monotonic() + timeout,
        )

    def _run(
        self,
        operation: str,
        option_sets: tuple[str, ...],
        set_indices: list[int] | None,
        tensors: Mapping[str, Any],
        settings: Settings,
        progress_callback: Callable[[float], object] | None,
    ) -> BatchResult[Any]:
        """Run a batch and wait for it in this thread."""
        if progress_callback is not None:
            steps = self._run_steps(operation, option_sets, set_indices, tensors, settings)
            return drive(self._ring, steps, settings.deadline, progress_callback)
        batch = self._batch(operation, option_sets, set_indices, tensors, settings)
        conclude = self._conclude(operation)
        if not batch.names:
            return conclude(Outcome.empty(batch))
        return self._executor.call(batch, settings, conclude)

    def _run_steps(
        self,
        operation: str,
        option_sets: tuple[str, ...],
        set_indices: list[int] | None,
        tensors: Mapping[str, Any],
        settings: Settings,
    ) -> Steps[BatchResult[Any]]:
        batch = self._batch(operation, option_sets, set_indices, tensors, settings)
        conclude = self._conclude(operation)
        if not batch.names:
            return _at_once(conclude(Outcome.empty(batch)))
        return self._executor.run(batch, settings, conclude)

    def _batch(
        self,
        operation: str,
        option_sets: tuple[str, ...],
        set_indices: list[int] | None,
        tensors: Mapping[str, Any],
        settings: Settings,
    ) -> Batch:
        """Describe the inputs."""
        names = list(tensors)
        values = list(tensors.values())
        if len(values) == 1:
            one = self._catalog.lookup(values[0])
            if one is not None:
                known = [one.types], [one.descriptor]
                return Batch(operation, option_sets, names, set_indices, *known, values)
        elif values:
            series = self._catalog.lookup_all(values)
            if series is not None:
                known = series.types, series.descriptors
                batch = Batch(operation, option_sets, names, set_indices, *known, values)
                batch.made = series.made
                return batch
        chosen: list[int] = []
        batch = Batch(operation, option_sets, [], chosen, [], [], [])
        staged: list[Staged] = []
        batch.staged = staged
        errors: dict[str, TensorError] = {}
        for i, (name, value) in enumerate(zip(names, values, strict=True)):
            try:
                self._add(batch, name, value, staged, settings.deadline)
            except TensorError as error:
                if not settings.continue_on_error:
                    raise
                errors[name] = error
            else:
                chosen.append(set_indices[i] if set_indices else 0)
        batch.errors = errors
        return batch

    def _add(
        self,
        batch: Batch,
        name: str,
        value: Any,
        staged: list[Staged],
        deadline: float | None,
    ) -> None:
        type_ids: list[int] = []
        descriptors = []
        for part in value if isinstance(value, (tuple, list)) else (value,):
            described = self._catalog.lookup(part)
            if described is None:
                described, keep = self._catalog.describe(name, part, deadline, staged)
                batch.keep.append(keep)
            else:
                batch.keep.append(part)
            type_ids.extend(described.types)
            descriptors.append(described.descriptor)
        batch.names.append(name)
        batch.type_ids.append(tuple(type_ids))
        batch.descriptors.append(b"".join(descriptors))

    def _conclude(self, operation: str) -> Callable[[Outcome], BatchResult[Any]]:
        if operation == "noop":
            return partial(FirstAndLast, self._catalog.types)
        if operation == "quantize":
            return self._quantized
        return _arrays

    def _quantized(self, outcome: Outcome) -> BatchResult[QuantizedTensor]:
        return BatchResult(outcome, self._build_quantized)

    def _build_quantized(self, outcome: Outcome, index: int) -> QuantizedTensor:
        placed = outcome.placed(index)
        source = self._catalog.types[outcome.type_ids[index][0]]
        return QuantizedTensor(
            self,
            outcome.names[index],
            placed.plan.label,
            source.shape,
            CODES[source.dtype][0],
            arrays_of(placed),
        )


def _serve_arguments(threads: int | None, memory: int) -> list[str]:
    """Return what a private server is told: it may use what this process may use."""
    arguments = ["--max-bytes", str(memory)]
    return arguments if threads is None else [*arguments, "--threads", str(threads)]


def _at_once(result: T) -> Steps[T]:
    """Give a result that needs no step."""
    return result
    yield  # makes it a generator


def _arrays(outcome: Outcome) -> BatchResult[Any]:
    return BatchResult(outcome, _build_arrays)


def _build_arrays(outcome: Outcome, index: int) -> Any:
    placed = outcome.placed(index)
    if not placed.plan.outputs:
        return outcome.status.value(index)
    arrays = arrays_of(placed)
    return next(iter(arrays.values())) if len(arrays) == 1 else arrays


def _sharing_dtype(source: npt.NDArray[Any]) -> np.dtype[Any]:
    return source.dtype.newbyteorder("<") if source.dtype.byteorder == ">" else source.dtype


def _close(link: Link, pool: Pool) -> None:
    link.close()
    pool.close()


_bridges: weakref.WeakSet[Bridge] = weakref.WeakSet()
_watching = False


def _watch_forks(bridge: Bridge) -> None:
    global _watching
    _bridges.add(bridge)
    if not _watching:
        _watching = True
        os.register_at_fork(after_in_child=_after_fork)


def _after_fork() -> None:
    """Close the parent's descriptors in the child, without locks: their owners are not here."""
    renew_lock()
    for bridge in list(_bridges):
        bridge._pool.close()
        if not bridge._link.closed:
            bridge._link.forget_parent()
            bridge._finalizer.detach()
    _bridges.clear()
