"""Clients that die at a step of the protocol, and those that work on beside them.

``python dying.py ADDRESS`` is a process that forks clients and tells how each ended: a fork of one
that has imported everything costs a few milliseconds. It obeys lines on its standard input:

``steps``
    Run the scenario to its end; answer the steps as JSON: ``[file, function, line, times]``.
``die FILE LINE TIMES``
    Run it, but kill the process with SIGKILL when it comes to a line for the TIMES-th time; answer
    ``died``, or ``ended`` if it never came there.
``later MICROSECONDS``
    Kill it from outside after so long, wherever it is then.
``run ROUNDS``
    Run it without a tracer, again and again; answer its process id at once.
``gone PID``
    Wait for such a process; answer ``died`` or ``ended``.

A *step* is a line of the package that a client comes to: between two steps it either calls the
kernel once or does nothing that a peer could see.
"""

from __future__ import annotations

import collections
import contextlib
import json
import os
import random
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import numpy.typing as npt

import tensorbridge as tb

PACKAGE = str(Path(tb.__file__).parent)
STEPS, DIE, LATER, RUN, GONE = "steps", "die", "later", "run", "gone"
DIED, ENDED = "died", "ended"
LONG = 60_000  # milliseconds: longer than any test


def scenario(address: str, file: str) -> None:
    """Use everything that has a part on the server, and check what comes back."""
    with tb.open(address, ring_entries=16) as bridge:
        values = np.arange(64 * 256, dtype=np.float32).reshape(64, 256)
        shared = bridge.share(values)
        own = bridge.empty((1 << 18,), "float32", access="readwrite")  # a region of its own
        own[...] = 3
        work_on(bridge, shared, own)
        running = bridge.submit("delay", {"a": shared}, millis=LONG)
        cancelled = bridge.submit("delay", {"a": own}, millis=LONG)
        cancelled.cancel()
        assert isinstance(cancelled.exception(), tb.Cancelled)
        with contextlib.suppress(tb.TimeoutError):
            bridge.run("delay", {"a": shared}, millis=LONG, timeout=0.002)
        with bridge.session(file, "q8_0") as session:
            assert session.weights()["a.weight"].shape == (64, 256)
        running.cancel()
        assert isinstance(running.exception(), tb.Cancelled)
        del own
        bridge.trim()
        assert bridge.run("noop", {"a": shared})["a"] == (0, 64 * 256 - 1)


def work_on(bridge: tb.Bridge, shared: npt.NDArray[Any], own: npt.NDArray[Any]) -> None:
    """Run what ends soon: here and by the workers, prepared and not, in one and in two rounds."""
    with bridge.prepare("copy", {"a": shared, "b": own}) as prepared:
        first, second = prepared.run(), prepared.run()
        same(first["a"], shared)
        same(second["b"], own)
    results = bridge.run("copy", {"plain": np.ones(1000, np.float32), "a": shared})
    same(results["plain"], np.ones(1000, np.float32))
    quantized = bridge.quantize_batch({"a": shared, "plain": np.ones((4, 64), np.float32)}, "q8_0")
    assert np.abs(quantized["a"].dequantize() - shared).max() < 64 * 256 / 254 + 1
    same(bridge.run("nonzero", {"a": shared})["a"].ravel()[:3], np.arange(1, 4))


def same(found: npt.NDArray[Any], expected: npt.NDArray[Any]) -> None:
    assert found.shape == expected.shape, (found.shape, expected.shape)
    assert (found == expected).all()


def write_model(path: Path) -> None:
    """Write a safetensors file of one layer, by hand: the package that could is not needed here."""
    weight = np.arange(64 * 256, dtype=np.float32)
    entry = {"dtype": "F32", "shape": [64, 256], "data_offsets": [0, weight.nbytes]}
    head = json.dumps({"a.weight": entry}).encode()
    head += b" " * (-len(head) % 8)
    path.write_bytes(struct.pack("<Q", len(head)) + head + weight.tobytes())


# --- the process that forks ---


