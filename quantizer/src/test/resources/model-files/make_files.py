"""Makes the golden and hostile model files beside this script.

Golden files come from the packages ``safetensors`` and ``gguf`` (``pip install safetensors gguf``).
A hostile file breaks one rule and is named after it: the part before ``--`` is the rule.
"""

import io
import json
import struct
import warnings
import zipfile
from pathlib import Path

import gguf
import numpy as np
from safetensors.numpy import save, save_file

HERE = Path(__file__).parent


def ramp(*shape: int, dtype: str = "float32") -> np.ndarray:
    """Small numbers that every dtype holds."""
    return (np.arange(int(np.prod(shape))) % 64).astype(dtype).reshape(shape)


def golden_safetensors() -> None:
    tensors = {
        "b.weight": ramp(4, 8),
        "a.weight": ramp(3, 2, 1, 1, dtype="float16"),
        "scalar": np.array(7.5, dtype="float64"),
        "empty": np.zeros((0, 4), dtype="float32"),
        "ids": ramp(5, dtype="int64"),
        "mask": np.array([True, False, True]),
        "bytes": ramp(3, dtype="uint8"),
        "\u00e9\u4e2d\U0001f600": ramp(2, dtype="int16"),
    }
    save_file(tensors, HERE / "golden.safetensors", metadata={"format": "pt"})


def golden_gguf(name: str, alignment: int | None) -> None:
    writer = gguf.GGUFWriter(HERE / name, "sd1")
    if alignment is not None:
        writer.add_custom_alignment(alignment)
    writer.add_uint8("kv.u8", 200)
    writer.add_int8("kv.i8", -8)
    writer.add_uint16("kv.u16", 60000)
    writer.add_int16("kv.i16", -16)
    writer.add_uint32("kv.u32", 4_000_000_000)
    writer.add_int32("kv.i32", -32)
    writer.add_float32("kv.f32", 0.5)
    writer.add_bool("kv.bool", True)
    writer.add_string("kv.string", "\u00e9\u4e2d")
    writer.add_array("kv.strings", ["one", "two"])
    writer.add_array("kv.floats", [1.5, -2.5])
    writer.add_uint64("kv.u64", 2**64 - 1)
    writer.add_int64("kv.i64", -(2**40))
    writer.add_float64("kv.f64", 1e300)
    writer.add_array("comfy.gguf.orig_shape.conv.weight", [4, 8, 2, 2])
    writer.add_tensor("plain", ramp(3, 5))
    writer.add_tensor("half", ramp(2, 3, 2, dtype="float16"))
    writer.add_tensor("ids", ramp(3, dtype="int32"))
    data = (ramp(4, 32) - 31) / 16
    for kind in ("Q8_0", "Q4_0", "BF16"):
        qtype = gguf.GGMLQuantizationType[kind]
        name = "conv.weight" if kind == "Q8_0" else kind.lower()
        writer.add_tensor(name, gguf.quants.quantize(data, qtype), raw_dtype=qtype)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def safetensors_bytes(header: bytes, data: bytes = b"") -> bytes:
    return struct.pack("<Q", len(header)) + header + data


def tensor(dtype: object = "U8", shape: object = (2,), offsets: object = (0, 2)) -> dict:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


