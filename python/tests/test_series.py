"""The same arrays handed over again: what is remembered of them is true, or not used."""

from __future__ import annotations

import gc
import random
import threading
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import tensorbridge as tb
from tensorbridge import describe

Floats = npt.NDArray[Any]


def seen(bridge: tb.Bridge, arrays: list[Floats]) -> list[tuple[Any, Any]]:
    """Return the first and the last element of each array, as the server read them."""
    return list(bridge.run("noop", {f"a{i}": array for i, array in enumerate(arrays)}).values())


def true(arrays: list[Floats]) -> list[tuple[Any, Any]]:
    return [(array.flat[0].item(), array.flat[-1].item()) for array in arrays]


def copies(bridge: tb.Bridge, arrays: list[Floats]) -> list[Floats]:
    result = bridge.run("copy", {f"a{i}": array for i, array in enumerate(arrays)})
    return [result[f"a{i}"] for i in range(len(arrays))]


def remembered(bridge: tb.Bridge, arrays: list[Floats]) -> None:
    """Hand the arrays over until all of it is remembered."""
    for _ in range(3):
        assert seen(bridge, arrays) == true(arrays)
        copies(bridge, arrays)
    series = bridge._catalog.lookup_all(arrays)
    assert series is not None
    assert series.made


def layers(bridge: tb.Bridge, count: int, shape: tuple[int, ...] = (4, 6)) -> list[Floats]:
    return [
        bridge.share(np.arange(np.prod(shape), dtype=np.float32).reshape(shape) + 100 * i)
        for i in range(count)
    ]


def test_changed_values_are_read_anew(bridge: tb.Bridge) -> None:
    arrays = layers(bridge, 300)
    remembered(bridge, arrays)
    for value in range(20):
        for i, array in enumerate(arrays):
            array[...] = value * 1000 + i
        assert seen(bridge, arrays) == true(arrays)


def test_names_are_those_of_the_call(bridge: tb.Bridge) -> None:
    arrays = layers(bridge, 5)
    remembered(bridge, arrays)
    other = dict(zip("vwxyz", arrays, strict=True))
    assert dict(bridge.run("noop", other)) == dict(zip("vwxyz", true(arrays), strict=True))


def test_any_choice_in_any_order(bridge: tb.Bridge) -> None:
    chance = random.Random(8)
    arrays = [
        *layers(bridge, 30), *layers(bridge, 10, (3,)), *layers(bridge, 10, (2, 3, 4)),
        bridge.share(np.array(5.0)), bridge.share(np.arange(6, dtype=np.int16)),
    ]  # fmt: skip
    kept = [chance.choices(arrays, k=chance.randint(2, 60)) for _ in range(20)]
    for turn in range(400):
        chosen = chance.choice(kept) if turn % 3 else chance.choices(arrays, k=7)
        changed = chance.choice(arrays)
        changed[...] = turn
        assert seen(bridge, chosen) == true(chosen)


def reshaped(array: Floats) -> None:
    array.shape = (6, 4)


def flattened(array: Floats) -> None:
    array.shape = (24,)


def deepened(array: Floats) -> None:
    array.shape = (2, 3, 4)


def resized(array: Floats) -> None:
    array.resize((6, 4), refcheck=False)


def retyped(array: Floats) -> None:
    array.dtype = np.int32


def widened(array: Floats) -> None:
    array.dtype = np.float64


def narrowed(array: Floats) -> None:
    array.dtype = np.int8


def transposed(array: Floats) -> None:
    array.strides = (4, 16)


def overlapped(array: Floats) -> None:
    array.strides = (4, 4)


def reshaped_under_the_same_strides(array: Floats) -> None:
    array.shape = (3, 8)
    array.strides = (24, 4)


def reshaped_as_another_dtype(array: Floats) -> None:
    array.dtype = np.int16
    array.shape = (2, 24)
    array.dtype = np.float32
    array.strides = (24, 4)


CHANGES = [
    reshaped, flattened, deepened, resized, retyped, widened, narrowed, transposed, overlapped,
    reshaped_under_the_same_strides, reshaped_as_another_dtype,
]  # fmt: skip


@pytest.mark.parametrize("ranks", ["alike", "mixed"])
@pytest.mark.parametrize("change", CHANGES)
def test_a_form_changed_in_place_is_seen(
    bridge: tb.Bridge, change: Callable[[Floats], None], ranks: str
) -> None:
    arrays = layers(bridge, 4)
    if ranks == "mixed":
        arrays += [*layers(bridge, 1, (2, 2, 2)), bridge.share(np.array(7.0))]
    remembered(bridge, arrays)
    size = arrays[1].nbytes
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # newer NumPy is right to warn
        change(arrays[1])
    assert arrays[1].nbytes == size  # what the check of the form relies on
    for _ in range(3):
        assert seen(bridge, arrays) == true(arrays)
        for copy, array in zip(copies(bridge, arrays), arrays, strict=True):
            assert copy.dtype == array.dtype
            np.testing.assert_array_equal(copy, array)


def test_an_array_that_loses_all_dimensions_is_seen(bridge: tb.Bridge) -> None:
    arrays = layers(bridge, 3, (1, 1))
    remembered(bridge, arrays)
    arrays[2].shape = ()
    assert [copy.shape for copy in copies(bridge, arrays)] == [(1, 1), (1, 1), ()]


