"""Writes the golden vectors from the pages of ``spec/`` alone.

It uses Python's ``struct`` and nothing of the project. ``python generate.py`` writes the files
beside itself; ``python generate.py --check`` tells which differ.
"""

from __future__ import annotations

import json
import re
import struct
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent

MESSAGE_MAGIC = b"TBMG"
BLOCK_MAGIC = b"TBBK"
CONTROL_MAGIC = b"TBRCTRL1"
RELATIVE = 0xFFFFFFFF
STRIDED = 1
CONTINUE_ON_ERROR = 1

TYPES = {
    "HELLO": 1,
    "WELCOME": 2,
    "REGISTER": 3,
    "RELEASE": 4,
    "OK": 5,
    "OPERATIONS": 6,
    "OPERATION_LIST": 7,
    "ERROR": 8,
    "GOODBYE": 9,
    "OBSERVE": 10,
    "OBSERVATION": 11,
}
KINDS = {
    "RUN": 1,
    "PLAN": 2,
    "PREPARE": 3,
    "RUN_PREPARED": 4,
    "RESUME": 5,
    "CANCEL": 6,
    "FORGET": 7,
}
F16, BF16, F32, F64, U8 = 10, 11, 12, 13, 6
NOWHERE = {"region": 0, "generation": 0, "byte_offset": 0, "byte_length": 0}


def padded(data: bytes, multiple: int = 8) -> bytes:
    """The bytes with zeros behind them up to a multiple."""
    return data + bytes(-len(data) % multiple)


# Messages ---------------------------------------------------------------------------------------


def message(kind: str, request_id: int, body: bytes = b"") -> bytes:
    return struct.pack("<4sHHII", MESSAGE_MAGIC, TYPES[kind], 0, request_id, 16 + len(body)) + body


def hello(f: dict) -> bytes:
    body = struct.pack(
        "<HHIQII", f["major"], f["minor"], f["ring_entries"], f["control_length"], f["pid"], 0
    )
    return message("HELLO", f["request_id"], body)


def welcome(f: dict) -> bytes:
    body = struct.pack(
        "<HHIIIIIQQQ",
        f["major"],
        f["minor"],
        f["server_pid"],
        f["max_regions"],
        f["max_batches"],
        f["max_items"],
        f["worker_threads"],
        f["max_bytes"],
        f["max_block_bytes"],
        0,
    )
    return message("WELCOME", f["request_id"], body)


def register(f: dict) -> bytes:
    body = struct.pack("<IIIIQ", f["region"], f["generation"], f["access"], 0, f["byte_length"])
    return message("REGISTER", f["request_id"], body)


def release(f: dict) -> bytes:
    return message("RELEASE", f["request_id"], struct.pack("<II", f["region"], f["generation"]))


def operation_list(f: dict) -> bytes:
    body = struct.pack("<II", len(f["operations"]), 0)
    for operation in f["operations"]:
        name, summary = operation["name"].encode(), operation["summary"].encode()
        body += struct.pack("<HH", len(name), len(summary)) + name + summary
    return message("OPERATION_LIST", f["request_id"], body)


def error(f: dict) -> bytes:
    text = f["text"].encode()
    return message("ERROR", f["request_id"], struct.pack("<II", f["code"], len(text)) + text)


def observe(f: dict) -> bytes:
    return message("OBSERVE", f["request_id"], struct.pack("<QQ", f["after_client"], 0))


def held(f: dict) -> bytes:
    counts = f["regions"], f["leases"], f["in_flight"], f["kept"], f["queued"]
    return struct.pack("<6IQ", *counts, 0, f["region_bytes"])


def work(f: dict) -> bytes:
    return struct.pack(
        "<8Q32Q",
        f["batches"],
        f["items"],
        f["failed_items"],
        f["refused"],
        f["input_bytes"],
        f["output_bytes"],
        f["busy_nanos"],
        f["run_nanos"],
        *f["run_times"],
    )


