"""Clients are killed at every step of the protocol; the server and other clients go on."""

from __future__ import annotations

import collections
import os
import random
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import psutil
import pytest

import reliability
import tensorbridge as tb
from conftest import SharedServer, eventually
from dying import DIE, DIED, ENDED, GONE, LATER, RUN, Bystander, Nursery

Step = tuple[str, str, int, int]
LATEST_MICROS = 80_000  # a run takes about so long


@pytest.fixture
def nursery(server: SharedServer) -> Iterator[Nursery]:
    with Nursery(server.address) as forks:
        yield forks


def warm_up(nursery: Nursery) -> list[Step]:
    """Let the server come to rest after its first clients; return the steps of such a client."""
    for _ in range(3):
        steps = nursery.steps()
    return steps


def one_of_each_function(steps: list[Step], rng: random.Random) -> list[Step]:
    """Return a step of each function, in some order."""
    functions = collections.defaultdict(list)
    for step in steps:
        functions[step[:2]].append(step)
    chosen = [rng.choice(lines) for lines in functions.values()]
    rng.shuffle(chosen)
    return chosen


@dataclass
class Deaths:
    """What was tried, and what came of it."""

    steps: collections.defaultdict[str, set[int]] = field(
        default_factory=lambda: collections.defaultdict(set)
    )
    deaths: collections.Counter[str] = field(default_factory=collections.Counter)

    def died_at(self, step: Step) -> None:
        self.steps[step[0]].add(step[2])
        self.deaths[step[0]] += 1

    def table(self) -> reliability.Table:
        rows: list[list[reliability.Cell]] = [
            [f"`{file}`", len(self.steps[file]), self.deaths[file]] for file in sorted(self.steps)
        ]
        rows.append(["anywhere, in the midst of a call of the kernel too", 0, self.deaths[LATER]])
        rows.append(["all", sum(map(len, self.steps.values())), self.deaths.total()])
        return reliability.Table(["where the client was", "steps", "deaths"], rows)


def kill_at(nursery: Nursery, server: SharedServer, step: Step, times: int, deaths: Deaths) -> None:
    """Kill a client at a step; a way that depends on the time may not lead there."""
    end = nursery.ask(DIE, step[0], step[2], times)
    assert end in (DIED, ENDED), f"{step}: {end}"
    if end == DIED:
        deaths.died_at(step)


def holds_nothing(server: SharedServer) -> bool:
    """Tell whether the server's own books are empty: regions, leases, batches."""
    seen = tb.observe(server.address)
    return not seen.clients and seen.held == tb.Held(0, 0, 0, 0, 0, 0)


def test_a_client_may_die_at_any_step(server: SharedServer, nursery: Nursery) -> None:
    rng = random.Random(8)
    steps = one_of_each_function(warm_up(nursery), rng)[:60]
    deaths = Deaths()
    with Bystander(server.address) as other:
        assert other.still_works()
        eventually(lambda: server.clients() == 1)
        start = server.footprint()
        for step in steps:
            kill_at(nursery, server, step, rng.randint(1, min(step[3], 5)), deaths)
            eventually(lambda: server.is_back_at(start))
        for _ in range(10):
            assert nursery.ask(LATER, rng.randrange(LATEST_MICROS)) in (DIED, ENDED)
            eventually(lambda: server.is_back_at(start))
        assert other.still_works()
    eventually(lambda: holds_nothing(server))
    assert deaths.deaths.total() > len(steps) // 2


def test_a_client_dies_while_its_batch_is_at_work(server: SharedServer, nursery: Nursery) -> None:
    warm_up(nursery)
    rng = random.Random(9)
    with Bystander(server.address) as other:
        assert other.still_works()
        eventually(lambda: server.clients() == 1)
        start = server.footprint()
        for _ in range(5):
            pids = [int(nursery.ask(RUN, 1000)) for _ in range(4)]
            time.sleep(rng.random() / 10)
            for pid in pids:
                os.kill(pid, signal.SIGKILL)
            assert [nursery.ask(GONE, pid) for pid in pids] == 4 * [DIED]
            eventually(lambda: server.is_back_at(start))
        assert other.still_works()
    eventually(lambda: holds_nothing(server))


@pytest.mark.long
def test_clients_die_at_every_step(server: SharedServer, nursery: Nursery) -> None:
    """Each line in turn, until the time or the number of deaths is reached."""
    rng = random.Random()
    steps = warm_up(nursery)
    deaths = Deaths()
    process = psutil.Process(server.process.pid)
    limit = reliability.count(2 * len(steps))
    end = time.monotonic() + 60 * reliability.minutes(1e6)
    with Bystander(server.address) as other:
        eventually(lambda: server.clients() == 1)
        start, resident = server.footprint(), 0
        done = tries = 0
        queue: list[Step] = []
        while done < limit and time.monotonic() < end:
            if not queue:
                queue = rng.sample(steps, len(steps))
            step = queue.pop()
            # In the first round each step when it is come to first, later at any time.
            times = 1 if tries < len(steps) else rng.randint(1, step[3])
            tries += 1
            kill_at(nursery, server, step, times, deaths)
            if tries % 10 == 0 and nursery.ask(LATER, rng.randrange(LATEST_MICROS)) == DIED:
                deaths.deaths[LATER] += 1
            eventually(lambda: server.is_back_at(start))
            done = deaths.deaths.total()
            if not resident and done >= limit // 10:
                resident = process.memory_info().rss  # its heap has been through a collection
        assert other.still_works()
        found = server.footprint()
        grown = process.memory_info().rss - resident
    assert grown < 128 << 20
    eventually(lambda: holds_nothing(server))
    rows = [
        ["descriptors of the server", start[0], found[0]],
        ["its mappings of clients' memory", start[1], found[1]],
        ["its threads", start[2], found[2]],
        ["its resident memory, MiB", resident >> 20, resident + grown >> 20],
        ["batches of the bystander", 0, 2 * other.rounds],
        ["failures of the bystander", 0, len(other.failures)],
    ]
    reliability.record(
        "deaths of clients",
        {
            "client-deaths": deaths.table(),
            "client-deaths-server": reliability.Table(["what", "before", "after"], rows),
        },
    )
