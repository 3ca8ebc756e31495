"""A client that shares a server with others: `python neighbour.py ADDRESS ROLE SECONDS`.

A `greedy` one keeps 64 large batches in flight. A `small` one
runs a small batch for the workers after the other, and one so small that the server carries it out
at once, and tells how many milliseconds each took.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

import numpy as np

import tensorbridge as tb

GREEDY_BATCHES = 64
GREEDY_BYTES = 8 << 20
SMALL_BYTES = 1 << 20


def greedy(bridge: tb.Bridge, seconds: float) -> dict[str, object]:
    array = bridge.share(np.linspace(-1, 1, GREEDY_BYTES // 4, dtype=np.float32).reshape(-1, 256))
    end = time.monotonic() + seconds
    done = 0

    async def one() -> None:
        nonlocal done
        while time.monotonic() < end:
            await bridge.run_async("quantize", {"a": array}, scheme="q4_k")
            done += 1

    async def all_at_once() -> None:
        tasks = [asyncio.ensure_future(one()) for _ in range(GREEDY_BATCHES)]
        while not done:
            await asyncio.sleep(0.01)
        print("ready", flush=True)
        await asyncio.gather(*tasks)

    asyncio.run(all_at_once())
    return {"batches": done}


def small(bridge: tb.Bridge, seconds: float) -> dict[str, object]:
    array = bridge.share(np.zeros(SMALL_BYTES // 4, dtype=np.float32))
    batches = {
        "for the workers": bridge.prepare("copy", {"a": array}),
        "done at once": bridge.prepare("noop", {"a": array}),
    }
    millis: dict[str, list[float]] = {name: [] for name in batches}
    print("ready", flush=True)
    sys.stdin.readline()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for name, batch in batches.items():
            begin = time.perf_counter()
            batch.run()
            millis[name].append(1e3 * (time.perf_counter() - begin))
            time.sleep(0.002)
    return {"millis": millis}


if __name__ == "__main__":
    with tb.open(sys.argv[1]) as bridge:
        role = greedy if sys.argv[2] == "greedy" else small
        print(json.dumps(role(bridge, float(sys.argv[3]))), flush=True)