def observation(f: dict) -> bytes:
    server = f["server"]
    body = struct.pack("<II", len(f["clients"]), f["more"])
    body += struct.pack("<4I", server["pid"], server["workers"], server["clients"], 0)
    body += struct.pack(
        "<4Q",
        server["uptime_nanos"],
        server["heap_used"],
        server["heap_committed"],
        server["dropped_log_lines"],
    )
    body += held(server["held"]) + work(server["work"])
    for client in f["clients"]:
        text = client["last_error_text"].encode()
        record = struct.pack("<QII", client["id"], client["pid"], client["uid"])
        record += struct.pack("<QII", client["age_nanos"], client["last_error"], 0)
        record += held(client["held"]) + work(client["work"]) + padded(text)
        body += struct.pack("<II", 8 + len(record), len(text)) + record
    return message("OBSERVATION", f["request_id"], body)


# Rings ------------------------------------------------------------------------------------------


def control(f: dict) -> bytes:
    words = ["sq_tail", "cq_head", "client_sleeping", "sq_head", "cq_tail", "server_sleeping"]
    data = padded(struct.pack("<8sI", CONTROL_MAGIC, f["ring_entries"]), 64)
    for word in words:
        data += padded(struct.pack("<I", f[word]), 64)
    return padded(data, 512)


def span(f: dict) -> bytes:
    return struct.pack("<IIQQ", f["region"], f["generation"], f["byte_offset"], f["byte_length"])


def submission(f: dict) -> bytes:
    head = struct.pack("<QIIQQ", f["batch_id"], f["kind"], 0, f["target_id"], f["timeout_nanos"])
    return head + span(f["block"]) + span(f["status"]) + span(f["output"]) + bytes(24)


def completion(f: dict) -> bytes:
    return struct.pack(
        "<QIIIIQ", f["batch_id"], f["code"], f["failed_items"], f["waiting_items"], 0, 0
    )


# Blocks -----------------------------------------------------------------------------------------


def tensor(f: dict) -> bytes:
    dims, strides = f["dims"], f["strides"]
    head = struct.pack(
        "<IIQBBHI",
        f["region"],
        f["generation"],
        f["byte_offset"],
        f["dtype"],
        len(dims),
        0 if strides is None else STRIDED,
        0,
    )
    return head + struct.pack(f"<{len(dims) + len(strides or [])}q", *dims, *(strides or []))


def item(f: dict) -> bytes:
    tensors = b"".join(tensor(t) for t in f["inputs"] + f["outputs"])
    counts = len(f["inputs"]), len(f["outputs"])
    return (
        struct.pack("<IHHII", 16 + len(tensors), *counts, f["option_set"], f["item_index"])
        + tensors
    )


def block(f: dict) -> bytes:
    data = bytearray(64)

    def part(content: bytes) -> tuple[int, int]:
        if not content:
            return 0, 0
        at = len(data)
        data.extend(padded(content))
        return at, len(content)

    operation = part(f["operation"].encode())
    texts = [text.encode() for text in f["option_sets"]]
    at = len(data) + 8 * len(texts)
    table = b""
    for text in texts:
        table += struct.pack("<II", at, len(text))
        at += len(text)
    sets_offset, _ = part(table)
    part(b"".join(texts))
    items = part(b"".join(item(i) for i in f["items"]))
    names = part(b"\0".join(name.encode() for name in f["names"]))
    struct.pack_into(
        "<4sHHQ12I",
        data,
        0,
        BLOCK_MAGIC,
        1,
        0,
        len(data),
        len(f["items"]),
        f["flags"],
        f["threads"],
        len(texts),
        *operation,
        sets_offset,
        *items,
        *names,
        0,
    )
    return bytes(data)


def plan_record(f: dict) -> bytes:
    label = f["label"].encode()
    data = struct.pack("<IIQ", len(f["outputs"]), len(label), f["work_bytes"]) + padded(label)
    for output in f["outputs"]:
        name, dims = output["name"].encode(), output["dims"]
        data += struct.pack("<HBBI", len(name), output["dtype"], len(dims), 0)
        data += struct.pack(f"<{len(dims)}q", *dims) + padded(name)
    return data


