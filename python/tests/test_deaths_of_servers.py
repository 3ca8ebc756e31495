"""Somebody is killed while the server stands at a step of the protocol: the server, a client, both.

A debugger stops the server; it carries no code for this.
"""

from __future__ import annotations

import collections
import contextlib
import os
import random
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

import reliability
import tensorbridge as tb
from conftest import descriptors, eventually
from dying import DIED, ENDED, GONE, LONG, RUN, Nursery, same, work_on, write_model
from server_debugger import DebuggedServer, Debugger, missing
from server_steps import SERVER_STEPS, ServerStep

PATIENCE = 30
MIB = 1 << 20


@pytest.fixture(scope="module")
def debugger() -> Iterator[Debugger]:
    if lacking := missing():
        pytest.skip(f"a debugger needs modules that this JDK lacks: {', '.join(lacking)}")
    running = Debugger()
    yield running
    running.close()


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="tb") as made:
        os.chmod(made, 0o700)
        write_model(Path(made) / "model.safetensors")
        yield Path(made)


class Victim:
    """A client in a thread of this process, whose server may go at any time.

    It keeps what it shared, and says how far it came. Whatever result it got has been checked.
    """

    def __init__(self, address: str, file: Path) -> None:
        self.outcome: BaseException | None = None
        self.ended_at = 0.0
        self._address = address
        self._file = file
        self._values = np.arange(64 * 256, dtype=np.float32).reshape(64, 256)
        self._shared: list[np.ndarray[Any, Any]] = []
        self._bridge: tb.Bridge | None = None
        self._thread = threading.Thread(target=self._work)

    def start(self) -> None:
        self._thread.start()

    def join(self) -> None:
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive(), "the client still waits for a server that is dead"

    def _work(self) -> None:
        try:
            bridge = self._bridge = tb.open(self._address, ring_entries=16)
            shared = bridge.share(self._values)
            self._shared.append(shared)
            own = bridge.empty((1 << 18,), access="readwrite")
            own[...] = 3
            self._shared.append(own)
            work_on(bridge, shared, own)
            future = bridge.submit("delay", {"a": shared}, millis=LONG)
            future.cancel()
            assert isinstance(future.exception(), tb.Cancelled | tb.ServerDied)
            with bridge.session(str(self._file), "q8_0"):
                pass
            del own
            bridge.trim()
            bridge.run("noop", {"a": shared})
            bridge.close()  # some steps are of its leaving, to which there is no answer
        except BaseException as failure:
            self.outcome = failure
        self.ended_at = time.monotonic()

    def require_intact(self) -> None:
        """Fail if an array lost its contents; end the bridge."""
        for array, expected in zip(self._shared, (self._values, 3), strict=False):
            assert (array == expected).all()
        if self._bridge is not None:
            self._bridge.close()

    def resubmit(self, address: str) -> None:
        """Have the work done by another server, on arrays that were shared with the dead one."""
        with tb.open(address) as bridge:
            for array in self._shared:
                same(bridge.run("copy", {"a": array})["a"], array)
            assert bridge.run("noop", {"a": self._values})["a"] == (0, 64 * 256 - 1)

    def forget(self) -> None:
        self._shared.clear()
        self._bridge = self.outcome = None


def ours() -> tuple[int, int, int]:
    """Return this process's descriptors, its mappings of shared memory, and its threads."""
    fds = descriptors()
    maps = Path("/proc/self/maps").read_text().count("/memfd:tensorbridge ")
    return fds, maps, len(os.listdir("/proc/self/task"))


def warm_up(address: str, file: Path) -> None:
    """Have the server load what it needs, so that every step is there."""
    victim = Victim(address, file)
    victim.start()
    victim.join()
    assert victim.outcome is None, victim.outcome


@dataclass
class Found:
    """What came of the deaths at one step."""

    deaths: int = 0
    told: collections.Counter[str] = field(default_factory=collections.Counter)
    slowest: float = 0.0


