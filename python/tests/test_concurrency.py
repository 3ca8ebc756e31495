"""Threads, event loops, futures, interrupts and forks."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import tensorbridge as tb
from conftest import diagnostic_bridge, run_python


def numbered(bridge: tb.Bridge, count: int) -> list[Any]:
    arrays = [bridge.empty(16) for _ in range(count)]
    for i, array in enumerate(arrays):
        array[:] = i
    return arrays


def test_many_threads_get_their_own_results(bridge: tb.Bridge) -> None:
    arrays = numbered(bridge, 8)

    def work(i: int) -> int:
        for k in range(200):
            first, last = bridge.run("noop", {"a": arrays[(i + k) % 8]})["a"]
            assert first == last == (i + k) % 8
            if k % 20 == 0:
                copy = bridge.run("copy", {"a": np.full(3000, float(i))})["a"]
                assert (copy == i).all()
        return i

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(work, range(8))) == list(range(8))


def test_a_short_batch_does_not_wait_for_a_long_one(bridge: tb.Bridge) -> None:
    array = bridge.empty(4)
    array[:] = 1
    long = bridge.submit("delay", {"a": array}, millis=60_000)
    waiter = threading.Thread(target=long.exception)
    waiter.start()
    assert bridge.run("noop", {"a": array})["a"] == (1, 1)
    assert not long.done()
    assert long.cancel()
    waiter.join(20)
    assert long.cancelled()


def test_more_batches_than_the_ring_holds(bridge: tb.Bridge) -> None:
    arrays = numbered(bridge, 7)
    futures = [bridge.submit("noop", {"a": arrays[i % 7]}) for i in range(1000)]
    assert [int(f.result()["a"][0]) for f in futures] == [i % 7 for i in range(1000)]


# --- futures --------------------------------------------------------------------------------------


def test_a_future_tells_how_it_stands(bridge: tb.Bridge) -> None:
    array = bridge.empty(4)
    future = bridge.submit("delay", {"a": array}, millis=60_000)
    assert not future.done()
    assert future.running()
    with pytest.raises(TimeoutError):
        future.result(timeout=0.01)
    assert future.cancel()
    assert isinstance(future.exception(), tb.Cancelled)
    with pytest.raises(tb.Cancelled):
        future.result()
    assert future.done()
    assert future.cancelled()
    assert not future.cancel()


def test_a_failed_future_raises(bridge: tb.Bridge) -> None:
    future = bridge.submit("quantize", {"a": np.ones(33, np.float32)}, scheme="q8_0")
    with pytest.raises(tb.TensorError, match='"a"'):
        future.result()
    assert isinstance(future.exception(), tb.TensorError)


def test_callbacks_are_called_without_a_waiter(bridge: tb.Bridge) -> None:
    array = bridge.empty(4)
    called = threading.Event()
    future = bridge.submit("delay", {"a": array}, millis=20)
    future.add_done_callback(lambda done: called.set() if done is future else None)
    assert called.wait(20)
    late = threading.Event()
    future.add_done_callback(lambda _: late.set())
    assert late.is_set()


def test_a_failing_callback_does_not_spoil_the_result(bridge: tb.Bridge) -> None:
    future = bridge.submit("delay", {"a": np.zeros(4)}, millis=20)
    future.add_done_callback(lambda _: 1 / 0)
    assert "a" in future.result()


def test_many_threads_may_wait_for_one_future(bridge: tb.Bridge) -> None:
    future = bridge.submit("delay", {"a": np.zeros(4)}, millis=50)
    with ThreadPoolExecutor(6) as threads:
        results = list(threads.map(lambda _: future.result(), range(6)))
    assert all(result is results[0] for result in results)


def test_a_submitted_batch_that_times_out_ends(bridge: tb.Bridge) -> None:
    future = bridge.submit("delay", {"a": np.zeros(4)}, millis=60_000, timeout=0.05)
    with pytest.raises(TimeoutError):
        future.result()
    assert isinstance(future.exception(), tb.TimeoutError)


# --- event loops ----------------------------------------------------------------------------------


def test_thousands_of_batches_can_be_awaited_without_threads(bridge: tb.Bridge) -> None:
    arrays = numbered(bridge, 10)
    bridge.submit("delay", {"a": np.zeros(1)}, millis=20).result()
    bridge.run("noop", {"a": np.zeros(1)})  # the server slept: its bell is watched from now on
    threads = threading.active_count()

    async def one(i: int) -> int:
        result = await bridge.run_async("noop", {"a": arrays[i % 10]})
        assert threading.active_count() == threads
        return int(result["a"][0])

    async def everything() -> list[int]:
        return list(await asyncio.gather(*(one(i) for i in range(5000))))

    assert asyncio.run(everything()) == [i % 10 for i in range(5000)]


def test_thousands_of_batches_can_be_awaited_in_loops_of_several_threads(
    bridge: tb.Bridge,
) -> None:
    arrays = numbered(bridge, 10)

    async def one(i: int) -> int:
        return int((await bridge.run_async("copy", {"a": arrays[i % 10]}))["a"][0])

    async def everything() -> list[int]:
        return list(await asyncio.gather(*(one(i) for i in range(1000))))

    with ThreadPoolExecutor(4) as pool:
        loops = [pool.submit(asyncio.run, everything()) for _ in range(3)]
        plain = [pool.submit(bridge.run, "copy", {"a": arrays[3]}) for _ in range(100)]
        for loop in loops:
            assert loop.result(60) == [i % 10 for i in range(1000)]
        assert all(int(each.result(60)["a"][0]) == 3 for each in plain)


def test_an_event_loop_goes_on_while_a_batch_runs(bridge: tb.Bridge) -> None:
    array = bridge.empty(4)

    async def scenario() -> int:
        batch = asyncio.ensure_future(bridge.run_async("delay", {"a": array}, millis=100))
        turns = 0
        while not batch.done():
            turns += 1
            await asyncio.sleep(0)
        await batch
        return turns

    assert asyncio.run(scenario()) > 10


def test_quantizing_can_be_awaited(bridge: tb.Bridge) -> None:
    array = np.arange(64, dtype=np.float32)

    async def scenario() -> Any:
        one = await bridge.quantize_batch_async({"a": array}, scheme="q8_0")
        other = await bridge.submit("quantize", {"a": array}, scheme="q8_0")
        return one, other

    one, other = asyncio.run(scenario())
    assert one["a"].data.tobytes() == other["a"].data.tobytes()


def test_a_cancelled_task_cancels_its_batch(bridge: tb.Bridge) -> None:
    array = bridge.empty(4)

    async def scenario() -> None:
        task = asyncio.ensure_future(bridge.run_async("delay", {"a": array}, millis=60_000))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(TimeoutError):
            await bridge.run_async("delay", {"a": array}, millis=60_000, timeout=0.02)
        assert (await bridge.run_async("noop", {"a": np.ones(3)}))["a"] == (1, 1)

    asyncio.run(scenario())


def test_loops_and_threads_share_a_bridge(bridge: tb.Bridge) -> None:
    arrays = numbered(bridge, 5)

    def loop(seed: int) -> None:
        async def turns() -> None:
            for i in range(60):
                result = await bridge.run_async("noop", {"a": arrays[(seed + i) % 5]})
                assert result["a"][0] == (seed + i) % 5

        asyncio.run(turns())

    def thread(seed: int) -> None:
        for i in range(300):
            assert bridge.run("noop", {"a": arrays[(seed + i) % 5]})["a"][0] == (seed + i) % 5

    with ThreadPoolExecutor(6) as threads:
        work = [threads.submit(loop if i % 2 else thread, i) for i in range(6)]
        for done in work:
            done.result()


# --- interrupts -----------------------------------------------------------------------------------


def test_an_interrupt_cancels_the_batch_and_leaves_the_bridge_usable(bridge: tb.Bridge) -> None:
    array = bridge.empty(4)
    array[:] = 3
    for _ in range(5):
        interrupter = threading.Timer(0.05, lambda: os.kill(os.getpid(), signal.SIGINT))
        interrupter.start()
        with pytest.raises(KeyboardInterrupt):
            bridge.run("delay", {"a": array}, millis=60_000)
        interrupter.join()
        assert bridge.run("noop", {"a": array})["a"] == (3, 3)


def test_interrupts_at_any_moment_leave_the_bridge_usable(bridge: tb.Bridge) -> None:
    array = bridge.empty(4)
    array[:] = 3
    ended = 0

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        for i in range(200):
            try:
                signal.setitimer(signal.ITIMER_REAL, 2e-5 + i * 1e-6)
                while True:
                    bridge.run("noop", {"a": array})
            except KeyboardInterrupt:
                ended += 1
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert ended == 200
    assert bridge.run("noop", {"a": array})["a"] == (3, 3)
    assert asyncio.run(bridge.run_async("noop", {"a": array}))["a"] == (3, 3)


def test_ctrl_c_in_the_terminal_reaches_python_alone(bridge: tb.Bridge) -> None:
    assert os.getsid(bridge.server_pid) != os.getsid(0)


# --- forks ----------------------------------------------------------------------------------------


def test_a_forked_child_is_refused_and_the_parent_goes_on() -> None:
    done = run_python(
        "import os, numpy as np, tensorbridge as tb\n"
        "bridge = tb.open()\n"
        "shared = bridge.share(np.arange(4.0))\n"
        "prepared = bridge.prepare('noop', {'a': shared})\n"
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    try:\n"
        "        for use in (lambda: bridge.run('noop', {'a': shared}), prepared.run,\n"
        "                    lambda: bridge.empty(4), bridge.operations):\n"
        "            try:\n"
        "                use()\n"
        "                os._exit(1)\n"
        "            except tb.BridgeClosed as error:\n"
        "                assert 'forked' in str(error), error\n"
        "        assert shared.tolist() == [0, 1, 2, 3]\n"
        "        names = [os.readlink(f'/proc/self/fd/{n}') for n in os.listdir('/proc/self/fd')\n"
        "                 if os.path.exists(f'/proc/self/fd/{n}')]\n"
        "        assert not any('socket' in name or 'eventfd' in name for name in names), names\n"
        "        with tb.open() as own:\n"
        "            assert own.run('noop', {'a': shared})['a'] == (0, 3)\n"
        "        bridge.close()\n"
        "        os._exit(0)\n"
        "    except BaseException:\n"
        "        import traceback\n"
        "        traceback.print_exc()\n"
        "        os._exit(2)\n"
        "assert os.waitpid(pid, 0)[1] == 0\n"
        "print(bridge.run('noop', {'a': shared})['a'])\n"
        "bridge.close()\n"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "(0.0, 3.0)\n"


def test_a_bridge_can_be_closed_while_others_wait() -> None:
    with diagnostic_bridge() as bridge:
        array = bridge.empty(4)
        failures: list[BaseException] = []

        def wait() -> None:
            try:
                bridge.run("delay", {"a": array}, millis=60_000)
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=wait) for _ in range(4)]
        for thread in threads:
            thread.start()
        futures = [bridge.submit("delay", {"a": array}, millis=60_000) for _ in range(3)]
        while len(bridge._ring._in_flight) < 7:
            os.sched_yield()
        bridge.close()
        for thread in threads:
            thread.join(20)
        failures += [future.exception() for future in futures]
    assert len(failures) == 7
    assert {type(failure) for failure in failures} == {tb.BridgeClosed}
