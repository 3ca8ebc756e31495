"""A generation as a model file."""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import numpy as np
import numpy.typing as npt

from ..batches import Settings
from ..driver import BatchProgress, drive
from ..errors import ErrorCode, FormatError, OptionError, TimeoutError
from ..files import PathLike
from .base import Base
from .calls import FileHead, write_head
from .generations import Generation, Layer
from .home import Home
from .sources import text_of

__all__ = ["save"]

_CONTAINERS = {".gguf": "gguf", ".safetensors": "safetensors"}
_PIECE_BYTES = 64 << 20


def save(
    home: Home,
    base: Base,
    generation: Generation,
    path: PathLike,
    scheme: str,
    metadata: Mapping[str, str],
    settings: Settings,
    progress: BatchProgress | None,
) -> None:
    """Write a generation; see `Session.save`."""
    target = text_of(path)
    container = _CONTAINERS.get(os.path.splitext(target)[1].lower())
    if container is None:
        raise OptionError(
            f"{target}: a session is saved as one of {', '.join(_CONTAINERS)}",
            ErrorCode.BAD_OPTION,
        )
    document = {
        "container": container,
        "scheme": scheme,
        "tensors": [_entry(layer, base) for layer in generation.layers.values()],
        "metadata": dict(metadata),
    }
    model = [home.inputs.text(json.dumps(document, ensure_ascii=False).encode())]
    for tensor in generation.values():
        parts = list(tensor.parts.values())
        model.extend([home.inputs.array(tensor.name, part) for part in parts[1:]])
    steps = write_head(home.executor, model, settings)
    head = drive(home.ring, steps, settings.deadline, None)
    try:
        _write(target, head, generation, settings, progress)
    except OSError as error:
        raise FormatError(None, f"{target}: {error.strerror}", ErrorCode.FILE_IO) from error
    if progress is not None:
        progress.report(1.0)


def _entry(layer: Layer, base: Base) -> dict[str, Any]:
    """Tell of a tensor; what was merged was float32 before it was quantized."""
    tensor = layer.tensor
    source = "f32" if layer.state else base.tensors[tensor.name].encoding
    return {
        "name": tensor.name,
        "scheme": tensor.scheme,
        "shape": tensor.shape,
        "source": source,
    }


def _write(
    target: str,
    head: FileHead,
    generation: Generation,
    settings: Settings,
    progress: BatchProgress | None,
) -> None:
    folder, name = os.path.split(os.path.abspath(target))
    with _Nameless(folder, name) as file:
        os.ftruncate(file.fd, head.total)
        file.write(memoryview(head.head), 0)
        done = len(head.head)
        for place in head.parts:
            content = _content(place, head, generation)
            for at in range(0, len(content), _PIECE_BYTES):
                piece = content[at : at + _PIECE_BYTES]
                file.write(piece, place["offset"] + at)
                done += len(piece)
                if progress is not None:
                    progress.report(min(done / head.total, 0.999))
                if settings.deadline is not None and time.monotonic() >= settings.deadline:
                    raise TimeoutError(f"{target} was not written in time")
        file.name(target)


def _content(place: Mapping[str, Any], head: FileHead, generation: Generation) -> memoryview:
    if "rest" in place:
        return memoryview(head.rest)[place["rest"] : place["rest"] + place["bytes"]]
    content = _bytes_of(generation[place["tensor"]].parts[place["part"]])
    assert len(content) == place["bytes"]
    return content


def _bytes_of(array: npt.NDArray[Any]) -> memoryview:
    flat = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    return flat.data


class _Nameless:
    """A file without a name until it is complete; where there is no such thing, an odd name.

    See ``docs/decisions/temporary-files.md``.
    """

    def __init__(self, folder: str, name: str) -> None:
        self._passing = os.path.join(folder, f".{name}.{secrets.token_hex(8)}.tmp")
        self._named = False
        self._folder = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            self.fd = os.open(folder, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o666)
        except OSError:
            self.fd = self._open_named()
            self._named = True

    def _open_named(self) -> int:
        flags = os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC
        try:
            return os.open(self._passing, flags, 0o666)
        except OSError:
            os.close(self._folder)
            raise

    def write(self, content: memoryview, offset: int) -> None:
        """Write bytes at an offset."""
        done = 0
        while done < len(content):
            done += os.pwrite(self.fd, content[done:], offset + done)

    def name(self, target: str) -> None:
        """Give the complete file its name, in the place of another one."""
        if not self._named:
            with suppress(FileExistsError):
                self._link(target)
                return
            self._link(self._passing)
            self._named = True
        os.replace(self._passing, target)
        self._named = False

    def _link(self, path: str) -> None:
        # With a folder's descriptor Python calls linkat, which follows the link of /proc.
        os.link(f"/proc/self/fd/{self.fd}", path, src_dir_fd=self._folder, follow_symlinks=True)

    def __enter__(self) -> _Nameless:
        return self

    def __exit__(self, *error: object) -> None:
        os.close(self.fd)
        os.close(self._folder)
        if self._named:
            with suppress(OSError):
                os.unlink(self._passing)
