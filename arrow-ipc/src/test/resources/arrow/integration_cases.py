"""Writes the cases of Arrow's integration tests as JSON files: integration_cases.py FOLDER.

The format is that of docs/format/Integration.rst, the cases are those that Arrow's own generator names.
Needs no packages, so that nothing of an Arrow library is in what is compared.
"""

import json
import random
import sys
from pathlib import Path

ROWS = (7, 10)
LENGTHS = {"int8": 8, "int16": 16, "int32": 32, "int64": 64}


class Maker:
    """Makes columns of fields; what they hold depends on the name of the case only."""

    def __init__(self, case):
        self.random = random.Random(case)
        self.dictionaries = {}

    def validity(self, field, rows):
        if not field["nullable"]:
            return [1] * rows
        return [int(self.random.random() > 0.3) for _ in range(rows)]

    def column(self, field, rows):
        made = {"name": field["name"], "count": rows}
        kind = field["type"]["name"]
        if "dictionary" in field:
            made["VALIDITY"] = self.validity(field, rows)
            size = self.dictionaries[field["dictionary"]["id"]]
            wide = field["dictionary"]["indexType"]["bitWidth"] == 64
            indexes = [self.random.randrange(size) for _ in range(rows)]
            made["DATA"] = [str(i) for i in indexes] if wide else indexes
            return made
        if kind not in ("null", "union", "runendencoded"):
            made["VALIDITY"] = self.validity(field, rows)
        getattr(self, kind, self.plain)(made, field, rows)
        return made

    def plain(self, made, field, rows):
        made["DATA"] = [self.value(field["type"]) for _ in range(rows)]

    def null(self, made, field, rows):
        pass

    def value(self, kind):
        name, pick = kind["name"], self.random
        whole = {"date": {"DAY": 32, "MILLISECOND": 64}, "timestamp": 64, "duration": 64}
        if name == "bool":
            return pick.random() > 0.5
        if name == "int":
            bits = kind["bitWidth"]
            low = -(2 ** (bits - 1)) if kind["isSigned"] else 0
            number = pick.choice([low, low + 2**bits - 1, pick.randrange(low, low + 2**bits)])
            return str(number) if bits == 64 else number
        if name == "floatingpoint":
            return pick.randrange(-1000, 1000) / 8
        if name == "decimal":
            return str(pick.randrange(-(10 ** kind["precision"]) + 1, 10 ** kind["precision"]))
        if name == "time":
            day = {"SECOND": 86400, "MILLISECOND": 86400 * 10**3, "MICROSECOND": 86400 * 10**6,
                   "NANOSECOND": 86400 * 10**9}[kind["unit"]]  # fmt: skip
            number = pick.randrange(day)
            return str(number) if kind["bitWidth"] == 64 else number
        if name == "date" and kind["unit"] == "MILLISECOND":
            return str(pick.randrange(-(10**4), 10**5) * 86_400_000)
        if name in whole:
            number = pick.randrange(-(10**4), 10**5)
            return number if name == "date" else str(number * 1000)
        if name == "interval":
            a, b, c = pick.randrange(-99, 99), pick.randrange(-99, 99), pick.randrange(-(10**12), 10**12)
            return {"YEAR_MONTH": a, "DAY_TIME": {"days": a, "milliseconds": b},
                    "MONTH_DAY_NANO": {"months": a, "days": b, "nanoseconds": c}}[kind["unit"]]  # fmt: skip
        if name == "fixedsizebinary":
            return pick.randbytes(kind["byteWidth"]).hex().upper()
        raise KeyError(name)

    def text(self):
        return "".join(self.random.choice("abcé中 ") for _ in range(self.random.randrange(20)))

    def bytes_of(self, made, rows, is_text, wide):
        values = [self.text() if valid else "" for valid in made["VALIDITY"]]
        offsets = [0]
        for value in values:
            offsets.append(offsets[-1] + len(value.encode()))
        made["OFFSET"] = [str(o) for o in offsets] if wide else offsets
        made["DATA"] = values if is_text else [v.encode().hex().upper() for v in values]

    def utf8(self, made, field, rows):
        self.bytes_of(made, rows, True, False)

    def largeutf8(self, made, field, rows):
        self.bytes_of(made, rows, True, True)

    def binary(self, made, field, rows):
        self.bytes_of(made, rows, False, False)

    def largebinary(self, made, field, rows):
        self.bytes_of(made, rows, False, True)

    def views_of(self, made, is_text):
        buffers, views = [bytearray(), bytearray()], []
        for valid in made["VALIDITY"]:
            value = (self.text() * self.random.randrange(3)) if valid else ""
            data = value.encode()
            view = {"SIZE": len(data)}
            if len(data) <= 12:
                view["INLINED"] = value if is_text else data.hex().upper()
            else:
                index = self.random.randrange(2)
                view |= {"PREFIX_HEX": data[:4].hex().upper(), "BUFFER_INDEX": index,
                         "OFFSET": len(buffers[index])}  # fmt: skip
                buffers[index] += data
            views.append(view)
        made["VIEWS"] = views
        made["VARIADIC_DATA_BUFFERS"] = [buffer.hex().upper() for buffer in buffers]

    def utf8view(self, made, field, rows):
        self.views_of(made, True)

    def binaryview(self, made, field, rows):
        self.views_of(made, False)

    def lists_of(self, made, field, wide):
        offsets = [0]
        for valid in made["VALIDITY"]:
            offsets.append(offsets[-1] + (self.random.randrange(4) if valid else 0))
        made["OFFSET"] = [str(o) for o in offsets] if wide else offsets
        made["children"] = [self.column(field["children"][0], offsets[-1])]

    def list(self, made, field, rows):
        self.lists_of(made, field, False)

    def largelist(self, made, field, rows):
        self.lists_of(made, field, True)

    def map(self, made, field, rows):
        self.lists_of(made, field, False)

    def list_views_of(self, made, field, wide):
        length = 12
        offsets = [self.random.randrange(length) for _ in made["VALIDITY"]]
        sizes = [self.random.randrange(length - o) if v else 0
                 for o, v in zip(offsets, made["VALIDITY"])]  # fmt: skip
        made["OFFSET"] = [str(o) for o in offsets] if wide else offsets
        made["SIZE"] = [str(s) for s in sizes] if wide else sizes
        made["children"] = [self.column(field["children"][0], length)]

    def listview(self, made, field, rows):
        self.list_views_of(made, field, False)

    def largelistview(self, made, field, rows):
        self.list_views_of(made, field, True)

    def fixedsizelist(self, made, field, rows):
        made["children"] = [self.column(field["children"][0], rows * field["type"]["listSize"])]

    def struct(self, made, field, rows):
        made["children"] = [self.column(child, rows) for child in field["children"]]

    def union(self, made, field, rows):
        ids = field["type"]["typeIds"]
        made["TYPE_ID"] = [self.random.choice(ids) for _ in range(rows)]
        counts = [rows] * len(ids)
        if field["type"]["mode"] == "DENSE":
            counts, made["OFFSET"] = [0] * len(ids), []
            for chosen in made["TYPE_ID"]:
                made["OFFSET"].append(counts[ids.index(chosen)])
                counts[ids.index(chosen)] += 1
        made["children"] = [self.column(c, n) for c, n in zip(field["children"], counts)]

    def runendencoded(self, made, field, rows):
        ends, at = [], 0
        while at < rows:
            at = min(rows, at + 1 + self.random.randrange(3))
            ends.append(at)
        kind = field["children"][0]
        wide = kind["type"]["bitWidth"] == 64
        made["children"] = [
            {"name": kind["name"], "count": len(ends), "VALIDITY": [1] * len(ends),
             "DATA": [str(e) for e in ends] if wide else ends},
            self.column(field["children"][1], len(ends)),
        ]  # fmt: skip


