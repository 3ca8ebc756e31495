"""Servers that lie: their client gets typed errors, does not hang, reads only its own."""

from __future__ import annotations

import asyncio
import gc
import random
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import tensorbridge as tb
from conftest import descriptors, eventually
from fuzz.liar import BELL_LIES, LIES, Liar

ROUNDS = 12


def use(path: Path, honest: bool) -> None:
    with tb.open(f"unix:{path}") as bridge:
        shared = bridge.share(np.arange(64, dtype=np.float32))
        for _ in range(3):
            try:
                result = bridge.run("copy", {"a": shared, "b": np.ones((3, 5))}, timeout=0.3)
                for name in ("a", "b"):
                    np.array(result[name]).tobytes()  # of whatever form: all of it can be read
                if honest:
                    assert result["a"].shape == (64,)
                    assert result["b"].nbytes == 120
                    assert list(bridge.operations()) == ["copy"]
                bridge.operations()
            except tb.BridgeError:
                continue


@pytest.mark.parametrize("lie", LIES)
def test_a_lying_server_causes_typed_errors_only(lie: str) -> None:
    before = descriptors()
    for number in range(ROUNDS):
        rng = random.Random(f"{lie}:{number}")
        with tempfile.TemporaryDirectory(prefix="tb") as folder:
            path = Path(folder) / "s"
            liar = Liar(path, rng, lie)
            try:
                use(path, honest=lie == "none")
            except tb.BridgeError:
                if lie == "none":
                    raise
            finally:
                liar.close()
            assert liar.failure is None, f"{lie}:{number}: {liar.failure!r}"
    assert descriptors() == before


# --- doorbells ------------------------------------------------------------------------------------


@contextmanager
def lying(lie: str) -> Iterator[tb.Bridge]:
    with tempfile.TemporaryDirectory(prefix="tb") as folder:
        path = Path(folder) / "s"
        liar = Liar(path, random.Random(lie), lie)
        bridge = tb.open(f"unix:{path}")
        try:
            yield bridge
        finally:
            bridge.close()
            liar.close()
        assert liar.failure is None, repr(liar.failure)


def ends(call: Callable[[], object]) -> BaseException | None:
    """Make a call in a thread that must end, and return what it raises."""
    raised: list[BaseException | None] = []

    def run() -> None:
        try:
            call()
            raised.append(None)
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(20)
    assert raised, f"{call} does not end"
    return raised[0]


@pytest.mark.parametrize("lie", BELL_LIES)
def test_no_doorbell_makes_a_client_wait_longer_than_it_will(lie: str) -> None:
    before = descriptors()
    with lying(lie) as bridge:
        array = {"a": np.zeros(4)}
        for _ in range(20):
            raised = ends(partial(bridge.run, "noop", array, timeout=0.05))
            assert isinstance(raised, (tb.TimeoutError, tb.ProtocolError)), raised
        assert ends(bridge.close) is None
    del bridge, array, raised
    gc.collect()
    assert descriptors() == before


@pytest.mark.parametrize("lie", BELL_LIES)
def test_no_doorbell_makes_an_event_loop_wait(lie: str) -> None:
    with lying(lie) as bridge:
        array = {"a": np.zeros(4)}
        turns = 0

        async def turn() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0.001)

        async def several() -> None:
            clock = asyncio.create_task(turn())
            await asyncio.sleep(0.01)
            try:
                await bridge.run_async("noop", array, timeout=0.2)
            finally:
                clock.cancel()

        raised = ends(lambda: asyncio.run(several()))
        assert isinstance(raised, (tb.TimeoutError, tb.ProtocolError)), raised
        assert turns > 1


@pytest.mark.parametrize("lie", BELL_LIES)
def test_no_doorbell_keeps_a_bridge_from_closing_under_a_waiter(lie: str) -> None:
    with lying(lie) as bridge:
        array = {"a": np.zeros(4)}
        raised: list[BaseException | None] = []
        waiter = threading.Thread(
            target=lambda: raised.append(ends(lambda: bridge.run("noop", array)))
        )
        waiter.start()
        eventually(lambda: bool(raised or bridge._ring._in_flight))
        assert ends(bridge.close) is None
        waiter.join()
        assert isinstance(raised[0], (tb.BridgeClosed, tb.ProtocolError)), raised
