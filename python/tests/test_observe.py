"""What observers of a shared server see: `tensorbridge.observe` and ``tensorbridge top``."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

import tensorbridge as tb
from conftest import SharedServer, eventually
from tensorbridge.launcher import find_jar, find_jdk, java_command


def of_this_process(seen: tb.ObservedServer) -> list[tb.ObservedClient]:
    return [client for client in seen.clients if client.pid == os.getpid()]


def test_the_batches_of_a_client_are_seen(server: SharedServer) -> None:
    with tb.open(server.address) as bridge:
        array = bridge.share(np.arange(1000, dtype=np.float32))
        before = tb.observe(server.address)
        (client,) = of_this_process(before)
        for _ in range(5):
            bridge.run("noop", {"a": array, "b": array})
        after = tb.observe(server.address)
        (seen,) = of_this_process(after)
        assert seen.id == client.id
        assert seen.uid == os.getuid()
        assert seen.age_nanos > client.age_nanos
        assert seen.work.batches - client.work.batches == 5
        assert seen.work.items - client.work.items == 10
        assert seen.work.input_bytes - client.work.input_bytes == 5 * 2 * 4000
        assert sum(seen.work.run_times) == seen.work.batches
        assert seen.held.region_bytes > 0
        assert after.work.batches - before.work.batches >= 5
        assert after.pid == server.process.pid
        assert 0 < after.heap_used <= after.heap_committed
    gone = tb.observe(server.address)
    assert seen.id not in {client.id for client in gone.clients}
    assert gone.work.batches >= after.work.batches


def test_the_last_error_is_seen(server: SharedServer) -> None:
    with tb.open(server.address) as bridge:
        with pytest.raises(tb.TensorError):
            bridge.quantize_batch({"a": np.array([1, np.nan] * 64, np.float32)}, scheme="q8_0")
        (seen,) = of_this_process(tb.observe(server.address))
        assert seen.last_error == tb.ErrorCode.NON_FINITE
        assert seen.work.failed_items == 1


def test_looking_leaves_nothing(server: SharedServer) -> None:
    tb.observe(server.address)
    start = server.footprint()
    for _ in range(50):
        tb.observe(str(server.path))
    eventually(lambda: server.is_back_at(start))
    fds = len(os.listdir("/proc/self/fd"))
    tb.observe(server.address)
    assert len(os.listdir("/proc/self/fd")) == fds


def test_where_nobody_listens(tmp_path: Path) -> None:
    with pytest.raises(tb.ResourceError, match="no server"):
        tb.observe(str(tmp_path / "nobody"))


def test_top_shows_a_client_by_its_process(server: SharedServer) -> None:
    top = [*java_command(find_jdk(), find_jar()), "top", "--interval", "0.1", str(server.path)]
    with tb.open(server.address) as bridge:
        bridge.run("noop", {"a": np.zeros(4, np.float32)})
        shown = subprocess.run([*top, "--once"], capture_output=True, text=True, check=True)
        rows = [line.split() for line in shown.stdout.splitlines()]
        (row,) = [row for row in rows if row and row[0] == str(os.getpid())]
        name = Path(f"/proc/{os.getpid()}/comm").read_text().strip().split()[0]
        assert row[2] == name
        printed = subprocess.run([*top, "--json"], capture_output=True, text=True, check=True)
        document = json.loads(printed.stdout)
        (client,) = [c for c in document["clients"] if c["pid"] == os.getpid()]
        assert client["work"]["batches"] == 1
        assert client["rates"]["batches_per_second"] == 0
        assert document["server"]["pid"] == server.process.pid
