"""Many light clients in one process, each with a bridge of its own, that check every answer.

``python crowd.py ADDRESS CLIENTS SECONDS SEED`` runs them in one event loop: each opens a bridge,
sends batches of mixed sizes with pauses of about SECONDS, and comes anew now and then. Prints
``ready`` when all have begun; at the end of its input the clients stop, and it prints what they
counted, as one line of JSON:

``batches``
    By operation: how many answers came; each was complete, right, and that of its own question.
``theirs``, ``ours``
    Batches that the server has counted for the clients that were still there, and that these had
    answers for. A lost batch or one that ran twice makes them differ.
``millis``
    By operation: how long the answers took, pauses of the event loop included.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import json
import os
import random
import sys
import time
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

import tensorbridge as tb

# Elements of float32: a few numbers, some layers, now and then a large one.
SIZES = [8] * 4 + [1_000] * 8 + [50_000] * 3 + [400_000]
SCHEME = "q8_0"
OPERATIONS = ["noop"] * 4 + ["copy"] * 3 + ["quantize"]
BATCHES_PER_VISIT = 60


class Crowd:
    """The clients of this process.

    Parameters
    ----------
    address : str
        Of the server.
    pause : float
        Mean seconds between two batches of a client.
    """

    def __init__(self, address: str, pause: float) -> None:
        self._address = address
        self._pause = pause
        self._over = asyncio.Event()
        self._waiting = 0
        self._all_wait = asyncio.Event()
        self._leave = asyncio.Event()
        self.ours = 0
        self.batches: collections.Counter[str] = collections.Counter()
        self.millis: dict[str, list[float]] = collections.defaultdict(list)

    async def run(self, clients: int, seed: int) -> None:
        """Run the clients until the input ends."""
        loop = asyncio.get_running_loop()
        began = [loop.create_future() for _ in range(clients)]
        tasks = [
            asyncio.ensure_future(self._client(random.Random(seed + i), first))
            for i, first in enumerate(began)
        ]
        everybody = asyncio.gather(*tasks)
        await asyncio.wait([asyncio.gather(*began), everybody], return_when="FIRST_COMPLETED")
        print("ready", flush=True)
        ended = loop.run_in_executor(None, sys.stdin.read)
        await asyncio.wait([ended, everybody], return_when="FIRST_COMPLETED")
        self._over.set()
        while self._waiting < clients and not everybody.done():
            await asyncio.sleep(0.01)
        seen = tb.observe(self._address, timeout=60)
        theirs = sum(each.work.batches for each in seen.clients if each.pid == os.getpid())
        self._leave.set()
        await everybody
        counted = {
            "batches": self.batches,
            "theirs": theirs,
            "ours": self.ours,
            "millis": self.millis,
        }
        print(json.dumps(counted), flush=True)

    async def _client(self, rng: random.Random, began: asyncio.Future[None]) -> None:
        while True:
            with tb.open(self._address, ring_entries=16, pool_bytes=0) as bridge:
                values = bridge.empty((rng.choice(SIZES),))
                values[...] = np.arange(values.size) % 1000
                done = 0
                while done < BATCHES_PER_VISIT and not self._over.is_set():
                    await self._batch(bridge, values, rng)
                    done += 1
                    if not began.done():
                        began.set_result(None)
                    with contextlib.suppress(asyncio.TimeoutError):
                        pause = rng.expovariate(1 / self._pause)
                        await asyncio.wait_for(self._over.wait(), pause)
                if self._over.is_set():
                    self.ours += done
                    self._waiting += 1
                    await self._leave.wait()
                    return

    async def _batch(
        self, bridge: tb.Bridge, values: npt.NDArray[np.float32], rng: random.Random
    ) -> None:
        operation = rng.choice(OPERATIONS)
        options: dict[str, Any] = {"scheme": SCHEME} if operation == "quantize" else {}
        values[0] = stamp = rng.randrange(1000)
        if operation == "quantize" and values.size % 32:
            operation, options = "copy", {}
        begin = time.perf_counter()
        result = await bridge.run_async(operation, {"a": values}, timeout=120, **options)
        self.millis[operation].append(round(1000 * (time.perf_counter() - begin), 3))
        self.batches[operation] += 1
        found = result["a"]
        if operation == "noop":
            right = found == (stamp, values[-1])
        elif operation == "copy":
            right = zlib.crc32(found) == zlib.crc32(values)
        else:
            # Half a step of the block, and what float16 does to its scale.
            right = np.abs(q8_0(found.data) - values).max() <= 999 / 254 + 999 / 2000
        if not right:
            raise ValueError(f"{operation} of {values.size} elements came back wrong: {found}")


def q8_0(blocks: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Read blocks of q8_0: a float16 scale, and 32 numbers of 8 bits."""
    rows = blocks.reshape(-1, 34)
    scales = rows[:, :2].copy().view("<f2").astype(np.float32)
    return (rows[:, 2:].view(np.int8) * scales).ravel()


def main() -> None:
    """Run a crowd."""
    address, clients, pause, seed = sys.argv[1:]

    async def run() -> None:
        await Crowd(address, float(pause)).run(int(clients), int(seed))

    asyncio.run(run())


if __name__ == "__main__":
    main()
