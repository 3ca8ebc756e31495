"""What happens when a process ends in the midst of work."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

import tensorbridge as tb
from conftest import SharedServer, descriptors, diagnostic_bridge, eventually

CLIENT = """
import os, sys, threading
import numpy as np, tensorbridge as tb
bridge = tb.open(sys.argv[1])
arrays = [bridge.share(np.arange(200_000, dtype=np.float32)) for _ in range(5)]
prepared = bridge.prepare("copy", {"a": arrays[0]})
futures = [bridge.submit("delay", {"a": array}, millis=60_000) for array in arrays]
if sys.argv[2] == "fork" and os.fork() == 0:
    sys.stdin.read()
    os._exit(0)
print("ready", flush=True)
while True:
    prepared.run()
    bridge.run("copy", {"a": np.ones(50_000), "b": arrays[1]})
    bridge.run("nonzero", {"a": arrays[2]})
"""


def test_the_death_of_a_private_server_is_told_at_once() -> None:
    before = descriptors()
    kill_a_waiting_server()
    assert descriptors() == before


def kill_a_waiting_server() -> None:
    failures: list[BaseException] = []
    began = threading.Barrier(4)

    def wait(bridge: tb.Bridge, shared: Any) -> None:
        began.wait()
        try:
            bridge.run("delay", {"a": shared}, millis=60_000)
        except tb.BridgeError as error:
            failures.append(error)

    with diagnostic_bridge() as bridge:
        shared = bridge.share(np.arange(4.0))
        threads = [threading.Thread(target=wait, args=(bridge, shared)) for _ in range(3)]
        for thread in threads:
            thread.start()
        future = bridge.submit("delay", {"a": shared}, millis=60_000)
        began.wait()
        while len(bridge._ring._in_flight) < 4:
            assert not future.done()  # which also takes its next step: at first it asks for a plan
            os.sched_yield()
        os.kill(bridge.server_pid, signal.SIGKILL)
        killed = time.monotonic()
        for thread in threads:
            thread.join(10)
        failure = future.exception()
        # The bound is the contract's: a second, not a timeout's end.
        assert time.monotonic() - killed < 1
        assert failure is not None
        failures.append(failure)
        assert [type(error) for error in failures] == 4 * [tb.ServerDied]
        assert "SIGKILL" in str(failure)
        with pytest.raises(tb.ServerDied):
            bridge.run("noop", {"a": shared})
        with pytest.raises(tb.ServerDied):
            bridge.empty((1 << 22,))
        assert shared.tolist() == [0, 1, 2, 3]
        with tb.open() as other:
            assert other.run("noop", {"a": shared})["a"] == (0, 3)


def test_an_event_loop_is_told_too() -> None:
    async def scenario(bridge: tb.Bridge) -> None:
        waiting = [
            asyncio.ensure_future(bridge.run_async("delay", {"a": np.zeros(4)}, millis=60_000))
            for _ in range(5)
        ]
        await asyncio.sleep(0)
        os.kill(bridge.server_pid, signal.SIGKILL)
        ended = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 5)
        assert {type(error) for error in ended} == {tb.ServerDied}

    with diagnostic_bridge() as bridge:
        asyncio.run(scenario(bridge))


def test_a_private_server_ends_with_its_parent() -> None:
    for deadly in (signal.SIGKILL, signal.SIGTERM):
        client = subprocess.Popen(
            [
                sys.executable,
                "-c",
                "import tensorbridge as tb, sys\n"
                "bridge = tb.open()\n"
                "print(bridge.server_pid, flush=True)\n"
                "sys.stdin.read()\n",
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert client.stdout is not None
        pid = int(client.stdout.readline())
        assert psutil.pid_exists(pid)
        client.send_signal(deadly)
        client.communicate()
        eventually(lambda pid=pid: not psutil.pid_exists(pid))


class Client:
    """A process that works on a shared server until it is killed."""

    def __init__(self, server: SharedServer, forks: bool) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", CLIENT, server.address, "fork" if forks else "stay"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        """Let a forked child end as well."""
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()


def kill_clients(server: SharedServer, kills: int, at_once: int) -> None:
    with tb.open(server.address) as bridge:
        bridge.run("copy", {"a": np.zeros(1000)})
    rng = random.Random(1)
    eventually(lambda: server.footprint()[1] == 0)
    start = server.footprint()
    resident = psutil.Process(server.process.pid).memory_info().rss
    left = kills
    while left > 0:
        clients = [Client(server, forks=(left + i) % 4 == 0) for i in range(min(at_once, left))]
        rng.shuffle(clients)
        for client in clients:
            client.kill()
        left -= len(clients)
        with tb.open(server.address) as bridge:
            assert bridge.run("noop", {"a": np.ones(4)})["a"] == (1, 1)
        eventually(lambda: server.is_back_at(start))
        for client in clients:
            client.close()
    eventually(lambda: server.is_back_at(start))
    grown = psutil.Process(server.process.pid).memory_info().rss - resident
    assert grown < 128 << 20, "the heap may have grown, the clients' memory may not stay"


def test_killed_clients_leave_nothing_on_the_server(server: SharedServer) -> None:
    kill_clients(server, kills=8, at_once=4)


def test_a_killed_client_leaves_no_file(server: SharedServer) -> None:
    before = set(os.listdir("/dev/shm"))
    client = Client(server, forks=False)
    client.kill()
    client.close()
    assert set(os.listdir("/dev/shm")) == before
    assert Path(server.path).exists()