def test_a_change_that_was_taken_back_is_none(bridge: tb.Bridge) -> None:
    arrays = layers(bridge, 4)
    remembered(bridge, arrays)
    arrays[0].shape = (6, 4)
    arrays[0].shape = (4, 6)
    assert [copy.shape for copy in copies(bridge, arrays)] == [(4, 6)] * 4


def test_a_dead_array_is_not_taken_for_its_successor(bridge: tb.Bridge) -> None:
    whole = bridge.share(np.arange(1000, dtype=np.float32))
    steady = layers(bridge, 3)
    met = set()
    for i in range(200):
        view = whole[i : i + 5]  # as a rule at the address of the one before
        met.add(id(view))
        for _ in range(3):
            assert seen(bridge, [*steady, view])[-1] == (i, i + 4)
        del view
    assert len(met) < 100


def test_what_is_remembered_holds_no_memory(bridge: tb.Bridge) -> None:
    before = bridge.usage()[1]
    arrays = layers(bridge, 10)
    remembered(bridge, arrays)
    assert bridge._catalog._series
    arrays.clear()
    gc.collect()
    assert not bridge._catalog._series
    bridge.trim()
    assert bridge.usage()[1] <= before


def test_options_settings_and_operations_are_told_apart(bridge: tb.Bridge) -> None:
    arrays = layers(bridge, 4, (32, 32))
    tensors = {f"a{i}": array for i, array in enumerate(arrays)}
    remembered(bridge, arrays)
    schemes = ["q8_0", "uniform:bits=4", "uniform:bits=8", "q4_0", "f16", "uniform:bits=2"]
    wanted = {
        scheme: [bytes(q.data) for q in bridge.quantize_batch(
            {name: np.array(array) for name, array in tensors.items()}, scheme).values()]
        for scheme in schemes
    }  # fmt: skip
    for turn in range(3 * len(schemes)):
        scheme = schemes[turn % len(schemes)]
        found = bridge.quantize_batch(tensors, scheme, continue_on_error=turn % 2 == 0, threads=1)
        assert [bytes(q.data) for q in found.values()] == wanted[scheme]
        mixed = bridge.quantize_batch(tensors, "q8_0", overrides={"a1": scheme})
        assert bytes(mixed["a1"].data) == wanted[scheme][1]
        assert bytes(mixed["a2"].data) == wanted["q8_0"][2]
        assert seen(bridge, arrays) == true(arrays)


def test_the_time_of_a_large_batch_is_had_before_and_after_its_results(bridge: tb.Bridge) -> None:
    arrays = layers(bridge, 300)
    result = bridge.run("noop", {f"a{i}": array for i, array in enumerate(arrays)})
    nanos = result.run_nanos
    assert nanos > 0
    other = bridge.run("noop", {f"a{i}": array for i, array in enumerate(arrays[::-1])})
    assert list(other.values()) == true(arrays[::-1])  # which is no answer in the first one's place
    assert list(result.values()) == true(arrays)
    assert result.run_nanos == nanos


def test_failures_are_those_of_the_call(bridge: tb.Bridge) -> None:
    arrays = layers(bridge, 4, (32, 32))
    tensors = {f"a{i}": array for i, array in enumerate(arrays)}
    for turn in range(8):
        arrays[turn % 4][3, 3] = np.nan
        result = bridge.quantize_batch(tensors, "q8_0", continue_on_error=True)
        assert list(result.errors) == [f"a{turn % 4}"]
        with pytest.raises(tb.TensorError, match=f"a{turn % 4}"):
            bridge.quantize_batch(tensors, "q8_0")
        arrays[turn % 4][3, 3] = 0


def test_prepared_batches_and_others_take_turns_in_the_same_memory(bridge: tb.Bridge) -> None:
    arrays = layers(bridge, 40)
    with bridge.prepare("noop", {f"p{i}": array for i, array in enumerate(arrays)}) as prepared:
        for turn in range(12):
            arrays[turn][...] = turn
            assert seen(bridge, arrays) == true(arrays)
            assert list(prepared.run().values()) == true(arrays)
            if turn % 3 == 0:
                assert seen(bridge, arrays[::-1]) == true(arrays[::-1])


def test_threads_share_what_is_remembered(bridge: tb.Bridge) -> None:
    groups = [layers(bridge, 50) for _ in range(3)]
    wrong: list[object] = []

    def work(seed: int) -> None:
        chance = random.Random(seed)
        try:
            for _ in range(100):
                arrays = chance.choice(groups)
                view = arrays[0][1:]  # one that dies in each turn
                if seen(bridge, [*arrays, view]) != true([*arrays, view]):
                    wrong.append("another answer")
                if seen(bridge, arrays) != true(arrays):
                    wrong.append("another answer")
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_what_is_remembered_is_bounded(bridge: tb.Bridge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(describe, "_KEY_BYTES_KEPT", 8 * 100)
    monkeypatch.setattr(describe, "_KEY_BYTES_LEAST", 8 * 20)
    arrays = layers(bridge, 60)
    catalog = bridge._catalog
    for first in range(50):
        for _ in range(3):
            assert seen(bridge, arrays[first:]) == true(arrays[first:])
        assert sum(max(len(key), 8 * 20) for key in catalog._series) <= 8 * 100
    monkeypatch.setattr(describe, "_KEY_BYTES_KEPT", 8 * 59)
    for _ in range(3):
        assert seen(bridge, arrays) == true(arrays)
    series = catalog.lookup_all(arrays)
    assert series is not None
    assert series.made is None
    assert len(catalog._seen) <= describe._SERIES_SEEN
