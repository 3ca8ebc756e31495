"""Servers that contenders of a launch share; each ends with the launch."""

from __future__ import annotations

import contextlib
import socket
import struct
import subprocess
import tempfile
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

import tensorbridge as tb
from tensorbridge.demo.__main__ import serve_both
from tensorbridge.demo.legacy import LegacyClient, packed

from .benchmark import Launch
from .stages import java_command

_TOUCH_SERVER = "io.tensorbridge.benches.peer.TouchServer"
# The collector of our own server, and room for two arrays and a buffer of 400 MB.
_TOUCH_FLAGS = ("-XX:+UseSerialGC", "-XX:-UsePerfData", "-Xmx2g")
_NEW_ARRAY, _KEPT_BUFFER = 0, 1


def bridge(launch: Launch) -> tb.Bridge:
    """Open the bridge of a launch, with a server of its own."""
    return launch.shared("bridge", lambda: launch.enter(tb.open()))


def legacy_client(launch: Launch) -> LegacyClient:
    """Open the legacy connection of a launch.

    Its server is another process than the bridge's: kernels that have seen arrays on the Java heap
    are compiled differently, and neither side shall bear what the other does.
    """

    def make() -> LegacyClient:
        _, path = launch.enter(fresh_server())
        return launch.enter(LegacyClient(path))

    return launch.shared("legacy client", make)


def touch_client(launch: Launch) -> TouchClient:
    """Open the connection of a launch to a server that reads two elements."""

    def make() -> TouchClient:
        return launch.enter(TouchClient(launch.enter(_touch_server())))

    return launch.shared("touch client", make)


@contextlib.contextmanager
def fresh_server() -> Iterator[tuple[str, str]]:
    """Run a server that can be entered both ways.

    Yields
    ------
    tuple of str
        Path of the bridge's socket, and of the legacy endpoint.
    """
    with (
        tempfile.TemporaryDirectory(prefix="tensorbridge-") as folder,
        serve_both(folder) as paths,
    ):
        yield paths


@contextlib.contextmanager
def _touch_server() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="tensorbridge-") as folder:
        path = f"{folder}/touch.sock"
        with subprocess.Popen(
            java_command(_TOUCH_SERVER, path, flags=_TOUCH_FLAGS),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as process:
            # It ends with its input, which ends with this context.
            if process.stdout is None or process.stdout.readline() != b"ready\n":
                raise RuntimeError(f"{_TOUCH_SERVER} did not start; its error output says why")
            yield path


class TouchClient:
    """Sends arrays through a stream socket to ``TouchServer``; see there for the packets.

    Attributes
    ----------
    path : str
        Where the server listens.
    """

    def __init__(self, path: str) -> None:
        """Connect to the server at ``path``."""
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.connect(path)

    def touch_list(self, array: npt.NDArray[np.float32]) -> list[float]:
        """Send an array as a list-converting binding does, into a ``float[]``.

        Returns
        -------
        list of float
            First and last element, as the JVM read them.
        """
        values = array.reshape(-1).tolist()
        for piece in packed(_head(_NEW_ARRAY, array), values):
            self._socket.sendall(piece)
        return list(self._answer())

    def touch_bytes(self, array: npt.NDArray[np.float32]) -> tuple[float, float]:
        """Send the bytes of a contiguous array, into a buffer that the server keeps.

        Returns
        -------
        tuple of float
            First and last element, as the JVM read them.
        """
        self._socket.sendall(_head(_KEPT_BUFFER, array))
        self._socket.sendall(array.reshape(-1).view(np.uint8).data)
        return self._answer()

    def _answer(self) -> tuple[float, float]:
        answer = self._socket.recv(8, socket.MSG_WAITALL)
        if len(answer) < 8:
            raise ConnectionError(f"{_TOUCH_SERVER} gave up; its error output says why")
        first, last = struct.unpack("<2f", answer)
        return first, last

    def __enter__(self) -> TouchClient:
        """Give the client."""
        return self

    def __exit__(self, *raised: object) -> None:
        """End the connection."""
        self._socket.close()


def _head(way: int, array: npt.NDArray[np.float32]) -> bytes:
    return struct.pack("<IQ", way, array.nbytes)
