"""What users rely on: arrays, operations, results, refusals."""

from __future__ import annotations

import builtins
import logging
from typing import Any

import ml_dtypes
import numpy as np
import pytest

import tensorbridge as tb
from conftest import weights

DTYPES = [
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16",
    "float32", "float64", "complex64", "complex128", "bfloat16", "float8_e4m3fn", "float8_e5m2",
]  # fmt: skip


# --- arrays ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (1,), (3, 5), (2, 0, 4), 7])
def test_empty_gives_a_writable_array(bridge: tb.Bridge, shape: Any, dtype: str) -> None:
    array = bridge.empty(shape, dtype)
    assert array.shape == (shape if isinstance(shape, tuple) else (shape,))
    assert array.dtype.name == dtype
    assert array.flags.writeable
    assert array.flags.c_contiguous
    assert array.ctypes.data % 64 == 0
    array[...] = 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((-1,),), "negative"),
        (((2,), "float32", "write"), "readwrite"),
        (((2,), "object"), "can't be shared"),
        (((2,), "nonsense"), "no dtype"),
        (((2,), ">f4"), "can't be shared"),
    ],
)
def test_empty_refuses_with_a_remedy(bridge: tb.Bridge, arguments: Any, message: str) -> None:
    with pytest.raises(tb.OptionError, match=message):
        bridge.empty(*arguments)


def test_memory_that_can_not_be_had_is_refused(bridge: tb.Bridge) -> None:
    with pytest.raises((tb.ResourceError, tb.QuotaError)):
        bridge.empty((1 << 50,))


@pytest.mark.parametrize("access", ["read", "readwrite"])
def test_share_copies_once(bridge: tb.Bridge, rng: np.random.Generator, access: str) -> None:
    source = weights(rng, 30, 40).T[::2]
    shared = bridge.share(source, access)
    assert shared.flags.c_contiguous
    assert (shared == source).all()
    source[0, 0] += 1
    assert shared[0, 0] != source[0, 0]


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", ">f4"])
def test_share_copies_large_arrays_whole(bridge: tb.Bridge, dtype: str) -> None:
    source = np.arange(9_000_001).astype(ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype)
    shared = bridge.share(source)
    assert (shared == source).all()
    assert (bridge.share(source[::-1]) == source[::-1]).all()


def test_share_takes_what_numpy_would(bridge: tb.Bridge) -> None:
    big_endian = np.arange(5, dtype=">f8")
    shared = bridge.share(big_endian)
    assert shared.dtype == np.dtype("<f8")
    assert (shared == big_endian).all()
    read_only = np.arange(5.0)
    read_only.flags.writeable = False
    assert (bridge.share(read_only) == read_only).all()
    assert bridge.share(np.float32(3)).shape == ()
    with pytest.raises(tb.TensorError, match="astype"):
        bridge.share(np.array([object()]))


# --- operations -----------------------------------------------------------------------------------


def test_operations_explain_themselves(bridge: tb.Bridge) -> None:
    operations = bridge.operations()
    assert {"noop", "copy", "quantize", "dequantize"} <= set(operations)
    assert all(operations.values())


@pytest.mark.parametrize("dtype", DTYPES)
def test_noop_tells_first_and_last(bridge: tb.Bridge, dtype: str) -> None:
    array = bridge.empty((2, 3), dtype)
    array[...] = np.array([[1, 0, 0], [0, 0, 1]]).astype(array.dtype)
    array[0, 1] = 0
    assert bridge.run("noop", {"a": array})["a"] == (1, 1)


def test_ordinary_arrays_give_the_same_as_shared_ones(
    bridge: tb.Bridge, rng: np.random.Generator
) -> None:
    array = weights(rng, 64, 64)
    views = {
        "whole": array,
        "transposed": array.T,
        "reversed": array[::-1, ::2],
        "scalar": array[1, 1],
    }
    plain = bridge.run("copy", views)
    shared = bridge.share(array)
    views = {"whole": shared, "transposed": shared.T, "reversed": shared[::-1, ::2],
             "scalar": shared[1, 1, ...]}  # fmt: skip
    in_place = bridge.run("copy", views)
    assert list(plain) == list(in_place) == list(views)
    for name, view in views.items():
        assert plain[name].shape == view.shape
        assert (plain[name] == view).all()
        assert plain[name].tobytes() == in_place[name].tobytes()


def test_views_of_shared_arrays_are_not_copied(bridge: tb.Bridge) -> None:
    shared = bridge.empty((1000, 1000))
    _, used = bridge.usage()
    future = bridge.submit("noop", {"a": shared.T[5:, ::-3], "b": shared.reshape(-1)[7:]})
    assert bridge.usage()[1] - used <= 1 << 17  # a block and its status, no tensor
    future.result()


def test_an_array_that_changed_its_shape_is_described_anew(bridge: tb.Bridge) -> None:
    shared = bridge.empty((4, 6))
    shared[...] = np.arange(24).reshape(4, 6)
    assert bridge.run("noop", {"a": shared})["a"] == (0, 23)
    view = shared[:2]
    assert bridge.run("noop", {"a": view})["a"] == (0, 11)
    view.resize((3, 4), refcheck=False)
    assert bridge.run("copy", {"a": view})["a"].shape == (3, 4)


