"""Makes the checkpoints beside this script and the values that their own libraries read from them.

Needs torch, safetensors, compressed-tensors 0.20, bitsandbytes 0.50, gptqmodel 7.7 (its torch linear
layer dequantizes GPTQ) and autoawq 0.2.9 (whose packing_utils.py is loaded alone; it is given as the
first argument). NAME.safetensors is the checkpoint, NAME.expected.safetensors its values.
"""

import importlib.util
import json
import sys
from pathlib import Path

import bitsandbytes as bnb
import torch
from compressed_tensors.compressors import BaseCompressor
from compressed_tensors.quantization import QuantizationArgs, QuantizationScheme
from gptqmodel.nn_modules.qlinear.torch import TorchLinear
from safetensors.torch import save_file

HERE = Path(__file__).parent
ROWS, COLUMNS = 32, 96
torch.manual_seed(5)


def weight() -> torch.Tensor:
    return torch.randn(ROWS, COLUMNS) * 0.02


def save(name: str, tensors: dict[str, torch.Tensor], expected: torch.Tensor) -> None:
    path = HERE / f"{name}.safetensors"
    path.parent.mkdir(exist_ok=True)
    save_file({key: value.contiguous() for key, value in tensors.items()}, path)
    save_file({"l.weight": expected.detach().contiguous()}, HERE / f"{name}.expected.safetensors")


