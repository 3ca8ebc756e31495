"""Makes the archive of loaded classes: ``python -m tensorbridge.archive_maker``.

A private server does what users do first, and tells which classes that takes; a second JVM writes
these, parsed and linked, into a file. It is made without being asked for after the first
`tensorbridge.open`; in an image of a container it can be made beforehand.
"""

from __future__ import annotations

import os
import subprocess
import sys
import traceback

import numpy as np

from .bridge import Bridge
from .class_archive import ClassArchive
from .errors import ErrorCode, ResourceError
from .launcher import find_jar, find_jdk, java_command
from .link import Link

__all__ = ["main", "make"]

_START_SECONDS = 120.0
_DUMP_SECONDS = 300.0
_ROUNDS = 300


def make(archive: ClassArchive) -> None:
    """Make it; who calls holds its lock.

    Raises
    ------
    ResourceError
        If it can't be made; nothing is left then.
    """
    classes = archive.file.with_suffix(".classes")
    fresh = archive.file.with_suffix(".fresh")
    try:
        _train([f"-XX:DumpLoadedClassList={classes}"])
        _run("-Xshare:dump", f"-XX:SharedClassListFile={classes}", f"-XX:SharedArchiveFile={fresh}")
        _run("-Xshare:on", f"-XX:SharedArchiveFile={fresh}")
        with fresh.open("rb") as file:
            os.fsync(file.fileno())
        fresh.replace(archive.file)
        archive.remove_others()
    finally:
        classes.unlink(missing_ok=True)
        fresh.unlink(missing_ok=True)


def _train(flags: list[str]) -> None:
    """Do with a private server what users do first."""
    layers = np.linspace(-1, 1, 10 * 4096, dtype=np.float32).reshape(10, 16, 256)
    weights = {f"layer.{i}.weight": layer for i, layer in enumerate(layers)}
    link = Link(None, ["--max-bytes", str(64 << 20)], 256, _START_SECONDS, flags)
    with Bridge(link, 0, 16 << 20) as bridge:
        bridge.operations()
        for scheme in ("uniform:bits=4", "q8_0", "q4_k"):
            quantized = bridge.quantize_batch(weights, scheme=scheme)
            quantized[next(iter(weights))].dequantize()
        shared = bridge.share(layers[0])
        for _ in range(_ROUNDS):
            bridge.run("noop", {"w": shared})
        with bridge.prepare("quantize", weights, scheme="uniform:bits=4") as prepared:
            for _ in range(_ROUNDS):
                prepared.run()
        bridge.submit("noop", weights).result()


def _run(*flags: str) -> None:
    """Run the command's ``--version``, which a JVM that writes an archive doesn't come to."""
    command = java_command(find_jdk(), find_jar(), flags)
    try:
        done = subprocess.run(
            [*command, "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_DUMP_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ResourceError(f"{flags[0]} failed: {error}", ErrorCode.SYSTEM_CALL) from error
    if done.returncode != 0:
        raise ResourceError(
            f"java {flags[0]} ended with {done.returncode}: {done.stdout}{done.stderr}",
            ErrorCode.SYSTEM_CALL,
        )


def main() -> None:
    """Make the archive, with a lock that was inherited or taken now."""
    archive = ClassArchive.of(find_jdk().home, find_jar())
    if archive is None:
        sys.exit("tensorbridge: no folder for the archive can be written; set XDG_CACHE_HOME")
    lock = int(sys.argv[1]) if len(sys.argv) > 1 else archive.lock(wait=True)
    if lock is None:
        sys.exit(f"tensorbridge: {archive.file.with_suffix('.lock')} can't be locked")
    try:
        os.ftruncate(lock, 0)
        if not archive.usable:
            make(archive)
    except Exception:
        # Whoever starts next sees that it need not be tried again soon, and people see why.
        os.pwrite(lock, traceback.format_exc().encode(), 0)
        raise
    print(archive.file)


if __name__ == "__main__":
    main()
