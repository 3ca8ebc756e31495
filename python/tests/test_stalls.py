"""Processes that stand still (SIGSTOP): their peers keep their timeouts, and go on when they do."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tensorbridge as tb
from conftest import SharedServer, eventually
from dying import DIED, ENDED, GONE, RUN, Bystander, Nursery, same

SHORT = 0.2  # seconds: of a timeout that a stopped server must not stretch
PATIENCE = 10


@contextlib.contextmanager
def stopped(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        eventually(lambda: "State:\tT" in Path(f"/proc/{pid}/status").read_text())
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@contextlib.contextmanager
def in_time() -> Iterator[None]:
    """Expect a timeout, not the end of somebody's patience."""
    began = time.monotonic()
    with pytest.raises(tb.TimeoutError):
        yield
    assert time.monotonic() - began < PATIENCE


@pytest.fixture
def joined(server: SharedServer) -> Iterator[tb.Bridge]:
    """A bridge that holds at the end what it held at the start."""
    with tb.open(server.address) as bridge:
        bridge.run("copy", {"a": np.zeros(10)})
        gc.collect()
        bridge.trim()
        before = bridge.usage()
        yield bridge
        gc.collect()

        def nothing_is_left() -> bool:
            bridge.trim()
            return bridge.usage() == before

        eventually(nothing_is_left)


def test_timeouts_hold_while_the_server_stands_still(
    server: SharedServer, joined: tb.Bridge
) -> None:
    shared = joined.share(np.arange(1000.0))
    prepared = joined.prepare("copy", {"a": shared})
    same(prepared.run()["a"], shared)
    with stopped(server.process.pid):
        with in_time():
            prepared.run(timeout=SHORT)
        with in_time():
            joined.run("noop", {"a": shared}, timeout=SHORT)
        with in_time():  # it needs a region, which the server would have to map
            joined.run("copy", {"a": np.ones(1 << 20)}, timeout=SHORT)
        with in_time():
            asyncio.run(joined.run_async("noop", {"a": shared}, timeout=SHORT))
        with in_time():
            tb.open(server.address, start_timeout=SHORT)
        goes_on = joined.submit("copy", {"a": shared})
        with in_time():
            goes_on.result(timeout=SHORT)
    same(goes_on.result(PATIENCE)["a"], shared)
    same(prepared.run(timeout=PATIENCE)["a"], shared)
    prepared.close()


def test_outputs_that_come_late_stay_in_quarantine(server: SharedServer, joined: tb.Bridge) -> None:
    first, second = joined.share(np.full(100_000, 1.0)), joined.share(np.full(100_000, 2.0))
    with joined.prepare("copy", {"a": first}) as late:
        pooled = [joined.submit("copy", {"a": first}) for _ in range(12)]
        assert all(future.result(PATIENCE) for future in pooled)
        pooled.clear()  # there is memory now that no server has to map
        with stopped(server.process.pid):
            for _ in range(5):
                with in_time():
                    late.run(timeout=0.02)
            held = joined.usage()[1]
            waiting = [joined.submit("copy", {"a": second}) for _ in range(5)]
            assert joined.usage()[1] > held, "the outputs of late batches were given out again"
        for future in waiting:
            same(future.result(PATIENCE)["a"], second)


def test_a_thread_without_a_timeout_keeps_nobody_else_waiting(
    server: SharedServer, joined: tb.Bridge
) -> None:
    made: list[Any] = []
    with stopped(server.process.pid):
        patient = threading.Thread(target=lambda: made.append(joined.empty((1 << 20,))))
        patient.start()
        eventually(joined._pool._lock.locked)
        with in_time():
            joined.run("copy", {"a": np.ones(1 << 20)}, timeout=SHORT)
        assert not made
    patient.join(PATIENCE)
    assert made[0].shape == (1 << 20,)


def test_a_full_socket_keeps_nobody_waiting(server: SharedServer, joined: tb.Bridge) -> None:
    start = server.footprint()
    arrays = [joined.empty((1 << 18,), "uint8") for _ in range(600)]  # a region each, or a slab
    arrays += [joined.empty(((1 << 18) + 1,), "uint8") for _ in range(400)]
    with stopped(server.process.pid):
        arrays.clear()
        joined.trim()  # tells the server of each region, which does not listen
        with in_time():
            joined.run("copy", {"a": np.ones(1 << 20)}, timeout=SHORT)
    assert joined.run("noop", {"a": np.ones(4)}, timeout=PATIENCE)["a"] == (1, 1)

    def is_back() -> bool:
        joined.operations()  # what did not fit goes with the next request
        joined.trim()
        return server.footprint()[1] <= start[1] + 1

    eventually(is_back)


def test_a_bridge_is_closed_though_its_server_stands_still(server: SharedServer) -> None:
    bridge = tb.open(server.address)
    shared = bridge.share(np.arange(4.0))
    future = bridge.submit("delay", {"a": shared}, millis=60_000)
    with stopped(server.process.pid):
        bridge.close()
        assert isinstance(future.exception(PATIENCE), tb.BridgeClosed)
        assert shared.tolist() == [0, 1, 2, 3]
    eventually(lambda: server.clients() == 0)


def test_a_client_that_stands_still_costs_others_nothing(server: SharedServer) -> None:
    rng = random.Random(3)
    with Nursery(server.address) as nursery, Bystander(server.address) as other:
        nursery.steps()
        eventually(lambda: server.clients() == 1)
        start = server.footprint()
        for dies in (False, True, False, True):
            pids = [int(nursery.ask(RUN, 3)) for _ in range(3)]
            time.sleep(rng.random() / 20)
            with contextlib.ExitStack() as stack:
                for pid in pids:
                    stack.enter_context(stopped(pid))
                assert other.still_works()
                held = server.footprint()
                assert other.still_works()
                # It may yet end what was in flight, but takes nothing more.
                assert server.is_back_at(held)
                if dies:
                    for pid in pids:
                        os.kill(pid, signal.SIGKILL)
                    eventually(lambda: server.is_back_at(start))
            assert [nursery.ask(GONE, pid) for pid in pids] == 3 * [DIED if dies else ENDED]
            eventually(lambda: server.is_back_at(start))
