"""What ``QuantizedTensor.to_bitsandbytes`` gives, read by bitsandbytes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

import tensorbridge as tb

torch = pytest.importorskip("torch", reason="torch is not installed among the peers")
functional = pytest.importorskip(
    "bitsandbytes.functional", reason="bitsandbytes is not installed among the peers"
)
bitsandbytes = pytest.importorskip("bitsandbytes")

Floats = npt.NDArray[np.float32]


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("options", ["", ":block=128", ":double=true", ":block=256,double=true"])
@pytest.mark.parametrize("kind", ["nf4", "fp4"])
def test_four_bits(bridge: tb.Bridge, matrix: Floats, kind: str, options: str, dtype: str) -> None:
    values = matrix.astype(dtype)
    ours = bridge.quantize_batch({"w": values}, scheme=kind + options)["w"]
    entries = {name: torch.from_numpy(a) for name, a in ours.to_bitsandbytes().items()}
    codes = entries.pop("w")
    state = functional.QuantState.from_dict(entries, device="cpu")
    assert state.shape == torch.Size(values.shape)
    assert state.dtype == getattr(torch, dtype)
    assert state.nested == ("double" in options)
    back = functional.dequantize_4bit(codes, state)
    expected = ours.dequantize().astype(dtype)
    np.testing.assert_array_equal(back.numpy(), expected)
    assert np.ptp(expected) > 0


@pytest.mark.parametrize("kind", ["nf4", "fp4"])
@pytest.mark.parametrize("is_double", [False, True])
def test_entries_are_those_of_its_own_state(
    bridge: tb.Bridge, matrix: Floats, kind: str, is_double: bool
) -> None:
    codes, state = functional.quantize_4bit(
        torch.from_numpy(matrix.copy()),
        blocksize=64,
        quant_type=kind,
        compress_statistics=is_double,
    )
    theirs = {f"w.{name}": entry for name, entry in state.as_dict(packed=True).items()}
    theirs["w"] = codes
    scheme = f"{kind}:double={str(is_double).lower()}"
    ours = bridge.quantize_batch({"w": matrix}, scheme=scheme)["w"].to_bitsandbytes()
    assert set(ours) == set(theirs)
    for name, entry in ours.items():
        assert entry.dtype == theirs[name].numpy().dtype
        if "quant_state" not in name:  # whose offset may differ in its last bits
            assert entry.shape == tuple(theirs[name].shape)
    for name in ("w", "w.quant_map", "w.nested_quant_map"):
        if name in ours:
            np.testing.assert_array_equal(ours[name], theirs[name].numpy())


def test_int8_goes_into_its_layer(bridge: tb.Bridge, matrix: Floats) -> None:
    layer = bitsandbytes.nn.Linear8bitLt(512, 64, bias=False, has_fp16_weights=False)
    layer = layer.to("cpu")  # which quantizes
    ours = bridge.quantize_batch({"weight": matrix}, scheme="int8")["weight"]
    entries = ours.to_bitsandbytes()
    theirs = layer.state_dict()
    assert {name: (entry.dtype, entry.shape) for name, entry in entries.items()} == {
        name: (entry.numpy().dtype, tuple(entry.shape)) for name, entry in theirs.items()
    }
    layer.load_state_dict({name: torch.from_numpy(a) for name, a in entries.items()})
    for name, entry in layer.state_dict().items():
        np.testing.assert_array_equal(entry.numpy(), entries[name])
    codes, scales, _ = functional.int8_vectorwise_quant(torch.from_numpy(matrix.copy()))
    np.testing.assert_array_equal(entries["weight"], codes.numpy(), strict=True)
    np.testing.assert_array_equal(entries["SCB"], scales.numpy(), strict=True)
    back = functional.int8_vectorwise_dequant(layer.weight.CB, layer.weight.SCB)
    np.testing.assert_array_equal(back.numpy(), ours.dequantize())