def hostile_safetensors() -> None:
    two = b"\1\2"

    def of(header: object, data: bytes = two) -> bytes:
        return safetensors_bytes(json.dumps(header).encode(), data)

    one = json.dumps(tensor())
    files = {
        "8-bytes-of-header-length--empty": b"",
        "8-bytes-of-header-length": b"\2\0\0\0",
        "a-header-of-at-most-100-000-000-bytes": struct.pack("<Q", 100_000_001) + b"{}",
        "a-header-of-at-most-100-000-000-bytes--negative": struct.pack("<Q", 2**64 - 1) + b"{}",
        "a-header-within-the-file": struct.pack("<Q", 3) + b"{}",
        "a-header-that-begins-with": safetensors_bytes(b' {"a":' + one.encode() + b"}", two),
        "a-header-that-begins-with--nothing": safetensors_bytes(b""),
        "a-header-that-begins-with--array": safetensors_bytes(b"[]"),
        "valid-utf-8": safetensors_bytes(b'{"\xff":' + one.encode() + b"}", two),
        "valid-utf-8--surrogate": safetensors_bytes(b'{"\xed\xa0\x80":' + one.encode() + b"}", two),
        "valid-json": safetensors_bytes(b'{"a":'),
        "valid-json--two-objects": safetensors_bytes(b"{}{}"),
        "valid-json--trailing-text": safetensors_bytes(b"{} x"),
        "valid-json--deep": safetensors_bytes(b'{"a":{"x":' + b"[" * 50_000 + b"]" * 50_000 + b"}}"),
        "no-duplicate-keys": safetensors_bytes(f'{{"a":{one},"a":{one}}}'.encode(), two),
        "no-duplicate-keys--metadata": safetensors_bytes(b'{"__metadata__":{"k":"1","k":"2"}}'),
        "no-duplicate-keys--dtype": safetensors_bytes(
            b'{"a":{"dtype":"U8","dtype":"I8","shape":[2],"data_offsets":[0,2]}}', two
        ),
        "text-metadata": of({"__metadata__": {"k": 1}}, b""),
        "the-header-s-structure": of({"a": 3}, b""),
        "the-header-s-structure--shape": of({"a": tensor(shape=2)}),
        "dtype-shape-and-two-data-offsets": of({"a": {"dtype": "U8", "shape": [2]}}),
        "dtype-shape-and-two-data-offsets--one": of({"a": tensor(offsets=[0])}),
        "at-most-2-numbers": of({"a": tensor(offsets=[0, 2, 4])}),
        "at-most-64-numbers": of({"a": tensor(shape=[1] * 65, offsets=[0, 1])}, b"\1"),
        "non-negative-whole-numbers": of({"a": tensor(shape=[-2])}),
        "non-negative-whole-numbers--fraction": of({"a": tensor(shape=[2.0])}),
        "sizes-below-2-63": of({"a": tensor(shape=[2**64])}),
        "sizes-below-2-63--product": of({"a": tensor(shape=[2**32, 2**32])}),
        "sizes-below-2-63-in-whole-bytes": of({"a": tensor("F64", [2**60])}),
        "sizes-below-2-63-in-whole-bytes--f4": of({"a": tensor("F4", [3])}),
        "a-known-dtype": of({"a": tensor("F12")}),
        "ordered-offsets": of({"a": tensor(offsets=[2, 0])}),
        "bytes-that-match-the-shape": of({"a": tensor(shape=[3])}, b"\1\2\3"),
        "no-holes": of({"a": tensor(), "b": tensor(offsets=[3, 5])}, b"\1\2\3\4\5"),
        "no-holes--first": of({"a": tensor(offsets=[1, 3])}, b"\1\2\3"),
        "no-overlaps": of({"a": tensor(), "b": tensor(offsets=[1, 3])}, b"\1\2\3"),
        "no-overlaps--same": of({"a": tensor(), "b": tensor()}),
        "tensors-within-the-file": of({"a": tensor()}, b"\1"),
        "no-trailing-bytes": of({"a": tensor()}, b"\1\2\3"),
        "a-shape-in-tensorbridge-shape-name": of(
            {
                "__metadata__": {"tensorbridge.scheme.a": "q", "tensorbridge.shape.a": "2,x"},
                "a": tensor(),
            }
        ),
    }
    write(HERE / "hostile-safetensors", ".safetensors", files)


