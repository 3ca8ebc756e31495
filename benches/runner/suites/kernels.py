"""Peers of the kernels; ours are measured by JMH (``runner.jmh``) and join the groups by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..benchmark import Contender, Group, Launch, Throughput
from ..peers import (
    kernels_bitsandbytes,
    kernels_ggml,
    kernels_gguf,
    kernels_hqq,
    kernels_native,
    kernels_onnx,
    kernels_torch,
    kernels_torchao,
)
from ..peers.kernels_data import dram_bytes

_MB = 1 << 20
_Open = Callable[[Launch], Callable[[], object]]

# Megabytes where DRAM size would take seconds a call. These are bound by arithmetic, not memory.
_SLOW_GGML = {
    "mxfp4": 64,
    "nvfp4": 16,
    "q2_K": 8,
    "q3_K": 32,
    "q4_K": 8,
    "q5_K": 8,
    "q6_K": 16,
    "iq4_nl": 1,
}
_FAST_GGML = ("q8_0", "q4_0", "f16", "bf16", "q4_1", "q5_0", "q5_1")
_GGUF_PY = ("q8_0", "q4_0", "f16", "bf16", "q4_1", "q5_0", "q5_1")
# A dtype of torch, and the greatest error of values up to 6.
_TORCH = {
    "f16": ("float16", 0.002),
    "bf16": ("bfloat16", 0.02),
    "fp8_e4m3": ("float8_e4m3fn", 0.3),
    "fp8_e5m2": ("float8_e5m2", 0.6),
}

# Schemes that torchao writes the same bytes of.
_TORCHAO_FLOATS = {
    "fp8_e4m3_scale_tensor": "float32 to fp8_e4m3, a scale for the tensor",
    "fp8_e4m3_scale_row": "float32 to fp8_e4m3, a scale for each row",
    "fp8_e4m3_scale_block": "float32 to fp8_e4m3, a scale for tiles of 128 x 128",
    "mxfp8": "float32 to mxfp8",
    "mxfp4_layout_ocp": "float32 to mxfp4, scales apart",
    "nvfp4_layout_two_level": "float32 to nvfp4 with two levels of scales",
}


def groups() -> list[Group]:
    """List the groups that have peers; a group without ours shows what a new scheme must beat."""
    dram = dram_bytes()
    return [
        _bounds(dram),
        *_same_formats(dram),
        *_slow_ggml(),
        *_torch_only(dram),
        *_near_formats(dram),
        *_four_bit_codes(),
        _half_quadratic(),
    ]


def _same_formats(dram: int) -> Iterator[Group]:
    for name in _FAST_GGML:
        contenders = [
            _peer(
                f"ggml_dram_{threads}t",
                f"ggml_quantize_chunk of ggml in C, {_threads(threads)}",
                kernels_ggml.opener(name, dram, threads),
            )
            for threads in (1, 2)
        ]
        if name in _GGUF_PY:
            contenders.append(
                _peer(
                    "gguf_py_dram_1t",
                    "gguf.quants.quantize, NumPy, one thread",
                    kernels_gguf.opener(name, dram),
                )
            )
        contenders += _torch_casts(name, dram)
        if name == "q8_0":
            contenders += _by_hand(dram)
        yield _group(name, f"float32 to {name}", dram, contenders)


def _bounds(dram: int) -> Group:
    contenders = [
        _peer(f"c_{kind}_dram_1t", f"{description} in C, one thread", opener)
        for kind, description, opener in (
            ("read", "Reading", kernels_native.bound_opener("read", dram)),
            ("copy", "memcpy", kernels_native.bound_opener("copy", dram)),
            (
                "copy_non_temporal",
                "Copying past the caches",
                kernels_native.bound_opener("copy_non_temporal", dram),
            ),
        )
    ]
    return _group("bounds", "The limits of the memory", dram, contenders)


def _by_hand(dram: int) -> list[Contender]:
    return [
        _peer(
            f"c_dram_{threads}t",
            f"C with intrinsics by hand, byte for byte the same, {_threads(threads)}",
            kernels_native.q8_0_opener(dram, threads),
        )
        for threads in (1, 2)
    ]


def _slow_ggml() -> Iterator[Group]:
    for name, megabytes in _SLOW_GGML.items():
        size = megabytes * _MB
        contenders = [
            _peer(
                f"ggml_{megabytes}mb_{threads}t",
                f"ggml_quantize_chunk of ggml in C on {megabytes} MB only, {_threads(threads)}",
                kernels_ggml.opener(name, size, threads),
            )
            for threads in (1, 2)
        ]
        if name in ("mxfp4", "nvfp4"):
            contenders += [
                _peer(
                    f"torchao_{megabytes}mb_{threads}t",
                    f"torchao, eager, {megabytes} MB only, another layout of the same values,"
                    f" {_threads(threads)}",
                    kernels_torchao.float4_opener(name, size, threads),
                )
                for threads in (1, 2)
            ]
        yield _group(name.lower(), f"float32 to {name}", size, contenders)


def _torch_only(dram: int) -> Iterator[Group]:
    for name in ("fp8_e4m3", "fp8_e5m2"):
        yield _group(name, f"float32 to {name}", dram, _torch_casts(name, dram))
    for name, description in _TORCHAO_FLOATS.items():
        contenders = [
            _peer(
                f"torchao_64mb_{threads}t",
                f"torchao, eager, the same bytes, 64 MB only, {_threads(threads)}",
                kernels_torchao.float_opener(name, 64 * _MB, threads),
            )
            for threads in (1, 2)
        ]
        yield _group(name, description, 64 * _MB, contenders)


def _torch_casts(name: str, dram: int) -> list[Contender]:
    if name not in _TORCH:
        return []
    dtype, tolerance = _TORCH[name]
    return [
        _peer(
            f"torch_dram_{threads}t",
            f"torch's copy_ into a warm {dtype} tensor, {_threads(threads)}",
            kernels_torch.opener(dtype, dram, threads, tolerance),
        )
        for threads in (1, 2)
    ]


def _near_formats(dram: int) -> Iterator[Group]:
    rows = []
    for threads in (1, 2):
        rows.append(
            _peer(
                f"torchao_dram_{threads}t",
                "torchao, eager: signed bytes and one scale for each row, symmetric where ours has"
                f" zero points, {_threads(threads)}",
                kernels_torchao.affine_opener(8, None, dram, threads),
            )
        )
        rows.append(
            _peer(
                f"bitsandbytes_dram_{threads}t",
                "bitsandbytes' int8_vectorwise_quant: signed bytes and one scale for each row,"
                f" symmetric where ours has zero points, {_threads(threads)}",
                kernels_bitsandbytes.rows_opener(dram, threads),
            )
        )
    yield _group("uniform_8bit_row", "float32 to bytes, a scale for each row", dram, rows)
    groups_of_128 = [
        _peer(
            f"torchao_dram_{threads}t",
            "torchao, eager: as ours, but a byte for each code where ours packs two,"
            f" {_threads(threads)}",
            kernels_torchao.affine_opener(4, 128, dram, threads),
        )
        for threads in (1, 2)
    ]
    yield _group(
        "uniform_4bit_128",
        "float32 to 4 bits, scale and zero point for 128 neighbours",
        dram,
        groups_of_128,
    )


def _four_bit_codes() -> Iterator[Group]:
    for kind in ("nf4", "fp4"):
        contenders = [
            _peer(
                f"bitsandbytes_16mb_{threads}t",
                f"bitsandbytes' quantize_4bit, blocks of 64, 16 MB only, {_threads(threads)}",
                kernels_bitsandbytes.four_bit_opener(kind, 16 * _MB, threads),
            )
            for threads in (1, 2)
        ]
        if kind == "nf4":
            contenders += [
                _peer(
                    f"onnxruntime_16mb_{threads}t",
                    "onnxruntime's quantize_matmul_bnb4, blocks of 64, 16 MB only,"
                    f" {_threads(threads)}",
                    kernels_onnx.nf4_opener(16 * _MB, threads),
                )
                for threads in (1, 2)
            ]
        yield _group(kind, f"float32 to {kind}", 16 * _MB, contenders)
    for bits in (4, 8):
        contenders = [
            _peer(
                f"onnxruntime_64mb_{threads}t",
                f"onnxruntime's quantize_matmul_{bits}bits, 64 MB only, {_threads(threads)}",
                kernels_onnx.integer_opener(bits, 64 * _MB, threads),
            )
            for threads in (1, 2)
        ]
        yield _group(
            "int4_group_32_sym_true" if bits == 4 else "int4_bits_8_group_32_sym_true",
            f"float32 to {bits} bits as MatMulNBits takes them, blocks of 32; onnxruntime reads the"
            " transpose",
            64 * _MB,
            contenders,
        )


def _half_quadratic() -> Group:
    contenders = [
        _peer(
            f"hqq_16mb_{threads}t",
            f"the package hqq, axis=1, float32, 16 MB only, {_threads(threads)}",
            kernels_hqq.opener(4, 64, 16 * _MB, threads),
        )
        for threads in (1, 2)
    ]
    return _group("hqq", "float32 to hqq, 4 bits in groups of 64", 16 * _MB, contenders)


def _group(name: str, description: str, size: int, contenders: list[Contender]) -> Group:
    return Group(
        name=f"kernels_{name}",
        family="kernels",
        description=f"{description}; GB/s of float32.",
        contenders=tuple(contenders),
        throughput=Throughput("bytes", size),
    )


def _peer(name: str, description: str, opener: _Open) -> Contender:
    return Contender(name, f"{description}.", opener, role="peer", isolated=True)


def _threads(count: int) -> str:
    return "one thread" if count == 1 else f"{count} threads"
