"""A campaign against a live server: ``python/long.sh fuzz --minutes N``.

Each iteration plays one attack. Between its steps and behind it, a witness, who keeps every rule,
must get right answers; then the offender goes, and the server must be what it was. An iteration
depends on the seed and its number only: ``python fuzz/live.py --seed S --only N`` plays it again.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import psutil

import tensorbridge as tb
from conftest import SharedServer, eventually
from fuzz.attacks import ATTACKS, Scene
from fuzz.flipper import Flipper
from fuzz.offender import Finding, raise_descriptor_limit

MARKER = b"\x5a\x3cWITNESS\x3c\x42\x5a\x3cBYTES"  # as floats finite, whatever their alignment
PATIENCE = 60.0


class FuzzedServer(SharedServer):
    """A server whose words about defects are kept."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.lines: list[str] = []
        super().__init__(folder, *arguments)

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if len(self.lines) < 100_000:
                self.lines.append(line)

    def close(self) -> None:
        """End it, by force if it does not end by itself."""
        try:
            super().close()
        except subprocess.TimeoutExpired:
            self.process.kill()
            super().close()

    def defects(self) -> list[str]:
        """Return what it has said about defects of its own, once."""
        said, self.lines = self.lines, []
        words = ("defect", "Exception", "Error", "\tat ", "fatal", "SIG")
        return [line for line in said if any(word in line for word in words)]


class Witness:
    """A client that must not notice anything."""

    def __init__(self, address: str) -> None:
        self.bridge = tb.open(address)
        self.data = self.bridge.empty((4, 1024), "uint8")
        pattern = (MARKER * 300)[: self.data.size]
        self.data.reshape(-1)[:] = np.frombuffer(pattern, np.uint8)
        self.floats = self.bridge.share(np.arange(1000, dtype=np.float32))
        self.prepared = self.bridge.prepare("copy", {"a": self.data})
        self.answers = 0

    def ask(self) -> None:
        """Have some work done, and see that it is right."""
        copies = self.bridge.run("copy", {"a": self.data, "b": self.data[1:3]}, timeout=PATIENCE)
        if not np.array_equal(copies["a"], self.data):
            raise Finding("the witness got a wrong copy")
        if not np.array_equal(copies["b"], self.data[1:3]):
            raise Finding("the witness got a wrong copy of rows")
        if self.bridge.run("noop", {"x": self.floats}, timeout=PATIENCE)["x"] != (0.0, 999.0):
            raise Finding("the witness got a wrong answer")
        if not np.array_equal(self.prepared.run()["a"], self.data):
            raise Finding("the witness got a wrong prepared copy")
        self.answers += 3

    def close(self) -> None:
        self.bridge.close()