def hostile_indexes() -> None:
    files = {
        "valid-json": b"{",
        "one-json-object": b"[]",
        "a-weight-map": b'{"metadata": {}}',
        "file-names-in-weight-map": b'{"weight_map": {"a": 1}}',
        "file-names-inside-its-directory": b'{"weight_map": {"a": "../x.safetensors"}}',
        "file-names-inside-its-directory--middle": b'{"weight_map": {"a": "x/../../y"}}',
        "file-names-inside-its-directory--absolute": b'{"weight_map": {"a": "/x.safetensors"}}',
        "no-duplicate-keys": b'{"weight_map": {"a": "x", "a": "y"}}',
    }
    write(HERE / "hostile-index", ".safetensors.index.json", files)


def text(value: str | bytes) -> bytes:
    raw = value.encode() if isinstance(value, str) else value
    return struct.pack("<Q", len(raw)) + raw


def gguf_tensor(name: str, dims: list[int], kind: int, offset: int) -> bytes:
    extents = b"".join(struct.pack("<q", d) for d in dims)
    return text(name) + struct.pack("<I", len(dims)) + extents + struct.pack("<IQ", kind, offset)


def gguf_bytes(
    tensors: list[bytes] = [],
    values: list[bytes] = [],
    data: int = 0,
    start: bytes = b"GGUF\3\0\0\0",
    counts: tuple[int, int] | None = None,
) -> bytes:
    header = start + struct.pack("<qq", *(counts or (len(tensors), len(values))))
    header += b"".join(values) + b"".join(tensors)
    return header + b"\0" * (-len(header) % 32) + b"\0" * data


def hostile_gguf() -> None:
    f32 = gguf_tensor("a", [8], 0, 0)
    u32 = struct.pack("<I", 4)
    nested = struct.pack("<IQ", 9, 1)
    shape = text("comfy.gguf.orig_shape.a") + struct.pack("<IIQ", 9, 5, 2)
    files = {
        "the-magic-number-gguf": b"GGML" + gguf_bytes()[4:],
        "the-magic-number-gguf--empty": b"",
        "version-2-or-3": gguf_bytes(start=b"GGUF\1\0\0\0"),
        "version-2-or-3--big-endian": gguf_bytes(start=b"GGUF\0\0\0\3"),
        "a-whole-header": b"GGUF\3\0\0\0\0\0",
        "counts-that-the-file-can-hold": gguf_bytes(counts=(2**40, 0)),
        "counts-that-the-file-can-hold--negative": gguf_bytes(counts=(-1, 0)),
        "counts-that-the-file-can-hold--metadata": gguf_bytes(counts=(0, 2**62)),
        "counts-that-the-file-can-hold--string": gguf_bytes(
            values=[struct.pack("<Q", 2**63) + b"k"], counts=(0, 1)
        ),
        "counts-that-the-file-can-hold--array": gguf_bytes(
            values=[text("k") + struct.pack("<IIQ", 9, 4, 2**61)]
        ),
        "text-in-utf-8": gguf_bytes(values=[text(b"\xff") + u32 + u32]),
        "metadata-types-0-to-12": gguf_bytes(values=[text("k") + struct.pack("<II", 13, 0)]),
        "0-or-1-for-a-bool": gguf_bytes(values=[text("k") + struct.pack("<IB", 7, 2)]),
        "arrays-at-most-4-deep": gguf_bytes(
            values=[text("k") + struct.pack("<I", 9) + nested * 40 + u32 + bytes(16)]
        ),
        "no-duplicate-keys": gguf_bytes(values=[text("k") + u32 + u32] * 2),
        "a-power-of-two-as-general-alignment": gguf_bytes(
            values=[text("general.alignment") + u32 + struct.pack("<I", 24)]
        ),
        "a-power-of-two-as-general-alignment--zero": gguf_bytes(
            values=[text("general.alignment") + u32 + struct.pack("<I", 0)]
        ),
        "a-power-of-two-as-general-alignment--text": gguf_bytes(
            values=[text("general.alignment") + struct.pack("<I", 8) + text("32")]
        ),
        "no-duplicate-tensor-names": gguf_bytes([f32, gguf_tensor("a", [8], 0, 32)], data=64),
        "at-most-4-dimensions": gguf_bytes([gguf_tensor("a", [1] * 5, 0, 0)], data=32),
        "dimensions-of-0-to-2-63": gguf_bytes([gguf_tensor("a", [-8], 0, 0)], data=32),
        "dimensions-of-0-to-2-63--product": gguf_bytes(
            [gguf_tensor("a", [2**32, 2**32], 0, 0)], data=32
        ),
        "a-known-ggml-type": gguf_bytes([gguf_tensor("a", [8], 4, 0)], data=32),
        "rows-of-whole-blocks": gguf_bytes([gguf_tensor("a", [8, 4], 8, 0)], data=64),
        "tensors-one-after-another-padded-to-the-alignment": gguf_bytes(
            [gguf_tensor("a", [8], 0, 32)], data=64
        ),
        "tensors-one-after-another-padded-to-the-alignment--overlap": gguf_bytes(
            [f32, gguf_tensor("b", [8], 0, 0)], data=64
        ),
        "tensors-within-the-file": gguf_bytes([f32], data=16),
        "tensors-within-the-file--overflow": gguf_bytes([gguf_tensor("a", [2**61], 28, 0)]),
        "original-shapes-of-as-many-elements-as-are-stored": gguf_bytes(
            [f32], [shape + struct.pack("<ii", 3, 3)], 32
        ),
        "original-shapes-of-as-many-elements-as-are-stored--negative": gguf_bytes(
            [f32], [shape + struct.pack("<ii", -2, -4)], 32
        ),
    }
    write(HERE / "hostile-gguf", ".gguf", files)


