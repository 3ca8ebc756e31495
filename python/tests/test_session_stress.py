"""Sessions that are changed a thousand times, and read meanwhile."""

from __future__ import annotations

import gc
import hashlib
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

import lora_files as lora
import tensorbridge as tb
from conftest import descriptors
from lora_files import OUT, TOUCHED, Q, bytes_of


@pytest.fixture
def files(tmp_path: Path, rng: np.random.Generator) -> list[Path]:
    return [
        lora.save_kohya(tmp_path / f"{name}.safetensors", lora.factors(rng, touched, rank))
        for name, touched, rank in (("a", TOUCHED, 4), ("b", (Q, OUT), 8))
    ]


def server_maps(bridge: tb.Bridge) -> int:
    """Count the server's mappings of our memory and files."""
    maps = Path(f"/proc/{bridge.server_pid}/maps").read_text()
    return maps.count("/memfd:tensorbridge") + maps.count(".safetensors")


def footprint(bridge: tb.Bridge, session: tb.Session) -> tuple[Any, ...]:
    gc.collect()
    server = psutil.Process(bridge.server_pid)
    memory = session.memory
    return (
        descriptors(),
        server.num_fds(),
        server_maps(bridge),
        bridge.usage(),
        memory,
    )


@pytest.mark.parametrize(
    ("way", "cache_bytes"), [("loaded", None), ("loaded", 0), ("path", 0), ("settled", None)]
)
def test_a_thousand_changes_leave_no_trace(
    bridge: tb.Bridge,
    rng: np.random.Generator,
    files: list[Path],
    way: str,
    cache_bytes: int | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if way == "settled":  # files that were written long ago are known again
        monkeypatch.setattr("tensorbridge.online.sources._SETTLED_SECONDS", -60.0)
    base = {name: bridge.share(array) for name, array in lora.unet(rng).items()}
    with bridge.session(base, cache_bytes=cache_bytes) as session:
        loaded = [session.load(path) for path in files] if way == "loaded" else files

        def round_of_changes() -> tuple[dict[str, bytes], ...]:
            first, second = loaded
            session.apply(first, 0.8)
            one = bytes_of(session.weights())
            session.apply(second, 0.5)
            both = bytes_of(session.weights())
            session.remove(first)
            other = bytes_of(session.weights())
            session.remove(second)
            return one, both, other, bytes_of(session.weights())

        rounds = 250 if way == "loaded" else 50
        before = round_of_changes()
        round_of_changes()
        start = footprint(bridge, session)
        for _ in range(rounds):
            assert round_of_changes() == before
        assert footprint(bridge, session) == start


def digest(weights: Mapping[str, tb.QuantizedTensor]) -> bytes:
    """Sum up the tensors that change; each is read while others may be swapped."""
    sums = hashlib.sha1(usedforsecurity=False)
    for name in (*TOUCHED, OUT):
        sums.update(weights[name].data)
    return sums.digest()


def test_readers_never_see_a_mixture(
    bridge: tb.Bridge, rng: np.random.Generator, files: list[Path]
) -> None:
    scales = [{"a": a, "b": b} for a, b in [(0.5, 0.0), (1.0, 2.0), (0.0, 0.0), (-1.0, 0.25)]]
    with bridge.session(lora.unet(rng), cache_bytes=1 << 20) as session:
        for path in files:
            session.apply(path)
        known = {}
        for state in scales:
            session.set_scales(state)
            known[tuple(state.items())] = digest(session.weights())
        assert len(set(known.values())) == len(scales)
        stop = threading.Event()
        wrong: list[object] = []
        seen: list[int] = [0, 0, 0]

        def read(reader: int) -> None:
            try:
                while not stop.is_set():
                    if reader % 2:
                        weights = session.weights()
                        got = tuple(weights.adapters.items()), digest(weights)
                    else:
                        with session.snapshot() as view:
                            got = tuple(view.adapters.items()), digest(view)
                    if known[got[0]] != got[1]:
                        wrong.append(got)
                    seen[reader] += 1
            except BaseException as error:
                wrong.append(error)

        readers = [threading.Thread(target=read, args=(i,)) for i in range(len(seen))]
        for reader in readers:
            reader.start()
        swaps = 0
        while swaps < 300 or (min(seen) < 50 and not wrong):
            session.set_scales(scales[swaps % len(scales)])
            swaps += 1
        stop.set()
        for reader in readers:
            reader.join()
        assert not wrong


def test_writers_of_several_threads_take_turns(
    bridge: tb.Bridge, rng: np.random.Generator, files: list[Path]
) -> None:
    base = lora.unet(rng)
    with bridge.session(base) as session:
        before = bytes_of(session.weights())
        failures: list[BaseException] = []

        def change(path: Path) -> None:
            try:
                adapter = session.load(path)
                for _ in range(40):
                    session.apply(adapter, 0.5)
                    session.set_scale(adapter, 1.0)
                    session.remove(adapter)
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=change, args=(path,)) for path in files]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failures
        assert session.weights().number == 2 * 40 * 3
        assert session.adapters == {}
        assert bytes_of(session.weights()) == before