def status(f: dict) -> bytes:
    texts = bytearray()
    base = 64 + 64 * len(f["items"])

    def place(content: bytes) -> tuple[int, int]:
        if not content:
            return 0, 0
        at = base + len(texts)
        texts.extend(padded(content))
        return len(content), at

    length, offset = place(f["text"].encode())
    data = struct.pack("<QQIIQ", f["done_bytes"], f["total_bytes"], len(f["items"]), length, offset)
    data += bytes(32)
    for i in f["items"]:
        content = plan_record(i["plan"]) if i["plan"] is not None else i["text"].encode()
        data += struct.pack("<IIQqQ", i["code"], *place(content), i["element_index"], 0)
        data += bytes.fromhex(i["value"])
    return padded(data + bytes(texts), 64)


ENCODERS = {
    "HELLO": hello,
    "WELCOME": welcome,
    "REGISTER": register,
    "RELEASE": release,
    "OK": lambda f: message("OK", f["request_id"]),
    "OPERATIONS": lambda f: message("OPERATIONS", f["request_id"]),
    "OPERATION_LIST": operation_list,
    "ERROR": error,
    "GOODBYE": lambda f: message("GOODBYE", f["request_id"]),
    "OBSERVE": observe,
    "OBSERVATION": observation,
    "CONTROL": control,
    "SUBMISSION": submission,
    "COMPLETION": completion,
    "TENSOR": tensor,
    "BLOCK": block,
    "STATUS": status,
    "PLAN_RECORD": plan_record,
}


# Cases ------------------------------------------------------------------------------------------


def span_of(region: int, generation: int, byte_offset: int, byte_length: int) -> dict:
    return {
        "region": region,
        "generation": generation,
        "byte_offset": byte_offset,
        "byte_length": byte_length,
    }


def tensor_of(
    region: int,
    generation: int,
    byte_offset: int,
    dtype: int,
    dims: list[int],
    strides: list[int] | None = None,
) -> dict:
    return {
        "region": region,
        "generation": generation,
        "byte_offset": byte_offset,
        "dtype": dtype,
        "dims": dims,
        "strides": strides,
    }


def held_of(
    regions: int, leases: int, in_flight: int, kept: int, queued: int, region_bytes: int
) -> dict:
    return {
        "regions": regions,
        "leases": leases,
        "in_flight": in_flight,
        "kept": kept,
        "queued": queued,
        "region_bytes": region_bytes,
    }


def work_of(batches: int, run_times: dict[int, int]) -> dict:
    return {
        "batches": batches,
        "items": 100 * batches,
        "failed_items": batches // 2,
        "refused": batches // 5,
        "input_bytes": 4_000_000 * batches,
        "output_bytes": 1_000_000 * batches,
        "busy_nanos": 2000 * batches,
        "run_nanos": 3000 * batches,
        "run_times": [run_times.get(i, 0) for i in range(32)],
    }


def item_of(
    inputs: list[dict], outputs: list[dict] = (), option_set: int = 0, index: int = 0
) -> dict:
    return {
        "option_set": option_set,
        "item_index": index,
        "inputs": list(inputs),
        "outputs": list(outputs),
    }


def block_of(
    operation: str,
    items: list[dict],
    option_sets: list[str] = ("",),
    names: list[str] = (),
    flags: int = 0,
    threads: int = 0,
) -> dict:
    return {
        "flags": flags,
        "threads": threads,
        "operation": operation,
        "option_sets": list(option_sets),
        "items": items,
        "names": list(names),
    }


def submission_of(
    batch_id: int,
    kind: str,
    block: dict = NOWHERE,
    status: dict = NOWHERE,
    output: dict = NOWHERE,
    target_id: int = 0,
    timeout_nanos: int = 0,
) -> dict:
    return {
        "batch_id": batch_id,
        "kind": KINDS[kind],
        "target_id": target_id,
        "timeout_nanos": timeout_nanos,
        "block": block,
        "status": status,
        "output": output,
    }


def status_item(
    code: int = 0,
    element_index: int = -1,
    value: bytes = b"",
    text: str = "",
    plan: dict | None = None,
) -> dict:
    return {
        "code": code,
        "element_index": element_index,
        "value": padded(value, 32).hex() if value else bytes(32).hex(),
        "text": None if plan else text,
        "plan": plan,
    }


Q8_PLAN = {
    "work_bytes": 4 * 4096 + 17 * 256,
    "label": "q8_0",
    "outputs": [{"name": "data", "dtype": U8, "dims": [4352]}],
}


