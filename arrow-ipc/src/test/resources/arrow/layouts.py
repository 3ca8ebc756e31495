"""Writes a table of every layout, or compares two files. Run by EveryLayoutIT.

layouts.py write PATH KIND CODEC ROWS      KIND: file, stream, v4, sliced, chunks, deltas, replaced
layouts.py same THEIRS OURS
layouts.py values PATH                     prints the columns as JSON
"""

import datetime
import decimal
import struct
import sys

import numpy as np
import pyarrow as pa


def repeated(values, rows):
    return (list(values) * rows)[:rows]


def columns(rows, plain=False):
    rng = np.random.default_rng(rows)
    made = {}

    def add(name, values, kind):
        made[name] = pa.array(repeated(values, rows), kind)
        made[name + " without nulls"] = pa.array(
            repeated([v for v in values if v is not None], rows), kind
        )

    made["null"] = pa.nulls(rows)
    add("bool", [True, None, False, False, True, True, None], pa.bool_())
    for bits in (8, 16, 32, 64):
        add(f"int{bits}", [1, None, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1], f"int{bits}")
        add(f"uint{bits}", [1, None, 2**bits - 1], f"uint{bits}")
    made["float16"] = pa.array(rng.standard_normal(rows).astype("f2"))
    add("float32", [1.5, None, -0.0, float("inf")], pa.float32())
    add("float64", [1e300, None, 5e-324], pa.float64())
    for bits, digits in ((32, 9), (64, 18), (128, 38), (256, 76)):
        kind = getattr(pa, f"decimal{bits}")(digits, 3)
        numbers = ["1.234", "-" + "9" * (digits - 3) + ".999", "0"]
        add(f"decimal{bits}", [decimal.Decimal(n) for n in numbers] + [None], kind)
    day = datetime.date(2026, 11, 25)
    add("date32", [day, None, datetime.date(1900, 1, 1)], pa.date32())
    add("date64", [day, None], pa.date64())
    for unit in ("s", "ms", "us", "ns"):
        add(f"timestamp {unit}", [1, None, -(10**12)], pa.timestamp(unit))
        add(f"zoned {unit}", [1, None, 10**12], pa.timestamp(unit, "Asia/Tokyo"))
        add(f"duration {unit}", [1, None, -5], pa.duration(unit))
    add("time32 s", [1, None, 86399], pa.time32("s"))
    add("time32 ms", [1, None], pa.time32("ms"))
    add("time64 us", [1, None], pa.time64("us"))
    add("time64 ns", [1, None], pa.time64("ns"))
    add("interval", [(1, -2, 3), None, (-1, 5, 10**12)], pa.month_day_nano_interval())
    add("fixed", [b"abc", None, b"\0\1\2"], pa.binary(3))
    made["fixed of nothing"] = pa.array([b""] * rows, pa.binary(0))
    texts = ["a", None, "", "größe", "a text that is longer than twelve bytes"]
    bytes_ = [None if t is None else t.encode() for t in texts]
    add("utf8", texts, pa.utf8())
    add("large_utf8", texts, pa.large_utf8())
    add("binary", bytes_, pa.binary())
    add("large_binary", bytes_, pa.large_binary())
    lists = [[1, None, 3], None, [], [4]]
    add("list", lists, pa.list_(pa.int16()))
    add("large_list", lists, pa.large_list(pa.int16()))
    add("fixed list", [[1, 2], None, [3, None]], pa.list_(pa.int32(), 2))
    add(
        "nested fixed list",
        [[[1.0, 2.0], [3.0, 4.0]], None],
        pa.list_(pa.list_(pa.float32(), 2), 2),
    )
    add("list of text", [["a", None], None, ["b"]], pa.list_(pa.utf8()))
    pair = pa.struct([("x", pa.int64()), ("y", pa.list_(pa.utf8()))])
    add("struct", [{"x": 1, "y": ["a"]}, None, {"x": None, "y": None}], pair)
    made["empty struct"] = pa.array([{}] * rows, pa.struct([]))
    add("map", [[("a", 1), ("b", None)], None, []], pa.map_(pa.utf8(), pa.int32()))
    ids = pa.array(repeated([5, 0, 0, 5], rows), pa.int8())
    numbers, words = (
        pa.array(repeated([1, None], rows), pa.int64()),
        pa.array(repeated(texts, rows)),
    )
    made["sparse union"] = pa.UnionArray.from_sparse(ids, [numbers, words], ["n", "w"], [5, 0])
    positions = pa.array([i // 2 for i in range(rows)], pa.int32())
    made["dense union"] = pa.UnionArray.from_dense(
        ids, positions, [numbers, words], ["n", "w"], [5, 0]
    )
    made["dictionary"] = pa.array(repeated(texts, rows)).dictionary_encode()
    made["small dictionary"] = pa.DictionaryArray.from_arrays(
        pa.array(repeated([0, None, 2, 1], rows), pa.uint8()),
        pa.array([[1, 2], [], [3]], pa.list_(pa.int8())),
        ordered=True,
    )
    inner = pa.DictionaryArray.from_arrays(
        pa.array([0, 1, 1], pa.int8()), pa.array(["inner", "values"])
    )
    made["nested dictionary"] = pa.DictionaryArray.from_arrays(
        pa.array(repeated([2, 0, None], rows), pa.int16()),
        pa.StructArray.from_arrays([inner, pa.array([1, 2, 3])], ["i", "n"]),
    )
    made["list of dictionary"] = pa.ListArray.from_arrays(
        pa.array([min(i, 3) for i in range(rows + 1)], pa.int32()), inner
    )
    if not plain:
        add("utf8_view", texts, pa.string_view())
        add("binary_view", bytes_, pa.binary_view())
        add("list_view", lists, pa.list_view(pa.int16()))
        add("large_list_view", lists, pa.large_list_view(pa.int16()))
        for bits in (16, 32, 64):
            ends = pa.array(
                [i + 1 for i in range(0, rows, 2)][:-1] + [rows] if rows else [], f"int{bits}"
            )
            made[f"runs {bits}"] = pa.RunEndEncodedArray.from_arrays(
                ends, pa.array(repeated(texts, len(ends)))
            )
    return made


def table(rows, plain=False):
    made = pa.table(columns(rows, plain))
    fields = [made.schema.field(i).with_metadata({"no": str(i), "größe": "中"}) for i in range(2)]
    fields += [made.schema.field(i) for i in range(2, made.num_columns)]
    return made.cast(pa.schema(fields, {"z": "last", "a": "first"})) if rows else made


def dictionaries(kind, rows):
    def batch(words):
        values = pa.array(words)
        lists = pa.array([[w] for w in words])
        views = pa.array([w * 20 for w in words], pa.string_view())
        structs = pa.StructArray.from_arrays(
            [values, pa.array([len(w) % 2 == 0 for w in words])], ["w", "b"]
        )
        fixed = pa.array([[len(w), 1] for w in words], pa.list_(pa.int16(), 2))
        wide = pa.array([decimal.Decimal(len(w)) for w in words], pa.decimal256(40))
        indexes = pa.array([*range(len(words)), None], pa.int16())
        kinds = {
            "words": values,
            "lists": lists,
            "views": views,
            "structs": structs,
            "fixed": fixed,
            "wide": wide,
        }
        arrays = [pa.DictionaryArray.from_arrays(indexes, v) for v in kinds.values()]
        return pa.record_batch(arrays, list(kinds))

    words = [f"word {i}" * (i % 4) for i in range(rows + 2)]
    if kind == "deltas":
        return [batch(words[: i + 1]) for i in range(rows + 1)]
    return [batch(words[i:]) for i in range(rows + 1)]


def write(path, kind, codec, rows):
    options = {}
    if codec != "none":
        options["compression"] = codec
    if kind == "v4":
        options["metadata_version"] = pa.ipc.MetadataVersion.V4
    if kind in ("deltas", "replaced"):
        batches = dictionaries(kind, rows)
        options["emit_dictionary_deltas"] = kind == "deltas"
        schema, kind = batches[0].schema, "stream"
    else:
        made = table(rows + 6 if kind == "sliced" else rows, plain=kind == "v4")
        made = made.slice(3, rows) if kind == "sliced" else made
        schema, batches = made.schema, made.to_batches(5 if kind == "chunks" else None)
    new = pa.ipc.new_stream if kind == "stream" else pa.ipc.new_file
    extra = {} if kind == "stream" else {"metadata": {"footer": "größe"}}
    with pa.OSFile(path, "wb") as sink:
        with new(sink, schema, options=pa.ipc.IpcWriteOptions(**options), **extra) as writer:
            for i, batch in enumerate(batches):
                # PyArrow can't read metadata of V4, where it looks for a compression
                told = {} if kind == "v4" else {"custom_metadata": {"batch": str(i)}}
                writer.write_batch(batch, **told)


def is_file(path):
    with open(path, "rb") as source:
        return source.read(6) == b"ARROW1"


def read(path):
    if is_file(path):
        reader = pa.ipc.open_file(path)
        found = [reader.get_batch_with_custom_metadata(i) for i in range(reader.num_record_batches)]
        return reader.schema, found, reader.metadata, reader.stats.num_dictionary_deltas
    reader = pa.ipc.open_stream(path)
    found = list(reader.iter_batches_with_custom_metadata())
    return reader.schema, found, None, reader.stats.num_dictionary_deltas


def same(theirs, ours):
    schema, expected, footer, deltas = read(theirs)
    found_schema, found, found_footer, found_deltas = read(ours)
    # A file that was read from a file has what was joined there.
    assert found_deltas in ([deltas, 0] if is_file(ours) else [deltas]), (found_deltas, deltas)
    assert found_schema.equals(schema, check_metadata=True), (found_schema, schema)
    assert len(found) == len(expected), (len(found), len(expected))
    if footer is not None and found_footer is not None:
        assert found_footer == footer, (found_footer, footer)
    for (batch, metadata), (wanted, wanted_metadata) in zip(found, expected):
        batch.validate(full=True)
        assert metadata == wanted_metadata, (metadata, wanted_metadata)
        for i in range(batch.num_columns):
            name = batch.schema.names[i]
            column, other = batch.column(i), wanted.column(i)
            if deltas and is_file(ours):
                # All batches of a file see the whole dictionary.
                assert column.indices.equals(other.indices), name
                column = pa.DictionaryArray.from_arrays(
                    column.indices, column.dictionary.slice(0, len(other.dictionary))
                )
            assert column.equals(other), (name, column, other)


def text(column):
    """The values as ColumnText shows them."""
    return "[" + ", ".join(value(scalar) for scalar in column) + "]"


def value(scalar):
    kind = scalar.type
    if pa.types.is_union(kind) or pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
        inner = scalar.value
        return "null" if inner is None else value(inner)
    if not scalar.is_valid:
        return "null"
    if pa.types.is_interval(kind):
        months, days, nanos = scalar.as_py()
        return "x" + (struct.pack("<iiq", months, days, nanos)).hex()
    if pa.types.is_temporal(kind):
        return str(scalar.value)
    if pa.types.is_boolean(kind):
        return str(scalar.as_py()).lower()
    if pa.types.is_floating(kind):
        number = float(scalar.as_py())
        return "Infinity" if number == float("inf") else floating(number)
    if pa.types.is_struct(kind):
        return "(" + ", ".join(value(scalar[i]) for i in range(kind.num_fields)) + ")"
    if pa.types.is_nested(kind):
        return text(scalar.values)
    if isinstance(scalar.as_py(), bytes):
        return "x" + scalar.as_py().hex()
    return f"{scalar.as_py():f}" if pa.types.is_decimal(kind) else str(scalar.as_py())


def floating(number):
    """Exponents as Java shows them, with two digits at least; so does Python."""
    return f"{number:.25e}"


SMALL = [
    "bool", "decimal256", "utf8", "list", "fixed list", "struct", "map", "sparse union", "dense union",
    "dictionary", "nested dictionary", "utf8_view", "large_list_view", "runs 16",
]  # fmt: skip


def golden(folder):
    made = pa.table({name: column for name, column in columns(3).items() if name in SMALL})
    assert made.num_columns == len(SMALL)
    files = {
        "layouts": (made.to_batches(2), False, {}),
        "layouts-stream-lz4": (made.to_batches(), True, {"compression": "lz4"}),
        "layouts-zstd": (made.to_batches(), False, {"compression": "zstd"}),
        "deltas": (dictionaries("deltas", 2), True, {"emit_dictionary_deltas": True}),
        "replaced": (dictionaries("replaced", 1), True, {}),
    }
    for name, (batches, stream, options) in files.items():
        new = pa.ipc.new_stream if stream else pa.ipc.new_file
        with pa.OSFile(f"{folder}/{name}.arrow", "wb") as sink:
            with new(sink, batches[0].schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
                for batch in batches:
                    writer.write_batch(batch)
    array = np.asfortranarray(np.arange(6, dtype="i2").reshape(2, 3))
    with pa.OSFile(f"{folder}/column-major.tensor", "wb") as sink:
        pa.ipc.write_tensor(pa.Tensor.from_numpy(array, ["a", "b"]), sink)


def main():
    if sys.argv[1] == "write":
        write(sys.argv[2], sys.argv[3], sys.argv[4], int(sys.argv[5]))
    elif sys.argv[1] == "same":
        for ours in sys.argv[3:]:
            same(sys.argv[2], ours)
    elif sys.argv[1] == "text":
        for batch, _ in read(sys.argv[2])[1]:
            for name, column in zip(batch.schema.names, batch.columns):
                print(name + ": " + text(column))
    else:
        golden(sys.argv[2])


if __name__ == "__main__":
    main()
