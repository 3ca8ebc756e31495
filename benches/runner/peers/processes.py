"""The processes of receivers: each ends with the context that started it, or with its parent."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from tensorbridge.errors import ResourceError
from tensorbridge.launcher import Jdk, find_jdk

from ..benchmark import Unavailable
from ..stages import LIB, java_command

_END_SECONDS = 10.0


@contextlib.contextmanager
def receiver(serve: Callable[[Connection], None]) -> Iterator[Connection]:
    """Run a function of a module in a Python process of its own.

    Parameters
    ----------
    serve : callable
        Gets its end of a pipe and returns when that ends.

    Yields
    ------
    Connection
        Our end of the pipe.
    """
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=serve, args=(theirs,), daemon=True)
    process.start()
    theirs.close()
    try:
        yield ours
    finally:
        ours.close()
        process.join(_END_SECONDS)
        if process.exitcode is None:
            process.kill()
            process.join()
        process.close()


def answer_each(connection: Connection, answer: Callable[[Any], Any]) -> None:
    """Answer what comes through a pipe until it ends."""
    with contextlib.suppress(EOFError):
        while True:
            connection.send(answer(connection.recv()))


def end_with(connection: Connection) -> None:
    """End this process when the pipe ends, whatever library it waits in then."""

    def wait() -> None:
        with contextlib.suppress(EOFError):
            connection.recv()
        os._exit(0)

    threading.Thread(target=wait, daemon=True).start()


def _java_process(main: str, *arguments: str) -> subprocess.Popen[str]:
    try:
        command = java_command(main, *arguments)
    except (FileNotFoundError, ResourceError) as error:
        raise Unavailable(str(error)) from error
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )


@contextlib.contextmanager
def java_server(main: str, *arguments: str) -> Iterator[str]:
    """Run a class of the benches module, which serves until its input ends.

    Yields
    ------
    str
        The line it printed when it was ready.

    Raises
    ------
    Unavailable
        If the module is not built or no JDK is found.
    RuntimeError
        If it ends instead.
    """
    with _java_process(main, *arguments) as process:
        line = process.stdout.readline() if process.stdout else ""
        if not line:
            raise RuntimeError(f"{main} did not start; its error output says why")
        yield line.strip()


@contextlib.contextmanager
def java_conversation(main: str, *arguments: str) -> Iterator[Callable[[str], str]]:
    """Run a class of the benches module that answers each line of its input with a line.

    Yields
    ------
    callable
        Says a line and waits for the answer.

    Raises
    ------
    Unavailable
        If the module is not built or no JDK is found.
    RuntimeError
        If it ends instead.
    """
    with _java_process(main, *arguments) as process:

        def answer() -> str:
            line = process.stdout.readline() if process.stdout else ""
            if not line:
                raise RuntimeError(f"{main} ended; its error output says why")
            return line.strip()

        def ask(line: str) -> str:
            if process.stdin is None:
                raise RuntimeError(f"{main} has no input")
            process.stdin.write(line + "\n")
            return answer()

        answer()  # it is ready
        yield ask


def java_parts() -> tuple[Jdk, Path]:
    """Find what a library needs that starts a JVM itself.

    Returns
    -------
    tuple of Jdk and Path
        The runtime, and the folder of the jars.

    Raises
    ------
    Unavailable
        If the module is not built or no JDK is found.
    """
    try:
        java_command("")
        return find_jdk(), LIB
    except (FileNotFoundError, ResourceError) as error:
        raise Unavailable(str(error)) from error
