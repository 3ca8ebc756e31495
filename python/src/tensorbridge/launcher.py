"""Finds the jar and a JDK, and runs a private server that ends with this process.

Environment
-----------
TENSORBRIDGE_JAR
    The jar to use instead of the packaged one.
TENSORBRIDGE_JAVA
    A ``java`` program or the home of a JDK to use instead of those found.
"""

from __future__ import annotations

import errno
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from .class_archive import ClassArchive
from .errors import OUT_OF_DESCRIPTORS, ErrorCode, ResourceError, ServerDied, no_descriptor

__all__ = [
    "MAIN",
    "Jdk",
    "PrivateServer",
    "find_jar",
    "find_jdk",
    "java_command",
    "require_platform",
]

_log = logging.getLogger("tensorbridge")

JAR = "tensorbridge.jar"
MAIN = "io.tensorbridge.cli.Main"
OLDEST_JAVA = 25
VECTOR_MODULE = "jdk.incubator.vector"
_LOG_TAIL_BYTES = 4096
# Calls before a method is compiled at first; a fifth by default, which compiles what only a start
# needs, and takes the time from the start: docs/decisions/start.md.
_LATER_COMPILATION = (
    "-XX:Tier3InvocationThreshold=1000",
    "-XX:Tier3MinInvocationThreshold=500",
    "-XX:Tier3CompileThreshold=4000",
)
_JDK_FOLDERS = (
    "/usr/lib/jvm/*",
    "/usr/lib64/jvm/*",
    "/usr/java/*",
    "/usr/local/java/*",
    "/usr/local/jdk*",
    "/usr/local/openjdk*",
    "/opt/java/*",
    "/opt/jdk*",
    "/opt/*jdk*",
    "~/.sdkman/candidates/java/*",
    "~/.jdks/*",
    "~/.gradle/jdks/*",
    "~/.asdf/installs/java/*",
    "~/.local/share/mise/installs/java/*",
    "~/.jbang/cache/jdks/*",
)


@dataclass(frozen=True)
class Jdk:
    """An installed Java runtime, as its ``release`` file tells."""

    home: Path
    version: int
    has_vectors: bool

    @property
    def java(self) -> str:
        """The program to start."""
        return str(self.home / "bin" / "java")


def require_platform() -> None:
    """Refuse, with one sentence, a platform without sealed shared memory.

    Raises
    ------
    ResourceError
        On anything but Linux 5.11 or newer with memfds.
    """
    if sys.platform != "linux":
        raise _unsupported(
            f"Tensorbridge needs Linux (this is {sys.platform}): it shares memory through sealed "
            "memfds; on macOS and Windows run it in a Linux container"
        )
    for name, since in (("memfd_create", "3.17"), ("pidfd_open", "5.3"), ("eventfd", "2.6.27")):
        if not hasattr(os, name):
            raise _unsupported(f"this Python was built without os.{name} (Linux {since})")
    try:
        os.close(os.memfd_create("tensorbridge", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING))
        os.close(os.pidfd_open(os.getpid()))
    except OSError as error:
        if error.errno in OUT_OF_DESCRIPTORS:
            raise no_descriptor(error, "a bridge") from error
        raise _unsupported(
            f"this kernel or container ({os.uname().release}) refuses memfd_create or pidfd_open "
            f"({error.strerror}); Tensorbridge needs Linux 5.4 or newer and a seccomp profile that "
            "allows both"
        ) from error


def find_jar() -> Path:
    """Return the jar: from TENSORBRIDGE_JAR, the package, or the build of a source checkout.

    Raises
    ------
    ResourceError
        If there is none.
    """
    named = os.environ.get("TENSORBRIDGE_JAR")
    if named:
        if not Path(named).is_file():
            raise _unsupported(f"TENSORBRIDGE_JAR names {named}, which is no file")
        return Path(named).resolve()
    package = Path(__file__).resolve().parent
    candidates = [package / "_java" / JAR]
    if len(package.parents) > 2 and (package.parents[2] / "cli" / "pom.xml").is_file():
        candidates.append(package.parents[2] / "cli" / "target" / JAR)
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    raise _unsupported(
        f"{JAR} is missing: install the wheel, build it with './mvnw package', or set "
        "TENSORBRIDGE_JAR"
    )