def checkpoint(**tensors: np.ndarray) -> bytes:
    """Entries whose names have "__" for each point, or points."""
    return save(
        {
            name if "." in name else name.replace("__", "."): tensor
            for name, tensor in tensors.items()
        }
    )


def hostile_checkpoints() -> None:
    """Sound safetensors whose entries are no sound checkpoint."""

    def i32(*shape: int) -> np.ndarray:
        return np.zeros(shape, "int32")

    gptq = {
        "l__qweight": i32(8, 32),
        "l__qzeros": i32(2, 4),
        "l__scales": np.ones((2, 32), "float16"),
        "l__g_idx": (np.arange(64) // 32).astype("int32"),
    }
    awq = {
        "l__qweight": i32(64, 4),
        "l__qzeros": i32(2, 4),
        "l__scales": np.ones((2, 32), "float16"),
    }
    packed = {
        "l__weight_packed": i32(4, 8),
        "l__weight_scale": np.ones((4, 2), "float32"),
        "l__weight_shape": np.array([4, 64], "int64"),
    }
    int8 = {"l__weight": np.zeros((4, 8), "int8"), "l__SCB": np.ones(4, "float32")}
    scaled = {"l__weight": np.zeros((4, 8), "int8"), "l__weight_scale": np.ones((4, 1), "float32")}
    absurd = np.array([2**32, 2**32], "int64")

    def nf4(change: dict[str, object] | None = None, text: str = "", **tensors: np.ndarray) -> dict:
        """What bitsandbytes keeps of 4 x 64 values, with another state or other entries."""
        state = {"quant_type": "nf4", "blocksize": 64, "dtype": "float32", "shape": [4, 64]}
        state.update(change or {})
        json_text = text or json.dumps({key: value for key, value in state.items() if value != ()})
        return {
            "l__weight": np.zeros((128, 1), "uint8"),
            "l__weight__absmax": np.ones(4, "float32"),
            "l__weight__quant_map": np.zeros(16, "float32"),
            "l.weight.quant_state.bitsandbytes__nf4": np.frombuffer(json_text.encode(), "uint8"),
            **tensors,
        }

    nested = {
        "l__weight__absmax": np.ones(4, "uint8"),
        "l__weight__nested_absmax": np.ones(1, "float32"),
        "l__weight__nested_quant_map": np.zeros(256, "float32"),
    }
    nesting = {"nested_blocksize": 256, "nested_dtype": "float32", "nested_offset": 0.5}
    bad_states = {
        "json": nf4(text="{\"quant_type\": "),
        "array": nf4(text="[1]"),
        "twice": nf4(text='{"shape": [4], "shape": [4]}'),
        "null": nf4({"dtype": None}),
        "object": nf4({"dtype": {}}),
        "deep": nf4(text='{"shape": ' + "[" * 5000),
        "type": nf4({"quant_type": "fp4"}),
        "blocksize": nf4({"blocksize": 63}),
        "blocksize-missing": nf4({"blocksize": ()}),
        "blocksize-huge": nf4({"blocksize": 2**63 - 1}),
        "number-too-long": nf4(text='{"blocksize": 9223372036854775808}'),
        "dtype": nf4({"dtype": "int8"}),
        "shape-missing": nf4({"shape": ()}),
        "shape-of-fractions": nf4({"shape": [4.5]}),
        "nested-blocksize": nf4({**nesting, "nested_blocksize": 255}, **nested),
        "nested-offset": nf4({**nesting, "nested_offset": "0"}, **nested),
    }
    files = {
        "all-entries-of-a-quantized-tensor--gptq": {**gptq, "l__qzeros": None},
        "all-entries-of-a-quantized-tensor--packed": {**packed, "l__weight_scale": None},
        "all-entries-of-a-quantized-tensor--shape": {**packed, "l__weight_shape": None},
        "all-entries-of-a-quantized-tensor--int8": {**int8, "l__weight": None},
        "entries-that-match--gptq-scales": {**gptq, "l__scales": np.ones((2, 31), "float16")},
        "entries-that-match--gptq-groups": {**gptq, "l__scales": np.ones((65, 32), "float16")},
        "entries-that-match--gptq-zeros": {**gptq, "l__qzeros": i32(3, 4)},
        "entries-that-match--gptq-order": {**gptq, "l__g_idx": i32(7)},
        "entries-that-match--awq-codes": {**awq, "l__qweight": i32(64, 5)},
        "entries-that-match--awq-scales": {**awq, "l__scales": np.ones((3, 32), "float16")},
        "entries-that-match--packed-codes": {**packed, "l__weight_packed": i32(4, 70)},
        "entries-that-match--packed-scales": {**packed, "l__weight_scale": np.ones((4, 3), "float32")},
        "entries-that-match--packed-zeros": {**packed, "l__weight_zero_point": i32(4, 4)},
        "entries-that-match--packed-shape": {**packed, "l__weight_shape": np.ones(2, "float32")},
        "entries-that-match--int8": {**int8, "l__SCB": np.ones(3, "float32")},
        "entries-that-match--scaled": {**scaled, "l__weight_scale": np.ones((3, 3), "float32")},
        **{f"a-quant-state-of-bitsandbytes--{name}": state for name, state in bad_states.items()},
        "all-entries-of-a-quantized-tensor--absmax": nf4(l__weight__absmax=None),
        "entries-that-match--nf4-codes": nf4(l__weight=np.zeros((127, 1), "uint8")),
        "entries-that-match--nf4-absmax": nf4(l__weight__absmax=np.ones(3, "float32")),
        "entries-that-match--nf4-map": nf4(l__weight__quant_map=np.zeros(15, "float32")),
        "entries-that-match--nf4-nested": nf4(
            nesting, **{**nested, "l__weight__nested_absmax": np.ones(2, "float32")}
        ),
        "shapes-of-stored-elements--nf4": nf4({"shape": [2**40, 2**40]}),
        "shapes-of-stored-elements--nf4-negative": nf4({"shape": [-4, -64]}),
        "shapes-of-stored-elements": {**packed, "l__weight_shape": absurd},
        "shapes-of-stored-elements--negative": {
            **packed, "l__weight_shape": np.array([-4, -64], "int64")
        },
        "shapes-of-stored-elements--empty": {
            **packed, "l__weight_shape": np.array([0, 64], "int64")
        },
        "group-indexes-below-the-number-of-groups": {
            **gptq, "l__g_idx": np.full(64, 2, "int32")
        },
        "group-indexes-below-the-number-of-groups--negative": {
            **gptq, "l__g_idx": np.full(64, -1, "int32")
        },
        "int8-weights-in-rows": {**int8, "l__weight_format": np.array(1, "uint8")},
        "one-tensor-of-a-name": {**gptq, "l__weight": np.ones(4, "float32")},
        "entries-of-one-tensor-each": {**int8, **scaled},
    }
    folder = HERE / "hostile-checkpoint"
    folder.mkdir(exist_ok=True)
    for name, tensors in files.items():
        kept = {key: value for key, value in tensors.items() if value is not None}
        (folder / f"{name}.safetensors").write_bytes(checkpoint(**kept))


def npy_bytes(dictionary: str, data: bytes = bytes(16), start: bytes = b"\x93NUMPY\1\0") -> bytes:
    head = dictionary.encode() + b"\n"
    return start + struct.pack("<H", len(head)) + head + data


PLAIN_NPY = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }"