def messages() -> list[tuple]:
    return [
        (
            "hello",
            "HELLO",
            "a ring of 64 entries, pid unknown",
            {
                "request_id": 1,
                "major": 1,
                "minor": 0,
                "ring_entries": 64,
                "control_length": 12288,
                "pid": 0,
            },
        ),
        (
            "welcome",
            "WELCOME",
            "limits of a server with 8 workers",
            {
                "request_id": 1,
                "major": 1,
                "minor": 0,
                "server_pid": 4242,
                "max_regions": 4096,
                "max_batches": 256,
                "max_items": 65536,
                "worker_threads": 8,
                "max_bytes": 1 << 36,
                "max_block_bytes": 1 << 26,
            },
        ),
        (
            "register-read",
            "REGISTER",
            "an input region of 5 GiB",
            {
                "request_id": 2,
                "region": 3,
                "generation": 1,
                "access": 1,
                "byte_length": 5 << 30,
            },
        ),
        (
            "register-readwrite",
            "REGISTER",
            "the highest id and generation",
            {
                "request_id": 0xFFFFFFFF,
                "region": 0xFFFFFFFE,
                "generation": 0xFFFFFFFF,
                "access": 2,
                "byte_length": 4096,
            },
        ),
        (
            "register-file",
            "REGISTER",
            "a file of 7 GiB and a byte",
            {
                "request_id": 5,
                "region": 4,
                "generation": 2,
                "access": 3,
                "byte_length": (7 << 30) + 1,
            },
        ),
        ("release", "RELEASE", "", {"request_id": 3, "region": 3, "generation": 1}),
        ("ok", "OK", "answer to a REGISTER or RELEASE", {"request_id": 3}),
        ("operations", "OPERATIONS", "", {"request_id": 4}),
        (
            "operation-list",
            "OPERATION_LIST",
            "two operations; the entries have no padding between them",
            {
                "request_id": 4,
                "operations": [
                    {"name": "noop", "summary": "first and last element"},
                    {"name": "quantize", "summary": "Quantizes to a scheme: größer → kleiner"},
                ],
            },
        ),
        ("operation-list-empty", "OPERATION_LIST", "", {"request_id": 5, "operations": []}),
        (
            "error",
            "ERROR",
            "a refused request; the connection goes on",
            {"request_id": 2, "code": 111, "text": "region 3 lacks F_SEAL_SHRINK"},
        ),
        (
            "error-fatal",
            "ERROR",
            "request_id 0: the last message; no text",
            {"request_id": 0, "code": 115, "text": ""},
        ),
        ("goodbye", "GOODBYE", "", {"request_id": 6}),
        ("observe", "OBSERVE", "the first page", {"request_id": 1, "after_client": 0}),
        (
            "observe-next",
            "OBSERVE",
            "the page behind client 2^32 + 1",
            {"request_id": 2, "after_client": (1 << 32) + 1},
        ),
        (
            "observation",
            "OBSERVATION",
            "two clients, one of which met an error; a third follows on the next page",
            {
                "request_id": 1,
                "more": 1,
                "server": {
                    "pid": 4711,
                    "workers": 2,
                    "clients": 3,
                    "uptime_nanos": 3_600_000_000_000,
                    "heap_used": 20 << 20,
                    "heap_committed": 64 << 20,
                    "dropped_log_lines": 5,
                    "held": held_of(6, 4, 2, 1, 3, 3 << 30),
                    "work": work_of(1_000_000, {4: 999_000, 20: 1000}),
                },
                "clients": [
                    {
                        "id": 1,
                        "pid": 4242,
                        "uid": 1000,
                        "age_nanos": 60_000_000_000,
                        "last_error": 201,
                        "last_error_text": "größer: element 7 is NaN",
                        "held": held_of(4, 3, 2, 0, 3, 2 << 30),
                        "work": work_of(10, {0: 4, 31: 6}),
                    },
                    {
                        "id": (1 << 32) + 1,
                        "pid": 0,
                        "uid": 4294967294,
                        "age_nanos": 1,
                        "last_error": 0,
                        "last_error_text": "",
                        "held": held_of(0, 0, 0, 0, 0, 0),
                        "work": work_of(0, {}),
                    },
                ],
            },
        ),
        (
            "observation-none",
            "OBSERVATION",
            "a server without clients",
            {
                "request_id": 9,
                "more": 0,
                "server": {
                    "pid": 1,
                    "workers": 1,
                    "clients": 0,
                    "uptime_nanos": 1,
                    "heap_used": 2,
                    "heap_committed": 3,
                    "dropped_log_lines": 0,
                    "held": held_of(0, 0, 0, 0, 0, 0),
                    "work": work_of(0, {}),
                },
                "clients": [],
            },
        ),
    ]


