"""PyArrow and the C Data interface of arrow-ipc in one process: the JVM is started here by ctypes.

Arguments: libjvm.so, the class path, JVM flags. Prints how many checks were made, or
``skip: REASON`` where a library can't be loaded.
"""

import contextlib
import ctypes
import datetime
import decimal
import gc
import sys
import threading

try:
    import pyarrow as pa
    import pyarrow.compute as pc
except ImportError as missing:
    print(f"skip: {missing}")
    sys.exit(0)

PEER = b"io/tensorbridge/arrow/cdata/InProcessPeer"


class Option(ctypes.Structure):
    """JavaVMOption."""

    _fields_ = (("text", ctypes.c_char_p), ("extra", ctypes.c_void_p))


class Arguments(ctypes.Structure):
    """JavaVMInitArgs."""

    _fields_ = (
        ("version", ctypes.c_int),
        ("count", ctypes.c_int),
        ("options", ctypes.POINTER(Option)),
        ("ignore_unknown", ctypes.c_ubyte),
    )


class Jvm:
    """A JVM in this process, and the static methods of one class; see jni.h for the numbers."""

    EXCEPTION_OCCURRED, EXCEPTION_DESCRIBE, EXCEPTION_CLEAR = 15, 16, 17
    FIND_CLASS, GET_STATIC_METHOD_ID, CALL_STATIC_LONG_METHOD_A = 6, 113, 134

    def __init__(self, libjvm, options):
        try:
            library = ctypes.CDLL(libjvm)
        except OSError as missing:
            print(f"skip: {missing}")
            sys.exit(0)
        texts = (Option * len(options))(*(Option(option.encode(), None) for option in options))
        arguments = Arguments(0x00010008, len(options), texts, 0)
        vm, self._env = ctypes.c_void_p(), ctypes.c_void_p()
        code = library.JNI_CreateJavaVM(
            ctypes.byref(vm), ctypes.byref(self._env), ctypes.byref(arguments)
        )
        assert code == 0, f"JNI_CreateJavaVM gave {code}"
        table = ctypes.cast(self._env, ctypes.POINTER(ctypes.POINTER(ctypes.c_void_p)))[0]
        pointer, text = ctypes.c_void_p, ctypes.c_char_p

        def function(index, result, *types):
            return ctypes.CFUNCTYPE(result, pointer, *types)(table[index])

        self._occurred = function(self.EXCEPTION_OCCURRED, pointer)
        self._describe = function(self.EXCEPTION_DESCRIBE, None)
        self._clear = function(self.EXCEPTION_CLEAR, None)
        self._find_class = function(self.FIND_CLASS, pointer, text)
        self._method_id = function(self.GET_STATIC_METHOD_ID, pointer, pointer, text, text)
        self._call = function(
            self.CALL_STATIC_LONG_METHOD_A, ctypes.c_long, pointer, pointer, pointer
        )
        self._class = self._find_class(self._env, PEER)
        self._check()

    def _check(self):
        if self._occurred(self._env):
            self._describe(self._env)
            self._clear(self._env)
            raise RuntimeError("Java has thrown; its error output says what")

    def __call__(self, name, *addresses):
        signature = "(" + "J" * len(addresses) + ")J"
        method = self._method_id(self._env, self._class, name.encode(), signature.encode())
        self._check()
        result = self._call(
            self._env, self._class, method, (ctypes.c_long * len(addresses))(*addresses)
        )
        self._check()
        return result


class Struct:
    """An empty struct of the C Data interface: words, of which two have names here."""

    WORDS = {"ArrowSchema": (9, 7), "ArrowArray": (10, 8), "ArrowArrayStream": (5, 3)}
    BUFFER_COUNT = 3  # of an array

    def __init__(self, kind):
        self.kind = kind
        count, self._release = self.WORDS[kind]
        self.words = (ctypes.c_int64 * count)()
        self.address = ctypes.addressof(self.words)

    @property
    def released(self):
        return self.words[self._release] == 0

    def release(self):
        if not self.released:
            ctypes.CFUNCTYPE(None, ctypes.c_void_p)(self.words[self._release])(self.address)