def kill_server(
    debugger: Debugger, server: DebuggedServer, step: ServerStep, times: int, found: Found
) -> DebuggedServer:
    """Kill a server at a step; return the next one, which listens at the same path."""
    folder = server.path.parent
    file = folder / "model.safetensors"
    try:
        warm_up(server.address, file)
        debugger.attach(server)
        before = ours()
        victim = Victim(server.address, file)
        debugger.arm(step.name, times)
        victim.start()
        stands = debugger.hit(PATIENCE if times == 1 else 2)
        assert stands or times > 1, f"{step.name} was never come to"
    finally:
        killed = time.monotonic()
        server.kill()
    debugger.wait_for_end()
    victim.join()
    victim.require_intact()
    assert victim.outcome is None or isinstance(victim.outcome, tb.ServerDied), victim.outcome
    if stands:
        found.deaths += 1
        found.told["complete" if victim.outcome is None else "ServerDied"] += 1
        found.slowest = max(found.slowest, victim.ended_at - killed)
    successor = DebuggedServer(folder)
    victim.resubmit(successor.address)
    victim.forget()
    after = ours()
    # The reader of the successor's log is a thread of ours, and its pipes are descriptors.
    assert after[1] == before[1]
    assert after[0] <= before[0]
    assert after[2] <= before[2]
    return successor


# One of each part of the protocol, and all around the completion.
OF_EACH_PART = (
    "ClientSession.hello",
    "RegionTable.register:exit",
    "SubmissionRing.take:exit",
    "BatchExecution.itemEnded",
    "CompletionRing.post",
    "CompletionRing.post:exit",
    "WaitingItems.add:exit",
    "ClientSession.leave",
)


@pytest.mark.parametrize("name", OF_EACH_PART)
def test_a_server_may_die_at_any_step(debugger: Debugger, folder: Path, name: str) -> None:
    step = next(step for step in SERVER_STEPS if step.name == name)
    found = Found()
    kill_server(debugger, DebuggedServer(folder), step, 1, found).close()
    assert found.deaths == 1


@contextlib.contextmanager
def bystander(address: str) -> Iterator[tb.Bridge]:
    """A client with work on the server, at whose end that work must still go on."""
    with tb.open(address) as bridge:
        shared = bridge.share(np.arange(4.0))
        running = bridge.submit("delay", {"a": shared}, millis=LONG)
        prepared = bridge.prepare("copy", {"a": shared})
        same(prepared.run()["a"], shared)
        yield bridge
        same(prepared.run()["a"], shared)
        assert not running.done()
        running.cancel()
        assert isinstance(running.exception(), tb.Cancelled)


def kill_client(
    debugger: Debugger,
    server: DebuggedServer,
    nursery: Nursery,
    other: tb.Bridge,
    step: ServerStep,
    times: int,
) -> bool:
    """Kill a client while its server stands at a step; tell whether it came there."""
    start = server.footprint()
    debugger.arm(step.name, times)
    pid = int(nursery.ask(RUN, 1))
    stands = debugger.hit(PATIENCE if times == 1 else 2)
    assert stands or times > 1, f"{step.name} was never come to"
    with contextlib.suppress(ProcessLookupError):  # a step of its leaving
        os.kill(pid, 9)
    end = nursery.ask(GONE, pid)
    assert end in (DIED, ENDED), end
    debugger.resume()
    eventually(lambda: server.is_back_at(start))
    assert other.run("noop", {"a": np.ones(4)}, timeout=PATIENCE)["a"] == (1, 1)
    return stands


@pytest.fixture
def debugged(debugger: Debugger, folder: Path) -> Iterator[DebuggedServer]:
    server = DebuggedServer(folder)
    warm_up(server.address, folder / "model.safetensors")
    debugger.attach(server)
    yield server
    server.close()
    debugger.wait_for_end()


def test_a_client_may_die_while_the_server_stands_at_any_step(
    debugger: Debugger, debugged: DebuggedServer
) -> None:
    with Nursery(debugged.address) as nursery, bystander(debugged.address) as other:
        nursery.steps()
        eventually(lambda: debugged.clients() == 1)
        for step in SERVER_STEPS:
            assert kill_client(debugger, debugged, nursery, other, step, 1)