def hostile_npy() -> None:
    def shaped(shape: str) -> bytes:
        return npy_bytes(PLAIN_NPY.replace("(2, 2)", shape))

    files = {
        "a-npy-file-begins-with-x93numpy": npy_bytes(PLAIN_NPY, start=b"\x93NUMPX\1\0"),
        "a-npy-file-begins-with-x93numpy--empty": b"",
        "versions-1-0-2-0-and-3-0-are-known": npy_bytes(PLAIN_NPY, start=b"\x93NUMPY\4\0"),
        "the-header-ends-within-the-file": npy_bytes(PLAIN_NPY)[:30],
        "all-elements-that-the-header-announces-are-there": npy_bytes(PLAIN_NPY, bytes(15)),
        "all-elements-that-the-header-announces-are-there--absurd": shaped("(1099511627776,)"),
        "the-shape-has-at-most-64-dimensions-and-2-63-bytes": shaped("(4294967296, 4294967296)"),
        "the-shape-has-at-most-64-dimensions-and-2-63-bytes--rank": shaped("(" + "1, " * 65 + ")"),
        "a-dimension-is-a-decimal-number-from-0-to-2-63-1": shaped("(9223372036854775808,)"),
        "a-dimension-is-a-decimal-number-from-0-to-2-63-1--negative": shaped("(-2,)"),
        "the-shape-is-a-tuple-such-as-3": shaped("(4)"),
        "each-key-comes-once": npy_bytes(PLAIN_NPY.replace("'shape'", "'descr': '<f4', 'shape'")),
        "the-header-has-the-keys-descr-fortran-order-and-shape": npy_bytes("{'descr': '<f4'}"),
        "fortran-order-is-true-or-false": npy_bytes(PLAIN_NPY.replace("False", "None")),
        "nothing-follows-the-header-s-dictionary": npy_bytes(PLAIN_NPY + "{}"),
        "a-type-string-is-like-f4": npy_bytes(PLAIN_NPY.replace("<f4", "f")),
    }
    write(HERE / "hostile-npy", ".npy", files)
    (HERE / "golden.npy").write_bytes(npy_bytes(PLAIN_NPY))


