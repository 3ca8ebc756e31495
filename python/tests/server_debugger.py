"""A server that can be stopped at a step of the protocol; see java/StepDebugger.java."""

from __future__ import annotations

import queue
import re
import subprocess
import threading
from pathlib import Path

from conftest import SharedServer
from tensorbridge.launcher import find_jdk

PROGRAM = Path(__file__).parent / "java" / "StepDebugger.java"
AGENT = ("-agentlib:jdwp=transport=dt_socket,server=y,suspend=n,address=127.0.0.1:0",)
PATIENCE = 60


def missing() -> list[str]:
    """Return the modules that a debugger needs and this runtime lacks."""
    release = (find_jdk().home / "release").read_text()
    return [module for module in ("jdk.compiler", "jdk.jdi", "jdk.jdwp.agent")
            if not re.search(rf"\b{module}\b", release)]  # fmt: skip


class DebuggedServer(SharedServer):
    """A shared server that a debugger can attach to."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        super().__init__(folder, *arguments, jvm=AGENT)
        port = re.search(r"dt_socket at address: \S*?(\d+)\n", self.said)
        assert port is not None, self.said
        self.port = port[1]


class Debugger:
    """The debugger's process; one server at a time."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [find_jdk().java, "-XX:+UseSerialGC", "--add-modules", "jdk.jdi", PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._answers: queue.Queue[str] = queue.Queue()
        self._hit = threading.Event()
        self._ended = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            word = line.strip()
            if word == "hit":
                self._hit.set()
            elif word == "ended":
                self._ended.set()
            else:
                self._answers.put(word)

    def _ask(self, *words: object) -> str:
        assert self._process.stdin is not None
        self._process.stdin.write(" ".join(map(str, words)) + "\n")
        self._process.stdin.flush()
        return self._answers.get(timeout=PATIENCE)

    def attach(self, server: DebuggedServer) -> None:
        self._ended.clear()
        assert self._ask("attach", server.port) == "attached"

    def arm(self, step: str, times: int = 1) -> None:
        """Stop the server when it comes to a step for the so-manieth time."""
        self._hit.clear()
        answer = self._ask("arm", step, times)
        assert answer == "armed", f"{step}: {answer}; mend server_steps.py"

    def hit(self, patience: float) -> bool:
        """Wait until the server stands there."""
        return self._hit.wait(patience)

    def resume(self) -> None:
        assert self._ask("resume") == "resumed"

    def wait_for_end(self) -> None:
        """Wait until it has seen that the server has gone."""
        assert self._ended.wait(PATIENCE)

    def close(self) -> None:
        self._process.communicate("quit\n")
        self._reader.join()
