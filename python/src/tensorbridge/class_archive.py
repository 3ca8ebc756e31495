"""The archive of loaded classes that a JVM starts from: where it lies, and who makes it.

A process of its own makes it after a first start, while the machine has nothing else to do; see
`tensorbridge.archive_maker`. Until then, and where no folder can be written, a JVM starts from what
its own archive has, which takes twice the time.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from .limits import memory_limit

__all__ = ["ClassArchive"]

# How a file begins that the JVM takes for a whole archive (CDS_ARCHIVE_MAGIC, cdsConstants.hpp).
_MAGIC = (0xF00BABA2).to_bytes(4, sys.byteorder)
_PATIENCE_SECONDS = 24 * 3600.0
# A JVM takes a quarter of the memory, and has wider references where that is 32 GiB.
_WIDE_HEAP_BYTES = 4 * 32 << 30
_JVM_OPTIONS = ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS")
_MAKER = (
    "import os\n"
    "try: os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))\n"
    "except OSError: os.nice(19)\n"
    "from tensorbridge.archive_maker import main\n"
    "main()"
)


@dataclass(frozen=True)
class ClassArchive:
    """The place of one archive.

    Its name tells the state of jar, JDK and machine, because a JVM that finds an archive of another
    state starts without any.

    Attributes
    ----------
    file : Path
        The archive; it appears whole, or not at all.
    home : Path
        Of the JDK.
    jar : Path
    place : str
        With what the names begin of all states of this jar and JDK.
    """

    file: Path
    home: Path
    jar: Path
    place: str

    @classmethod
    def of(cls, home: Path, jar: Path) -> ClassArchive | None:
        """Return where the archive of this jar and JDK is kept; None if nothing can be kept."""
        base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
        folder = Path(base) / "tensorbridge"
        try:
            place = _digest(home, jar)
            options = [os.environ.get(name, "") for name in _JVM_OPTIONS]
            wide = memory_limit() >= _WIDE_HEAP_BYTES
            state = _digest(*_state(jar), *_state(home / "release"), *options, wide)
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError:
            return None
        if not os.access(folder, os.W_OK):
            return None
        return cls(folder / f"{place}-{state}.jsa", home, jar, place)

    @property
    def usable(self) -> bool:
        """Whether a JVM can start from it."""
        try:
            with self.file.open("rb", buffering=0) as file:
                return file.read(len(_MAGIC)) == _MAGIC
        except OSError:
            return False

    def flags(self) -> list[str]:
        """Return what a JVM is told: nothing as long as there is no archive."""
        return [f"-XX:SharedArchiveFile={self.file}"] if self.usable else []

    def lock(self, wait: bool = False) -> int | None:
        """Take the lock of those who make it.

        Parameters
        ----------
        wait : bool
            Whether to wait for who has it, and to try what has failed.

        Returns
        -------
        int or None
            A descriptor, whose last copy releases the lock when it is closed; None if another
            process has it, or making the archive has failed in the last day.
        """
        import fcntl  # where there is none, modules must be importable all the same

        try:
            fd = os.open(
                self.file.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
            )
        except OSError:
            return None
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            told = os.fstat(fd)
            failed = told.st_size > 0 and time.time() - told.st_mtime < _PATIENCE_SECONDS
        except OSError:
            failed = True
        if failed and not wait:
            os.close(fd)
            return None
        return fd

    def begin(self) -> None:
        """Let it be made, if it isn't there and nobody makes it, by a process that outlives this.

        That process gets the time that nobody else wants. It writes why it failed into the lock.
        """
        if self.usable or not _is_python(sys.executable):
            return
        fd = self.lock()
        if fd is None:
            return
        try:
            maker = subprocess.Popen(
                [sys.executable, "-c", _MAKER, str(fd)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[fd],
                start_new_session=True,
                cwd="/",
                env={
                    **os.environ,
                    "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
                    "TENSORBRIDGE_JAVA": str(self.home),
                    "TENSORBRIDGE_JAR": str(self.jar),
                },
            )
            threading.Thread(target=maker.wait, name="tensorbridge-archive", daemon=True).start()
        except (OSError, RuntimeError):
            pass  # without descriptors, processes or threads: another start will do it
        finally:
            os.close(fd)

    def remove_others(self) -> None:
        """Remove what belongs to other states, or was left by a maker that was killed.

        Who calls holds the lock.
        """
        for file in self.file.parent.glob(f"{self.place}-*"):
            if file not in (self.file, self.file.with_suffix(".lock")):
                with contextlib.suppress(OSError):
                    file.unlink()


def _is_python(program: str | None) -> bool:
    """Tell an interpreter from a program that embeds one, which would start once more."""
    return bool(program) and "py" in os.path.basename(str(program))


def _state(file: Path) -> tuple[int, int]:
    facts = file.stat()
    return facts.st_size, facts.st_mtime_ns


def _digest(*parts: object) -> str:
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:16]