def pair():
    return Struct("ArrowSchema"), Struct("ArrowArray")


def through_java(jvm, array):
    """Export a column, have Java import and export it, and import that."""
    (schema, data), (schema_back, data_back) = pair(), pair()
    array._export_to_c(data.address, schema.address)
    jvm("column", schema.address, data.address, schema_back.address, data_back.address)
    assert schema.released and data.released
    return pa.Array._import_from_c(data_back.address, schema_back.address)


def leaves():
    """Columns of every type without children, each with a null."""
    numbers = [1, None, 3, 0, 5, 7, 2, None, 9, 11, 4]
    for name in "int8 int16 int32 int64 uint8 uint16 uint32 uint64".split():
        yield pa.array(numbers, getattr(pa, name)())
    for name in "float16 float32 float64".split():
        yield pa.array(numbers, pa.int8()).cast(pa.float64()).cast(getattr(pa, name)())
    yield pa.nulls(11)
    yield pa.array([True, None, False, True, True, False, None, True, True, False, True])
    day = datetime.datetime(2026, 11, 25, 19, 0, 1)
    yield pa.array([day.date(), None] * 5, pa.date32())
    yield pa.array([day.date(), None] * 5, pa.date64())
    for unit in "s ms us ns".split():
        yield pa.array(numbers, pa.int64()).cast(pa.timestamp(unit))
        yield pa.array(numbers, pa.int64()).cast(pa.timestamp(unit, "Europe/Berlin"))
        yield pa.array(numbers, pa.int64()).cast(pa.duration(unit))
        time = pa.time32(unit) if unit in ("s", "ms") else pa.time64(unit)
        yield pa.array(numbers, pa.int32() if unit in ("s", "ms") else pa.int64()).cast(time)
    yield pa.array([pa.MonthDayNano([1, 2, 3]), None] * 5)
    for bits, precision in ((32, 9), (64, 18), (128, 38), (256, 76)):
        decimal_type = getattr(pa, f"decimal{bits}")(precision, 2)
        yield pa.array([decimal.Decimal("-1.25"), None, decimal.Decimal("7.00")] * 4, decimal_type)
    yield pa.array([b"abc", None, b"xyz"] * 4, pa.binary(3))
    long = "a text that no view holds within: größe "
    texts = ["a", None, "", long, "größe", "twelve bytes", long * 3] * 2
    for name in "string large_string string_view".split():
        yield pa.array(texts, getattr(pa, name)())
    for name in "binary large_binary binary_view".split():
        yield pa.array([t and t.encode() for t in texts], getattr(pa, name)())


def nested():
    """Columns of every type with children."""
    lists = [[1, 2], None, [], [3, None], [4], [5, 6, 7], [8], None, [9], [], [10]]
    for name in "list_ large_list list_view large_list_view".split():
        yield pa.array(lists, getattr(pa, name)(pa.int16()))
        texts = [r and [str(v) for v in r] for r in lists]
        yield pa.array(texts, getattr(pa, name)(pa.field("x", pa.string(), nullable=False)))
    yield pa.array([[1, 2], None, [3, None]] * 4, pa.list_(pa.int32(), 2))
    yield pa.array([[True, False], None, [False, None]] * 4, pa.list_(pa.bool_(), 2))
    struct = pa.struct([pa.field("a", pa.int64()), pa.field("b", pa.list_(pa.string()))])
    rows = [{"a": 1, "b": ["x", None]}, None, {"a": None, "b": None}, {"a": 4, "b": []}] * 3
    yield pa.array(rows, struct)
    yield pa.array([{}, None, {}] * 4, pa.struct([]))
    entries = [[("k", 1), ("l", None)], None, [], [("m", 3)]] * 3
    yield pa.array(entries, pa.map_(pa.string(), pa.int8()))
    yield pa.array(entries, pa.map_(pa.string(), pa.int8(), keys_sorted=True))
    ids = pa.array([5, 0, 5, 5, 0, 0, 5, 0, 5, 5, 0], pa.int8())
    numbers, texts = pa.array([*range(10), None]), pa.array([*"abcdefghi", None, "k"])
    yield pa.UnionArray.from_sparse(ids, [numbers, texts], ["n", "t"], [5, 0])
    offsets = pa.array([0, 0, 1, 2, 1, 2, 3, 3, 4, 5, 4], pa.int32())
    yield pa.UnionArray.from_dense(ids, offsets, [numbers, texts], ["n", "t"], [5, 0])
    for ends in (pa.int16(), pa.int32(), pa.int64()):
        yield pa.RunEndEncodedArray.from_arrays(
            pa.array([2, 3, 7, 11], ends), pa.array(["a", None, "b", "c"])
        )
    words = pa.array(["x", "y", None, "x", "z", "z", "y", None, "x", "y", "z"])
    for index in (pa.int8(), pa.uint16(), pa.int64()):
        encoded = pc.dictionary_encode(words)
        yield pa.DictionaryArray.from_arrays(
            encoded.indices.cast(index), encoded.dictionary, ordered=index == pa.uint16()
        )
    encoded = pc.dictionary_encode(words)
    yield pa.ListArray.from_arrays(pa.array([0, 2, 2, 7, 11], pa.int32()), encoded)
    yield pa.StructArray.from_arrays([encoded, numbers], ["d", "n"])


