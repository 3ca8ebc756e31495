"""A contender in a process of its own: ``python -m runner.isolated GROUP CONTENDER``.

Lines of JSON go both ways. The process reads ``{"warm_up": seconds}`` or
``{"sample": iterations, "latencies": true}`` and answers ``{"seconds": ..., "last": {...}}``,
``{"total": ..., "figures": {...}}``, ``{"unavailable": reason}`` or ``{"error": text}``; it ends
with its input. What libraries print goes to the error stream.
"""

from __future__ import annotations

import dataclasses
import json
import os
import selectors
import subprocess
import sys
import traceback
from pathlib import Path
from typing import IO, Any

from .benchmark import Contender, Launch, Unavailable
from .sampler import LocalSampler, Sample, WarmUp

BENCHES = Path(__file__).resolve().parent.parent
PEERS = BENCHES / "target" / "peers"
_ANSWER_SECONDS = 600.0
_END_SECONDS = 20.0


class IsolatedSampler:
    """Speaks with the process of one contender, which ends with this context."""

    def __init__(self, group: str, contender: Contender) -> None:
        """Start the process; peers get the interpreter that has them installed.

        Raises
        ------
        Unavailable
            If the contender can't run here.
        """
        python = PEERS / "bin" / "python" if contender.role == "peer" else Path(sys.executable)
        if not python.exists():
            raise Unavailable("the peers are not installed; run with --peers")
        path = [str(BENCHES), str(BENCHES.parent / "python" / "src")]
        self._name = f"{group}/{contender.name}"
        self._process = subprocess.Popen(
            [str(python), "-m", "runner.isolated", group, contender.name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
            text=True,
        )
        try:
            self._answer()
        except BaseException:
            self.close()
            raise

    def warm_up(self, seconds: float) -> WarmUp:
        """Run for so long over there."""
        answer = self._ask({"warm_up": seconds})
        return WarmUp(answer["seconds"], Sample(**answer["last"]))

    def sample(self, iterations: int, latencies: bool) -> Sample:
        """Time so many iterations over there."""
        answer = self._ask({"sample": iterations, "latencies": latencies})
        return Sample(iterations, answer["total"], answer["figures"])

    def _ask(self, question: dict[str, float]) -> dict[str, Any]:
        _pipe(self._process.stdin).write(json.dumps(question) + "\n")
        _pipe(self._process.stdin).flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        with selectors.DefaultSelector() as ready:
            ready.register(_pipe(self._process.stdout), selectors.EVENT_READ)
            if not ready.select(_ANSWER_SECONDS):
                self._process.kill()
                raise RuntimeError(f"{self._name} gave no answer in {_ANSWER_SECONDS:.0f} s")
        line = _pipe(self._process.stdout).readline()
        if not line:
            raise RuntimeError(f"the process of {self._name} ended with {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        if "unavailable" in answer:
            raise Unavailable(answer["unavailable"])
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer

    def close(self) -> None:
        """End the process: by the end of its input, by force if that takes long."""
        _pipe(self._process.stdin).close()
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        _pipe(self._process.stdout).close()

    def __enter__(self) -> IsolatedSampler:
        """Give the sampler."""
        return self

    def __exit__(self, *raised: object) -> None:
        """End the process."""
        self.close()


def _pipe(stream: IO[str] | None) -> IO[str]:
    if stream is None:
        raise ValueError("the process was started without a pipe")
    return stream


def main() -> int:
    """Serve one contender until the input ends."""
    from .registry import find

    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def answer(**facts: object) -> None:
        answers.write(json.dumps(facts) + "\n")
        answers.flush()

    group, name = sys.argv[1:]
    with Launch() as launch:
        try:
            sampler = LocalSampler(find(group, name), launch)
        except Unavailable as reason:
            answer(unavailable=str(reason))
            return 0
        except Exception:
            answer(error=traceback.format_exc(limit=-3))
            return 1
        answer(ready=True)
        for line in sys.stdin:
            question = json.loads(line)
            try:
                if "warm_up" in question:
                    warm_up = sampler.warm_up(question["warm_up"])
                    answer(seconds=warm_up.seconds, last=dataclasses.asdict(warm_up.last))
                else:
                    sample = sampler.sample(question["sample"], question["latencies"])
                    answer(total=sample.total, figures=sample.figures)
            except Exception:
                answer(error=traceback.format_exc(limit=-3))
    return 0


if __name__ == "__main__":
    sys.exit(main())
