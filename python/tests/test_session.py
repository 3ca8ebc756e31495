"""Online sessions: what they hold is what merging first and quantizing then would give."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
import safetensors.numpy

import lora_files as lora
import tensorbridge as tb
from lora_files import BIAS, CONV, FF, OUT, PROJ, TOUCHED, K, Q, bytes_of, quantized


@pytest.fixture
def base(rng: np.random.Generator) -> dict[str, Any]:
    return lora.unet(rng)


@pytest.fixture
def style(rng: np.random.Generator) -> dict[str, lora.Factors]:
    return lora.factors(rng)


@pytest.fixture
def detail(rng: np.random.Generator) -> dict[str, lora.Factors]:
    return lora.factors(rng, (Q, FF, OUT), rank=7, alpha=7.0)


@pytest.fixture
def style_file(tmp_path: Path, style: dict[str, lora.Factors]) -> Path:
    return lora.save_kohya(tmp_path / "style.safetensors", style)


@pytest.fixture
def detail_file(tmp_path: Path, detail: dict[str, lora.Factors]) -> Path:
    return lora.save_peft(tmp_path / "detail", detail)


@pytest.fixture
def session(bridge: tb.Bridge, base: dict[str, Any]) -> Iterator[tb.Session]:
    with bridge.session(base, scheme="q8_0") as session:
        yield session


@pytest.mark.parametrize(
    "scheme", ["q8_0", "q4_0", "q4_k", "uniform:bits=4,group=128", "nf4", "f16"]
)
def test_bytes_are_those_of_merging_first(
    bridge: tb.Bridge,
    base: dict[str, Any],
    style: dict[str, lora.Factors],
    detail: dict[str, lora.Factors],
    style_file: Path,
    detail_file: Path,
    scheme: str,
) -> None:
    with bridge.session(base, scheme=scheme) as session:
        assert bytes_of(session.weights()) == quantized(bridge, base, scheme)
        assert session.apply(style_file, scale=0.8) == "style"
        expected = lora.merged(base, [(style, 0.8)])
        assert bytes_of(session.weights()) == quantized(bridge, expected, scheme)
        assert session.apply(detail_file, scale=-0.3) == "detail"
        expected = lora.merged(base, [(style, 0.8), (detail, -0.3)])
        assert bytes_of(session.weights()) == quantized(bridge, expected, scheme)
        assert session.adapters == {"style": 0.8, "detail": -0.3}
        session.set_scale("style", 1.5)
        expected = lora.merged(base, [(style, 1.5), (detail, -0.3)])
        assert bytes_of(session.weights()) == quantized(bridge, expected, scheme)
        session.remove(style_file)
        expected = lora.merged(base, [(detail, -0.3)])
        assert bytes_of(session.weights()) == quantized(bridge, expected, scheme)
        session.remove("detail")
        assert bytes_of(session.weights()) == quantized(bridge, base, scheme)
        assert session.adapters == {}


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_a_base_of_another_dtype_is_merged_in_float32(
    bridge: tb.Bridge,
    base: dict[str, Any],
    style: dict[str, lora.Factors],
    style_file: Path,
    dtype: str,
) -> None:
    kind = ml_dtypes.bfloat16 if dtype == "bfloat16" else np.dtype(dtype)
    cast = {name: array.astype(kind) for name, array in base.items()}
    with bridge.session(cast) as session:
        assert bytes_of(session.weights()) == quantized(bridge, cast)
        session.apply(style_file)
        assert bytes_of(session.weights()) == quantized(bridge, lora.merged(cast, [(style, 1.0)]))
        assert session.weights()[Q].dtype == dtype


def test_only_touched_tensors_are_made_anew(
    session: tb.Session, style_file: Path, detail_file: Path
) -> None:
    before = session.weights()
    session.apply(style_file)
    after = session.weights()
    assert {name for name in after if after[name] is not before[name]} == set(TOUCHED)
    session.apply(detail_file)
    last = session.weights()
    assert {name for name in last if last[name] is not after[name]} == {Q, FF, OUT}
    assert (before.number, after.number, last.number) == (0, 1, 2)
    assert list(after) == list(before)


def test_the_order_of_application_is_that_of_merging(
    bridge: tb.Bridge,
    base: dict[str, Any],
    session: tb.Session,
    style: dict[str, lora.Factors],
    detail: dict[str, lora.Factors],
    style_file: Path,
    detail_file: Path,
) -> None:
    session.apply(detail_file, 3.0)
    session.apply(style_file, 5.0)
    there = bytes_of(session.weights())
    assert there == quantized(bridge, lora.merged(base, [(detail, 3.0), (style, 5.0)]))
    session.set_scales({"detail": 0, "style": 1.0})
    assert session.weights().number == 3
    assert list(session.adapters.items()) == [("detail", 0.0), ("style", 1.0)]
    assert bytes_of(session.weights()) == quantized(bridge, lora.merged(base, [(style, 1.0)]))
    session.set_scales({"detail": 3.0, "style": 5.0})
    assert bytes_of(session.weights()) == there


def test_what_is_in_the_cache_is_not_computed(session: tb.Session, style_file: Path) -> None:
    base = bytes_of(session.weights())
    adapter = session.load(style_file)
    session.apply(adapter, 0.5)
    assert session.run_nanos > 0
    merged = bytes_of(session.weights())
    for _ in range(3):
        session.remove(adapter)
        assert session.run_nanos == 0
        assert bytes_of(session.weights()) == base
        session.apply(adapter, 0.5)
        assert session.run_nanos == 0
        assert bytes_of(session.weights()) == merged
    memory = session.memory
    assert 0 < memory.cache <= memory.cache_budget == memory.outputs


def test_without_a_cache_the_same_bytes_are_computed(
    bridge: tb.Bridge, base: dict[str, Any], style_file: Path
) -> None:
    with bridge.session(base, cache_bytes=0) as session:
        before = bytes_of(session.weights())
        session.apply(style_file)
        assert session.memory.cache == 0
        session.remove("style")
        assert session.run_nanos > 0
        assert bytes_of(session.weights()) == before
        assert session.memory.older == 0


def test_the_cache_keeps_the_newest_states_within_its_budget(
    bridge: tb.Bridge, base: dict[str, Any], style_file: Path
) -> None:
    with bridge.session(base) as probe:
        one = sum(probe.weights()[name].nbytes for name in TOUCHED)
    with bridge.session(base, cache_bytes=one) as session:
        session.apply(style_file, 1.0)
        session.set_scale("style", 2.0)
        assert session.memory.cache == one
        session.set_scale("style", 1.0)
        assert session.run_nanos == 0
        session.remove("style")
        assert session.run_nanos > 0


def test_shared_arrays_are_used_in_place_and_others_copied(
    bridge: tb.Bridge, base: dict[str, Any], style_file: Path
) -> None:
    total = sum(array.nbytes for array in base.values())
    with bridge.session(base) as session:
        assert session.memory.base == total
        assert session.memory.base_in_place == 0
    shared = {name: bridge.share(array) for name, array in base.items()}
    with bridge.session(shared) as session:
        memory = session.memory
        assert (memory.base, memory.base_in_place) == (0, total)
        assert memory.adapters == 0
        session.apply(style_file)
        style = session.memory.adapters
        assert 0 < style < 64 + 4 * sum(4 * sum(shape_of(name)) for name in TOUCHED)
        assert session.memory.total == style + session.memory.outputs + session.memory.cache


def shape_of(name: str) -> tuple[int, int]:
    rows, *rest = lora.SHAPES[name]
    return rows, int(np.prod(rest))


def test_the_memory_of_an_old_generation_returns_with_its_last_view(
    session: tb.Session, style_file: Path
) -> None:
    session._keep_at_most(0)
    held = session.weights()
    data = held[Q].data
    before = data.tobytes()
    session.apply(style_file)
    assert session.memory.older == sum(held[name].nbytes for name in TOUCHED)
    del held
    gc.collect()
    assert session.memory.older == data.nbytes
    assert data.tobytes() == before
    del data
    gc.collect()
    assert session.memory.older == 0


def test_a_snapshot_stays_as_it_is_and_ends(session: tb.Session, style_file: Path) -> None:
    session._keep_at_most(0)
    before = bytes_of(session.weights())
    with session.snapshot() as view:
        session.apply(style_file)
        assert bytes_of(view) == before
        assert view.adapters == {}
        assert view.number == 0
        assert bytes_of(session.weights()) != before
        assert list(view) == list(session.weights())
        data = view[K].data
    with pytest.raises(tb.BridgeClosed, match="snapshot has ended"):
        view[K]
    gc.collect()
    assert session.memory.older == data.nbytes
    assert data.tobytes() == before[K]


def test_loading_and_applying_are_separate(
    bridge: tb.Bridge, base: dict[str, Any], style: dict[str, lora.Factors], session: tb.Session,
    style_file: Path,
) -> None:  # fmt: skip
    adapter = session.load(style_file)
    assert adapter.format == "kohya"
    assert adapter.path == str(style_file)
    assert adapter.modules == {"lora_unet_" + lora.flat(name): name for name in TOUCHED}
    assert adapter.unmatched == ()
    assert session.adapters == {}
    style_file.unlink()
    assert session.apply(adapter, 0.25, name="first") == "first"
    assert session.apply(adapter, 0.5) == "style"
    expected = lora.merged(base, [(style, 0.25), (style, 0.5)])
    assert bytes_of(session.weights()) == quantized(bridge, expected)
    with pytest.raises(tb.OptionError, match="applied as 'first' and as 'style'"):
        session.remove(adapter)
    session.remove("first")
    session.remove(adapter)


def test_peft_tells_alpha_beside_the_file(
    bridge: tb.Bridge,
    base: dict[str, Any],
    session: tb.Session,
    tmp_path: Path,
    rng: np.random.Generator,
) -> None:
    made = lora.factors(rng, rank=4, alpha=10.0)
    path = lora.save_peft(tmp_path / "ink", made)
    assert session.apply(path.parent) == "ink"
    assert bytes_of(session.weights()) == quantized(bridge, lora.merged(base, [(made, 1.0)]))
    session.remove(path.parent)
    (path.parent / "adapter_config.json").unlink()
    made = {name: factors._replace(alpha=4.0) for name, factors in made.items()}
    session.apply(path)
    assert bytes_of(session.weights()) == quantized(bridge, lora.merged(base, [(made, 1.0)]))


def test_a_dora_gives_its_rows_their_magnitudes(
    bridge: tb.Bridge,
    base: dict[str, Any],
    session: tb.Session,
    tmp_path: Path,
    rng: np.random.Generator,
) -> None:
    made = lora.factors(rng, (Q,), rank=4, alpha=4.0)
    magnitude = rng.uniform(0.5, 2, 256).astype(np.float32)
    entries = lora.kohya(made)
    entries["lora_unet_" + lora.flat(Q) + ".dora_scale"] = magnitude.reshape(256, 1)
    path = tmp_path / "dora.safetensors"
    safetensors.numpy.save_file(entries, path)
    session.apply(path)
    total = lora.merged(base, [(made, 1.0)])[Q].astype(np.float64)
    expected = magnitude[:, None] * total / np.linalg.norm(total, axis=1, keepdims=True)
    got = session.weights()[Q].dequantize()
    assert np.abs(got - expected).max() < 0.01 * np.abs(expected).max()
    session.remove(path)
    assert bytes_of(session.weights()) == quantized(bridge, base)


def test_a_name_that_is_taken_or_unknown_is_refused(
    session: tb.Session, style_file: Path, detail_file: Path
) -> None:
    session.apply(style_file)
    before = session.weights()
    with pytest.raises(tb.OptionError, match="'style' is applied already"):
        session.apply(style_file)
    with pytest.raises(tb.OptionError, match="'style' is applied already"):
        session.apply(detail_file, name="style")
    with pytest.raises(tb.OptionError, match="no adapter 'ink' is applied; these are: 'style'"):
        session.remove("ink")
    with pytest.raises(tb.OptionError, match="no adapter 'ink'"):
        session.set_scales({"style": 0.1, "ink": 0.5})
    for scale in (float("nan"), float("inf"), "much"):
        with pytest.raises(tb.OptionError, match="no finite number"):
            session.set_scale("style", scale)  # type: ignore[arg-type]
    assert session.weights() is before
    assert session.adapters == {"style": 1.0}


def test_a_closed_session_says_so_and_its_arrays_stay(
    bridge: tb.Bridge, base: dict[str, Any], style_file: Path
) -> None:
    with bridge.session(base) as session:
        weights = session.weights()
        adapter = session.load(style_file)
    before = bytes_of(weights)
    assert session.closed
    session.close()
    for call in (
        lambda: session.apply(style_file),
        lambda: session.apply(adapter),
        lambda: session.load(style_file),
        lambda: session.remove("style"),
        lambda: session.weights(),
        lambda: session.snapshot(),
        lambda: session.memory,
        lambda: session.save("x.gguf"),
    ):
        with pytest.raises(tb.BridgeClosed, match="the session is closed"):
            call()
    assert bytes_of(weights) == before
    with (
        bridge.session(base) as other,
        pytest.raises(tb.OptionError, match="loaded by another session"),
    ):
        other.apply(adapter)


def test_over_a_closed_bridge_what_is_there_can_be_read(
    base: dict[str, Any], style_file: Path
) -> None:
    bridge = tb.open()
    session = bridge.session(base)
    before = bytes_of(session.weights())
    bridge.close()
    with pytest.raises(tb.BridgeClosed, match="the bridge is closed"):
        session.apply(style_file)
    assert bytes_of(session.weights()) == before
    session.close()


def test_an_adapter_is_applied_in_an_event_loop(
    bridge: tb.Bridge,
    base: dict[str, Any],
    session: tb.Session,
    style: dict[str, lora.Factors],
    detail: dict[str, lora.Factors],
    style_file: Path,
    detail_file: Path,
) -> None:
    async def both() -> None:
        first = asyncio.create_task(session.apply_async(style_file, 0.8))
        second = asyncio.create_task(session.apply_async(detail_file, 0.5))
        assert await first == "style"
        assert await second == "detail"

    asyncio.run(both())
    expected = lora.merged(base, [(style, 0.8), (detail, 0.5)])
    assert bytes_of(session.weights()) == quantized(bridge, expected)


def test_what_waits_in_an_event_loop_can_be_cancelled(
    session: tb.Session, style_file: Path
) -> None:
    async def cancelled() -> None:
        task = asyncio.create_task(session.apply_async(style_file))
        with pytest.raises(asyncio.CancelledError):
            await task

    async def give_up() -> None:
        with session._writers.writing():
            task = asyncio.create_task(session.apply_async(style_file))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        await session.apply_async(style_file)

    asyncio.run(give_up())
    assert session.adapters == {"style": 1.0}


def test_overrides_choose_and_what_is_kept_is_kept(
    bridge: tb.Bridge, base: dict[str, Any], style: dict[str, lora.Factors], style_file: Path
) -> None:
    base["steps"] = np.arange(10, dtype=np.int64)
    overrides = {r".*attn1\.to_q\.weight": "q4_k", r".*conv1\.weight": "f32"}
    with bridge.session(base, "q8_0", overrides) as session:
        weights = session.weights()
        schemes = {name: tensor.scheme for name, tensor in weights.items()}
        assert schemes[Q] == "q4_k"
        assert schemes[CONV] == schemes[BIAS] == "f32"
        assert schemes[PROJ] == "q8_0"
        assert weights["steps"].scheme == "i64"
        assert (weights["steps"].parts["data"] == np.arange(10)).all()
        assert weights[CONV].data.tobytes() == base[CONV].tobytes()
        session.apply(style_file)
        expected = lora.merged({CONV: base[CONV]}, [({CONV: style[CONV]}, 1.0)])
        assert session.weights()[CONV].data.tobytes() == expected[CONV].tobytes()
        session.remove("style")
        assert session.weights()[CONV].data.tobytes() == base[CONV].tobytes()


def test_progress_rises_to_one(bridge: tb.Bridge, base: dict[str, Any], style_file: Path) -> None:
    done: list[float] = []
    with bridge.session(base, progress_callback=done.append) as session:
        assert done == sorted(set(done))
        assert done[-1] == 1.0
        done.clear()
        session.apply(style_file, progress_callback=done.append)
        assert done == sorted(set(done))
        assert done[-1] == 1.0


def test_survival_tells_what_quantization_leaves(
    bridge: tb.Bridge,
    base: dict[str, Any],
    style: dict[str, lora.Factors],
    style_file: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with bridge.session(base, "q4_0", survival=True) as session:
        assert session.survival.tensors == {}
        session.apply(style_file, 0.01)
        assert "survives quantization" in caplog.text
        session.remove("style")
        session.apply(style_file)
        told = session.survival
        wanted = lora.merged(base, [(style, 1.0)])
        weights = session.weights()
        deltas, errors = [], []
        assert list(told.tensors) == list(TOUCHED)
        for name in TOUCHED:
            delta = (wanted[name] - base[name]).astype(np.float64)
            error = weights[name].dequantize().astype(np.float64) - wanted[name]
            deltas.append(np.linalg.norm(delta))
            errors.append(np.linalg.norm(error))
            one = told.tensors[name]
            assert one.delta_norm == pytest.approx(deltas[-1], rel=1e-5)
            assert one.error_norm == pytest.approx(errors[-1], rel=1e-5)
            assert one.survival == pytest.approx(max(0, 1 - errors[-1] / deltas[-1]), abs=1e-5)
            assert one.gain == pytest.approx(1 + (error * delta).sum() / deltas[-1] ** 2, abs=1e-5)
        total = 1 - np.linalg.norm(errors) / np.linalg.norm(deltas)
        assert told.survival == pytest.approx(max(0, total), abs=1e-5)
    with bridge.session(base) as silent, pytest.raises(tb.OptionError, match="survival=True"):
        _ = silent.survival
