"""Many clients for a long time, some of which are killed: nothing leaks, no batch is lost."""

from __future__ import annotations

import collections
import json
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import reliability
import tensorbridge as tb
from conftest import SharedServer, eventually
from dying import Bystander

CROWD = Path(__file__).with_name("crowd.py")
SAMPLE_SECONDS = 0.5
# A heap that has all its memory from the start, so that private bytes can only rise elsewhere, and
# so small that it is collected whole every few minutes: what is left then is what is held. What
# the compiler has freed goes back to the kernel at once.
MEMORY = ("-Xms48m", "-Xmx48m", "-XX:+AlwaysPreTouch", "-XX:TrimNativeHeapInterval=1000")
COLLECTIONS = "collections.log"
WHOLE_COLLECTION = re.compile(r"\[([\d.]+)s\].*Pause Full .*->(\d+)M\(")
PERCENTILES = (50, 90, 99, 99.9, 100)
# The 97.5th percentile of Student's t by degrees of freedom: of ten means, two are spent on a line.
BLOCKS, STUDENT_T = 10, 2.306


@pytest.fixture
def crowded_server() -> Iterator[SharedServer]:
    with tempfile.TemporaryDirectory(prefix="tb") as folder:
        log = f"-Xlog:gc:file={Path(folder, COLLECTIONS)}"
        server = SharedServer(Path(folder), "--max-clients", "1200", jvm=[*MEMORY, log])
        yield server
        server.close()


