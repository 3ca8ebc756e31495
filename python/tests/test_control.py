"""Sums of ControlNet residuals, against NumPy's float32, and a ControlNet of full size."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt
import pytest
from safetensors.numpy import load_file, save_file

import tensorbridge as tb

SHAPES = [
    (2, 320, 16, 16),
    (2, 320, 8, 8),
    (2, 640, 4, 4),
    (1, 33, 7, 3),
    (2, 1280, 2, 2),
]
DTYPES = ["float32", "float16", "bfloat16"]


@pytest.fixture(scope="module")
def bridge() -> Iterator[tb.Bridge]:
    """Give one bridge to all tests."""
    with tb.open() as opened:
        yield opened


def _dtype(name: str) -> np.dtype[Any]:
    return np.dtype(ml_dtypes.bfloat16 if name == "bfloat16" else name)


def _tensors(seed: int, dtype: str) -> list[npt.NDArray[Any]]:
    rng = np.random.default_rng(seed)
    tensors = [rng.standard_normal(shape, np.float32).astype(_dtype(dtype)) for shape in SHAPES]
    tensors[seed % len(tensors)][:] = 0
    return tensors


def _expected(
    base: npt.NDArray[Any] | None,
    terms: list[tuple[npt.NDArray[Any], float]],
    dtype: str,
) -> npt.NDArray[Any]:
    """NumPy's own arithmetic: float32 throughout, one cast at the end."""
    total = None if base is None else base.astype(np.float32)
    for residual, weight in terms:
        if weight != 0:
            product = np.float32(weight) * residual.astype(np.float32)
            total = product if total is None else total + product
    assert total is not None
    return total.astype(_dtype(dtype))


def _same(found: npt.NDArray[Any], wanted: npt.NDArray[Any]) -> bool:
    return found.dtype == wanted.dtype and found.tobytes() == wanted.tobytes()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("residual_dtype", DTYPES)
def test_bytes_are_those_of_numpy(bridge: tb.Bridge, dtype: str, residual_dtype: str) -> None:
    """Several ControlNets of other dtypes than the base, one of them without weight."""
    base = _tensors(0, dtype)
    nets = [(_tensors(k, residual_dtype), weight) for k, weight in ((1, 0.8), (2, 0), (3, -1.1))]
    nets[1][0][0][0, 0, 0, 0] = np.nan
    result = bridge.control_sum(base, nets)
    assert list(result) == ["down_0", "down_1", "down_2", "down_3", "mid"]
    for i, array in enumerate(result.values()):
        terms = [(residuals[i], weight) for residuals, weight in nets]
        assert _same(array, _expected(base[i], terms, dtype))
    other = bridge.control_sum(base, nets, dtype="float32", threads=1)
    for i, array in enumerate(other.values()):
        terms = [(residuals[i], weight) for residuals, weight in nets]
        assert _same(array, _expected(base[i], terms, "float32"))


def test_without_a_base_residuals_are_added_to_each_other(bridge: tb.Bridge) -> None:
    """As for diffusers' several ControlNets; guess_mode scales by depth."""
    one, two = _tensors(1, "float16"), _tensors(2, "float16")
    names = [f"skip{i}" for i in range(len(SHAPES))]
    nets = [(dict(zip(names, one, strict=True)), 0.5), (dict(zip(names, two, strict=True)), 2)]
    result = bridge.control_sum(None, nets, guess_mode=True)
    depth = np.logspace(-1, 0, len(SHAPES))
    for i, name in enumerate(names):
        terms = [(one[i], 0.5 * depth[i]), (two[i], 2 * depth[i])]
        assert _same(result[name], _expected(None, terms, "float16"))


def test_ranges_are_those_of_diffusers(bridge: tb.Bridge) -> None:
    """Outside of its range, a ControlNet has the weight 0."""
    base, one, two = (_tensors(k, "float32") for k in range(3))
    ranges = [(0.0, 0.5), (0.25, 1.0)]
    for step in range(8):
        result = bridge.control_sum(
            base, [(one, 1.0), (two, 0.3)], ranges=ranges, step=step, steps=8
        )
        keep = [1.0 - float(step / 8 < start or (step + 1) / 8 > end) for start, end in ranges]
        for i, array in enumerate(result.values()):
            terms = [(one[i], 1.0 * keep[0]), (two[i], 0.3 * keep[1])]
            assert _same(array, _expected(base[i], terms, "float32"))


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_base_may_be_replaced(bridge: tb.Bridge, dtype: str) -> None:
    """In memory that the server may write, and nowhere else."""
    base = _tensors(0, dtype)
    shared = [bridge.share(array, access="readwrite") for array in base]
    residuals = [bridge.share(array) for array in _tensors(1, "float16")]
    result = bridge.control_sum(shared, [(residuals, 0.7)], in_place=True)
    for i, array in enumerate(result.values()):
        assert array is shared[i]
        assert _same(array, _expected(base[i], [(residuals[i], 0.7)], dtype))
    with pytest.raises(tb.TensorError, match='access="readwrite"'):
        bridge.control_sum(residuals, [(residuals, 1)], in_place=True)
    other = "float16" if dtype != "float16" else "float32"
    with pytest.raises(tb.TensorError, match="leave out dtype"):
        bridge.control_sum(shared, [(residuals, 1)], in_place=True, dtype=other)
    with pytest.raises(tb.ProtocolError, match="overlap"):
        bridge.control_sum(shared, [(shared, 1)], in_place=True)


