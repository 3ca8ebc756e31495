"""The ``tensorbridge`` command of an installed wheel: becomes the JVM.

``demo`` is a Python program of the package, ``bench`` one of the source checkout.
"""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from runpy import run_module

from .class_archive import ClassArchive
from .errors import BridgeError
from .launcher import find_jar, find_jdk, java_command

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> int:
    """Run the command line tool; does not return if a JVM takes over.

    Parameters
    ----------
    arguments : list of str, optional
        Instead of ``sys.argv[1:]``.

    Returns
    -------
    int
        2 where nothing could be started.
    """
    given = sys.argv[1:] if arguments is None else arguments
    try:
        if given[:1] == ["demo"]:
            return _run_demo(given)
        if given[:1] == ["bench"]:
            return _run_bench(given)
        jdk, jar = find_jdk(), find_jar()
        command = java_command(jdk, jar)
    except BridgeError as error:
        return _fail(str(error))
    archive = ClassArchive.of(jdk.home, jar)
    if archive is not None:
        archive.begin()
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(command[0], [*command, *given])


def _run_demo(given: list[str]) -> int:
    if find_spec("tensorbridge.demo") is None:
        return _fail("this build has no demo")
    sys.argv = given
    run_module("tensorbridge.demo", run_name="__main__")
    return 0


def _run_bench(given: list[str]) -> int:
    launcher = Path(__file__).resolve().parents[3] / "tensorbridge"
    if not launcher.is_file():
        return _fail("bench needs a checkout of the repository: run ./tensorbridge bench there")
    os.execv(launcher, [str(launcher), *given])


def _fail(why: str) -> int:
    print(f"tensorbridge: {why}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