def test_results_keep_the_order_of_the_input(bridge: tb.Bridge, rng: np.random.Generator) -> None:
    names = [f"layer.{i}" for i in rng.permutation(200)]
    result = bridge.run("noop", {name: np.float32([i]) for i, name in enumerate(names)})
    assert list(result) == names
    assert [first for first, _ in result.values()] == list(range(200))
    assert len(result) == 200
    assert "layer.7" in result
    assert "other" not in result
    with pytest.raises(KeyError):
        result["other"]


def test_an_empty_batch_has_an_empty_result(bridge: tb.Bridge) -> None:
    assert dict(bridge.run("noop", {})) == {}
    assert dict(bridge.quantize_batch({})) == {}
    assert bridge.submit("noop", {}).result().errors == {}
    assert dict(bridge.prepare("noop", {}).run()) == {}


def test_an_output_of_unknown_size_is_given_room(bridge: tb.Bridge) -> None:
    arrays = {f"a{i}": np.arange(50) % (i + 1) for i in range(20)}
    result = bridge.run("nonzero", {name: a.astype(np.float32) for name, a in arrays.items()})
    for name, array in arrays.items():
        assert result[name].tolist() == np.flatnonzero(array).tolist()


def test_an_unknown_operation_is_told_with_the_known_ones(bridge: tb.Bridge) -> None:
    with pytest.raises(tb.OptionError, match="noop") as refused:
        bridge.run("nope", {"a": np.zeros(2)})
    assert refused.value.code is tb.ErrorCode.UNKNOWN_OPERATION


def test_an_unknown_option_is_told(bridge: tb.Bridge) -> None:
    with pytest.raises(tb.OptionError) as refused:
        bridge.run("noop", {"a": np.zeros(2)}, colour="red")
    assert refused.value.code is tb.ErrorCode.UNKNOWN_OPTION


@pytest.mark.parametrize("given", [{"threads": 0}, {"timeout": 0}, {"timeout": -1}])
def test_senseless_settings_are_refused(bridge: tb.Bridge, given: Any) -> None:
    with pytest.raises(tb.OptionError):
        bridge.run("noop", {"a": np.zeros(2)}, **given)


def test_too_many_tensors_are_told_with_the_limit(bridge: tb.Bridge) -> None:
    array = bridge.empty(1)
    with pytest.raises(tb.QuotaError, match="split"):
        bridge.run("noop", {str(i): array for i in range(bridge.limits.max_items + 1)})


# --- progress, time, failures ---------------------------------------------------------------------


