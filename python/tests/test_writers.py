"""Who changes a session has the lock, and nobody else: also after an interrupt."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from tensorbridge.errors import OptionError, TimeoutError
from tensorbridge.online.writers import Writers


def interrupted_after_acquire(call: Callable[[], object]) -> bool:
    """Make a call, with an interrupt as soon as a lock has been acquired; tell whether it came."""

    def interrupt(frame: FrameType, event: str, what: Any) -> None:
        if event == "c_return" and getattr(what, "__name__", "") == "acquire":
            sys.setprofile(None)
            raise KeyboardInterrupt

    sys.setprofile(interrupt)
    try:
        call()
    except KeyboardInterrupt:
        return True
    finally:
        sys.setprofile(None)
    return False


def is_free(writers: Writers) -> bool:
    with writers.writing(0):
        return True


def test_an_interrupt_leaves_no_lock_held_in_a_thread() -> None:
    writers = Writers()

    def write() -> None:
        with writers.writing():
            pass

    interrupted_after_acquire(write)
    assert is_free(writers)


def test_an_interrupt_leaves_no_lock_held_in_a_coroutine() -> None:
    writers = Writers()

    async def write() -> None:
        async with writers.writing_async():
            pass

    def run() -> None:  # without a loop, which has locks of its own
        with pytest.raises(StopIteration):
            write().send(None)

    interrupted_after_acquire(run)
    assert is_free(writers)


def test_one_writes_at_a_time() -> None:
    writers = Writers()
    with writers.writing():
        with pytest.raises(OptionError, match="already"), writers.writing():
            pass
        raised: list[BaseException] = []

        def other() -> None:
            try:
                is_free(writers)
            except TimeoutError as error:
                raised.append(error)

        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        assert len(raised) == 1
    assert is_free(writers)


@pytest.mark.parametrize("late", [False, True], ids=["waiting", "has-its-turn"])
def test_a_cancelled_coroutine_gives_its_turn_away(late: bool) -> None:
    writers = Writers()
    wrote = False

    async def write() -> None:
        nonlocal wrote
        async with writers.writing_async():
            wrote = True

    async def cancels() -> None:
        with writers.writing():
            task = asyncio.create_task(write())
            await asyncio.sleep(0.01)
            if not late:
                task.cancel()
        if late:
            deadline = asyncio.get_running_loop().time() + 20
            while not writers._lock.locked():  # the loop stands still: the turn can't be taken yet
                assert asyncio.get_running_loop().time() < deadline
            task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancels())
    assert not wrote
    with writers.writing(20):
        pass
