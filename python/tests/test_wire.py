"""The golden vectors of the wire format, read and written."""

from __future__ import annotations

import json
import mmap
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest

import tensorbridge as tb
from conftest import SPEC
from tensorbridge import dtypes, wire
from tensorbridge.observe import read_observation
from tensorbridge.ring import Ring

VECTORS = [
    json.loads(path.read_text())
    for path in sorted((SPEC / "vectors").glob("*.json"))
    if path.stem not in ("dtypes", "error_codes")
]


def vectors(structure: str) -> Any:
    chosen = [vector for vector in VECTORS if vector["structure"] == structure]
    assert chosen
    return pytest.mark.parametrize(
        ("fields", "expected"),
        [
            pytest.param(vector["fields"], bytes.fromhex(vector["hex"]), id=vector["name"])
            for vector in chosen
        ],
    )


def span(fields: dict[str, int]) -> wire.Span:
    return wire.Span(**fields)


@vectors("HELLO")
def test_hello(fields: dict[str, Any], expected: bytes) -> None:
    assert (fields["major"], fields["minor"]) == (wire.MAJOR, wire.MINOR)
    written = wire.hello(
        fields["request_id"], fields["ring_entries"], fields["control_length"], fields["pid"]
    )
    assert written == expected


@vectors("WELCOME")
def test_welcome(fields: dict[str, Any], expected: bytes) -> None:
    message = wire.read_message(expected)
    assert message.type == wire.WELCOME
    read = {"request_id": message.request_id, **wire.read_welcome(message.body)._asdict()}
    assert read == fields


@vectors("REGISTER")
def test_register(fields: dict[str, Any], expected: bytes) -> None:
    assert wire.register(*fields.values()) == expected


@vectors("RELEASE")
def test_release(fields: dict[str, Any], expected: bytes) -> None:
    assert wire.release(**fields) == expected


@pytest.mark.parametrize("name", ["OK", "OPERATIONS", "GOODBYE"])
def test_messages_without_a_body(name: str) -> None:
    (vector,) = [vector for vector in VECTORS if vector["structure"] == name]
    request = vector["fields"]["request_id"]
    assert wire.message(getattr(wire, name), request).hex() == vector["hex"]


@vectors("OPERATION_LIST")
def test_operation_list(fields: dict[str, Any], expected: bytes) -> None:
    message = wire.read_message(expected)
    assert message.request_id == fields["request_id"]
    assert [op._asdict() for op in wire.read_operations(message.body)] == fields["operations"]


@vectors("ERROR")
def test_error(fields: dict[str, Any], expected: bytes) -> None:
    message = wire.read_message(expected)
    assert (message.type, message.request_id) == (wire.ERROR, fields["request_id"])
    assert wire.read_error(message.body) == (fields["code"], fields["text"])


@vectors("OBSERVE")
def test_observe(fields: dict[str, Any], expected: bytes) -> None:
    body = (fields["after_client"]).to_bytes(8, "little") + bytes(8)
    assert wire.message(wire.OBSERVE, fields["request_id"], body) == expected


@vectors("OBSERVATION")
def test_observation(fields: dict[str, Any], expected: bytes) -> None:
    message = wire.read_message(expected)
    assert (message.type, message.request_id) == (wire.OBSERVATION, fields["request_id"])
    server, clients, more = read_observation(message.body)
    assert more == fields["more"]
    shown = asdict(tb.ObservedServer(*server, clients=tuple(clients)))
    expected_server = {**fields["server"], "clients": fields["clients"]}
    assert json.loads(json.dumps(shown)) == expected_server
    for length in range(0, len(message.body), 8):
        with pytest.raises(tb.ProtocolError):
            read_observation(message.body[:length])


@vectors("CONTROL")
def test_control(fields: dict[str, Any], expected: bytes) -> None:
    with mmap.mmap(-1, len(expected)) as control:
        Ring.format(control, fields["ring_entries"])
        words = memoryview(control).cast("I")
        for name in ("sq_tail", "cq_head", "client_sleeping", "sq_head", "cq_tail",
                     "server_sleeping"):  # fmt: skip
            words[getattr(wire, name.upper())] = fields[name]
        assert bytes(control) == expected
        words.release()


@vectors("SUBMISSION")
def test_submission(fields: dict[str, Any], expected: bytes) -> None:
    request = wire.request(
        fields["kind"],
        fields["target_id"],
        fields["timeout_nanos"],
        span(fields["block"]),
        span(fields["status"]),
    )
    output = wire.span(*span(fields["output"]))
    written = wire.SUBMISSION.pack(fields["batch_id"], request, output)
    assert written == expected