def test_progress_rises_to_one(bridge: tb.Bridge, rng: np.random.Generator) -> None:
    seen: list[float] = []
    tensors = {f"a{i}": weights(rng, 256, 1024) for i in range(8)}
    bridge.quantize_batch(tensors, scheme="uniform:bits=2,group=32", progress_callback=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    assert all(0 <= done <= 1 for done in seen)


def test_a_failing_progress_callback_is_logged_once(
    bridge: tb.Bridge, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(done: float) -> None:
        raise RuntimeError(f"at {done}")

    with caplog.at_level(logging.ERROR, "tensorbridge"):
        result = bridge.run("noop", {"a": np.zeros(4)}, progress_callback=fail)
    assert result["a"] == (0, 0)
    assert len(caplog.records) == 1


def test_a_timeout_ends_the_batch_and_leaves_the_bridge_usable(
    bridge: tb.Bridge, rng: np.random.Generator
) -> None:
    tensors = {f"a{i}": weights(rng, 256, 4096) for i in range(20)}
    with pytest.raises(builtins.TimeoutError) as late:
        bridge.quantize_batch(tensors, scheme="uniform:bits=2,group=32", timeout=1e-4)
    assert isinstance(late.value, tb.TimeoutError)
    assert bridge.run("noop", {"a": np.ones(4)})["a"] == (1, 1)


def test_the_first_failure_is_raised_and_names_its_tensor(bridge: tb.Bridge) -> None:
    bad = np.ones((4, 32), np.float32)
    bad[2, 5] = np.nan
    with pytest.raises(tb.TensorError, match=r'"b\.weight" at flat index 69') as failed:
        bridge.quantize_batch({"a.weight": np.ones((4, 32), np.float32), "b.weight": bad})
    assert (failed.value.name, failed.value.index) == ("b.weight", 69)
    assert failed.value.code is tb.ErrorCode.NON_FINITE


def test_failed_tensors_stand_in_errors_if_the_batch_goes_on(bridge: tb.Bridge) -> None:
    good = np.ones((4, 32), np.float32)
    bad = good.copy()
    bad[0, 0] = np.inf
    tensors = {"good": good, "infinite": bad, "object": np.array([None]),
               "integer": np.arange(32), "odd": np.ones(33, np.float32)}  # fmt: skip
    result = bridge.quantize_batch(tensors, scheme="q8_0", continue_on_error=True)
    assert list(result) == ["good"]
    assert set(result.errors) == {"infinite", "object", "integer", "odd"}
    for name, error in result.errors.items():
        assert name not in result
        assert error.name == name
        with pytest.raises(tb.TensorError):
            result[name]
    assert result["good"].data.nbytes == 4 * 34


def test_a_wrong_call_is_raised_even_if_the_batch_goes_on(bridge: tb.Bridge) -> None:
    with pytest.raises(tb.OptionError, match="q8_0") as refused:
        bridge.quantize_batch({"a": np.ones(32)}, scheme="q99", continue_on_error=True)
    assert refused.value.code is tb.ErrorCode.UNKNOWN_SCHEME


@pytest.mark.parametrize("dtype", ["int8", "int32", "uint8", "bool", "complex64"])
def test_quantizing_integers_is_refused_by_name(bridge: tb.Bridge, dtype: str) -> None:
    with pytest.raises(tb.TensorError) as refused:
        bridge.quantize_batch({"a.weight": np.ones((2, 32), dtype)}, scheme="q8_0")
    assert refused.value.name == "a.weight"
    assert refused.value.code is tb.ErrorCode.UNSUPPORTED_DTYPE


def test_a_row_that_does_not_divide_is_refused(bridge: tb.Bridge) -> None:
    with pytest.raises(tb.TensorError, match="32") as refused:
        bridge.quantize_batch({"a.weight": np.ones((2, 33), np.float32)}, scheme="q8_0")
    assert refused.value.code is tb.ErrorCode.NOT_DIVISIBLE


# --- preparing ------------------------------------------------------------------------------------


def test_a_prepared_batch_reads_its_arrays_anew(bridge: tb.Bridge) -> None:
    shared = bridge.empty(4)
    plain = np.zeros(4)
    with bridge.prepare("noop", {"shared": shared, "plain": plain}) as prepared:
        shared[:] = [1, 2, 3, 4]
        plain[:] = [5, 6, 7, 8]
        assert dict(prepared.run()) == {"shared": (1, 4), "plain": (5, 8)}
        shared[0] = plain[0] = 9
        assert dict(prepared.run()) == {"shared": (9, 4), "plain": (9, 8)}


def test_results_of_one_prepared_batch_never_alias(bridge: tb.Bridge) -> None:
    shared = bridge.empty(1000)
    shared[:] = 1
    with bridge.prepare("copy", {"a": shared}) as prepared:
        first = prepared.run()["a"]
        shared[:] = 2
        second = prepared.run()["a"]
    assert not np.shares_memory(first, second)
    assert (first == 1).all()
    assert (second == 2).all()


def test_a_closed_prepared_batch_is_refused(bridge: tb.Bridge) -> None:
    prepared = bridge.prepare("noop", {"a": np.zeros(4)})
    prepared.close()
    with pytest.raises(tb.BridgeClosed):
        prepared.run()


def test_preparing_refuses_what_running_would(bridge: tb.Bridge) -> None:
    with pytest.raises(tb.TensorError, match='"a"'):
        bridge.prepare("quantize", {"a": np.arange(4)}, scheme="q8_0")


def test_a_prepared_batch_may_need_space(bridge: tb.Bridge) -> None:
    shared = bridge.empty((3, 4))
    with bridge.prepare("nonzero", {"a": shared}) as prepared:
        shared[:] = 0
        assert prepared.run()["a"].tolist() == []
        shared[1, 2] = 5
        assert prepared.run()["a"].tolist() == [6]


def test_many_prepared_batches_can_be_dropped(bridge: tb.Bridge) -> None:
    shared = bridge.empty(4)
    for _ in range(3 * bridge.limits.max_batches):
        bridge.prepare("noop", {"a": shared}).run()


# --- the bridge itself ----------------------------------------------------------------------------


def test_bridges_are_independent() -> None:
    with tb.open() as one, tb.open() as other:
        assert one.server_pid != other.server_pid
        shared = one.share(np.arange(4.0))
        assert other.run("noop", {"a": shared})["a"] == (0, 3)
        one.close()
        assert other.run("noop", {"a": shared})["a"] == (0, 3)


def test_a_closed_bridge_refuses_everything() -> None:
    bridge = tb.open()
    shared = bridge.share(np.arange(4.0))
    result = bridge.run("copy", {"a": shared})
    prepared = bridge.prepare("noop", {"a": shared})
    bridge.close()
    bridge.close()
    assert bridge.closed
    for use in (
        lambda: bridge.run("noop", {"a": shared}),
        lambda: bridge.empty(4),
        lambda: bridge.share(shared),
        lambda: bridge.operations(),
        lambda: bridge.trim(),
        lambda: bridge.submit("noop", {"a": shared}),
        lambda: prepared.run(),
    ):
        with pytest.raises(tb.BridgeClosed):
            use()
    assert shared.tolist() == result["a"].tolist() == [0, 1, 2, 3]


def test_bfloat16_keeps_its_bits(bridge: tb.Bridge, rng: np.random.Generator) -> None:
    array = weights(rng, 5, 7).astype(ml_dtypes.bfloat16)
    copy = bridge.run("copy", {"a": array})["a"]
    assert copy.dtype == ml_dtypes.bfloat16
    assert copy.tobytes() == array.tobytes()