class Process:
    """A process of some clients."""

    def __init__(self, address: str, clients: int, pause: float, seed: int) -> None:
        arguments = [address, str(clients), str(pause), str(seed)]
        self._process = subprocess.Popen(
            [sys.executable, str(CROWD), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def begin(self) -> None:
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def alive(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()

    def end(self) -> dict[str, Any]:
        """Let its clients stop; return what they counted."""
        told, _ = self._process.communicate()
        assert self._process.returncode == 0
        counted: dict[str, Any] = json.loads(told)
        return counted


@dataclass
class Soak:
    """What was seen in all this time."""

    kills: int = 0
    killed_clients: int = 0
    batches: collections.Counter[str] = field(default_factory=collections.Counter)
    millis: dict[str, list[float]] = field(default_factory=lambda: collections.defaultdict(list))
    samples: list[tuple[float, ...]] = field(default_factory=list)
    """Seconds, descriptors, mappings, threads, private bytes."""
    collections: list[tuple[float, float]] = field(default_factory=list)
    """Of each whole one: seconds, and bytes of the heap that were left."""

    def look(self, server: SharedServer) -> None:
        status = Path(f"/proc/{server.process.pid}/status").read_text()
        anonymous = int(status.split("RssAnon:")[1].split()[0]) << 10
        self.samples.append((time.monotonic(), *server.footprint(), anonymous))

    def look_back(self, server: SharedServer) -> None:
        log = server.path.with_name(COLLECTIONS).read_text()
        self.collections = [
            (float(seconds), float(int(left) << 20))
            for seconds, left in WHOLE_COLLECTION.findall(log)
        ]

    def take(self, counted: dict[str, Any]) -> None:
        assert counted["theirs"] == counted["ours"], "batches were lost, or ran twice"
        self.batches.update(counted["batches"])
        for operation, millis in counted["millis"].items():
            self.millis[operation] += millis

    def trends(self) -> list[tuple[str, float, float, float]]:
        """Return for each thing that could leak its mean, and the change of an hour with its ±."""
        # Until a fifth is over, the server compiles and fills its pools.
        seen = np.array(self.samples[len(self.samples) // 5 :])
        left = np.array(self.collections[len(self.collections) // 5 :]).reshape(-1, 2)
        names = ("descriptors", "mappings", "threads", "private bytes")
        rows = [(name, *trend(seen[:, 0], seen[:, 1 + i])) for i, name in enumerate(names)]
        return [*rows, ("bytes of the heap in use", *trend(left[:, 0], left[:, 1]))]

    def latencies(self) -> reliability.Table:
        rows = [
            [operation, len(millis), *(float(np.percentile(millis, p)) for p in PERCENTILES)]
            for operation, millis in sorted(self.millis.items())
        ]
        names = [f"p{p:g} ms" if p < 100 else "most ms" for p in PERCENTILES]
        return reliability.Table(["operation", "batches", *names], rows)


def trend(seconds: Any, values: Any) -> tuple[float, float, float]:
    """Fit a line to the means of blocks, which depend on each other less than the samples do."""
    parts = [part for part in np.array_split(np.arange(len(seconds)), BLOCKS) if len(part)]
    if len(parts) < BLOCKS:
        return float(np.mean(values)) if len(values) else 0.0, 0.0, float("inf")
    at = np.array([seconds[part].mean() for part in parts]) / 3600
    mean = np.array([values[part].mean() for part in parts])
    slope, start = np.polyfit(at, mean, 1)
    rest = mean - (slope * at + start)
    spread = np.sqrt((rest**2).sum() / (BLOCKS - 2) / ((at - at.mean()) ** 2).sum())
    return float(np.mean(values)), float(slope), float(STUDENT_T * spread)


def verdict(mean: float, change: float, width: float) -> str:
    if abs(change) <= max(width, 1e-9 * mean):
        return "the same, within the interval"
    return "rises" if change > 0 else "falls"


def soak(
    server: SharedServer, processes: int, clients: int, pause: float, minutes: float, between: float
) -> Soak:
    """Run crowds, and kill one of them now and then.

    Parameters
    ----------
    server : SharedServer
    processes, clients : int
        How many of them, and how many clients in each.
    pause : float
        Mean seconds between two batches of a client.
    minutes : float
        How long.
    between : float
        Seconds between two kills.
    """
    rng = random.Random(8)
    found = Soak()

    def another() -> Process:
        return Process(server.address, clients, pause, rng.randrange(1 << 30))

    with Bystander(server.address) as other:
        assert other.still_works()
        eventually(lambda: server.clients() == 1)
        start = server.footprint()
        crowd = [another() for _ in range(processes)]
        try:
            for process in crowd:
                process.begin()
            end = time.monotonic() + 60 * minutes
            next_kill = time.monotonic() + between
            while time.monotonic() < end:
                time.sleep(SAMPLE_SECONDS)
                found.look(server)
                assert all(process.alive() for process in crowd), "a client failed"
                if time.monotonic() >= next_kill:
                    victim = rng.randrange(processes)
                    crowd[victim].kill()
                    found.kills += 1
                    found.killed_clients += clients
                    crowd[victim] = another()
                    crowd[victim].begin()
                    next_kill = time.monotonic() + between
            for process in crowd:
                found.take(process.end())
        finally:
            for process in crowd:
                process.kill()
        eventually(lambda: server.is_back_at(start), patience=60)
        assert other.still_works()
        held = tb.observe(server.address).held
        assert (held.in_flight, held.queued) <= (1, 1), "only the bystander is left"
    eventually(lambda: tb.observe(server.address).held == tb.Held(0, 0, 0, 0, 0, 0))
    found.look_back(server)
    return found


def test_a_crowd_leaves_nothing(crowded_server: SharedServer) -> None:
    found = soak(crowded_server, 4, 25, 0.1, 0.3, between=5)
    assert found.kills > 0
    assert found.batches.total() > 100


def test_idle_clients_cost_nothing(crowded_server: SharedServer) -> None:
    bridges = [tb.open(crowded_server.address, ring_entries=16) for _ in range(100)]
    for bridge in bridges:
        bridge.run("noop", {"a": np.ones(4, np.float32)})
    eventually(lambda: not woken(crowded_server, 0.5))
    for bridge in bridges:
        assert bridge.run("noop", {"a": np.ones(4, np.float32)})["a"] == (1, 1)
        bridge.close()


def woken(server: SharedServer, seconds: float) -> int:
    """Tell how often the server's own threads got the processor meanwhile."""
    before = switches(server)
    time.sleep(seconds)
    return switches(server) - before


def switches(server: SharedServer) -> int:
    total = 0
    for task in Path(f"/proc/{server.process.pid}/task").iterdir():
        if (task / "comm").read_text().startswith("tensorbridge-"):
            status = (task / "status").read_text()
            total += sum(
                int(line.split()[1]) for line in status.splitlines() if "ctxt_switches" in line
            )
    return total


@pytest.mark.parametrize("rising", [False, True])
def test_a_trend_is_seen_only_where_there_is_one(rising: bool) -> None:
    rng = np.random.default_rng(8)
    seconds = np.arange(600.0)
    values = 100 + rng.standard_normal(600) + (seconds / 100 if rising else 0)
    _, slope, width = trend(seconds, values)
    assert (abs(slope) > width) == rising


@pytest.mark.long
def test_a_thousand_clients(crowded_server: SharedServer) -> None:
    """For an hour: ten processes of a hundred clients, one of which is killed every ten seconds."""
    minutes = reliability.minutes(60)
    found = soak(crowded_server, 10, 100, 1.0, minutes, between=10)
    trends = found.trends()
    facts: Sequence[Sequence[reliability.Cell]] = [
        ["clients at once", 1000],
        ["minutes", minutes],
        ["processes killed, of 100 clients each", found.kills],
        ["batches whose answers were checked", found.batches.total()],
        ["lost, run twice, or wrong", 0],
    ]
    rows = [[*each, verdict(*each[1:])] for each in trends]
    reliability.record(
        "soak",
        {
            "soak": reliability.Table(["what", "how many"], facts),
            "soak-leaks": reliability.Table(
                ["of the server", "mean", "change in an hour", "±", "verdict"], rows
            ),
            "soak-latencies": found.latencies(),
        },
    )
    for name, mean, change, width in trends:
        grown = (change - width) * minutes / 60
        assert grown <= 0.01 * mean, f"{name} grow by {change} ± {width} in an hour"