def find_jdk() -> Jdk:
    """Return a Java runtime that is new enough, one with the Vector API if there is one.

    Raises
    ------
    ResourceError
        If there is none; the message says where was looked.
    """
    named = os.environ.get("TENSORBRIDGE_JAVA")
    if named:
        jdk = _read_release(_home_of(Path(named)))
        if jdk is None or jdk.version < OLDEST_JAVA:
            raise _unsupported(f"TENSORBRIDGE_JAVA names {named}, which is no JDK {OLDEST_JAVA}")
        return jdk
    without_vectors = None
    for home in _homes():
        jdk = _read_release(home)
        if jdk is None or jdk.version < OLDEST_JAVA:
            continue
        if jdk.has_vectors:
            return jdk
        without_vectors = without_vectors or jdk
    if without_vectors is None:
        raise _unsupported(
            f"no JDK {OLDEST_JAVA} or newer was found by JAVA_HOME, PATH and the usual folders: "
            "install one, for example from https://adoptium.net, or set TENSORBRIDGE_JAVA"
        )
    return without_vectors


def _homes() -> Iterator[Path]:
    named = os.environ.get("JAVA_HOME")
    if named:
        yield Path(named)
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        if folder and os.access(os.path.join(folder, "java"), os.X_OK):
            yield _home_of(Path(folder) / "java")
    for pattern in _JDK_FOLDERS:
        expanded = Path(os.path.expanduser(pattern))
        yield from sorted(expanded.parent.glob(expanded.name), reverse=True)


def _home_of(java: Path) -> Path:
    """Return the home that a program ``bin/java`` belongs to; a folder is a home already."""
    return java if java.is_dir() else java.resolve().parent.parent


def _read_release(home: Path) -> Jdk | None:
    try:
        text = (home / "release").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    facts = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    major = facts.get("JAVA_VERSION", "").strip('"').split(".")[0].split("-")[0]
    if not major.isdigit() or not os.access(home / "bin" / "java", os.X_OK):
        return None
    modules = facts.get("MODULES", "").strip('"').split()
    return Jdk(home, int(major), VECTOR_MODULE in modules)


def java_command(jdk: Jdk, jar: Path, archive: Sequence[str] | None = None) -> list[str]:
    """Return the command that runs the jar, without its arguments.

    Parameters
    ----------
    jdk : Jdk
    jar : Path
    archive : sequence of str, optional
        What the JVM is told of archives of loaded classes, instead of the one that there is.
    """
    command = [
        jdk.java,
        "-XX:-UsePerfData",
        "-XX:+UseSerialGC",
        "-XX:+ErrorFileToStderr",
        "-XX:-CreateCoredumpOnCrash",
        *_LATER_COMPILATION,
        "--enable-native-access=ALL-UNNAMED",
        "--sun-misc-unsafe-memory-access=allow",
    ]
    if jdk.has_vectors:
        command += ["--add-modules", VECTOR_MODULE]
    if archive is None:
        found = ClassArchive.of(jdk.home, jar)
        archive = [] if found is None else found.flags()
    # An archive that doesn't fit is passed over; the JVM would call that an error at each start.
    log = ["-Xlog:disable", "-Xlog:all=error,cds*=off,aot*=off:stderr"]
    # Not -jar: the JVM would open the jar, with its thousands of entries, once more.
    return [*command, *archive, *log, "-cp", str(jar), MAIN]