def kill_both(debugger: Debugger, server: DebuggedServer, step: ServerStep) -> DebuggedServer:
    """Kill a client and its server at a step; return the next server, at the same path."""
    named = set(os.listdir("/dev/shm"))
    with Nursery(server.address) as nursery:
        nursery.steps()
        debugger.attach(server)
        debugger.arm(step.name)
        pid = int(nursery.ask(RUN, 1))
        assert debugger.hit(PATIENCE), f"{step.name} was never come to"
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, 9)
        server.kill()
        assert nursery.ask(GONE, pid) in (DIED, ENDED)  # the latter where it was leaving
    debugger.wait_for_end()
    assert not psutil.pid_exists(server.process.pid)
    assert set(os.listdir("/dev/shm")) <= named
    successor = DebuggedServer(server.path.parent)
    with tb.open(successor.address) as bridge:
        assert bridge.run("noop", {"a": np.ones(4)})["a"] == (1, 1)
    return successor


@pytest.mark.parametrize("name", ["RegionTable.register:exit", "CompletionRing.post"])
def test_both_may_die_and_nothing_is_left(debugger: Debugger, folder: Path, name: str) -> None:
    step = next(step for step in SERVER_STEPS if step.name == name)
    kill_both(debugger, DebuggedServer(folder), step).close()


@pytest.mark.long
def test_servers_and_clients_die_at_every_step_of_the_server(
    debugger: Debugger, folder: Path
) -> None:
    """Kill the server, a client, and both, at each step in turn."""
    rng = random.Random()
    found = {step: Found() for step in SERVER_STEPS}
    clients = collections.Counter[ServerStep]()
    both = collections.Counter[ServerStep]()
    before = set(os.listdir("/dev/shm"))
    limit = reliability.count(3600) // 6  # each takes longer than that of a client
    end = time.monotonic() + 60 * reliability.minutes(1e6)
    done = rounds = 0
    while done < limit and time.monotonic() < end:
        done += kill_clients_at_each(debugger, folder, clients, rng, rounds)
        server = DebuggedServer(folder)
        for step in SERVER_STEPS:
            deaths = found[step].deaths
            times = 1 if not rounds else rng.randint(1, 4)
            server = kill_server(debugger, server, step, times, found[step])
            done += found[step].deaths - deaths
            server = kill_both(debugger, server, step)
            both[step] += 1
            done += 2
            if done >= limit or time.monotonic() > end:
                break
        server.close()
        rounds += 1
    rows: list[list[reliability.Cell]] = [
        [
            f"`{step.name}`",
            step.meaning,
            result.deaths,
            ", ".join(f"{word} {times}" for word, times in sorted(result.told.items())),
            clients[step],
            both[step],
        ]
        for step, result in found.items()
    ]
    heads = ["step", "what stands there", "servers", "the client was told", "clients", "both"]
    slowest = max(result.slowest for result in found.values())
    totals = [
        ["server died: the client was told after at most, ms", round(slowest * 1000)],
        ["names left in /dev/shm", len(set(os.listdir("/dev/shm")) - before)],
    ]
    reliability.record(
        "deaths of servers",
        {
            "server-deaths": reliability.Table(heads, rows),
            "server-deaths-left": reliability.Table(["what", "found"], totals),
        },
    )


def kill_clients_at_each(
    debugger: Debugger,
    folder: Path,
    clients: collections.Counter[ServerStep],
    rng: random.Random,
    rounds: int,
) -> int:
    server = DebuggedServer(folder)
    warm_up(server.address, folder / "model.safetensors")
    debugger.attach(server)
    done = 0
    with Nursery(server.address) as nursery, bystander(server.address) as other:
        nursery.steps()
        eventually(lambda: server.clients() == 1)
        for step in SERVER_STEPS:
            times = 1 if not rounds else rng.randint(1, 4)
            stood = kill_client(debugger, server, nursery, other, step, times)
            clients[step] += stood
            done += stood
    server.close()
    debugger.wait_for_end()
    return done