class Tracer:
    """Counts the steps of this process, and may kill it at one."""

    def __init__(self, file: str = "", line: int = 0, times: int = 0) -> None:
        self.counts: collections.Counter[tuple[str, str, int]] = collections.Counter()
        self._deadly = (file, line)
        self._left = times

    def begin(self) -> None:
        threading.settrace(self._enter)
        sys.settrace(self._enter)

    def _enter(self, frame: FrameType, event: str, argument: object) -> Any:
        return self._step if frame.f_code.co_filename.startswith(PACKAGE) else None

    def _step(self, frame: FrameType, event: str, argument: object) -> Any:
        if event == "line":
            file = frame.f_code.co_filename[len(PACKAGE) + 1 :]
            if (file, frame.f_lineno) == self._deadly:
                self._left -= 1
                if self._left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
            if not self._left:
                self.counts[file, frame.f_code.co_name, frame.f_lineno] += 1
        return self._step


def fork(work: Callable[[], None]) -> int:
    """Run something in a forked process, which says nothing of this one; tell its id."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        work()
        code = 0
    except BaseException as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
    finally:
        os._exit(code)


def end_of(pid: int) -> str:
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return DIED if code == -signal.SIGKILL else ENDED if code == 0 else f"failed with {code}"


def steps_of(work: Callable[[], None]) -> str:
    """Trace a run in a forked process; return its steps in JSON."""
    with tempfile.TemporaryFile("w+") as told:

        def run() -> None:
            tracer = Tracer()
            tracer.begin()
            work()
            sys.settrace(None)
            json.dump([[*step, times] for step, times in tracer.counts.items()], told)
            told.flush()

        end = end_of(fork(run))
        told.seek(0)
        return told.read() if end == ENDED else end


def obey(address: str) -> None:
    with tempfile.TemporaryDirectory(prefix="tb") as folder:
        file = Path(folder) / "model.safetensors"
        write_model(file)

        def work() -> None:
            scenario(address, str(file))

        def traced(tracer: Tracer) -> None:
            tracer.begin()
            work()

        def repeated(rounds: int) -> None:
            for _ in range(rounds):
                work()

        for line in sys.stdin:
            word, *arguments = line.split()
            if word == STEPS:
                answer = steps_of(work)
            elif word == DIE:
                tracer = Tracer(arguments[0], int(arguments[1]), int(arguments[2]))
                answer = end_of(fork(partial(traced, tracer)))
            elif word == LATER:
                pid = fork(work)
                time.sleep(int(arguments[0]) / 1e6)
                os.kill(pid, signal.SIGKILL)
                answer = end_of(pid)
            elif word == RUN:
                answer = str(fork(partial(repeated, int(arguments[0]))))
            else:
                answer = end_of(int(arguments[0]))
            print(answer, flush=True)


# --- what a test has of it ---


class Nursery:
    """Such a process, as a test sees it."""

    def __init__(self, address: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__, address],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, *words: object) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(" ".join(map(str, words)) + "\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().strip()

    def steps(self) -> list[tuple[str, str, int, int]]:
        """Return the steps of a whole run: file, function, line, and how often it came there."""
        told = self.ask(STEPS)
        assert told.startswith("["), told
        return [tuple(step) for step in json.loads(told)]

    def close(self) -> None:
        self._process.communicate()

    def __enter__(self) -> Nursery:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Bystander:
    """A client in a thread that works all the time, and must notice nothing of what others do."""

    def __init__(self, address: str) -> None:
        self.rounds = 0
        self.failures: list[BaseException] = []
        self._address = address
        self._over = threading.Event()
        self._began = threading.Event()
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._work)

    def __enter__(self) -> Bystander:
        self._thread.start()
        assert self._began.wait(60), self.failures
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        assert self.failures == []
        assert self.rounds > 0

    def still_works(self) -> bool:
        """Tell whether it has had a right answer since it was asked."""
        done = self.rounds
        with self._changed:
            self._changed.wait_for(lambda: bool(self.failures) or self.rounds > done + 1, 20)
            return self.rounds > done + 1 and not self.failures

    def _work(self) -> None:
        rng = random.Random(7)
        try:
            with tb.open(self._address) as bridge:
                shared = bridge.empty((40_000,))
                prepared = bridge.prepare("copy", {"a": shared})
                while not self._over.wait(0.002):
                    shared[...] = value = rng.randrange(1 << 20)
                    same(prepared.run(timeout=30)["a"], shared)
                    found = bridge.run("noop", {"a": shared}, timeout=30)
                    assert found["a"] == (value, value)
                    with self._changed:
                        self.rounds += 1
                        self._changed.notify_all()
                    self._began.set()
        except BaseException as failure:
            with self._changed:
                self.failures.append(failure)
                self._changed.notify_all()
            self._began.set()


if __name__ == "__main__":
    obey(sys.argv[1])