class Campaign:
    """A server, a witness, and one attack after the other."""

    def __init__(self, seed: int, arguments: tuple[str, ...] = ()) -> None:
        raise_descriptor_limit()
        self.seed = seed
        self.plays: Counter[str] = Counter()
        self.codes: Counter[str] = Counter()
        self.offenders = 0
        self.ended = 0
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="tb"))
            os.chmod(folder, 0o700)
            self.server = FuzzedServer(Path(folder), *arguments)
            stack.callback(self.server.close)
            self.flipper = Flipper()
            stack.callback(self.flipper.close)
            self.witness = Witness(self.server.address)
            stack.callback(self.witness.close)
            for _ in range(50):
                self.witness.ask()
            # The first client that goes starts the thread that unmaps.
            with tb.open(self.server.address) as first:
                first.run("noop", {"a": first.empty(4)})
            eventually(lambda: self.server.clients() == 1)
            self._stack = stack.pop_all()
        self.process = psutil.Process(self.server.process.pid)
        self.baseline = self.server.footprint()
        self.threads = self.process.num_threads()
        self.resident = self.process.memory_info().rss

    def __enter__(self) -> Campaign:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def play(self, number: int, attack: str | None = None) -> None:
        """Play one iteration.

        Raises
        ------
        Finding
            If anything is not as it must be; the message tells how to play it again.
        """
        rng = random.Random(f"{self.seed}:{number}")
        names = [each.__name__ for each in ATTACKS]
        chosen = ATTACKS[number % len(ATTACKS) if attack is None else names.index(attack)]
        self.plays[chosen.__name__] += 1
        scene = Scene(str(self.server.path), rng, self.flipper)
        try:
            try:
                for _ in chosen(scene):
                    self._check(scene)
            finally:
                self.flipper.stop()
                for offender in scene.offenders:
                    self.codes.update(offender.codes)
                    self.offenders += 1
                    self.ended += offender.ended
                    offender.close()
            self._check(scene)
            self._come_back()
        except Exception as error:
            again = f"{chosen.__name__}: --seed {self.seed} --only {number}"
            said = "".join(self.server.defects()[-60:])
            raise Finding(f"{again}: {error!r}\n{traceback.format_exc()}\n{said}") from error

    def _check(self, scene: Scene) -> None:
        self.witness.ask()
        if self.server.process.poll() is not None:
            raise Finding(f"the server has ended with {self.server.process.returncode}")
        for offender in scene.offenders:
            if offender.find(MARKER):
                raise Finding("bytes of the witness are in the offender's memory")
        defects = self.server.defects()
        if defects:
            raise Finding("the server speaks of a defect:\n" + "".join(defects))

    def _come_back(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while not self.server.is_back_at(self.baseline):
            if time.monotonic() > deadline:
                held = self.server.footprint()
                raise Finding(
                    f"the server holds (descriptors, maps) {held}, before it held {self.baseline}"
                )
            self.witness.ask()

    def figures(self) -> dict[str, Any]:
        """Return what was played, and what the server answered."""
        return {
            "seed": self.seed,
            "iterations": sum(self.plays.values()),
            "offenders": self.offenders,
            "cut off": self.ended,
            "answers to the witness": self.witness.answers,
            "plays": dict(sorted(self.plays.items())),
            "codes": dict(self.codes.most_common()),
            "threads": [self.threads, self.process.num_threads()],
            "resident MiB": [self.resident >> 20, self.process.memory_info().rss >> 20],
        }


@dataclass
class Report:
    """What some campaigns have found."""

    runs: list[dict[str, Any]] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)

    def total(self, name: str) -> int:
        """Return the sum of a figure over all campaigns."""
        return sum(run[name] for run in self.runs)

    def counts(self, name: str) -> Counter[str]:
        """Return the sums of figures that have names of their own."""
        counts: Counter[str] = Counter()
        for run in self.runs:
            counts.update(run[name])
        return counts


def campaigns(
    seed: int,
    minutes: float,
    first: int = 0,
    last: int = 1 << 60,
    attack: str | None = None,
    *,
    keep_going: bool = False,
) -> Report:
    """Play iterations for some minutes; after a finding with a new server, or not at all."""
    end = time.monotonic() + 60 * minutes
    number = first
    report = Report()
    while time.monotonic() < end and number <= last:
        with Campaign(seed) as campaign:
            try:
                while time.monotonic() < end and number <= last:
                    number += 1
                    campaign.play(number - 1, attack)
            except Finding as finding:
                report.findings.append(str(finding))
                print(finding, flush=True)
            report.runs.append(campaign.figures())
        if report.findings and not keep_going:
            break
    return report


def main() -> int:
    """Play for some minutes, and print the figures; 1 if there was a finding."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--count", type=int, default=1 << 60, help="iterations at most")
    parser.add_argument("--only", type=int, help="play this iteration alone")
    parser.add_argument("--attack", help="play this attack alone")
    parser.add_argument("--keep-going", action="store_true", help="with a new server")
    parser.add_argument("--figures", help="write the figures to this file, too")
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    report = campaigns(
        arguments.seed,
        arguments.minutes,
        arguments.only or 0,
        arguments.count if arguments.only is None else arguments.only,
        arguments.attack,
        keep_going=arguments.keep_going,
    )
    text = json.dumps(asdict(report), indent=1)
    print(text)
    if arguments.figures:
        Path(arguments.figures).write_text(text)
    return 1 if report.findings else 0


if __name__ == "__main__":
    sys.exit(main())