def field(name, kind, children=(), nullable=True, **more):
    kind = {"name": kind} if isinstance(kind, str) else kind
    return {"name": name, "type": kind, "nullable": nullable, "children": list(children)} | more


def whole(bits, signed=True):
    return {"name": "int", "isSigned": signed, "bitWidth": bits}


def floating(precision):
    return {"name": "floatingpoint", "precision": precision}


def decimals(bits, most):
    return [field(f"d{p}", {"name": "decimal", "precision": p, "scale": p // 3, "bitWidth": bits})
            for p in range(3, most + 1, 7)]  # fmt: skip


def dictionary(name, number, values, index):
    return field(name, values["type"], values["children"],
                 dictionary={"id": number, "indexType": index, "isOrdered": False})  # fmt: skip


def primitive():
    kinds = {f"int{b}": whole(b) for b in (8, 16, 32, 64)} | {
        f"uint{b}": whole(b, False) for b in (8, 16, 32, 64)}  # fmt: skip
    kinds |= {"bool": "bool", "float32": floating("SINGLE"), "float64": floating("DOUBLE"),
              "binary": "binary", "utf8": "utf8",
              "fixed": {"name": "fixedsizebinary", "byteWidth": 19}}  # fmt: skip
    return [field(f"{name} {null}", kind, nullable=null == "nullable")
            for name, kind in kinds.items() for null in ("nullable", "whole")]  # fmt: skip


def times():
    units = ("SECOND", "MILLISECOND", "MICROSECOND", "NANOSECOND")
    made = [field("day", {"name": "date", "unit": "DAY"}),
            field("ms", {"name": "date", "unit": "MILLISECOND"})]  # fmt: skip
    for i, unit in enumerate(units):
        made.append(field("t" + unit, {"name": "time", "unit": unit, "bitWidth": 32 if i < 2 else 64}))
        made.append(field("s" + unit, {"name": "timestamp", "unit": unit}))
        made.append(field("z" + unit, {"name": "timestamp", "unit": unit, "timezone": "Asia/Tokyo"}))
    return made


def entries(keys, values):
    return field("entries", "struct", [field("key", keys, nullable=False), field("value", values)],
                 nullable=False)  # fmt: skip


def union(mode):
    return field(mode, {"name": "union", "mode": mode, "typeIds": [5, 7]},
                 [field("n", whole(32)), field("t", "utf8")], nullable=False)  # fmt: skip


def runs(bits, values):
    return field(f"runs {bits}", "runendencoded",
                 [field("run_ends", whole(bits), nullable=False), field("values", values)],
                 nullable=False)  # fmt: skip


def cases():
    """Return fields, numbers of rows, fields of dictionaries by id, and metadata of the schema."""
    small = primitive()
    text, number = field("v", "utf8"), field("v", whole(64))
    item = field("item", whole(16))
    nested = [field("list", "list", [item]), field("lists", "list", [field("item", "list", [item])]),
              field("fixed", {"name": "fixedsizelist", "listSize": 4}, [item]),
              field("struct", "struct", [field("a", whole(32)), field("b", "utf8")])]  # fmt: skip
    words = {0: text, 1: text, 2: number}
    indexed = [dictionary("d0", 0, text, whole(8)), dictionary("d1", 1, text, whole(32)),
               dictionary("d2", 2, number, whole(16))]  # fmt: skip
    inner = dictionary("inner", 0, text, whole(8))
    around = field("v", "list", [inner])
    told = [{"key": "k", "value": "größe"}]
    extension = [{"key": "ARROW:extension:name", "value": "arrow.uuid"},
                 {"key": "ARROW:extension:metadata", "value": ""}]  # fmt: skip
    uuid = {"name": "fixedsizebinary", "byteWidth": 16}
    yield "primitive", small, ROWS, {}, None
    yield "primitive_no_batches", small, (), {}, None
    yield "primitive_zerolength", small, (0, 0), {}, None
    yield "primitive_large_offsets", [field("b", "largebinary"), field("t", "largeutf8")], ROWS, {}, None
    yield "null", [field("n", "null"), field("i", whole(32)), field("m", "null")], ROWS, {}, None
    yield "decimal32", decimals(32, 9), ROWS, {}, None
    yield "decimal64", decimals(64, 18), ROWS, {}, None
    yield "decimal128", decimals(128, 38), ROWS, {}, None
    yield "decimal256", decimals(256, 76), ROWS, {}, None
    yield "datetime", times(), ROWS, {}, None
    yield "duration", [field(u, {"name": "duration", "unit": u})
                       for u in ("SECOND", "MILLISECOND", "MICROSECOND", "NANOSECOND")], ROWS, {}, None  # fmt: skip
    yield "interval", [field(u, {"name": "interval", "unit": u})
                       for u in ("YEAR_MONTH", "DAY_TIME")], ROWS, {}, None  # fmt: skip
    yield "interval_mdn", [field("m", {"name": "interval", "unit": "MONTH_DAY_NANO"})], ROWS, {}, None
    yield "map", [field("m", {"name": "map", "keysSorted": False}, [entries("utf8", whole(32))])], ROWS, {}, None
    yield "nested", nested, ROWS, {}, None
    yield "recursive_nested", [field("l", "list", [field("item", "struct", nested)])], ROWS, {}, None
    yield "nested_large_offsets", [field("l", "largelist", [item])], ROWS, {}, None
    yield "unions", [union("SPARSE"), union("DENSE")], ROWS, {}, None
    yield "custom_metadata", [field("a", whole(8), metadata=told), field("b", "utf8", metadata=told)], ROWS, {}, told
    yield "duplicate_fieldnames", [field("a", whole(8)), field("a", "utf8"), field("s", "struct", [field("x", whole(8)), field("x", whole(16))])], ROWS, {}, None
    yield "dictionary", indexed, ROWS, words, None
    yield "dictionary_unsigned", [dictionary("d0", 0, text, whole(8, False)), dictionary("d1", 1, text, whole(32, False))], ROWS, {0: text, 1: text}, None
    yield "nested_dictionary", [dictionary("d", 1, around, whole(16))], ROWS, {0: text, 1: around}, None
    yield "run_end_encoded", [runs(16, "utf8"), runs(32, whole(32)), runs(64, floating("SINGLE"))], ROWS, {}, None
    yield "binary_view", [field("b", "binaryview"), field("t", "utf8view")], ROWS, {}, None
    yield "list_view", [field("l", "listview", [item]), field("g", "largelistview", [item])], ROWS, {}, None
    yield "extension", [field("u", uuid, metadata=extension)], ROWS, {}, None
    yield "float16", [field("h", floating("HALF"))], ROWS, {}, None


def document(name, fields, rows, values, told):
    maker = Maker(name)
    dictionaries = []
    for number, of in values.items():
        maker.dictionaries[number] = 5
        dictionaries.append({"id": number, "data": {
            "count": 5, "columns": [maker.column(of | {"name": f"DICT{number}"}, 5)]}})  # fmt: skip
    schema = {"fields": fields} | ({"metadata": told} if told else {})
    batches = [{"count": n, "columns": [maker.column(f, n) for f in fields]} for n in rows]
    # Arrow Java reads it from the beginning to the end, in this order.
    between = {"dictionaries": dictionaries} if dictionaries else {}
    return {"schema": schema} | between | {"batches": batches}


def main():
    folder = Path(sys.argv[1])
    for name, *parts in cases():
        path = folder / f"{name}.json"
        path.write_text(json.dumps(document(name, *parts)), encoding="utf-8")
        print(name)


if __name__ == "__main__":
    main()
