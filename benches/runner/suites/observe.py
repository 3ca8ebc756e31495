"""``observe_*``: what it costs a server to be watched.

Each contender has a server of its own and does the same work in it. Looks are taken only while a
contender's own calls are timed, and far more often than anybody would: samples are too short for
one look a second to fall into each.
"""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

import tensorbridge as tb
from tensorbridge.launcher import find_jar, find_jdk, java_command

from ..benchmark import Contender, Group, Launch
from .batches import SCHEME, SMALL_LAYER_BYTES, ordinary

_LOOKS_PER_SECOND = 20
_STILL_CALLED_SECONDS = 0.1
_LAYERS = 100
_EVENTS = "settings=none,io.tensorbridge.Batch#enabled=true"


def groups() -> list[Group]:
    """List the groups of the family ``observe``."""
    return [
        Group(
            "observe_noop",
            "observe",
            "A prepared no-op of one shared array in a tight loop, while its server is watched.",
            _contenders(_noop),
        ),
        Group(
            f"observe_{_LAYERS}",
            "observe",
            f"{_LAYERS} shared layers of 4 KB quantized to 4 bits, while their server is watched.",
            _contenders(_quantize),
        ),
    ]


def _contenders(work: Callable[[Launch, tb.Bridge], Callable[[], object]]) -> tuple[Contender, ...]:
    def alone(launch: Launch) -> Callable[[], object]:
        address = launch.enter(_server())
        return launch.enter(_watched(work(launch, launch.enter(tb.open(address))), _no_look))

    def observed(launch: Launch) -> Callable[[], object]:
        address = launch.enter(_server())
        call = work(launch, launch.enter(tb.open(address)))
        return launch.enter(_watched(call, lambda: tb.observe(address)))

    def recorded(launch: Launch) -> Callable[[], object]:
        address = launch.enter(_server(f"-XX:StartFlightRecording:{_EVENTS}"))
        return launch.enter(_watched(work(launch, launch.enter(tb.open(address))), _no_look))

    def scraped(launch: Launch) -> Callable[[], object]:
        found: list[str] = []
        address = launch.enter(_server(arguments=("--metrics", "0"), metrics=found))
        call = work(launch, launch.enter(tb.open(address)))
        return launch.enter(_watched(call, lambda: _scrape(found[0])))

    often = f"{_LOOKS_PER_SECOND} times a second"
    return (
        # The role makes it the one that the others are compared with.
        Contender("alone", "Nobody watches the server.", alone, role="legacy"),
        Contender("observed", f"tb.observe(), what top does, {often}.", observed),
        Contender("recorded", "A flight recording of each batch runs.", recorded),
        Contender("scraped", f"Its metrics are scraped {often}.", scraped),
    )


def _no_look() -> None:
    """Watch nothing, so that every contender pays for the same wrapper."""


def _scrape(address: str) -> None:
    with urllib.request.urlopen(address) as answer:
        if b"tensorbridge_batches_total" not in answer.read():
            raise AssertionError("the metrics lack the batches")


def _noop(launch: Launch, bridge: tb.Bridge) -> Callable[[], object]:
    array = bridge.share(np.arange(SMALL_LAYER_BYTES // 4, dtype=np.float32))
    plan = launch.enter(bridge.prepare("noop", {"w": array}))
    if plan.run()["w"] != (0.0, SMALL_LAYER_BYTES / 4 - 1):
        raise AssertionError("the server read other elements")
    return plan.run


def _quantize(launch: Launch, bridge: tb.Bridge) -> Callable[[], object]:
    layers = {
        name: bridge.share(layer)
        for name, layer in ordinary(launch, _LAYERS, SMALL_LAYER_BYTES).items()
    }
    result = bridge.quantize_batch(layers, scheme=SCHEME)
    if list(result) != list(layers):
        raise AssertionError("the result has other layers")
    return lambda: bridge.quantize_batch(layers, scheme=SCHEME)


@contextlib.contextmanager
def _server(
    *flags: str, arguments: tuple[str, ...] = (), metrics: list[str] | None = None
) -> Iterator[str]:
    """Run a shared server; ``metrics`` gets the address of its endpoint."""
    with tempfile.TemporaryDirectory(prefix="tensorbridge-") as folder:
        path = Path(folder) / "run" / "tb.sock"
        command = java_command(find_jdk(), find_jar())
        command[1:1] = flags
        command += ["serve", "--socket", str(path), "--log-level", "off", *arguments]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                   text=True, cwd=folder)  # fmt: skip
        try:
            _await_listening(process, metrics)
            yield f"unix:{path}"
        finally:
            process.terminate()
            process.communicate()


def _await_listening(process: subprocess.Popen[str], metrics: list[str] | None) -> None:
    assert process.stderr is not None
    said = ""
    for line in process.stderr:
        said += line
        if "metrics at " in line and metrics is not None:
            metrics.append(line.split("metrics at ")[1].strip())
        if "listening on" in line:
            return
    raise RuntimeError(f"the server ended with {process.wait()}: {said}")


@contextlib.contextmanager
def _watched(
    call: Callable[[], object], look: Callable[[], object]
) -> Iterator[Callable[[], object]]:
    """Look again and again from another thread, as long as the call is made."""
    last = time.monotonic()
    ended = threading.Event()

    def called() -> object:
        nonlocal last
        last = time.monotonic()
        return call()

    def watch() -> None:
        while not ended.wait(1 / _LOOKS_PER_SECOND):
            if time.monotonic() - last < _STILL_CALLED_SECONDS:
                look()

    look()
    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield called
    finally:
        ended.set()
        thread.join()