def npz_bytes(compression: int, names: tuple[str, ...] = ("a.npy", "b.npy")) -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", compression) as archive:
        for name in names:
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.compress_type = compression
            archive.writestr(info, npy_bytes(PLAIN_NPY, struct.pack("<4f", 1, 2, 3, 4)))
    return memory.getvalue()


def encoded_npz(scheme: str, shape: str) -> bytes:
    """An array of which the metadata tell that it is something else."""
    memory = io.BytesIO()
    texts = {"scheme": scheme, "shape": shape}
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(
            zipfile.ZipInfo("a.npy", (1980, 1, 1, 0, 0, 0)),
            npy_bytes(PLAIN_NPY, struct.pack("<4f", 1, 2, 3, 4)),
        )
        for key, text in texts.items():
            info = zipfile.ZipInfo(f"metadata/tensorbridge.{key}.a.txt", (1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, text)
    return memory.getvalue()


def changed(data: bytes, at: int, value: bytes) -> bytes:
    return data[:at] + value + data[at + len(value) :]


def hostile_npz() -> None:
    stored = npz_bytes(zipfile.ZIP_STORED)
    central = stored.index(b"PK\1\2")
    second = stored.index(b"PK\1\2", central + 4)
    end = stored.index(b"PK\5\6")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        twice = npz_bytes(zipfile.ZIP_STORED, ("a.npy", "a.npy"))
    far = struct.pack("<I", len(stored) * 4)
    files = {
        "a-zip-archive-ends-with-its-end-record": stored[:-1],
        "a-zip-archive-ends-with-its-end-record--empty": b"",
        "the-archive-is-one-file": changed(stored, end + 4, b"\1\0"),
        "the-directory-lies-right-before-the-archive-s-end": changed(stored, end + 16, far),
        "each-member-comes-once": twice,
        "the-directory-holds-as-many-members-as-the-end-record-says": changed(
            stored, end + 8, b"\1\0\1\0"
        ),
        "a-member-s-description-stands-here": changed(stored, second, b"PKXX"),
        "the-directory-holds-whole-descriptions": changed(stored, second + 28, b"\xff\x7f"),
        "members-are-not-encrypted": changed(stored, central + 8, b"\1\0"),
        "members-are-stored-or-deflated-as-np-savez-and-np-savez-compressed-write-them": changed(
            stored, central + 10, b"\x0c\0"
        ),
        "members-lie-one-after-another-before-the-directory": changed(
            stored, second + 42, bytes(4)
        ),
        "members-lie-one-after-another-before-the-directory--size": changed(
            stored, central + 20, far + far
        ),
        "a-member-begins-as-the-directory-describes-it": changed(stored, 30, b"X"),
        "a-stored-member-has-one-size": changed(stored, central + 24, struct.pack("<I", 7)),
        "a-size-of-4-gib-or-more-stands-in-a-zip64-field": changed(
            stored, central + 24, b"\xff\xff\xff\xff"
        ),
        "deflated-bytes-grow-at-most-1032-fold": changed(
            npz_bytes(zipfile.ZIP_DEFLATED),
            npz_bytes(zipfile.ZIP_DEFLATED).index(b"PK\1\2") + 24,
            struct.pack("<I", 2**31),
        ),
    }
    files["a-shape-in-tensorbridge-shape-name"] = encoded_npz("q8_0", "3,x")
    files["a-shape-of-the-stored-bytes-in-tensorbridge-shape-name"] = encoded_npz("f16", "2,3")
    write(HERE / "hostile-npz", ".npz", files)
    (HERE / "golden-encoded.npz").write_bytes(encoded_npz("f8_e4m3", "4,2,2"))
    (HERE / "golden.npz").write_bytes(stored)
    (HERE / "golden-compressed.npz").write_bytes(npz_bytes(zipfile.ZIP_DEFLATED))


def write(folder: Path, extension: str, files: dict[str, bytes]) -> None:
    folder.mkdir(exist_ok=True)
    for name, data in files.items():
        (folder / (name + extension)).write_bytes(data)


if __name__ == "__main__":
    golden_safetensors()
    golden_gguf("golden.gguf", None)
    golden_gguf("golden-align64.gguf", 64)
    hostile_safetensors()
    hostile_indexes()
    hostile_gguf()
    hostile_npy()
    hostile_npz()
    hostile_checkpoints()
