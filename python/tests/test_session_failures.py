"""A change of a session that fails leaves it as it was, and says what is wrong with what."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

import lora_files as lora
import tensorbridge as tb
from lora_files import FF, K, Q, bytes_of, quantized

Q_MODULE = "lora_unet_" + lora.flat(Q)


@pytest.fixture
def base(rng: np.random.Generator) -> dict[str, Any]:
    return lora.unet(rng)


@pytest.fixture
def good(tmp_path: Path, rng: np.random.Generator) -> Path:
    return lora.save_kohya(tmp_path / "good.safetensors", lora.factors(rng))


@pytest.fixture
def session(bridge: tb.Bridge, base: dict[str, Any], good: Path) -> Iterator[tb.Session]:
    with bridge.session(base) as session:
        session.apply(good, 0.5)
        yield session


def broken(kind: str, rng: np.random.Generator, path: Path) -> None:
    """Write an adapter that is wrong in one way, in the module of Q."""
    entries = lora.kohya(lora.factors(rng))
    down, up = f"{Q_MODULE}.lora_down.weight", f"{Q_MODULE}.lora_up.weight"
    if kind == "wrong rank":
        entries[up] = np.ascontiguousarray(entries[up][:, :3])
    elif kind == "missing half":
        del entries[up]
    elif kind == "NaN":
        entries[up][7, 2] = np.nan
    elif kind == "infinity":
        entries[down][1, 5] = np.inf
    elif kind == "huge alpha":
        entries[f"{Q_MODULE}.alpha"] = np.array(1e30, np.float32)
    elif kind == "alpha of NaN":
        entries[f"{Q_MODULE}.alpha"] = np.array(np.nan, np.float32)
    elif kind == "of another model":
        entries[down] = np.zeros((4, 100), np.float32)
    elif kind == "unknown module":
        entries["lora_unet_nothing.lora_down.weight"] = entries.pop(down)
        entries["lora_unet_nothing.lora_up.weight"] = entries.pop(up)
        del entries[f"{Q_MODULE}.alpha"]
    elif kind == "same module twice":
        dotted = Q.removesuffix(".weight")
        entries[f"unet.{dotted}.lora_A.weight"] = entries[down]
        entries[f"unet.{dotted}.lora_B.weight"] = entries[up]
    safetensors.numpy.save_file(entries, path)


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("wrong rank", Q_MODULE),
        ("missing half", Q_MODULE),
        ("NaN", Q_MODULE),
        ("infinity", Q_MODULE),
        ("huge alpha", Q_MODULE),
        ("alpha of NaN", Q_MODULE),
        ("of another model", Q_MODULE),
        ("unknown module", "lora_unet_nothing"),
        ("same module twice", "attn1"),
    ],
)
def test_a_malformed_adapter_is_refused_by_the_name_of_its_module(
    session: tb.Session, rng: np.random.Generator, tmp_path: Path, kind: str, says: str
) -> None:
    before = session.weights()
    path = tmp_path / "bad.safetensors"
    broken(kind, rng, path)
    with pytest.raises((tb.TensorError, tb.FormatError), match=says) as raised:
        session.apply(path)
    assert str(path) in str(raised.value)
    assert session.weights() is before
    assert session.adapters == {"good": 0.5}
    with pytest.raises((tb.TensorError, tb.FormatError), match=says):
        session.load(path)


def test_unmatched_modules_are_left_out_if_that_is_allowed(
    bridge: tb.Bridge,
    base: dict[str, Any],
    session: tb.Session,
    rng: np.random.Generator,
    tmp_path: Path,
) -> None:
    path = tmp_path / "more.safetensors"
    made = lora.factors(rng, (Q, K))
    entries = lora.kohya(made)
    entries["lora_unet_nothing.lora_down.weight"] = np.zeros((4, 256), np.float32)
    entries["lora_unet_nothing.lora_up.weight"] = np.zeros((256, 4), np.float32)
    safetensors.numpy.save_file(entries, path)
    session.remove("good")
    adapter = session.load(path, allow_unmatched=True)
    (line,) = adapter.unmatched
    assert "lora_unet_nothing" in line
    session.apply(path, allow_unmatched=True)
    assert bytes_of(session.weights()) == quantized(bridge, lora.merged(base, [(made, 1.0)]))
    with pytest.raises(tb.TensorError, match="lora_unet_nothing"):
        session.apply(path, name="again")


@pytest.mark.parametrize("left", [0, 4, 100, 3000])
def test_a_truncated_adapter_is_refused(session: tb.Session, good: Path, left: int) -> None:
    before = session.weights()
    path = good.with_name("short.safetensors")
    path.write_bytes(good.read_bytes()[:left])
    with pytest.raises(tb.FormatError, match=r"short\.safetensors"):
        session.apply(path)
    assert session.weights() is before


def test_what_is_no_file_is_refused(session: tb.Session, tmp_path: Path) -> None:
    before = session.weights()
    with pytest.raises(tb.FormatError, match="No such file"):
        session.apply(tmp_path / "nothing.safetensors")
    os.mkfifo(tmp_path / "fifo.safetensors")
    with pytest.raises(tb.FormatError, match="no regular file"):
        session.apply(tmp_path / "fifo.safetensors")
    (tmp_path / "folder").mkdir()
    with pytest.raises(tb.FormatError, match="No such file"):
        session.apply(tmp_path / "folder")
    with pytest.raises(tb.OptionError, match="lora convert"):
        session.apply(tmp_path / "style.pt")
    for wrong in (7, b"style.safetensors", "", "a\0b"):
        with pytest.raises(tb.OptionError):
            session.apply(wrong)  # type: ignore[arg-type]
    assert session.weights() is before


def test_a_scale_that_makes_factors_infinite_is_refused(session: tb.Session) -> None:
    before = session.weights()
    with pytest.raises(tb.TensorError, match="strength"):
        session.set_scale("good", 1e300)
    assert session.weights() is before
    assert session.adapters == {"good": 0.5}


def test_a_model_that_can_not_be_quantized_gives_no_session(
    bridge: tb.Bridge, base: dict[str, Any], tmp_path: Path
) -> None:
    base[K][3, 3] = np.nan
    with pytest.raises(tb.TensorError, match=r"attn1\.to_k\.weight") as raised:
        bridge.session(base)
    assert raised.value.index == 3 * 512 + 3
    with bridge.session(base, nonfinite="clip") as session:
        assert np.isfinite(session.weights()[K].dequantize()).all()
    with pytest.raises(tb.OptionError, match="q9_9"):
        bridge.session(base, "q9_9")
    with pytest.raises(tb.OptionError, match="cache_bytes"):
        bridge.session(base, cache_bytes=-1)
    with pytest.raises(tb.FormatError, match="No such file"):
        bridge.session(tmp_path / "nothing.safetensors")
    with pytest.raises(tb.OptionError, match="pass the arrays"):
        bridge.session(tmp_path / "model.ckpt")
    with pytest.raises(tb.TensorError, match="no array"):
        bridge.session({"a.weight": "text"})


def test_a_change_that_takes_too_long_changes_nothing(
    session: tb.Session, good: Path, rng: np.random.Generator
) -> None:
    before = session.weights()
    content = bytes_of(before)
    session._keep_at_most(0)
    session._cache.clear()
    for change in (
        lambda: session.set_scale("good", 0.7, timeout=1e-6),
        lambda: session.remove("good", timeout=1e-6),
        lambda: session.apply(good, name="again", timeout=1e-6),
    ):
        with pytest.raises(tb.TimeoutError):
            change()
        assert session.weights() is before
    assert bytes_of(session.weights()) == content
    session.set_scale("good", 0.7)


def test_a_change_that_waits_too_long_for_another_one_gives_up(session: tb.Session) -> None:
    changing = threading.Event()
    done = threading.Event()

    def change() -> None:
        with session._writers.writing():
            changing.set()
            done.wait(20)

    thread = threading.Thread(target=change)
    thread.start()
    changing.wait(20)
    with pytest.raises(tb.TimeoutError, match="another change"):
        session.set_scale("good", 0.7, timeout=0.01)
    done.set()
    thread.join()
    session.set_scale("good", 0.7)


def test_an_interrupt_leaves_a_whole_generation(
    bridge: tb.Bridge, base: dict[str, Any], session: tb.Session
) -> None:
    known = {0.5: bytes_of(session.weights())}
    session.set_scale("good", 0.7)
    known[0.7] = bytes_of(session.weights())
    session.set_scale("good", 0.5)

    def interrupt(done: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        session.set_scale("good", 0.7, progress_callback=interrupt)
    assert bytes_of(session.weights()) == known[session.adapters["good"]]
    session.remove("good")
    assert bytes_of(session.weights()) == quantized(bridge, base)


def test_a_callback_can_not_change_the_session_that_calls_it(
    session: tb.Session, good: Path, caplog: pytest.LogCaptureFixture
) -> None:
    session.set_scale("good", 0.9, progress_callback=lambda done: session.remove("good"))
    assert "progress callback can't change it" in caplog.text
    caplog.clear()  # the trace of the failure holds tensors
    assert session.adapters == {"good": 0.9}


def test_an_adapter_that_is_written_anew_is_read_anew(
    bridge: tb.Bridge,
    base: dict[str, Any],
    session: tb.Session,
    good: Path,
    rng: np.random.Generator,
) -> None:
    session.remove("good")
    made = lora.factors(rng)
    lora.save_kohya(good, made)
    session.apply(good)
    assert bytes_of(session.weights()) == quantized(bridge, lora.merged(base, [(made, 1.0)]))


def test_after_the_death_of_the_server_nothing_is_lost(
    base: dict[str, Any], good: Path, rng: np.random.Generator
) -> None:
    made = lora.factors(rng)
    lora.save_kohya(good, made)
    with tb.open() as bridge:
        shared = {name: bridge.share(array) for name, array in base.items()}
        session = bridge.session(shared, cache_bytes=1 << 30)
        adapter = session.load(good)
        plain = bytes_of(session.weights())
        session.apply(adapter, 0.5)
        before = session.weights()
        content = bytes_of(before)
        os.kill(bridge.server_pid, signal.SIGKILL)
        with pytest.raises(tb.ServerDied):
            session.set_scale(adapter, 0.75)
        assert session.weights() is before
        assert bytes_of(before) == content
    with tb.open() as other:
        session.reopen(other)
        assert bytes_of(session.weights()) == content
        assert session.weights()[FF].dequantize().shape == (512, 256)
        session.set_scale(adapter, 0.75)
        expected = quantized(other, lora.merged(base, [(made, 0.75)]))
        assert bytes_of(session.weights()) == expected
        session.remove(adapter)
        assert session.run_nanos == 0
        assert bytes_of(session.weights()) == plain
        session.close()
