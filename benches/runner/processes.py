"""What other processes take: their memory, and the time from start to end."""

from __future__ import annotations

import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from .benchmark import Unavailable

_POLL_SECONDS = 0.01
_RESET_PEAK = "5"


@dataclass(frozen=True)
class Memory:
    """Resident memory of a process in bytes, by what backs it (``/proc/PID/status``).

    Attributes
    ----------
    anonymous : int
        Heap, stacks, compiled code (RssAnon).
    shared : int
        Shared memory that the process has mapped and touched, whoever made it (RssShmem).
    files : int
        Mapped files: programs, jars, models (RssFile).
    peak : int
        The most of all three together since the start or `reset_peak` (VmHWM).
    """

    anonymous: int
    shared: int
    files: int
    peak: int

    @property
    def besides_files(self) -> int:
        """What of it is neither program nor mapped file."""
        return self.anonymous + self.shared

    @property
    def peak_besides_files(self) -> int:
        """The peak less the files mapped now: the kernel keeps one peak of all together."""
        return self.peak - self.files

    @property
    def resident(self) -> int:
        """All of it, now."""
        return self.anonymous + self.shared + self.files


def memory(pid: int | None = None) -> Memory:
    """Read the memory of a process.

    Parameters
    ----------
    pid : int, optional
        This process by default.

    Raises
    ------
    OSError
        If there is no such process any more.
    Unavailable
        If the kernel doesn't tell.
    """
    facts: dict[str, int] = {}
    for line in Path("/proc", _name(pid), "status").read_text().splitlines():
        key, _, value = line.partition(":")
        if value.endswith(" kB"):
            facts[key] = int(value.split()[0]) << 10
    try:
        return Memory(facts["RssAnon"], facts["RssShmem"], facts["RssFile"], facts["VmHWM"])
    except KeyError as missing:
        raise Unavailable(
            f"the kernel doesn't tell {missing} of process {_name(pid)} in /proc/PID/status"
        ) from None


def reset_peak(pid: int | None = None) -> None:
    """Let the peak of a process begin anew at what it has now.

    Raises
    ------
    Unavailable
        If the kernel refuses.
    """
    try:
        Path("/proc", _name(pid), "clear_refs").write_text(_RESET_PEAK)
    except OSError as error:
        raise Unavailable(
            f"the kernel doesn't reset a peak of memory: {error.strerror} writing "
            "/proc/PID/clear_refs"
        ) from error


def _name(pid: int | None) -> str:
    return "self" if pid is None else str(pid)


@dataclass(frozen=True)
class Lifetime:
    """A process that ended well.

    Attributes
    ----------
    nanos : float
        From its start until it had ended.
    peak : int
        Most memory besides files that it was seen with, looked at every 10 ms; in bytes.
    """

    nanos: float
    peak: int


def run_process(command: list[str]) -> Lifetime:
    """Run a process to its end, without input.

    Raises
    ------
    RuntimeError
        If it fails; the message ends with its last words.
    """
    begun = time.perf_counter_ns()
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    with process, WatchMemory(process.pid) as watch:
        said, _ = process.communicate()
        nanos = time.perf_counter_ns() - begun
    if process.returncode != 0:
        last = said.decode(errors="replace").strip()[-500:]
        raise RuntimeError(f"{' '.join(command)[:200]} ended with {process.returncode}: {last}")
    return Lifetime(nanos, watch.peak)


class WatchMemory:
    """Looks at the memory of a process every 10 ms, in a thread.

    Attributes
    ----------
    peak : int
        The most besides files that was seen; in bytes.
    """

    def __init__(self, pid: int) -> None:
        """Watch the process ``pid`` within a ``with`` statement."""
        self.peak = 0
        self._pid = pid
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def _look(self) -> None:
        while not self._ended.wait(_POLL_SECONDS):
            try:
                self.peak = max(self.peak, memory(self._pid).besides_files)
            except (OSError, Unavailable):  # it has ended
                return

    def __enter__(self) -> WatchMemory:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        """End."""
        self._ended.set()
        self._thread.join()