def pack(codes: torch.Tensor, bits: int) -> torch.Tensor:
    """Packs each row of unsigned codes into words, low bits first, across word ends."""
    rows, count = codes.shape
    words = [[0] * (-(-count * bits // 32)) for _ in range(rows)]
    for row in range(rows):
        for i in range(count):
            wide = int(codes[row, i]) << (i * bits % 32)
            words[row][i * bits // 32] |= wide & 0xFFFFFFFF
            if wide >> 32:
                words[row][i * bits // 32 + 1] |= wide >> 32
    return torch.tensor(words, dtype=torch.int64).to(torch.int32)


def gptq(name: str, bits: int, order: bool, second: bool = False) -> None:
    group = 32
    groups = COLUMNS // group
    top = 1 << bits
    codes = torch.randint(0, top, (COLUMNS, ROWS))
    zeros = torch.randint(0, top, (groups, ROWS))  # as GPTQ means them
    scales = (torch.rand(groups, ROWS) * 0.01).to(torch.float16)
    index = torch.arange(COLUMNS) // group
    if order:
        index = index[torch.randperm(COLUMNS)]
    stored = zeros if second else (zeros - 1) % top
    tensors = {
        "l.qweight": pack(codes.T, bits).T.contiguous(),
        "l.qzeros": pack(stored, bits),
        "l.scales": scales,
        "l.g_idx": index.to(torch.int32),
    }
    layer = TorchLinear(
        bits=bits, group_size=group, sym=False, desc_act=order, in_features=COLUMNS,
        out_features=ROWS, bias=False, register_buffers=True,
    )
    layer.qweight.data.copy_(tensors["l.qweight"])
    layer.qzeros.data.copy_(pack(zeros, bits))  # the layer computes with the second format
    layer.scales.data.copy_(scales)
    layer.g_idx.data.copy_(tensors["l.g_idx"])
    layer.post_init()
    save(name, tensors, layer.dequantize_weight().T)


def awq(name: str) -> None:
    spec = importlib.util.spec_from_file_location("packing", sys.argv[1])
    packing = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(packing)
    group = 32
    qweight = torch.randint(-(2**31), 2**31, (COLUMNS, ROWS // 8)).to(torch.int32)
    qzeros = torch.randint(-(2**31), 2**31, (COLUMNS // group, ROWS // 8)).to(torch.int32)
    scales = (torch.rand(COLUMNS // group, ROWS) * 0.01).to(torch.float16)
    values = packing.dequantize_gemm(qweight, qzeros, scales, 4, group)
    save(name, {"l.qweight": qweight, "l.qzeros": qzeros, "l.scales": scales}, values.T)


def compressed(
    name: str, kind: str, scale: torch.Tensor, zero: torch.Tensor | None = None,
    extra: dict[str, torch.Tensor] | None = None, **arguments: object,
) -> None:
    scheme = QuantizationScheme(targets=["Linear"], weights=QuantizationArgs(**arguments))
    compressor = BaseCompressor.get_value_from_registry(kind)
    state = {"weight": weight().to(scale.dtype), "weight_scale": scale, **(extra or {})}
    if zero is not None:
        state["weight_zero_point"] = zero
    state = compressor.compress(state, scheme)
    values = compressor.decompress(dict(state), scheme)["weight"]
    save(name, {f"l.{key}": value for key, value in state.items()}, values)


def scales(*shape: int, dtype: torch.dtype = torch.bfloat16) -> torch.Tensor:
    return (torch.rand(*shape) * 0.004 + 0.001).to(dtype)


def compressed_tensors() -> None:
    groups = COLUMNS // 32
    compressed("ct-int4-group", "pack-quantized", scales(ROWS, groups),
               num_bits=4, strategy="group", group_size=32)
    zero = torch.randint(-8, 8, (ROWS, groups)).to(torch.int8)
    compressed("ct-int4-group-asymmetric", "pack-quantized",
               scales(ROWS, groups, dtype=torch.float16), zero,
               num_bits=4, strategy="group", group_size=32, symmetric=False)
    compressed("ct-int3-row", "pack-quantized", scales(ROWS, 1, dtype=torch.float32),
               num_bits=3, strategy="channel")
    compressed("ct-int8-row", "int-quantized", scales(ROWS, 1), num_bits=8, strategy="channel")
    compressed("ct-int8-row-f32", "int-quantized", scales(ROWS, 1, dtype=torch.float32),
               num_bits=8, strategy="channel")
    compressed("ct-int8-tensor", "int-quantized", scales(1), num_bits=8, strategy="tensor")
    compressed("ct-fp8-row", "float-quantized", scales(ROWS, 1), num_bits=8, type="float",
               strategy="channel")
    compressed("ct-fp8-block", "float-quantized", scales(2, 3, dtype=torch.float32), num_bits=8,
               type="float", strategy="block", block_structure=[16, 32])
    compressed("ct-mxfp8", "mxfp8-quantized",
               torch.exp2(torch.randint(-12, -6, (ROWS, groups)).float()).to(torch.bfloat16),
               num_bits=8, type="float", strategy="group", group_size=32,
               scale_dtype=torch.uint8)
    compressed("ct-mxfp4", "mxfp4-pack-quantized",
               torch.exp2(torch.randint(-9, -5, (ROWS, groups)).float()).to(torch.bfloat16),
               num_bits=4, type="float", strategy="group", group_size=32,
               scale_dtype=torch.uint8)
    compressed("ct-nvfp4", "nvfp4-pack-quantized",
               (torch.rand(ROWS, COLUMNS // 16) * 300 + 8).to(torch.float8_e4m3fn).float(),
               extra={"weight_global_scale": torch.tensor([23456.7])},
               num_bits=4, type="float", strategy="tensor_group", group_size=16)


def deepseek() -> None:
    codes = (torch.randn(130, 20) * 20).to(torch.float8_e4m3fn)
    scale = torch.rand(2, 1) * 0.01
    blocks = scale.repeat_interleave(128, 0)[:130]
    save("fp8-scale-inv", {"l.weight": codes, "l.weight_scale_inv": scale}, codes.float() * blocks)


def bitsandbytes() -> None:
    codes, stats, _ = bnb.functional.int8_vectorwise_quant(weight().to(torch.float16))
    save("bnb-int8",
         {"l.weight": codes, "l.SCB": stats, "l.weight_format": torch.tensor(0, dtype=torch.uint8)},
         bnb.functional.int8_vectorwise_dequant(codes, stats))
    for kind in ("nf4", "fp4"):
        for double in (False, True):
            # bitsandbytes' CPU kernel takes wrong scales where a row is no multiple of a block
            packed, state = bnb.functional.quantize_4bit(
                torch.randn(ROWS, 128) * 0.02, blocksize=64, compress_statistics=double, quant_type=kind)
            tensors = {f"l.weight.{key}": value for key, value in state.as_dict(packed=True).items()}
            values = bnb.functional.dequantize_4bit(packed, state)
            save(f"bnb-{kind}" + "-double" * double, {"l.weight": packed, **tensors}, values)


if __name__ == "__main__":
    for bits in (2, 3, 4, 8):
        gptq(f"gptq-{bits}bit", bits, False)
    gptq("gptq-4bit-order", 4, True)
    gptq("second/gptq-4bit", 4, True, True)
    config = {"quant_method": "gptq", "checkpoint_format": "gptq_v2", "bits": 4, "group_size": 32}
    (HERE / "second" / "quantize_config.json").write_text(json.dumps(config, indent=1) + "\n")
    awq("awq")
    compressed_tensors()
    deepseek()
    bitsandbytes()