def slices(array):
    """The column, parts of it, and nothing of it."""
    yield array
    length = len(array)
    for offset, count in ((0, 0), (1, length - 1), (3, 2), (8, 3), (length, 0), (9, 1)):
        yield array.slice(min(offset, length), count)


def check_columns(jvm):
    count = 0
    for array in [*leaves(), *nested()]:
        in_structs = pa.StructArray.from_arrays([array, array], ["a", "b"])
        in_lists = pa.FixedSizeListArray.from_arrays(array[: len(array) // 2 * 2], 2)
        for whole in (array, in_structs, in_lists):
            for part in slices(whole):
                back = through_java(jvm, part)
                back.validate(full=True)
                assert back.type.equals(part.type, check_metadata=True), (back.type, part.type)
                assert back.equals(part), (part.type, part, back)
                assert back.null_count == part.null_count
                count += 1
    return count


def check_schemas_and_batches(jvm):
    fields = [
        pa.field("n", pa.int32(), nullable=False, metadata={"größe": "1", "": ""}),
        pa.field("", pa.list_(pa.field("item", pa.string(), metadata={"k": "v"}))),
        pa.field("n", pa.dictionary(pa.int8(), pa.string(), ordered=True)),
    ]
    schema = pa.schema(fields, metadata={"b": "2", "a": "x" * 5000})
    batch = pa.record_batch(
        [
            pa.array([1, 2, 3], pa.int32()),
            pa.array([["a"], None, []], fields[1].type),
            pa.array(["x", "y", "x"]).dictionary_encode().cast(fields[2].type),
        ],
        schema=schema,
    )
    count = 0
    for part in (batch, batch[1:], batch[:0], pa.record_batch({}), batch.select([0])):
        (schema_in, data), (schema_back, data_back) = pair(), pair()
        part._export_to_c(data.address, schema_in.address)
        jvm("batch", schema_in.address, data.address, schema_back.address, data_back.address)
        back = pa.RecordBatch._import_from_c(data_back.address, schema_back.address)
        back.validate(full=True)
        assert back.schema.equals(part.schema, check_metadata=True), back.schema
        assert back.equals(part)
        count += 1
    tensor = pa.FixedShapeTensorArray.from_numpy_ndarray(
        __import__("numpy").arange(24, dtype="f4").reshape(4, 2, 3)
    )
    back = through_java(jvm, tensor[1:])
    assert back.type == tensor.type and back.equals(tensor[1:])
    return count + 1


def check_streams(jvm):
    table = pa.table({"n": pa.chunked_array([[1, 2], [], [3, None]]), "t": [*"abcd"]})
    there, back = Struct("ArrowArrayStream"), Struct("ArrowArrayStream")
    table.to_reader()._export_to_c(there.address)
    jvm("stream", there.address, back.address)
    reader = pa.RecordBatchReader._import_from_c(back.address)
    assert reader.schema == table.schema
    read = reader.read_all()
    del reader
    gc.collect()
    assert read.equals(table)

    def failing():
        yield table.to_batches()[0]
        raise ValueError("the model is gone")

    python = pa.RecordBatchReader.from_batches(table.schema, failing())
    there, back = Struct("ArrowArrayStream"), Struct("ArrowArrayStream")
    python._export_to_c(there.address)
    jvm("stream", there.address, back.address)
    reader = pa.RecordBatchReader._import_from_c(back.address)
    assert reader.read_next_batch().equals(table.to_batches()[0])
    try:
        reader.read_next_batch()
        raise AssertionError("the failure was lost")
    except (pa.ArrowInvalid, OSError) as expected:
        assert "the model is gone" in str(expected), expected
    del reader, python

    out = Struct("ArrowArrayStream")
    jvm("failing", out.address)
    reader = pa.RecordBatchReader._import_from_c(out.address)
    try:
        reader.read_next_batch()
        raise AssertionError("the failure was lost")
    except OSError as expected:
        assert "layer größe is missing" in str(expected), expected
    del reader
    gc.collect()
    return 3


def check_memory(jvm):
    numbers = pa.array(range(1000), pa.int64())
    schema, data = pair()
    numbers._export_to_c(data.address, schema.address)
    address = jvm("address", schema.address, data.address)
    assert address == numbers.buffers()[1].address, "Java has a copy"

    schema, data = pair()
    pa.array([1, None, 3]).slice(1)._export_to_c(data.address, schema.address)
    assert jvm("sum", schema.address, data.address) == 1_000_003

    schema, data = pair()
    address = jvm("numbers", schema.address, data.address)
    array = pa.Array._import_from_c(data.address, schema.address)
    assert array.buffers()[1].address == address, "Python has a copy"
    part = array[10:20]
    del array
    gc.collect()
    assert jvm("liveExports") == 1, "the memory went before its last user"
    assert part.to_pylist() == [*range(10, 20)]

    def drop():
        part.clear()

    part = [part]
    thread = threading.Thread(target=drop)  # a thread that the JVM doesn't know
    thread.start()
    thread.join()
    gc.collect()
    assert jvm("liveExports") == 0

    schema, data = pair()
    numbers._export_to_c(data.address, schema.address)
    data.words[Struct.BUFFER_COUNT] = 7
    assert jvm("refused", schema.address, data.address) > 20
    assert data.released
    return 5


_capsule_new = ctypes.PYFUNCTYPE(
    ctypes.py_object, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p
)(("PyCapsule_New", ctypes.pythonapi))
_capsule_pointer = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p)(
    ("PyCapsule_GetPointer", ctypes.pythonapi)
)
_capsule_name = ctypes.PYFUNCTYPE(ctypes.c_char_p, ctypes.c_void_p)(
    ("PyCapsule_GetName", ctypes.pythonapi)
)
_NAMES = {
    "ArrowSchema": b"arrow_schema",
    "ArrowArray": b"arrow_array",
    "ArrowArrayStream": b"arrow_array_stream",
}
# The structs that capsules lead to.
_within_capsules = {}


@ctypes.PYFUNCTYPE(None, ctypes.c_void_p)
def _end_capsule(capsule):
    """Release a struct that nobody has moved out."""
    address = _capsule_pointer(capsule, _capsule_name(capsule))
    _within_capsules.pop(address).release()


class Filled:
    """Structs that Java fills, as other libraries ask for them."""

    def __init__(self, fill, *kinds):
        structs = [Struct(kind) for kind in kinds]
        fill(*(struct.address for struct in structs))
        self._capsules = [self._capsule(struct) for struct in structs]

    @staticmethod
    def _capsule(struct):
        _within_capsules[struct.address] = struct
        return _capsule_new(struct.address, _NAMES[struct.kind], _end_capsule)


class FilledStream(Filled):
    """A stream."""

    def __arrow_c_stream__(self, requested_schema=None):
        return self._capsules[0]


class FilledArray(Filled):
    """A column."""

    def __arrow_c_array__(self, requested_schema=None):
        return tuple(self._capsules)


def pointer(capsule, kind):
    """Give the address within a capsule."""
    return _capsule_pointer(id(capsule), _NAMES[kind])


def stream_through_java(jvm, table):
    """Hand a table to Java, and give what comes back."""
    capsule = table.__arrow_c_stream__()
    address = pointer(capsule, "ArrowArrayStream")
    back = FilledStream(lambda out: jvm("stream", address, out), "ArrowArrayStream")
    del capsule  # Java has moved the stream out
    return back


def column_through_java(jvm, column):
    """The same with a column."""
    schema, array = column.__arrow_c_array__()
    addresses = pointer(schema, "ArrowSchema"), pointer(array, "ArrowArray")
    return FilledArray(lambda *out: jvm("column", *addresses, *out), "ArrowSchema", "ArrowArray")


def check_others(jvm):
    """Exchange with every other library that is installed; gives how many exchanges there were."""
    count = 0
    rows = {
        "n": [1, None, 3, 4],
        "t": ["a", None, "a text that no view holds within: größe", "a"],
        "l": [[1.5], [], None, [2.5, 3.5]],
    }
    with contextlib.suppress(ImportError):
        import polars as pl

        frame = pl.DataFrame(rows).with_columns(
            pl.col("t").cast(pl.Categorical).alias("c"),
            pl.struct("n", "t").alias("s"),
            pl.lit(decimal.Decimal("1.25")).alias("d"),
        )
        for part in (frame, frame[1:], frame[:0], pl.concat([frame, frame], rechunk=False)):
            back = pl.DataFrame(stream_through_java(jvm, part))
            assert back.equals(part, null_equal=True), (back, part)
            assert back.schema == part.schema
            count += 1
    with contextlib.suppress(ImportError):
        import duckdb

        with duckdb.connect() as connection:
            table = connection.sql(
                "select i as n, 't' || i as t, [i, null] as l from range(5000) r(i)"
            )
            back = stream_through_java(jvm, table)
            query = "select sum(n), count(distinct t), sum(l[1]), count(l[2]) from back"
            assert connection.cursor().sql(query).fetchall() == [(12497500, 5000, 12497500, 0)]
            count += 1
    with contextlib.suppress(ImportError):
        import nanoarrow as na

        for array in [*leaves(), *nested()]:
            if array.type in (pa.string_view(), pa.binary_view()):
                continue  # nanoarrow 0.9 alone ruins the heap with these
            try:
                there = na.c_array(array)
            except NotImplementedError:
                continue  # a type that nanoarrow itself can't take from PyArrow
            back = na.c_array(column_through_java(jvm, there))
            assert pa.array(back).equals(array), array.type
            count += 1
        columns = na.c_array(column_through_java(jvm, pa.record_batch(rows)))
        texts = pa.array(columns.child(1))
        del columns
        gc.collect()
        assert texts.to_pylist() == rows["t"], "a child must outlive its parent"
        count += 1
    with contextlib.suppress(ImportError):
        import arro3.core as arro3

        table = pa.table(rows)
        back = arro3.Table.from_arrow(stream_through_java(jvm, arro3.Table.from_arrow(table)))
        assert pa.table(back).equals(table)
        count += 1
    gc.collect()
    return count


def main():
    libjvm, class_path, *flags = sys.argv[1:]
    before = pa.total_allocated_bytes()
    jvm = Jvm(libjvm, ["-Xrs", "-Xmx256m", f"-Djava.class.path={class_path}", *flags])
    count = check_columns(jvm) + check_schemas_and_batches(jvm) + check_streams(jvm)
    count += check_memory(jvm) + check_others(jvm)
    gc.collect()
    assert jvm("liveExports") == 0
    assert jvm("liveImports") == 0
    assert pa.total_allocated_bytes() == before, "PyArrow still has memory"
    print(count)


main()