@pytest.mark.parametrize("in_place", [False, True])
def test_a_prepared_sum_follows_weights_and_arrays(bridge: tb.Bridge, in_place: bool) -> None:
    """Weights, ranges and contents change from run to run; results don't alias."""
    first = _tensors(0, "float32")
    base = [bridge.share(array, access="readwrite") for array in first]
    nets = [(_tensors(1, "float16"), 0.5), (_tensors(2, "float16"), 1.5)]
    with bridge.prepare_control_sum(
        base, nets, ranges=[None, (0.5, 1.0)], in_place=in_place
    ) as prepared:
        early = prepared.run(step=0, steps=2)
        for i, array in enumerate(early.values()):
            assert _same(array, _expected(first[i], [(nets[0][0][i], 0.5)], "float32"))
        for array, values in zip(base, first, strict=True):
            array[:] = values * 2
        late = prepared.run(step=1, steps=2, weights=[0.25, 1.0])
        for i, array in enumerate(late.values()):
            terms = [(nets[0][0][i], 0.25), (nets[1][0][i], 1.0)]
            assert _same(array, _expected(first[i] * 2, terms, "float32"))
            if not in_place:
                assert _same(
                    list(early.values())[i],
                    _expected(first[i], [(nets[0][0][i], 0.5)], "float32"),
                )


def test_the_plain_operation_can_be_prepared(bridge: tb.Bridge) -> None:
    """As any operation: weights are an input, read anew by each run."""
    weights = bridge.share(np.array([2.0], np.float64))
    base, residual = _tensors(0, "float32")[1], _tensors(2, "float32")[1]
    with bridge.prepare("control_sum", {"down": (weights, base, residual)}) as prepared:
        assert _same(prepared.run()["down"], _expected(base, [(residual, 2.0)], "float32"))
        weights[0] = -1
        assert _same(prepared.run()["down"], _expected(base, [(residual, -1.0)], "float32"))


def test_what_is_not_finite_is_named(bridge: tb.Bridge) -> None:
    """Overflow of float16 too; both can be kept."""
    base, residuals = _tensors(0, "float16"), _tensors(1, "float16")
    residuals[3].flat[5] = np.nan
    with pytest.raises(tb.TensorError, match="residual 0 is NaN there") as caught:
        bridge.control_sum(base, [(residuals, 1)])
    assert (caught.value.name, caught.value.index) == ("down_3", 5)
    kept = bridge.control_sum(base, [(residuals, 1)], nonfinite="keep")["down_3"]
    wanted = _expected(base[3], [(residuals[3], 1)], "float16")
    np.testing.assert_array_equal(kept, wanted)
    residuals[3].flat[5] = 65_000
    with pytest.raises(tb.TensorError, match="the sum is too large"):
        bridge.control_sum(base, [(residuals, 2)])


def test_wrong_use_is_refused(bridge: tb.Bridge) -> None:
    """Each with the remedy."""
    base = _tensors(0, "float32")
    with pytest.raises(tb.OptionError, match="no ControlNet"):
        bridge.control_sum(base, [])
    with pytest.raises(tb.OptionError, match="4 residuals for 5 tensors"):
        bridge.control_sum(base, [(base[:4], 1)])
    with pytest.raises(tb.OptionError, match="other"):
        bridge.control_sum({"a": base[0]}, [({"a": base[0], "other": base[1]}, 1)])
    with pytest.raises(tb.OptionError, match="need the step"):
        bridge.control_sum(base, [(base, 1)], ranges=[(0, 0.5)])
    with pytest.raises(tb.OptionError, match="0 <= start < end"):
        bridge.control_sum(base, [(base, 1)], ranges=[(0.5, 0.5)], step=0, steps=1)
    with pytest.raises(tb.OptionError, match="not finite"):
        bridge.control_sum(base, [(base, 1e39)])
    with pytest.raises(tb.TensorError, match="must be the same"):
        bridge.control_sum({"a": base[0]}, [({"a": base[1]}, 1)])
    with pytest.raises(tb.OptionError, match="in_place needs a base"):
        bridge.control_sum(None, [(base, 1)], in_place=True)


@pytest.mark.long
@pytest.mark.parametrize(("scheme", "ending"), [("q8_0", "gguf"), ("nf4", "safetensors")])
def test_the_controlnet_of_sd15_in_full_size(
    bridge: tb.Bridge, tmp_path: Path, scheme: str, ending: str
) -> None:
    """All 340 tensors, 1.4 GB of random numbers: what has a role is kept, bit by bit."""
    table = resources.files("tensorbridge.demo").joinpath("sd15_controlnet.tsv").read_text()
    rng = np.random.default_rng(0)
    tensors = {}
    for line in table.splitlines()[1:]:
        name, dims = line.split("\t")
        shape = tuple(map(int, dims.split(",")))
        tensors[name] = rng.standard_normal(shape, np.float32) * np.float32(0.02)
    source = tmp_path / "controlnet.safetensors"
    save_file(tensors, source)
    target = tmp_path / f"out.{ending}"
    result = bridge.quantize_file(source, target, scheme, quality=True)
    kept = [tensor for tensor in result.tensors if "of a ControlNet" in tensor.note]
    assert len(result.tensors) == len(tensors) == 340
    assert len(kept) == 13 + 8 + 2
    assert {tensor.stored for tensor in kept} == {"f32"}
    assert sum(tensor.nbytes for tensor in kept) == 4 * 14_602_416
    others = [t for t in result.tensors if len(t.shape) > 1 and t not in kept]
    assert all(tensor.stored.startswith((scheme, "f16")) for tensor in others)
    assert result.quality is not None
    assert result.quality["cosine"] > 0.99
    if ending == "safetensors":
        stored = load_file(target)
        assert all(np.array_equal(stored[t.name], tensors[t.name]) for t in kept)
    else:
        content = np.memmap(target, mode="r")
        assert content.size == pytest.approx(result.output_bytes, rel=1e-3)
