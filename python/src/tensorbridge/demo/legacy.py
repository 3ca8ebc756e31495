"""The legacy contender: one call a layer, arrays as Python lists.

The honest twin of a list-converting binding: ``arr.tolist()``, ``struct.pack`` of the list, the
bytes through a Unix socket to the same server, copied there into a ``float[]``, quantized by the
same kernel, and the answer turned back into a Python list.

Request: ``u32`` length of the scheme, the scheme, ``u64`` rows, ``u64`` row length, float32s.
Answer: ``u32`` 0 or 1, ``u64`` length, the quantized bytes or the text of a failure.
"""

from __future__ import annotations

import math
import socket
import struct
from types import TracebackType

import numpy as np
import numpy.typing as npt


class LegacyClient:
    """A connection to the legacy endpoint of a server (``tensorbridge serve --legacy-socket``)."""

    def __init__(self, path: str) -> None:
        """Connect to the endpoint at ``path``."""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.connect(path)

    def quantize(self, array: npt.NDArray[np.float32], scheme: str) -> list[int]:
        """Quantize one layer.

        Parameters
        ----------
        array : ndarray of float32
            The layer; a convolution is flattened to a row for each output channel.
        scheme : str
            A scheme with a single part, for example ``q8_0``.

        Returns
        -------
        list of int
            The quantized bytes.

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
        self._socket.sendall(head + struct.pack(f"<{len(values)}f", *values))
        failed, length = struct.unpack("<IQ", self._receive(12))
        answer = self._receive(length)
        if failed:
            raise ValueError(answer.decode())
        return list(answer)

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