class PrivateServer:
    """A server that only this process can talk to, over an inherited socket.

    It runs in a session of its own, so that Ctrl-C in the terminal reaches Python alone, and ends
    when its standard input does: with this process, however that ends.

    Parameters
    ----------
    arguments : list of str
        Further arguments of ``serve``.
    archive : sequence of str, optional
        See `java_command`.

    Attributes
    ----------
    sock : socket.socket
        This process's end of the connection; owned by the caller.
    """

    def __init__(self, arguments: list[str], archive: Sequence[str] | None = None) -> None:
        jdk, jar = find_jdk(), find_jar()
        self._archive = ClassArchive.of(jdk.home, jar) if archive is None else None
        if archive is None:
            archive = [] if self._archive is None else self._archive.flags()
        command = java_command(jdk, jar, archive)
        try:
            self.sock, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        except OSError as error:
            raise _not_started(command[0], error) from error
        try:
            self._log_fd = os.memfd_create("tensorbridge-log", os.MFD_CLOEXEC)
        except OSError as error:
            self.sock.close()
            theirs.close()
            raise _not_started(command[0], error) from error
        self._closing = threading.Lock()
        command += ["serve", "--inherit-fd", str(theirs.fileno()), *arguments]
        _log.debug("starting %s", " ".join(command))
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=self._log_fd,
                stderr=self._log_fd,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
                cwd="/",
            )
        except OSError as error:
            self.sock.close()
            os.close(self._log_fd)
            raise _not_started(command[0], error) from error
        finally:
            theirs.close()

    @property
    def pid(self) -> int:
        """The server's process id."""
        return self._process.pid

    def begin_archive(self) -> None:
        """Let the archive be made that later servers start from, if there is none."""
        if self._archive is not None:
            self._archive.begin()

    def log_tail(self) -> str:
        """Return the last lines of the server's log."""
        try:
            size = os.fstat(self._log_fd).st_size
            tail = os.pread(self._log_fd, _LOG_TAIL_BYTES, max(0, size - _LOG_TAIL_BYTES))
        except OSError:
            return ""
        return tail.decode(errors="replace").strip()

    def explain_death(self) -> ServerDied:
        """Return the exception for a server that has gone."""
        try:
            status: int | None = self._process.wait(timeout=0.3)
        except subprocess.TimeoutExpired:
            status = None
        if status is None:
            how = "closed the connection"
        elif status < 0:
            how = f"was ended by signal {_signal_name(-status)}"
        else:
            how = f"ended with exit code {status}"
        return ServerDied(
            f"the private server (pid {self.pid}) {how}; shared arrays are intact, open a new "
            "bridge and repeat the work",
            self.log_tail(),
        )

    def close(self) -> None:
        """End the server and wait until it has gone."""
        with self._closing:
            if self._log_fd < 0:
                return
            if self._process.stdin is not None:
                self._process.stdin.close()
            try:
                self._process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            tail = self.log_tail()
            if tail:
                _log.debug("log of the private server:\n%s", tail)
            os.close(self._log_fd)
            self._log_fd = -1

    def forget_parent(self) -> None:
        """Close the descriptors in a forked child; the server stays the parent's."""
        if self._log_fd >= 0:
            os.close(self._log_fd)
            self._log_fd = -1
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.returncode = 0


def _not_started(java: str, error: OSError) -> ResourceError:
    if error.errno in OUT_OF_DESCRIPTORS:
        return no_descriptor(error, "a private server")
    remedy = ""
    if error.errno == errno.EAGAIN:
        remedy = "; raise the limit of processes and threads (ulimit -u, or pids.max of the group)"
    elif error.errno == errno.ENOMEM:
        remedy = "; free memory, or raise the limit of the container"
    code = ErrorCode.OUT_OF_MEMORY if error.errno == errno.ENOMEM else ErrorCode.SYSTEM_CALL
    return ResourceError(f"{java} can't be started: {error.strerror}{remedy}", code)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)


def _unsupported(sentence: str) -> ResourceError:
    return ResourceError(sentence, ErrorCode.UNSUPPORTED_PLATFORM)
