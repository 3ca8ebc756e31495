"""The legacy contender: one call a layer, arrays as Python lists.

The honest twin of a list-converting binding: ``arr.tolist()``, ``struct.pack`` of the list, the
bytes through a Unix socket to the same server, copied there into a ``float[]``, quantized by the
same kernel, and the answer turned back into a Python list.

Request: ``u32`` length of the scheme, the scheme, ``u64`` rows, ``u64`` row length, float32s.
Answer: ``u32`` 0 or 1, ``u32`` parts, and for each ``u64`` length and its bytes: the encoded
elements, then scales and zero points as float32 where the scheme stores them apart; or the text of
a failure.
"""

from __future__ import annotations

import math
import socket
import struct
from collections.abc import Iterator
from types import TracebackType

import numpy as np
import numpy.typing as npt

# struct.pack copies its arguments: a whole layer at once would need their memory again.
_PIECE_ELEMENTS = 1 << 20


def packed(head: bytes, values: list[float]) -> Iterator[bytes]:
    """Pack a list behind a head, in pieces of a million elements.

    Parameters
    ----------
    head : bytes
        What goes before the elements, in the same piece as the first of them.
    values : list of float
        What ``ndarray.tolist`` gave.

    Yields
    ------
    bytes
        The next piece of the request.
    """
    for begin in range(0, max(1, len(values)), _PIECE_ELEMENTS):
        whole = len(values) <= _PIECE_ELEMENTS
        piece = values if whole else values[begin : begin + _PIECE_ELEMENTS]
        yield head + struct.pack(f"<{len(piece)}f", *piece)
        head = b""


class LegacyClient:
    """A connection to the legacy endpoint of a server (``tensorbridge serve --legacy-socket``)."""

    def __init__(self, path: str) -> None:
        """Connect to the endpoint at ``path``."""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.connect(path)

    def quantize(self, array: npt.NDArray[np.float32], scheme: str) -> list[int]:
        """Quantize one layer and keep the encoded elements only.

        Parameters
        ----------
        array : ndarray of float32
            The layer; a convolution is flattened to a row for each output channel.
        scheme : str
            For example ``q8_0``.

        Returns
        -------
        list of int
            The encoded bytes.

        Raises
        ------
        ValueError
            If the server refuses the layer.
        """
        encoded, _ = self.quantize_parts(array, scheme)
        return encoded

    def quantize_parts(
        self, array: npt.NDArray[np.float32], scheme: str
    ) -> tuple[list[int], list[list[float]]]:
        """Quantize one layer.

        Parameters
        ----------
        array, scheme
            See `quantize`.

        Returns
        -------
        tuple of (list of int, list of list)
            The encoded bytes; scales and zero points where the scheme stores them apart.

        Raises
        ------
        ValueError
            If the server refuses the layer.
        """
        rows = array.shape[0] if array.ndim > 1 else 1
        columns = math.prod(array.shape) // max(1, rows)
        values = array.reshape(-1).tolist()
        name = scheme.encode()
        head = struct.pack(f"<I{len(name)}sQQ", len(name), name, rows, columns)
        for piece in packed(head, values):
            self._socket.sendall(piece)
        del values
        failed, count = struct.unpack("<II", self._receive(8))
        parts = [self._receive(*struct.unpack("<Q", self._receive(8))) for _ in range(count)]
        if failed:
            raise ValueError(parts[0].decode())
        apart = [list(struct.unpack(f"<{len(part) // 4}f", part)) for part in parts[1:]]
        return list(parts[0]), apart

    def _receive(self, length: int) -> bytearray:
        buffer = bytearray(length)
        view = memoryview(buffer)
        while view:
            count = self._socket.recv_into(view)
            if count == 0:
                raise ConnectionError("the server closed the legacy connection")
            view = view[count:]
        return buffer

    def close(self) -> None:
        """End the connection."""
        self._socket.close()

    def __enter__(self) -> LegacyClient:
        """Give the client."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the connection."""
        self.close()