def rings() -> list[tuple]:
    block_span, status_span = span_of(1, 7, 4096, 208), span_of(1, 7, 16384, 4096)
    output_span = span_of(4, 2, 1 << 32, 1 << 20)
    return [
        (
            "control-fresh",
            "CONTROL",
            "before the first submission",
            {
                "ring_entries": 64,
                "sq_tail": 0,
                "cq_head": 0,
                "client_sleeping": 0,
                "sq_head": 0,
                "cq_tail": 0,
                "server_sleeping": 1,
            },
        ),
        (
            "control-wrapped",
            "CONTROL",
            "indices about to pass 2^32; three submissions are not taken yet",
            {
                "ring_entries": 4096,
                "sq_tail": 1,
                "cq_head": 0xFFFFFFFD,
                "client_sleeping": 1,
                "sq_head": 0xFFFFFFFE,
                "cq_tail": 0xFFFFFFFE,
                "server_sleeping": 0,
            },
        ),
        (
            "submission-run",
            "SUBMISSION",
            "with a timeout and relative outputs",
            submission_of(
                9, "RUN", block_span, status_span, output_span, timeout_nanos=30_000_000_000
            ),
        ),
        ("submission-plan", "SUBMISSION", "", submission_of(10, "PLAN", block_span, status_span)),
        (
            "submission-prepare",
            "SUBMISSION",
            "",
            submission_of(11, "PREPARE", block_span, status_span),
        ),
        (
            "submission-run-prepared",
            "SUBMISSION",
            "batch 11 again, into other memory",
            submission_of(12, "RUN_PREPARED", NOWHERE, status_span, output_span, target_id=11),
        ),
        (
            "submission-resume",
            "SUBMISSION",
            "outputs for the waiting items of batch 9",
            submission_of(13, "RESUME", block_span, status_span, output_span, target_id=9),
        ),
        ("submission-cancel", "SUBMISSION", "", submission_of(14, "CANCEL", target_id=9)),
        (
            "submission-forget",
            "SUBMISSION",
            "",
            submission_of((1 << 64) - 1, "FORGET", target_id=11),
        ),
        (
            "completion",
            "COMPLETION",
            "all items have ended, two badly, one waits for space",
            {"batch_id": 9, "code": 0, "failed_items": 2, "waiting_items": 1},
        ),
        (
            "completion-refused",
            "COMPLETION",
            "the submission was refused as a whole",
            {"batch_id": (1 << 64) - 1, "code": 103, "failed_items": 0, "waiting_items": 0},
        ),
    ]


