"""A process that changes shared memory while a server reads it.

It gets memory over a socket, one at a time, changes it until it is told to stop, and answers. Most
changes are taken back at once, so that whoever reads twice sees both.
"""

from __future__ import annotations

import json
import mmap
import os
import random
import socket
import subprocess
import sys
from pathlib import Path


class Flipper:
    """The process, from the outside."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__)), str(theirs.fileno())], pass_fds=[theirs.fileno()]
        )
        theirs.close()
        self._running = False

    def start(self, fd: int, begin: int, end: int, seed: int) -> None:
        """Change the bytes from ``begin`` to ``end`` of a memory file until `stop`."""
        self.stop()
        task = {"begin": begin, "end": end, "seed": seed}
        socket.send_fds(self._socket, [json.dumps(task).encode()], [fd])
        self._socket.recv(16)
        self._running = True

    def stop(self) -> None:
        """Return when nothing is changed any more."""
        if self._running:
            self._running = False
            self._socket.send(b"stop")
            self._socket.recv(16)

    def close(self) -> None:
        """End the process."""
        self._socket.close()
        self._process.wait()


def _flip(memory: mmap.mmap, rng: random.Random, begin: int, end: int) -> None:
    for _ in range(2000):
        at = rng.randrange(begin, end)
        old = memory[at]
        memory[at] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, old ^ 1 << rng.randrange(8)))
        if rng.random() < 0.9:
            memory[at] = old


def main(number: int) -> None:
    """Serve the process at the other end of a socket."""
    sock = socket.socket(fileno=number)
    while True:
        packet, fds, _, _ = socket.recv_fds(sock, 4096, 1)
        if not packet:
            return
        task = json.loads(packet)
        with mmap.mmap(fds[0], 0) as memory:
            os.close(fds[0])
            rng = random.Random(task["seed"])
            sock.send(b"started")
            sock.setblocking(False)
            while True:
                _flip(memory, rng, task["begin"], task["end"])
                try:
                    if not sock.recv(16):
                        return
                    break
                except BlockingIOError:
                    continue
            sock.setblocking(True)
        sock.send(b"stopped")


if __name__ == "__main__":
    main(int(sys.argv[1]))
