"""Whole model files, quantized by the command line tool in a process of its own.

A server never opens a path that a client names, so the tool runs as a child of this process, with
its rights and its working directory. It ends when this process does.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from .child import Child, Ended
from .driver import Progress
from .errors import (
    BridgeError,
    ErrorCode,
    FormatError,
    OptionError,
    ServerDied,
    TimeoutError,
    error_of,
)
from .launcher import find_jar, find_jdk, java_command

__all__ = ["FileResult", "FileTensor", "calibration_file", "quantize_file"]

PathLike: TypeAlias = str | os.PathLike[str]


@dataclass(frozen=True)
class FileTensor:
    """One tensor of a file that was written.

    Attributes
    ----------
    name : str
    shape : tuple of int
    source : str
        Its dtype or scheme in the file that was read.
    stored : str
        Its dtype or scheme in the file that was written.
    nbytes : int
        What it takes there.
    note : str
        Why it is stored otherwise than asked for, or empty.
    raised_from : str or None
        The scheme that missed the limits of quality, if that is why it got more bits.
    quality : dict of str to float, or None
        ``sqnr_db``, ``cosine`` and ``max_abs_error``, if they were measured; infinity or NaN is
        left out.
    survival : float or None
        The share of the adapters' effect that is left, if any were merged into the tensor.
    """

    name: str
    shape: tuple[int, ...]
    source: str
    stored: str
    nbytes: int
    note: str
    raised_from: str | None
    quality: dict[str, float] | None
    survival: float | None


@dataclass(frozen=True)
class FileResult:
    """What became of a model file.

    Attributes
    ----------
    path : str
        The file that was written.
    tensors : tuple of FileTensor
        In the order of the file that was read; those that failed are not among them.
    failures : dict of str to BridgeError
        Tensors that were left out, if the work was to go on.
    warnings : tuple of str
    quality : dict of str to float, or None
        Of all quantized tensors together, if it was measured.
    survival : float or None
        Of the adapters in all tensors together, if any were merged; see ``docs/lora.md``.
    input_bytes, output_bytes : int
        Of the tensors, as read and as written.
    seconds : float
        Of the work, without the start of the process.
    """

    path: str
    tensors: tuple[FileTensor, ...]
    failures: dict[str, BridgeError]
    warnings: tuple[str, ...]
    quality: dict[str, float] | None
    survival: float | None
    input_bytes: int
    output_bytes: int
    seconds: float


@contextlib.contextmanager
def calibration_file(calibration: PathLike | Mapping[str, Any] | None) -> Iterator[str | None]:
    """Give the path of a file of vectors; those of a mapping are written to one that goes again.

    Raises
    ------
    OptionError
        If a value of the mapping is no vector of floats.
    """
    if not isinstance(calibration, Mapping):
        yield None if calibration is None else _path("calibration", calibration)
        return
    vectors = {}
    for name, vector in calibration.items():
        try:
            vectors[name] = np.asarray(vector, np.float32)
        except (TypeError, ValueError) as error:
            raise OptionError(
                f'calibration of "{name}" is no vector of floats: {error}', ErrorCode.BAD_OPTION
            ) from None
    with tempfile.TemporaryDirectory(prefix="tensorbridge-") as directory:
        path = os.path.join(directory, "calibration.npz")
        with zipfile.ZipFile(path, "w") as archive:
            for name, vector in vectors.items():
                with archive.open(name + ".npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, vector, allow_pickle=False)
        yield path


def quantize_file(
    source: PathLike,
    target: PathLike | None = None,
    *,
    options: Mapping[str, Any],
    progress_callback: Callable[[float], object] | None,
    timeout: float | None,
) -> FileResult:
    """Run the command line tool on a file; see `Bridge.quantize_file`.

    Parameters
    ----------
    source, target : path
    options : mapping of str to object
        By the names of the tool's options without dashes: None and False leave one out, True
        stands for a flag, a mapping or a list for an option that is repeated.
    progress_callback, timeout
        See `Bridge.quantize_file`.
    """
    if timeout is not None and not timeout > 0:
        raise OptionError(f"timeout={timeout} is not above 0", ErrorCode.BAD_OPTION)
    deadline = None if timeout is None else time.monotonic() + timeout
    command = [*java_command(find_jdk(), find_jar()), "quantize", "--json", "--end-with-parent"]
    command += ["--progress", "none" if progress_callback is None else "json"]
    for name, value in options.items():
        command += _words(name, value)
    if target is not None:
        command += ["--output", _path("target", target)]
    command += ["--", _path("source", source)]
    progress = None if progress_callback is None else Progress(progress_callback, "the work")

    def look(line: str) -> None:
        done = _done(line)
        if progress is not None and done is not None:
            progress.report(min(done, 0.999))

    with Child(command) as child:
        ended = child.wait(deadline, look)
    if ended is None:
        raise TimeoutError(f"{os.fspath(source)!r} was not quantized within {timeout} s")
    result = _result(ended)
    if progress is not None:
        progress.report(1.0)
    return result


def _done(line: str) -> float | None:
    """Return how far a line says that the work is; None if it is cut off, or there is none."""
    try:
        facts = json.loads(line)
    except ValueError:
        return None
    total = facts["total_bytes"]
    done: float | None = facts["done_bytes"] / total if total else None
    return done


def _words(name: str, value: Any) -> Iterable[str]:
    option = "--" + name.replace("_", "-")
    if value is None or value is False:
        return []
    if value is True:
        return [option]
    if isinstance(value, Mapping):
        value = [f"{key}={text}" for key, text in value.items()]
    elif not isinstance(value, (list, tuple)):
        value = [value]
    words = [f"{option}={text}" for text in value]
    for word in words:
        if "\0" in word:
            raise OptionError(f"{word!r} holds a zero byte", ErrorCode.BAD_OPTION)
    return words


def _path(what: str, path: PathLike) -> str:
    text = os.fspath(path)
    if not isinstance(text, str) or not text or "\0" in text:
        raise OptionError(f"{what}={path!r} is no name of a file", ErrorCode.BAD_OPTION)
    return text


def _result(ended: Ended) -> FileResult:
    try:
        document = json.loads(ended.output)
    except ValueError:
        raise ServerDied(
            f"the command line tool (pid {ended.pid}) {ended.how} and gave no result; repeat the "
            "work",
            ended.log,
        ) from None
    if "error" in document:
        raise _failure(document["error"])
    raised = {entry["name"]: entry["from"] for entry in document["raised"]}
    failures = {name: _failure(facts) for name, facts in document["failures"].items()}
    return FileResult(
        path=document["output"],
        tensors=tuple(
            _tensor(facts, raised.get(facts["name"]))
            for facts in document["tensors"]
            if facts["name"] not in failures
        ),
        failures=failures,
        warnings=tuple(document["warnings"]),
        quality=_quality(document.get("quality")),
        survival=document.get("adapters", {}).get("survival"),
        input_bytes=document["input_bytes"],
        output_bytes=document["output_bytes"],
        seconds=document["seconds"],
    )


def _tensor(facts: Mapping[str, Any], raised_from: str | None) -> FileTensor:
    return FileTensor(
        name=facts["name"],
        shape=tuple(facts["shape"]),
        source=facts["from"],
        stored=facts["to"],
        nbytes=facts["bytes"],
        note=facts.get("note", ""),
        raised_from=raised_from,
        quality=_quality(facts),
        survival=facts.get("survival"),
    )


def _quality(facts: Mapping[str, Any] | None) -> dict[str, float] | None:
    if facts is None or "cosine" not in facts:
        return None
    figures = {key: facts[key] for key in ("sqnr_db", "cosine", "max_abs_error")}
    return {key: value for key, value in figures.items() if value is not None}


def _failure(facts: Mapping[str, Any]) -> BridgeError:
    """Return the exception for a failure that the tool tells."""
    error = error_of(
        facts["code"],
        facts.get("reason", facts["message"]),
        facts.get("tensor", ""),
        facts.get("index"),
    )
    if isinstance(error, FormatError):
        # The message names the byte already.
        error.offset = facts.get("offset")
        error.rule = facts.get("rule") or error.rule
    return error
