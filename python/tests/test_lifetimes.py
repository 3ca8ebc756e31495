"""Views keep their memory, and nothing else does."""

from __future__ import annotations

import gc
import re
import tempfile
import threading
import weakref
from pathlib import Path

import numpy as np
import pytest

import tensorbridge as tb
from conftest import descriptors, run_python, weights


def used(bridge: tb.Bridge) -> int:
    gc.collect()
    bridge.run("noop", {"a": np.zeros(1)})  # the slot of a batch is there before and after
    return bridge.usage()[1]


def test_the_base_chain_holds_an_array(bridge: tb.Bridge) -> None:
    before = used(bridge)
    array = bridge.empty((100, 100))
    array[...] = 7
    view = array[10:].T[5:, ::2]
    alive = weakref.ref(array)
    del array
    gc.collect()
    assert used(bridge) > before
    assert (view == 7).all()
    del view
    assert used(bridge) == before
    assert alive() is None


def test_each_output_comes_back_by_itself(bridge: tb.Bridge, rng: np.random.Generator) -> None:
    before = used(bridge)
    result = bridge.run("copy", {f"a{i}": weights(rng, 1000) for i in range(10)})
    everything = used(bridge) - before
    kept = result["a3"]
    del result
    assert used(bridge) - before == 4032
    assert everything >= 40_000
    assert kept.shape == (1000,)
    del kept
    assert used(bridge) == before


def test_a_result_that_nobody_looked_at_comes_back(bridge: tb.Bridge) -> None:
    before = used(bridge)
    result = bridge.run("copy", {"a": np.zeros(1000)})
    assert used(bridge) > before
    del result
    assert used(bridge) == before


def test_parts_of_a_quantized_tensor_hold_only_it(bridge: tb.Bridge) -> None:
    tensors = {"a": np.ones((64, 64), np.float32), "b": np.ones((64, 64), np.float32)}
    result = bridge.quantize_batch(tensors, group_size=32)
    data = result["a"].data
    scales = result["b"].scales
    assert scales is not None
    del result
    gc.collect()
    assert data.shape == (64 * 64 // 2,)
    assert (scales >= 0).all()


def test_everything_outlives_the_bridge_and_its_server() -> None:
    bridge = tb.open()
    shared = bridge.share(np.arange(1000.0))
    result = bridge.run("copy", {"a": shared})
    pid = bridge.server_pid
    bridge.close()
    del bridge
    gc.collect()
    assert not Path(f"/proc/{pid}").exists()
    assert (result["a"] == shared).all()
    shared[0] = 5
    assert shared.sum() == 499505


def test_a_dropped_bridge_ends_its_server() -> None:
    before = descriptors()
    bridge = tb.open()
    pid = bridge.server_pid
    bridge.run("noop", {"a": np.zeros(4)})
    del bridge
    gc.collect()
    assert not Path(f"/proc/{pid}").exists()
    assert descriptors() == before


def test_opening_and_closing_leaves_no_descriptor_and_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A folder of its own: others may be building beside.
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)

    def files(pids: list[int]) -> list[str]:
        """Name what is left: ours, and what a JVM names by its process."""
        own = [str(path) for path in tmp_path.rglob("*")]
        shared = (*Path("/dev/shm").glob("*"), *Path("/tmp").glob("*"))
        shared = (*shared, *Path("/tmp").glob("hsperfdata_*/*"))
        ours = re.compile(rf"(?<!\d)({'|'.join(map(str, pids))})(?!\d)")
        return own + [str(path) for path in shared if ours.search(path.name)]

    before = descriptors()
    pids = []
    for _ in range(2):
        with tb.open() as bridge:
            array = bridge.share(np.arange(10))
            bridge.run("copy", {"a": array, "b": np.zeros(10)})
            bridge.prepare("noop", {"a": array}).run()
            pids.append(bridge.server_pid)
        del array, bridge
    gc.collect()
    assert descriptors() == before
    assert files(pids) == []


def test_arrays_can_be_dropped_at_interpreter_shutdown() -> None:
    done = run_python(
        "import numpy as np, tensorbridge as tb\n"
        "bridge = tb.open()\n"
        "kept = [bridge.share(np.arange(9.0)) for _ in range(9)]\n"
        "result = bridge.run('copy', {'a': kept[0]})\n"
        "entry = result['a']\n"
        "prepared = bridge.prepare('noop', {'a': kept[1]})\n"
        "future = bridge.submit('noop', {'a': kept[1]})\n"
        "kept.append(kept)\n"
        "print(bridge.server_pid)\n"
    )
    assert done.returncode == 0
    assert done.stderr == ""
    assert not Path(f"/proc/{done.stdout.strip()}").exists()


def test_arrays_can_be_dropped_in_any_thread(bridge: tb.Bridge) -> None:
    arrays = [bridge.empty(1000) for _ in range(100)]
    before = used(bridge)

    def drop() -> None:
        while True:
            try:
                arrays.pop()
            except IndexError:
                return

    threads = [threading.Thread(target=drop) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert used(bridge) == before - 100 * 4032


def test_trim_returns_idle_memory(bridge: tb.Bridge) -> None:
    array = bridge.empty((1 << 20,))
    del array
    gc.collect()
    assert bridge.trim() >= 4 << 20
    assert bridge.trim() == 0


def test_pool_bytes_bounds_idle_memory() -> None:
    with tb.open(pool_bytes=1 << 20) as bridge:
        for size in (5, 6, 7):
            bridge.empty((size << 20,), "uint8")
        gc.collect()
        assert bridge.usage()[0] <= 2 << 20


@pytest.mark.parametrize("access", ["read", "readwrite"])
def test_the_server_never_sees_a_torn_pool(bridge: tb.Bridge, access: str) -> None:
    rng = np.random.default_rng(3)
    held = {}
    for i in range(200):
        array = bridge.empty(int(rng.integers(1, 20000)), "int32", access)
        array[:] = i
        held[f"a{i}"] = array
        if len(held) > 20:
            for name in list(held)[:: int(rng.integers(1, 4))]:
                del held[name]
        result = bridge.run("noop", held)
        for name, pair in result.items():
            assert pair == (int(name[1:]), int(name[1:]))
