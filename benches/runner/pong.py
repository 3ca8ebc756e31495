"""A JVM that gives back what it is given: what a crossing costs with nothing around it."""

from __future__ import annotations

import contextlib
import mmap
import os
import select
import socket
import subprocess
import threading

from tensorbridge import wire
from tensorbridge.regions import create_memory

from .benchmark import Launch
from .stages import java_command

_PONG = "io.tensorbridge.benches.peer.Pong"
# Where `Pong` looks, in words of 32 bits.
_ASKED, _ANSWERED, _SLEEPS = 0, 16, 32


class Pong:
    """The other process, and both ways to it; see the class of the same name in Java."""

    def __init__(self) -> None:
        """Start it and hand over the memory and the doorbells."""
        with contextlib.ExitStack() as undo:
            fd, memory = create_memory(mmap.PAGESIZE, wire.READWRITE)
            undo.callback(os.close, fd)
            self._words = memoryview(memory).cast("I")
            self._bells = [os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC) for _ in range(3)]
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            undo.callback(theirs.close)
            self._socket = ours
            self._process = subprocess.Popen(
                java_command(_PONG, str(theirs.fileno())),
                pass_fds=[theirs.fileno()],
                stdout=subprocess.PIPE,
            )
            socket.send_fds(ours, [b"!"], [fd, *self._bells])
            if self._process.stdout is None or self._process.stdout.readline() != b"ready\n":
                raise RuntimeError(f"{_PONG} did not start; its error output says why")
        self._poll = select.poll()
        self._poll.register(self._bells[2], select.POLLIN)
        self._fence = threading.Lock()
        self._asked = 0

    def through_memory(self) -> None:
        """Change a word, and look until the other process has changed its own."""
        words = self._words
        asked = self._asked = (self._asked + 1) & 0xFFFFFFFF
        words[_ASKED] = asked
        with self._fence:
            pass
        if words[_SLEEPS]:
            os.eventfd_write(self._bells[0], 1)
        while words[_ANSWERED] != asked:
            pass

    def through_eventfds(self) -> None:
        """Ring, and sleep until the other process rings back."""
        os.eventfd_write(self._bells[1], 1)
        self._poll.poll()
        os.eventfd_read(self._bells[2])

    def __enter__(self) -> Pong:
        """Give the connection."""
        return self

    def __exit__(self, *raised: object) -> None:
        """End the other process."""
        self._socket.close()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        for bell in self._bells:
            os.close(bell)


def pong(launch: Launch) -> Pong:
    """Start the process of a launch."""
    return launch.shared("pong", lambda: launch.enter(Pong()))