def tensors() -> list[tuple]:
    dtypes = [
        (f"tensor-dtype-{code:02}", "TENSOR", "", tensor_of(2, 1, 64 * code, code, [3, 5]))
        for code in range(1, 18)
    ]
    return dtypes + [
        ("tensor-scalar", "TENSOR", "rank 0: one element", tensor_of(2, 1, 8, F64, [])),
        ("tensor-1d", "TENSOR", "", tensor_of(3, 1, 4096, F32, [1280])),
        ("tensor-empty", "TENSOR", "a dimension of 0", tensor_of(3, 1, 0, F32, [4, 0, 7])),
        (
            "tensor-strided",
            "TENSOR",
            "every second column of a matrix with 20 of them",
            tensor_of(3, 1, 4, F32, [6, 10], [80, 8]),
        ),
        (
            "tensor-negative-stride",
            "TENSOR",
            "rows reversed: the offset is that of the last row in memory",
            tensor_of(3, 1, 480, F32, [7, 20], [-80, 4]),
        ),
        (
            "tensor-broadcast",
            "TENSOR",
            "one row seen a thousand times: stride 0",
            tensor_of(3, 1, 0, BF16, [1000, 16], [0, 2]),
        ),
        (
            "tensor-rank-64",
            "TENSOR",
            "the highest rank",
            tensor_of(3, 1, 0, F16, [1] * 62 + [2, 3]),
        ),
        (
            "tensor-rank-64-strided",
            "TENSOR",
            "the longest descriptor: 1048 bytes",
            tensor_of(3, 1, 0, F16, [1] * 62 + [2, 3], [0] * 62 + [2, 4]),
        ),
        ("tensor-relative", "TENSOR", "an output", tensor_of(RELATIVE, 0, 128, U8, [34, 40])),
        (
            "tensor-far",
            "TENSOR",
            "beyond 2 GiB elements and 4 GiB",
            tensor_of(0xFFFFFFFE, 0xFFFFFFFF, 1 << 40, U8, [1 << 33]),
        ),
    ]


def blocks() -> list[tuple]:
    weight = tensor_of(2, 9, 0, F32, [4, 8])
    return [
        (
            "block-noop",
            "BLOCK",
            "one item without options",
            block_of("noop", [item_of([weight])], names=["a.weight"]),
        ),
        (
            "block-quantize",
            "BLOCK",
            "options, relative outputs, a limit of workers",
            block_of(
                "quantize",
                [
                    item_of(
                        [tensor_of(2, 9, 0, F32, [4, 64])],
                        [tensor_of(RELATIVE, 0, 0, U8, [272])],
                    ),
                    item_of(
                        [tensor_of(2, 9, 1024, F16, [64], [-2])],
                        [tensor_of(RELATIVE, 0, 320, U8, [68])],
                    ),
                ],
                ["scheme=q8_0\nnonfinite=error\n"],
                ["a.weight", "a.bias"],
                flags=CONTINUE_ON_ERROR,
                threads=2,
            ),
        ),
        (
            "block-option-sets",
            "BLOCK",
            "three option sets, one of them empty, shared by five items; names beyond ASCII",
            block_of(
                "quantize",
                [item_of([weight], option_set=index) for index in (0, 1, 2, 1, 0)],
                ["scheme=uniform\nbits=4\ngroup=128\n", "", "scheme=f32\n"],
                ["down.weight", "größe", "重み", "", "b\nc"],
            ),
        ),
        (
            "block-two-inputs",
            "BLOCK",
            "several tensors in one item, no names",
            block_of(
                "add",
                [
                    item_of(
                        [weight, tensor_of(3, 1, 256, F64, [])],
                        [tensor_of(4, 2, 4096, F32, [4, 8]), tensor_of(RELATIVE, 0, 0, F64, [])],
                    )
                ],
            ),
        ),
        (
            "block-resume",
            "BLOCK",
            "items 2 and 5 of a waiting batch",
            block_of(
                "nonzero",
                [
                    item_of([], [tensor_of(RELATIVE, 0, 0, 5, [17, 2])], index=2),
                    item_of([], [tensor_of(RELATIVE, 0, 320, 5, [0, 2])], index=5),
                ],
            ),
        ),
        ("block-empty", "BLOCK", "no items and no option sets", block_of("noop", [], [])),
    ]