@vectors("COMPLETION")
def test_completion(fields: dict[str, Any], expected: bytes) -> None:
    assert wire.COMPLETION.unpack(expected) == (*fields.values(), 0, 0)


def descriptor(fields: dict[str, Any]) -> bytes:
    return wire.descriptor(**fields)


@vectors("TENSOR")
def test_tensor(fields: dict[str, Any], expected: bytes) -> None:
    assert descriptor(fields) == expected


@vectors("BLOCK")
def test_block(fields: dict[str, Any], expected: bytes) -> None:
    items = b""
    for item in fields["items"]:
        inputs = b"".join(map(descriptor, item["inputs"]))
        outputs = b"".join(map(descriptor, item["outputs"]))
        items += wire.item_header(
            len(inputs), len(item["inputs"]), len(outputs), len(item["outputs"]),
            item["option_set"], item["item_index"],
        )  # fmt: skip
        items += inputs + outputs
    prelude = wire.Prelude(fields["operation"], fields["option_sets"])
    block = prelude.block(len(fields["items"]), items, fields["flags"], fields["threads"])
    # This client leaves the optional names away: what names it are the two last fields before
    # the reserved one, the total length, and the tail.
    if fields["names"]:
        assert block[16:52] == expected[16:52]
        assert block[wire.BLOCK_HEADER.size :] == expected[wire.BLOCK_HEADER.size : len(block)]
    else:
        assert block == expected


@vectors("STATUS")
def test_status(fields: dict[str, Any], expected: bytes) -> None:
    status = wire.Status(expected)
    assert status.refusal() == fields["text"]
    assert list(status.codes(len(fields["items"]))) == [item["code"] for item in fields["items"]]
    for i, item in enumerate(fields["items"]):
        read = status.item(i)
        assert read.code == item["code"]
        assert read.element_index == item["element_index"]
        assert read.value.hex() == item["value"]
        if item["plan"] is None:
            assert read.text.decode() == item["text"]
        else:
            check_plan(wire.read_plan(read.text), item["plan"])


@vectors("PLAN_RECORD")
def test_plan_record(fields: dict[str, Any], expected: bytes) -> None:
    check_plan(wire.read_plan(expected), fields)


def check_plan(plan: wire.Plan, fields: dict[str, Any]) -> None:
    assert (plan.label, plan.work_bytes) == (fields["label"], fields["work_bytes"])
    assert [
        {"name": output.name, "dtype": output.dtype, "dims": list(output.shape)}
        for output in plan.outputs
    ] == fields["outputs"]


def test_every_structure_of_the_vectors_is_known_here() -> None:
    assert {vector["structure"] for vector in VECTORS} == {
        "HELLO", "WELCOME", "REGISTER", "RELEASE", "OK", "OPERATIONS", "GOODBYE", "OPERATION_LIST",
        "ERROR", "OBSERVE", "OBSERVATION", "CONTROL", "SUBMISSION", "COMPLETION", "TENSOR", "BLOCK",
        "STATUS", "PLAN_RECORD",
    }  # fmt: skip


def test_the_dtypes_are_those_of_the_spec() -> None:
    table = json.loads((SPEC / "vectors" / "dtypes.json").read_text())
    assert {entry["code"]: (entry["numpy"], entry["bytes"]) for entry in table} == dtypes.CODES
    for code, (name, size) in dtypes.CODES.items():
        dtype = dtypes.dtype_of(code)
        assert (dtype.name, dtype.itemsize) == (name, size)
        assert dtypes.code_of(dtype) == code
        assert dtypes.dtype_named(name) == (dtype, code)


@pytest.mark.parametrize("length", range(0, 64, 7))
def test_cut_messages_are_refused(length: int) -> None:
    (vector,) = [vector for vector in VECTORS if vector["structure"] == "WELCOME"]
    with pytest.raises(tb.ProtocolError):
        wire.read_message(bytes.fromhex(vector["hex"])[:length])


def test_a_cut_plan_is_refused() -> None:
    for vector in VECTORS:
        if vector["structure"] == "PLAN_RECORD" and vector["fields"]["outputs"]:
            record = bytes.fromhex(vector["hex"])
            for length in range(0, len(record) - 8, 8):
                with pytest.raises(tb.ProtocolError):
                    wire.read_plan(record[:length])


def test_codes_are_read_without_a_copy_of_the_area() -> None:
    status = wire.Status(bytes(64) + (203).to_bytes(4, "little") + bytes(60))
    assert status.codes(1).dtype == np.uint32
    assert list(status.codes(1)) == [203]
