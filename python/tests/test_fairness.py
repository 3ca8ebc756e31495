"""Clients of one server take turns, whatever a greedy one among them asks for."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import reliability
from conftest import SharedServer

NEIGHBOUR = Path(__file__).with_name("neighbour.py")
SMALL_CLIENTS = 4


@pytest.fixture
def common_server() -> Iterator[SharedServer]:
    with tempfile.TemporaryDirectory(prefix="tb") as folder:
        server = SharedServer(Path(folder))
        yield server
        server.close()


def start(server: SharedServer, role: str, seconds: float) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, str(NEIGHBOUR), server.address, role, str(seconds)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def end(process: subprocess.Popen[str]) -> dict[str, Any]:
    told, _ = process.communicate("go\n")
    assert process.returncode == 0
    counted: dict[str, Any] = json.loads(told)
    return counted


def neighbours(
    server: SharedServer, seconds: float, greedy: bool
) -> tuple[list[dict[str, list[float]]], int]:
    """Run small clients, beside a greedy one or not; give their times and its batches."""
    hog = start(server, "greedy", seconds + 1) if greedy else None
    small = [start(server, "small", seconds) for _ in range(SMALL_CLIENTS)]
    for process in small:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    millis = [end(process)["millis"] for process in small]
    return millis, end(hog)["batches"] if hog is not None else 0


def test_a_greedy_client_starves_nobody(common_server: SharedServer) -> None:
    millis, greedy = neighbours(common_server, 1, greedy=True)
    # How long is nothing that a test may tell; that everybody got on is.
    assert greedy > 0
    for each in millis:
        assert all(len(times) > 0 for times in each.values())


@pytest.mark.long
def test_how_long_small_clients_wait_beside_a_greedy_one(common_server: SharedServer) -> None:
    rounds = reliability.count(3)
    alone: dict[str, list[float]] = {}
    beside: dict[str, list[float]] = {}
    clients: dict[str, list[float]] = {}
    neighbours(common_server, 2, greedy=True)  # the server compiles
    for _ in range(rounds):
        for greedy, into in ((False, alone), (True, beside)):
            millis, _ = neighbours(common_server, 2, greedy)
            for each in millis:
                for name, times in each.items():
                    into.setdefault(name, []).extend(times)
                    if greedy:
                        clients.setdefault(name, []).append(statistics.mean(times))
    rows: list[list[reliability.Cell]] = []
    for name, times in alone.items():
        for what, percent in (("median", 50), ("p99", 99)):
            without, with_it = np.percentile(times, percent), np.percentile(beside[name], percent)
            rows.append([name, what, float(without), float(with_it), float(with_it / without)])
        most, least = max(clients[name]), min(clients[name])
        rows.append([name, "mean of the slowest client / of the fastest", "", "", most / least])
    columns = ["small batches", "", "alone, ms", "beside a greedy client, ms", "ratio"]
    table = reliability.Table(columns, rows)
    print("\n".join(table.markdown()))
    reliability.record("fairness", {"fairness": table})