def statuses() -> list[tuple]:
    first_last = struct.pack("<ff", 1.5, -2.25)
    return [
        (
            "status-noop",
            "STATUS",
            "one item with a value: first and last element",
            {
                "done_bytes": 128,
                "total_bytes": 128,
                "text": "",
                "items": [status_item(value=first_last)],
            },
        ),
        (
            "status-errors",
            "STATUS",
            "an item that failed at an element, one that was skipped, one that ended well",
            {
                "done_bytes": 100,
                "total_bytes": 300,
                "text": "",
                "items": [
                    status_item(201, 77, text="element 77 is NaN"),
                    status_item(405, text="not run, because another tensor of the batch failed"),
                    status_item(value=bytes(range(32))),
                ],
            },
        ),
        (
            "status-refused",
            "STATUS",
            "a submission refused as a whole",
            {
                "done_bytes": 0,
                "total_bytes": 0,
                "text": 'operation "quantise" is unknown; known are noop, quantize',
                "items": [],
            },
        ),
        (
            "status-plan",
            "STATUS",
            "the answer to a PLAN of two items, one of which can't be planned",
            {
                "done_bytes": 0,
                "total_bytes": 0,
                "text": "",
                "items": [
                    status_item(plan=Q8_PLAN),
                    status_item(202, text="33 elements do not divide into blocks of 32"),
                ],
            },
        ),
        (
            "status-needs-space",
            "STATUS",
            "an item that waits for an output whose size it knows now",
            {
                "done_bytes": 64,
                "total_bytes": 64,
                "text": "",
                "items": [
                    status_item(
                        404,
                        plan={
                            "work_bytes": 64,
                            "label": "",
                            "outputs": [{"name": "indices", "dtype": 5, "dims": [17, 2]}],
                        },
                    )
                ],
            },
        ),
    ]


def plans() -> list[tuple]:
    return [
        ("plan-q8", "PLAN_RECORD", "one output", Q8_PLAN),
        (
            "plan-uniform",
            "PLAN_RECORD",
            "three outputs, among them a scalar",
            {
                "work_bytes": 1 << 40,
                "label": "uniform:bits=4,group=tensor",
                "outputs": [
                    {"name": "data", "dtype": U8, "dims": [320, 160]},
                    {"name": "scales", "dtype": F32, "dims": []},
                    {"name": "zero_points", "dtype": F32, "dims": [1]},
                ],
            },
        ),
        (
            "plan-no-outputs",
            "PLAN_RECORD",
            "only a value, or sizes that depend on the data",
            {"work_bytes": 1, "label": "", "outputs": []},
        ),
    ]


def table(page: str, row: str) -> list[tuple[str, ...]]:
    """All matches of a pattern in a page of the spec."""
    return re.findall(row, (HERE.parent / page).read_text(encoding="utf-8"), re.MULTILINE)


def error_codes() -> list[dict]:
    rows = table("errors.md", r"^\| (\d+) \| ([A-Z0-9_]+) \| (.+?) \|$")
    return [{"number": int(n), "name": name, "meaning": meaning} for n, name, meaning in rows]


def dtypes() -> list[dict]:
    rows = table(
        "tensor-descriptor.md",
        r"\| (\d+) \| ([a-z0-9_]+) \| (\d+) \| (\w+)(?: \(ml_dtypes\))? (?=\|)",
    )
    codes = [
        {"code": int(code), "name": name, "bytes": int(size), "numpy": numpy}
        for code, name, size, numpy in rows
    ]
    return sorted(codes, key=lambda dtype: dtype["code"])


def one_per_line(rows: list[dict]) -> str:
    return "[\n" + ",\n".join("  " + json.dumps(row, ensure_ascii=False) for row in rows) + "\n]\n"


def one_key_per_line(row: dict) -> str:
    pairs = (f"  {json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}" for k, v in row.items())
    return "{\n" + ",\n".join(pairs) + "\n}\n"


def files() -> dict[str, str]:
    """The content of every file by its name."""
    cases = messages() + rings() + tensors() + blocks() + statuses() + plans()
    content = {
        "error_codes.json": one_per_line(error_codes()),
        "dtypes.json": one_per_line(dtypes()),
    }
    for name, structure, about, fields in cases:
        encoded = ENCODERS[structure](fields)
        assert structure in ("OPERATION_LIST", "ERROR") or len(encoded) % 8 == 0, name
        vector = {
            "name": name,
            "structure": structure,
            "about": about,
            "fields": fields,
            "hex": encoded.hex(),
        }
        content[f"{name}.json"] = one_key_per_line(vector)
    return content


def main(arguments: list[str]) -> int:
    content = files()
    if arguments == ["--check"]:
        found = {path.name: path.read_text(encoding="utf-8") for path in HERE.glob("*.json")}
        wrong = sorted(n for n in content.keys() | found.keys() if content.get(n) != found.get(n))
        print("\n".join(f"{name} is not what generate.py writes" for name in wrong), end="")
        return 1 if wrong else 0
    for name, text in content.items():
        (HERE / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
