"""Makes the golden and hostile Arrow files beside this script.

Golden files come from PyArrow. A hostile file breaks one rule and is named after it: the part before
``--`` is the rule. Most of these are made of metadata that no library would write, by the small
flatbuffer writer below; ``a_small_table`` without changes is checked with PyArrow.

    python make_files.py            # needs pyarrow and numpy
"""

from __future__ import annotations

import decimal
import struct
from pathlib import Path

import numpy as np
import pyarrow as pa

HERE = Path(__file__).parent
GOLDEN = HERE / "golden"
HOSTILE = HERE / "hostile"
HOSTILE_COLUMNS = HERE / "hostile-columns"

# Every table of weights holds these layers; values are whole numbers that every float type has.
WEIGHTS = {
    "a.weight": np.arange(6).reshape(2, 3),
    "b.weight": np.arange(10, 14),
    "größe": np.array([7]),
    "empty": np.zeros((0, 3)),
}


def save(
    name: str, table: pa.Table, stream: bool = False, chunk: int | None = None, **options
) -> None:
    with pa.OSFile(str(GOLDEN / f"{name}.arrow"), "wb") as sink:
        new = pa.ipc.new_stream if stream else pa.ipc.new_file
        with new(sink, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
            writer.write_table(table, max_chunksize=chunk)


def weights_table(
    values: pa.DataType = pa.float32(),
    lists=pa.list_,
    text: pa.DataType = pa.utf8(),
    shapes: bool = True,
    metadata: dict | None = None,
) -> pa.Table:
    kind = values.to_pandas_dtype()
    columns = {
        "layer_name": pa.array(list(WEIGHTS), text),
        "weights": pa.array(
            [list(w.ravel().astype(kind)) for w in WEIGHTS.values()], lists(values)
        ),
    }
    if shapes:
        columns["shape"] = pa.array([list(w.shape) for w in WEIGHTS.values()], pa.list_(pa.int64()))
    return pa.table(columns).replace_schema_metadata(metadata)


def golden_weights() -> None:
    plain = weights_table(metadata={"format": "pt", "größe": "中"})
    save("weights-file", plain)
    save("weights-stream", plain, stream=True)
    save("weights-chunks", plain, chunk=1)
    save("weights-stream-chunks", plain, stream=True, chunk=2)
    save("weights-zstd", plain, compression="zstd")
    save("weights-lz4", plain, stream=True, compression="lz4")
    save("weights-version4", plain, metadata_version=pa.ipc.MetadataVersion.V4)
    save("weights-large", weights_table(lists=pa.large_list, text=pa.large_utf8()))
    save("weights-views", weights_table(text=pa.string_view()))
    save("weights-double", weights_table(pa.float64()))
    save("weights-half", weights_table(pa.float16()))
    save("weights-no-shape", weights_table(shapes=False))
    save("weights-null-shapes", weights_table(shapes=False).append_column("shape", pa.nulls(4)))
    small = pa.list_(pa.int16())
    save("weights-small-shapes", plain.set_column(2, "shape", plain["shape"].cast(small)))
    around = pa.concat_tables([plain.slice(2), plain, plain.slice(0, 3)])
    save("weights-sliced", around.slice(2, 4).combine_chunks())
    chunks = pa.concat_tables(
        [plain.slice(0, 1), plain.slice(1, 0), plain.slice(1, 2), plain.slice(3)]
    )
    save("weights-uneven-chunks", chunks)
    save("weights-among-others", among_others(plain))
    save("weights-empty-table", plain.slice(0, 0))
    with pa.OSFile(str(GOLDEN / "weights-no-batches.arrow"), "wb") as sink:
        pa.ipc.new_file(sink, plain.schema).close()

    fixed = pa.FixedSizeListArray.from_arrays(pa.array(np.arange(12, dtype="f4")), 3)
    names = pa.array(["skipped", "a", "b", "c"])
    save("fixed-size-lists", pa.table({"layer_name": names, "weights": fixed}).slice(1))
    save("weights-dictionary", weights_table(text=pa.dictionary(pa.int8(), pa.utf8())))
    save("weights-list-views", weights_table(lists=pa.list_view))
    tensors = pa.ExtensionArray.from_storage(
        pa.fixed_shape_tensor(pa.float32(), [3, 1, 1]), fixed
    )
    save("fixed-shape-tensors", pa.table({"layer_name": names, "weights": tensors}).slice(1))


def among_others(table: pa.Table) -> pa.Table:
    """The same rows with columns of many types before and behind them."""
    rows = table.num_rows
    others = {
        "bool": pa.array([True, None] * (rows // 2)),
        "dictionary": pa.array(["x", "y"] * (rows // 2)).dictionary_encode(),
        "decimal": pa.array([decimal.Decimal("1.5")] * rows),
        "nulls": pa.nulls(rows),
        "struct": pa.array([{"p": 1, "q": "r"}] * rows),
        "map": pa.array([[("k", 1)]] * rows, pa.map_(pa.utf8(), pa.int32())),
        "run_ends": pa.RunEndEncodedArray.from_arrays(
            pa.array([1, rows], pa.int32()), pa.array(["u", "v"])
        ),
        "dense": pa.UnionArray.from_dense(
            pa.array([0] * rows, pa.int8()),
            pa.array(range(rows), pa.int32()),
            [pa.array(range(rows)), pa.array(["z"])],
        ),
        "sparse": pa.UnionArray.from_sparse(
            pa.array([0] * rows, pa.int8()), [pa.array(range(rows)), pa.array(["z"] * rows)]
        ),
        "fixed_binary": pa.array([b"ab"] * rows, pa.binary(2)),
        "time": pa.array([0] * rows, pa.timestamp("us")),
        "list_view": pa.array([[1]] * rows, pa.list_view(pa.int8())),
        "views": pa.array(["a text that is longer than twelve bytes"] * rows, pa.string_view()),
    }
    fields = list(others.items())
    columns = dict(fields[:7]) | {n: table[n] for n in table.column_names} | dict(fields[7:])
    return pa.table(columns)


SEED_SCHEMA = pa.schema(
    [
        ("layer_name", pa.utf8()),
        ("quantized_data", pa.binary()),
        ("scales", pa.list_(pa.float32())),
        ("zero_points", pa.list_(pa.float32())),
        ("shape", pa.list_(pa.int64())),
        ("bit_width", pa.uint8()),
    ]
)
SCHEMES = pa.schema([*SEED_SCHEMA, ("scheme", pa.utf8())])


def quantized(rows: list[tuple], schema: pa.Schema = SEED_SCHEMA) -> pa.Table:
    return pa.table([list(column) for column in zip(*rows)], schema=schema)


def codes(count: int) -> bytes:
    return bytes(k % 256 for k in range(count))


SEED_ROWS = [
    ("per.tensor", codes(3), [0.5], [8.0], [2, 3], 4),
    ("per.row", codes(12), [0.5, 0.25], [8.0, 7.0], [2, 6], 8),
    ("group.64", codes(65), [1.0, 2.0, 3.0, 4.0], [0.0, 1.0, 2.0, 3.0], [2, 1, 5, 13], 4),
    ("group.128", codes(100), [1.0] * 4, [2.0] * 4, [2, 200], 2),
    ("symmetric", codes(3), [0.5], [], [2, 3], 4),
    ("empty", b"", [], [], [0, 3], 4),
]


def golden_quantized() -> None:
    save("quantized-seed", quantized(SEED_ROWS))
    save("quantized-seed-stream", quantized(SEED_ROWS), stream=True, chunk=2)
    large = SEED_SCHEMA.set(1, pa.field("quantized_data", pa.large_binary()))
    save("quantized-seed-large", quantized(SEED_ROWS, large))
    views = SEED_SCHEMA.set(1, pa.field("quantized_data", pa.binary_view()))
    save("quantized-seed-views", quantized(SEED_ROWS, views))
    floats = np.arange(3, dtype="<f4").tobytes()
    named = [
        (*SEED_ROWS[0], None),
        (*SEED_ROWS[1], "uniform"),
        ("blocks", codes(68), None, None, [2, 32], None, "Q8_0"),
        ("plain", floats, [], [], [3], 32, "f32"),
        ("half", codes(8), None, None, [4], 16, "bf16"),
        ("grouped", codes(64), [1.0, 2.0], None, [2, 128], 2, "uniform:bits=2,group=128,sym=true"),
    ]
    save("quantized-schemes", quantized(named, SCHEMES))


# ---- hostile metadata ----


class Table(dict):
    """Slots by index: (struct format, number), or a Table, Tables, Structs or Text."""


class Tables(list):
    """A vector of tables; one that is there twice is stored once."""


class Structs(bytes):
    """The elements of a vector of 8, 16 or 24 bytes."""

    size = 16


class Blocks(Structs):
    size = 24


class Text(bytes):
    """A string."""


class Raw(bytes):
    """Bytes that stand where a part is expected."""


def flatbuffer(root: Table) -> bytes:
    buffer = bytearray(4)

    def align(size: int, rest: int = 0) -> int:
        while len(buffer) % size != rest:
            buffer.append(0)
        return len(buffer)

    def refer(at: int, part: object) -> None:
        struct.pack_into("<i", buffer, at, put(part) - at)

    def put(part: object) -> int:
        if isinstance(part, Raw):
            at = align(8)
            buffer.extend(part)
            return at
        if isinstance(part, (Text, Structs)):
            size = part.size if isinstance(part, Structs) else 1
            at = align(8, 4)
            buffer.extend(struct.pack("<i", len(part) // size) + part + b"\0")
            return at
        if isinstance(part, Tables):
            at = align(4)
            buffer.extend(struct.pack("<i", len(part)) + bytes(4 * len(part)))
            places: dict[int, int] = {}
            for i, child in enumerate(part):
                if id(child) not in places:
                    places[id(child)] = put(child)
                slot = at + 4 + 4 * i
                struct.pack_into("<i", buffer, slot, places[id(child)] - slot)
            return at
        offsets, end = {}, 4
        for slot, value in part.items():
            size = struct.calcsize(value[0]) if isinstance(value, tuple) else 4
            end = -(-end // size) * size
            # the table begins at a multiple of 8
            offsets[slot] = end
            end += size
        count = max(part, default=-1) + 1
        vtable = align(8)
        buffer.extend(struct.pack("<HH", 4 + 2 * count, end))
        buffer.extend(struct.pack(f"<{count}H", *(offsets.get(i, 0) for i in range(count))))
        at = align(8)
        buffer.extend(struct.pack("<i", at - vtable) + bytes(end - 4))
        for slot, value in part.items():
            if isinstance(value, tuple):
                struct.pack_into("<" + value[0], buffer, at + offsets[slot], value[1])
            else:
                refer(at + offsets[slot], value)
        return at

    refer(0, root)
    align(8)
    return bytes(buffer)


INT, FLOAT, UTF8, LIST, FIXED, STRUCT, VIEW = 2, 3, 5, 12, 16, 13, 24
SCHEMA, DICTIONARY_BATCH, RECORD_BATCH, TENSOR = 1, 2, 3, 4


def field(name: bytes, kind: int, parameters: Table, *children: Table) -> Table:
    return Table({0: Text(name), 1: ("B", 1), 2: ("B", kind), 3: parameters, 5: Tables(children)})


def floats(precision: int = 1) -> Table:
    return field(b"item", FLOAT, Table({0: ("h", precision)}))


def schema(*fields: Table, endianness: int = 0) -> Table:
    names = fields or (
        field(b"layer_name", UTF8, Table()),
        field(b"weights", LIST, Table(), floats()),
    )
    return Table({0: ("h", endianness), 1: Tables(names)})


NODES = [(1, 0), (1, 0), (2, 0)]
BUFFERS = [(0, 0), (0, 8), (64, 1), (64, 0), (128, 8), (128, 0), (192, 8)]


def body(name_offsets: tuple = (0, 1), value_offsets: tuple = (0, 2), name: bytes = b"a") -> bytes:
    parts = [
        struct.pack("<ii", *name_offsets),
        name,
        struct.pack("<ii", *value_offsets),
        struct.pack("<ff", 1, 2),
    ]
    return b"".join(part.ljust(64, b"\0") for part in parts)


def batch(length: int = 1, nodes: list = NODES, buffers: list = BUFFERS, **slots: object) -> Table:
    pairs = Structs(b"".join(struct.pack("<qq", *node) for node in nodes))
    places = Structs(b"".join(struct.pack("<qq", *place) for place in buffers))
    return Table(
        {0: ("q", length), 1: pairs, 2: places, **{int(k[1:]): v for k, v in slots.items()}}
    )


def message(kind: int, header: Table, size: int, version: int = 4) -> bytes:
    metadata = flatbuffer(Table({0: ("h", version), 1: ("B", kind), 2: header, 3: ("q", size)}))
    return struct.pack("<ii", -1, len(metadata)) + metadata


def stream(*messages: bytes) -> bytes:
    return b"".join(messages) + struct.pack("<ii", -1, 0)


def a_small_table(
    columns: Table | None = None,
    rows: Table | None = None,
    content: bytes | None = None,
    blocks: list | None = None,
    footer_length: int | None = None,
    version: int = 4,
    footer: bytes | None = None,
    batch_message: bytes | None = None,
) -> bytes:
    """A file of the layer a = [1, 2], with changes."""
    columns = columns or schema()
    content = body() if content is None else content
    head = b"ARROW1\0\0" + message(SCHEMA, columns, 0, version)
    if batch_message is None:
        batch_message = message(RECORD_BATCH, rows or batch(), len(content))
    change = blocks or [(len(head), len(batch_message), len(content))]
    places = Blocks(b"".join(struct.pack("<qiiq", o, m, 0, b) for o, m, b in change))
    if footer is None:
        footer = flatbuffer(Table({0: ("h", version), 1: columns, 3: places}))
    length = len(footer) if footer_length is None else footer_length
    end = struct.pack("<ii", -1, 0) + footer + struct.pack("<i", length) + b"ARROW1"
    return head + batch_message + content + end


def hostile_framing() -> dict[str, bytes]:
    good = a_small_table()
    table = pa.ipc.open_file(pa.py_buffer(good)).read_all()
    assert table.to_pydict() == {"layer_name": ["a"], "weights": [[1.0, 2.0]]}
    head = len(b"ARROW1\0\0" + message(SCHEMA, schema(), 0))
    size = len(message(RECORD_BATCH, batch(), 256))
    rows = message(RECORD_BATCH, batch(), 256) + body()
    first = message(SCHEMA, schema(), 0)
    assert pa.ipc.open_stream(stream(first, rows)).read_all() == table
    return {
        "ARROW1 at both ends of a file": good[:-1],
        "ARROW1 at both ends of a file--truncated": good[:40],
        "ARROW1 at both ends of a file--short": good[:8],
        "an Arrow IPC file or stream": b"FEA1" + bytes(60),
        "an Arrow IPC file or stream--empty": b"",
        "an Arrow IPC file or stream--short": b"ARR",
        "a footer within the file": a_small_table(footer_length=1 << 20),
        "a footer within the file--negative": a_small_table(footer_length=-4),
        "blocks within the file": a_small_table(blocks=[(1 << 40, size, 256)]),
        "blocks within the file--negative": a_small_table(blocks=[(-8, size, 256)]),
        "blocks within the file--metadata": a_small_table(blocks=[(head, 1 << 30, 256)]),
        "blocks within the file--no metadata": a_small_table(blocks=[(head, 0, 256)]),
        "blocks within the file--body": a_small_table(blocks=[(head, size, 1 << 62)]),
        "blocks within the file--other body": a_small_table(blocks=[(head, size, 192)]),
        "blocks within the file--other metadata": a_small_table(blocks=[(head, size - 8, 256)]),
        "blocks that don't overlap": a_small_table(blocks=[(head, size, 256)] * 100),
        "messages that begin with FFFFFFFF": a_small_table(blocks=[(head + 8, size - 8, 256)]),
        "messages within the file": stream(first, rows)[:-100],
        "messages within the file--metadata": first[:-8],
        "messages within the file--prefix": first + first[:6],
        "messages within the file--negative": first + struct.pack("<ii", -1, -8),
        "messages within the file--body": stream(first, message(RECORD_BATCH, batch(), 1 << 62)),
        "messages within the file--negative body": stream(
            first, message(RECORD_BATCH, batch(), -1)
        ),
        "one schema, before everything else": stream(rows, first),
        "one schema, before everything else--twice": stream(first, rows, first),
        "one schema, before everything else--none": stream(),
        "messages of schemas, dictionaries and record batches": stream(
            first, message(TENSOR, Table(), 0)
        ),
        "a record batch in each block": a_small_table(blocks=[(8, head - 8, 0)]),
        "lengths that compressed bytes can have": a_small_table(rows=batch(_3=Table())),
        "metadata version V4 or V5": a_small_table(version=2),
        "little-endian data": a_small_table(schema(endianness=1)),
    }


def hostile_metadata() -> dict[str, bytes]:
    deep = floats()
    for _ in range(70):
        deep = field(b"item", LIST, Table(), deep)
    shared = field(b"", STRUCT, Table())
    for _ in range(30):
        shared = field(b"", STRUCT, Table(), shared, shared)
    parts = "flatbuffer parts within the metadata"
    name = field(b"layer_name", UTF8, Table())
    weights = field(b"weights", LIST, Table(), floats())
    bare = struct.pack("<i", 1 << 20) + bytes(60)

    def of(part: object) -> bytes:
        return a_small_table(footer=flatbuffer(Table({0: ("h", 4), 1: part})))

    return {
        f"{parts}--root": a_small_table(footer=bare),
        f"{parts}--backward": a_small_table(footer=struct.pack("<i", -4) + bytes(60)),
        f"{parts}--short": a_small_table(footer=b"\1\0"),
        f"{parts}--no schema": a_small_table(footer=flatbuffer(Table({0: ("h", 4)}))),
        f"{parts}--vtable": of(Raw(struct.pack("<i", 1 << 20))),
        f"{parts}--vtable behind": of(Raw(struct.pack("<i", -(1 << 20)))),
        f"{parts}--short vtable": of(Raw(struct.pack("<iHH", -4, 2, 4))),
        f"{parts}--odd vtable": of(Raw(struct.pack("<iHHB", -4, 5, 4, 4))),
        f"{parts}--long vtable": of(Raw(struct.pack("<iHH", -4, 30000, 4))),
        f"{parts}--negative vtable": of(Raw(struct.pack("<iHH", -4, 60000, 4))),
        f"{parts}--long table": of(Raw(struct.pack("<iHH", -4, 4, 30000))),
        f"{parts}--negative slot": of(Raw(struct.pack("<iHHHH", -4, 8, 8, 0, 65500))),
        f"{parts}--slot": of(Raw(struct.pack("<iHHH", -4, 6, 8, 7))),
        f"{parts}--vector": of(Table({1: Raw(struct.pack("<i", 1 << 28))})),
        f"{parts}--negative vector": of(Table({1: Raw(struct.pack("<i", -1))})),
        f"{parts}--text": of(schema(Table({0: Raw(struct.pack("<i", 1 << 28))}))),
        f"{parts}--nodes": a_small_table(rows=batch() | {1: Raw(struct.pack("<i", 1 << 28))}),
        "metadata at most 64 tables deep": of(schema(name, deep)),
        "metadata whose parts are used once": of(schema(name, shared)),
        "text in UTF-8--field": of(schema(field(b"\xff\xfe", UTF8, Table()), weights)),
        "a type of Arrow": of(schema(name, field(b"weights", 99, Table()))),
        "a type of Arrow--none": of(schema(name, Table({0: Text(b"weights")}))),
        "a type of Arrow--bits": of(schema(name, field(b"x", INT, Table({0: ("i", 7)})))),
        "a type of Arrow--precision": of(schema(name, floats(9))),
        "a type of Arrow--parameters": of(schema(name, Table({0: Text(b"x"), 2: ("B", FLOAT)}))),
        "a type of Arrow--size": of(
            schema(name, field(b"x", FIXED, Table({0: ("i", -1)}), floats()))
        ),
        "a type of Arrow--children": of(schema(name, field(b"weights", LIST, Table()))),
        "a type of Arrow--more children": of(
            schema(name, field(b"x", LIST, Table(), floats(), floats()))
        ),
    }


def hostile_batches() -> dict[str, bytes]:
    def rows(**changes: object) -> bytes:
        return a_small_table(rows=batch(**changes))

    def buffers(index: int, offset: int, length: int) -> bytes:
        return rows(buffers=[*BUFFERS[:index], (offset, length), *BUFFERS[index + 1 :]])

    def nodes(index: int, *node: int) -> bytes:
        return rows(nodes=[*NODES[:index], node, *NODES[index + 1 :]])

    fixed = schema(
        field(b"layer_name", UTF8, Table()),
        field(b"weights", FIXED, Table({0: ("i", 3)}), floats()),
    )
    views = schema(field(b"layer_name", VIEW, Table()), field(b"weights", LIST, Table(), floats()))
    view = struct.pack("<i4sii", 13, b"abcd", 0, 1).ljust(64, b"\0") + body()[64:]
    view_buffers = [(0, 0), (0, 16), (64, 13), *BUFFERS[3:]]

    def of_views(content: bytes, count: int = 1) -> bytes:
        counts = Structs(struct.pack("<q", count))
        counts.size = 8
        return a_small_table(views, batch(buffers=view_buffers, _4=counts), content)

    inside = (
        view[:12] + struct.pack("<i", 0) + view[16:64] + b"layer of 13 b".ljust(64) + view[128:]
    )
    assert pa.ipc.open_file(of_views(inside)).read_all()["layer_name"].to_pylist() == [
        "layer of 13 b"
    ]
    long = "buffers as long as the column"
    return {
        "one node for each field": rows(nodes=NODES[:2]),
        "one node for each field--more": rows(nodes=[*NODES, (0, 0)]),
        "as many buffers as the fields have": rows(buffers=BUFFERS[:-1]),
        "as many buffers as the fields have--more": rows(buffers=[*BUFFERS, (0, 0)]),
        "as many buffers as the fields have--views": of_views(inside, 1 << 40),
        "as many buffers as the fields have--no count": a_small_table(
            views, batch(buffers=view_buffers)
        ),
        "buffers within the body": buffers(6, 192, 72),
        "buffers within the body--offset": buffers(6, 1 << 62, 8),
        "buffers within the body--negative": buffers(6, -8, 8),
        "buffers within the body--negative length": buffers(6, 8, -8),
        "columns of as many rows as the batch": nodes(1, 0, 0),
        "columns of as many rows as the batch--batch": rows(length=1 << 40),
        "lengths and null counts that agree": nodes(2, 2, 3),
        "lengths and null counts that agree--negative": nodes(2, -2, 0),
        "lengths and null counts that agree--negative nulls": nodes(2, 2, -1),
        f"{long}--offsets": buffers(1, 0, 4),
        f"{long}--values": nodes(2, 3, 0),
        f"{long}--huge": nodes(2, 1 << 62, 0),
        f"{long}--validity": nodes(0, 1, 1),
        f"{long}--fixed": a_small_table(fixed, batch(buffers=[*BUFFERS[:4], *BUFFERS[5:]])),
        "rising offsets within the values": a_small_table(content=body(value_offsets=(2, 0))),
        "rising offsets within the values--beyond": a_small_table(
            content=body(value_offsets=(0, 3))
        ),
        "rising offsets within the values--negative": a_small_table(
            content=body(value_offsets=(-1, 2))
        ),
        "rising offsets within the values--text": a_small_table(content=body(name_offsets=(0, 2))),
        "rising offsets within the values--view": of_views(view),
        "text in UTF-8": a_small_table(content=body(name=b"\xff")),
    }


def ipc(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def hostile_tables() -> dict[str, bytes]:
    def weights(
        names: list, values: list, shapes: list | None = None, kind=pa.list_(pa.float32())
    ) -> bytes:
        columns = {"layer_name": pa.array(names, pa.utf8()), "weights": pa.array(values, kind)}
        if shapes is not None:
            columns["shape"] = pa.array(shapes, pa.list_(pa.int64()))
        return ipc(pa.table(columns))

    def one(*row: object) -> bytes:
        return ipc(quantized([row], SCHEMES if len(row) == 7 else SEED_SCHEMA))

    part = pa.struct(
        [
            ("name", pa.utf8()),
            ("dtype", pa.utf8()),
            ("shape", pa.list_(pa.int64())),
            ("data", pa.binary()),
        ]
    )

    def parts(*rows: tuple) -> bytes:
        values = [dict(zip(("name", "dtype", "shape", "data"), row)) for row in rows]
        table = quantized([("a", codes(4), None, None, [8], None, "new")], SCHEMES)
        return ipc(table.append_column("parts", pa.array([values], pa.list_(part))))

    # 300 views of one text of 3000 bytes
    count, size = 300, 3000
    views = b"".join(struct.pack("<i4sii", size - i, b"aaaa", 0, 0) for i in range(count))
    array = pa.Array.from_buffers(
        pa.string_view(), count, [None, pa.py_buffer(views), pa.py_buffer(b"a" * size)]
    )
    many = pa.table(
        {"layer_name": array, "weights": pa.array([[]] * count, pa.list_(pa.float32()))}
    )
    lists = pa.array([[1.0]], pa.list_(pa.float32()))
    coded = pa.table(
        {"layer_name": ["a"], "weights": pa.DictionaryArray.from_arrays(pa.array([0]), lists)}
    )
    no_name = pa.DictionaryArray.from_arrays(pa.array([0]), pa.array([None], pa.utf8()))
    permuted = pa.ExtensionArray.from_storage(
        pa.fixed_shape_tensor(pa.float32(), [2, 2], permutation=[1, 0]),
        pa.FixedSizeListArray.from_arrays(pa.array([1, 2, 3, 4], pa.float32()), 4),
    )
    shapes = "shapes of as many elements as there are"
    nulls = "quantized layers without nulls"
    width = "a bit_width of 2, 4 or 8 where the scheme is uniform"
    scales = "as many scales as a variant of uniform has"
    sizes = "as many bytes as dtype and shape need"
    return {
        "names without nulls--dictionary": ipc(
            pa.table({"layer_name": no_name, "weights": lists})
        ),
        "shapes of as many elements as there are--permuted": ipc(
            pa.table({"layer_name": ["a"], "weights": permuted})
        ),
        "the columns of a table of layers": ipc(pa.table({"x": [1]})),
        "the columns of a table of weights": ipc(pa.table({"weights": [[1.0]]})),
        "the columns of a table of weights--type": ipc(
            pa.table({"layer_name": ["a"], "weights": [["b"]]})
        ),
        "the columns of a table of weights--name": ipc(
            pa.table({"layer_name": [1], "weights": [[1.0]]})
        ),
        "the columns of a table of quantized layers": ipc(
            quantized(SEED_ROWS).drop_columns(["shape"])
        ),
        "the columns of a table of quantized layers--type": ipc(
            quantized(SEED_ROWS, SEED_SCHEMA.set(2, pa.field("scales", pa.list_(pa.float64()))))
        ),
        "columns without dictionaries": ipc(coded),
        "names without nulls": weights([None], [[1]]),
        "different names": weights(["a", "a"], [[1], [2]]),
        "different names--part": ipc(
            quantized([SEED_ROWS[0], ("per.tensor.scales", codes(3), [1.0], [8.0], [2, 3], 4)])
        ),
        "names that fit into the file": ipc(many),
        f"{shapes}--count": weights(["a"], [[1, 2]], [[3]]),
        f"{shapes}--negative": weights(["a"], [[1, 2]], [[-1, -2]]),
        f"{shapes}--product": weights(["a"], [[1, 2]], [[1 << 40, 1 << 40]]),
        f"{shapes}--rank": weights(["a"], [[1]], [[1] * 65]),
        f"{shapes}--null": weights(["a"], [[1]], [[None]]),
        f"{shapes}--bytes": one("a", codes(1), [1.0], [8.0], [1 << 40, 1 << 20], 4),
        "weights without nulls": weights(["a"], [None]),
        "weights without nulls--value": weights(["a", "b"], [[1] * 20, [1.0] * 9 + [None]]),
        f"{nulls}--data": one("a", None, [1.0], [8.0], [2], 4),
        f"{nulls}--scale": one("a", codes(1), [None], [8.0], [2], 4),
        f"{nulls}--shape": one("a", codes(1), [1.0], [8.0], None, 4),
        f"{nulls}--part": parts((None, "u8", [1], b"x")),
        width: one("a", codes(1), [1.0], [8.0], [2], 3),
        f"{width}--none": one("a", codes(1), [1.0], [8.0], [2], None),
        f"{width}--other": one("a", codes(1), [1.0], [8.0], [2], 4, "uniform:bits=8,group=tensor"),
        scales: one("a", codes(6), [1.0] * 5, [8.0] * 5, [2, 3], 8),
        f"{scales}--none": one("a", codes(6), [], [], [2, 3], 8),
        sizes: one("a", codes(7), None, None, [2], 32, "f32"),
        f"{sizes}--part": parts(("absmax", "u8", [2], b"x")),
        "parts of known dtypes": parts(("absmax", "u7", [1], b"x")),
    }


def encoded(part: Table, identity: int = 1) -> Table:
    """A field whose columns are int8 indexes into a dictionary."""
    index = Table({0: ("i", 8), 1: ("B", 1)})
    return Table(part | {4: Table({0: ("q", identity), 1: index})})


def hostile_dictionaries() -> dict[str, bytes]:
    text = field(b"t", UTF8, Table())
    words = schema(encoded(text))
    first = message(SCHEMA, words, 0)
    # the values "a", "b"; the indexes 1, 0
    content = struct.pack("<iii", 0, 1, 2).ljust(64, b"\0") + b"ab".ljust(64, b"\0")
    values = batch(2, [(2, 0)], [(0, 0), (0, 12), (64, 2)])

    def indexes(first_byte: int, second_byte: int) -> bytes:
        header = message(RECORD_BATCH, batch(2, [(2, 0)], [(0, 0), (0, 2)]), 64)
        return header + bytes([first_byte, second_byte]).ljust(64, b"\0")

    rows = indexes(1, 0)

    def of(identity: int = 1, delta: int = 0, data: Table | None = values) -> bytes:
        slots = {0: ("q", identity), 2: ("B", delta)}
        header = Table(slots if data is None else slots | {1: data})
        return message(DICTIONARY_BATCH, header, len(content)) + content

    table = pa.ipc.open_stream(stream(first, of(), rows)).read_all()
    assert table.to_pydict() == {"t": ["b", "a"]}, table
    number = schema(encoded(text), encoded(field(b"n", FLOAT, Table({0: ("h", 1)}))))
    inner = field(b"i", STRUCT, Table(), encoded(text))
    before = "dictionaries before the columns that refer to them"
    return {
        "a dictionary in each block": stream(first, of(data=None), rows),
        "one type for each dictionary": stream(message(SCHEMA, number, 0)),
        "dictionaries that don't hold themselves": stream(
            message(SCHEMA, schema(encoded(inner)), 0)
        ),
        "dictionaries that the schema refers to": stream(first, of(7), rows),
        before: stream(first, rows, of()),
        f"{before}--delta": stream(first, of(delta=1), rows),
        "each dictionary once in a file, but for deltas": twice(words, of()),
        "indexes within the dictionary": stream(first, of(), indexes(0, 2)),
        "indexes within the dictionary--negative": stream(first, of(), indexes(255, 0)),
        "rising offsets within the values--dictionary": stream(
            first, of()[:-128] + struct.pack("<iii", 0, 3, 2).ljust(128, b"\0"), rows
        ),
        "a type of Arrow--index": stream(
            message(SCHEMA, schema(Table(text | {4: Table({1: Table({0: ("i", 7)})})})), 0)
        ),
    }


def twice(columns: Table, values: bytes) -> bytes:
    """A file with a dictionary that is there twice."""
    head = b"ARROW1\0\0" + message(SCHEMA, columns, 0)
    body_bytes = 128
    length = len(values) - body_bytes
    places = [(len(head), length, body_bytes), (len(head) + len(values), length, body_bytes)]
    blocks = Blocks(b"".join(struct.pack("<qiiq", o, m, 0, b) for o, m, b in places))
    footer = flatbuffer(Table({0: ("h", 4), 1: columns, 2: blocks}))
    end = struct.pack("<ii", -1, 0) + footer + struct.pack("<i", len(footer)) + b"ARROW1"
    return head + values + values + end


def hostile_compression() -> dict[str, bytes]:
    columns = schema(field(b"x", INT, Table({0: ("i", 64), 1: ("B", 1)})))
    first = message(SCHEMA, columns, 0)
    lz4, zstd = Table(), Table({0: ("B", 1)})

    def of(buffer: bytes, codec: Table, rows: int = 8) -> bytes:
        content = buffer.ljust(-(-len(buffer) // 64) * 64, b"\0")
        header = batch(rows, [(rows, 0)], [(0, 0), (0, len(buffer))], _3=codec)
        return stream(first, message(RECORD_BATCH, header, len(content)) + content)

    def buffer(codec: str, numbers: np.ndarray, announced: int | None = None) -> bytes:
        length = numbers.nbytes if announced is None else announced
        return struct.pack("<q", length) + pa.compress(numbers.tobytes(), codec, asbytes=True)

    eight = np.arange(8)
    for name, codec in (("lz4", lz4), ("zstd", zstd)):
        good = of(buffer(name, eight), codec)
        assert pa.ipc.open_stream(good).read_all()["x"].to_pylist() == list(range(8))
    lengths = "lengths that compressed bytes can have"
    become = "compressed buffers that become what they announce"
    frame = buffer("lz4", np.arange(1000))
    far = frame.replace(frame[23:40], b"\xf0" + b"\0" * 16, 1)
    many = struct.pack("<q", 1100 << 20) + buffer("zstd", np.arange(1))[8:] + bytes(40000)
    return {
        "bodies compressed with LZ4_FRAME or ZSTD": of(buffer("lz4", eight), Table({0: ("B", 7)})),
        "bodies compressed with LZ4_FRAME or ZSTD--method": of(
            buffer("lz4", eight), Table({1: ("B", 1)})
        ),
        lengths: of(buffer("lz4", eight, 1 << 40), lz4),
        f"{lengths}--zstd": of(buffer("zstd", eight, 1 << 40), zstd),
        f"{lengths}--negative": of(buffer("lz4", eight, -2), lz4),
        f"{lengths}--short": of(b"1234567", lz4, 0),
        become: of(buffer("lz4", np.arange(9)), lz4).replace(
            struct.pack("<q", 72), struct.pack("<q", 64), 1
        ),
        f"{become}--more": of(buffer("lz4", eight, 72), lz4),
        f"{become}--zstd": of(buffer("zstd", np.arange(9), 64), zstd),
        f"{become}--zstd more": of(buffer("zstd", eight, 72), zstd),
        f"{become}--no frame": of(struct.pack("<q", 64) + b"no frame".ljust(64), lz4),
        f"{become}--no zstd frame": of(struct.pack("<q", 64) + b"no frame".ljust(64), zstd),
        f"{become}--cut": of(buffer("lz4", np.arange(1000))[:-20], lz4, 1000),
        f"{become}--far": of(far, lz4, 1000),
        "buffers as long as the column--compressed": of(buffer("lz4", eight), lz4, 9),
        "at most so many bytes of memory as the reader may take": of(many, zstd),
    }


def hostile_columns() -> dict[str, bytes]:
    def buffers(kind: pa.DataType, rows: int, *parts: object, **more: object) -> bytes:
        places = [None if p is None else pa.py_buffer(p) for p in parts]
        array = pa.Array.from_buffers(kind, rows, places, **more)
        return ipc(pa.table({"x": array}))

    def numbers(code: str, *values: int) -> bytes:
        return struct.pack(f"<{len(values)}{code}", *values)

    child = pa.array([1, 2, 3], pa.int8())
    two = pa.array([1, 2], pa.int8())
    rising = "rising offsets within the values"
    runs = "runs that cover the column"
    views = pa.list_view(pa.int8())
    dense = pa.dense_union([pa.field("a", pa.int8()), pa.field("b", pa.int8())])
    sparse = pa.sparse_union([pa.field("a", pa.int8()), pa.field("b", pa.int8())])
    ends = pa.run_end_encoded(pa.int32(), pa.int8())

    good = buffers(ends, 9, None, children=[pa.array([1, 2, 9], pa.int32()), child])

    def run(*values: int) -> bytes:
        return good.replace(numbers("i", 1, 2, 9), numbers("i", *values), 1)

    text = b"a text that is longer than twelve bytes"
    view = struct.pack("<i4sii", len(text), b"else", 0, 0)
    wrong = struct.pack("<i4sii", len(text), text[:4], 0, 1)
    return {
        f"{rising}--position": buffers(
            views, 2, None, numbers("i", 0, 3), numbers("i", 1, 1), children=[child]
        ),
        f"{rising}--size": buffers(
            views, 2, None, numbers("i", 0, 1), numbers("i", 1, -1), children=[child]
        ),
        f"{rising}--large": buffers(
            pa.large_list_view(pa.int8()),
            2,
            None,
            numbers("q", 0, 1),
            numbers("q", 1, 2**63 - 1),
            children=[child],
        ),
        f"{rising}--dense union": buffers(
            dense, 2, None, b"\0\1", numbers("i", 0, 3), children=[child, child]
        ),
        f"{rising}--view": buffers(pa.string_view(), 1, None, wrong, text),
        f"{rising}--list": buffers(
            pa.list_(pa.int8()), 2, None, numbers("i", 0, 2, 1), children=[child]
        ),
        "type ids of the union's children": buffers(sparse, 2, None, b"\0\2", children=[two, two]),
        "type ids of the union's children--negative": buffers(
            sparse, 2, None, b"\0\xff", children=[two, two]
        ),
        runs: run(1, 2, 3),
        f"{runs}--falling": run(2, 1, 9),
        f"{runs}--zero": run(0, 2, 9),
        f"{runs}--negative": run(-3, 2, 9),
        "as many nulls as the validity tells": buffers(
            pa.int8(), 3, b"\3", b"\1\2\3", null_count=2
        ),
        "views that begin with the bytes they lead to": buffers(
            pa.string_view(), 1, None, view, text
        ),
        "text in UTF-8": buffers(pa.utf8(), 1, None, numbers("i", 0, 1), b"\xff"),
    }


def slug(rule: str) -> str:
    words = "".join(c.lower() if c.isascii() and c.isalnum() else "-" for c in rule)
    return "-".join(word for word in words.split("-") if word)


def main() -> None:
    for folder in (GOLDEN, HOSTILE, HOSTILE_COLUMNS):
        folder.mkdir(exist_ok=True)
        for old in folder.glob("*.arrow"):
            old.unlink()
    golden_weights()
    golden_quantized()
    for files in (hostile_framing(), hostile_metadata(), hostile_batches(), hostile_tables()):
        save_hostile(HOSTILE, files)
    for files in (hostile_dictionaries(), hostile_compression(), hostile_columns()):
        save_hostile(HOSTILE_COLUMNS, files)


def save_hostile(folder: Path, files: dict[str, bytes]) -> None:
    for rule, content in files.items():
        name, _, variant = rule.partition("--")
        ending = f"--{slug(variant)}" if variant else ""
        (folder / f"{slug(name)}{ending}.arrow").write_bytes(content)


if __name__ == "__main__":
    main()
