"""Writes the hostile inputs: ``python generate.py``; ``--check`` tells which files differ.

Each case is a correct conversation with one rule broken. The correct bytes come from the encoders
of the golden vectors.
"""

from __future__ import annotations

import importlib.util
import json
import struct
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent

_spec = importlib.util.spec_from_file_location("vectors", HERE.parent / "vectors" / "generate.py")
wire = importlib.util.module_from_spec(_spec)
sys.dont_write_bytecode = True
_spec.loader.exec_module(wire)

SIZE = 65536
STATUS_AT, STATUS_SIZE, OUTPUT_AT, OUTPUT_SIZE = 16384, 16384, 32768, 32768
WORK, INPUT = (1, 7), (2, 9)
SEAL, SHRINK, GROW, WRITE, FUTURE_WRITE = 1, 2, 4, 8, 16
READ_SEALS, READWRITE_SEALS = SEAL | SHRINK | GROW | FUTURE_WRITE, SEAL | SHRINK | GROW
HELLO_DESCRIPTORS = ["control", "eventfd", "eventfd", "pidfd-self"]
U32, U64 = 1 << 32, 1 << 64

# Offsets of fields, by the pages.
TYPE, RESERVED_16, REQUEST_ID, LENGTH = 4, 6, 8, 12
BATCH_ID, KIND, TARGET_ID = 0, 8, 16
BLOCK_SPAN, STATUS_SPAN, OUTPUT_SPAN = 32, 56, 80
SPAN_GENERATION, SPAN_OFFSET, SPAN_LENGTH = 4, 8, 16
T_REGION, T_GENERATION, T_OFFSET, T_DTYPE, T_RANK, T_FLAGS, T_RESERVED, T_DIMS = range(8)
TENSOR_AT = {0: 0, 1: 4, 2: 8, 3: 16, 4: 17, 5: 18, 6: 20, 7: 24}


def u16(value: int) -> str:
    return struct.pack("<H", value).hex()


def u32(value: int) -> str:
    return struct.pack("<I", value % U32).hex()


def u64(value: int) -> str:
    return struct.pack("<Q", value % U64).hex()


# Correct bytes ----------------------------------------------------------------------------------


def matrix(byte_offset: int = 0, region: tuple[int, int] = INPUT, **fields: object) -> dict:
    return wire.tensor_of(*region, byte_offset, wire.F32, [4, 8]) | fields


def relative(byte_offset: int) -> dict:
    return matrix(byte_offset, (wire.RELATIVE, 0))


def register_fields(request_id: int, region: int, generation: int, access: int) -> dict:
    return {
        "request_id": request_id,
        "region": region,
        "generation": generation,
        "access": access,
        "byte_length": SIZE,
    }


BLOCKS = {
    "block-noop": wire.block_of("noop", [wire.item_of([matrix()])], names=["a.weight"]),
    "block-strided": wire.block_of("noop", [wire.item_of([matrix(strides=[32, 4])])]),
    "block-options": wire.block_of("noop", [wire.item_of([matrix()])], ["a=1\n"]),
    "block-no-input": wire.block_of("noop", [wire.item_of([])]),
    "block-65": wire.block_of("noop", [wire.item_of([matrix()])] * 65),
    "block-rank-65": wire.block_of(
        "noop", [wire.item_of([wire.tensor_of(*INPUT, 0, wire.F32, [1] * 65)])]
    ),
    "block-nonzero": wire.block_of("nonzero", [wire.item_of([matrix()])]),
    "block-resume": wire.block_of(
        "nonzero",
        [wire.item_of([], [wire.tensor_of(wire.RELATIVE, 0, 0, wire.U8, [1])])],
    ),
    "block-copy": wire.block_of(
        "copy",
        [wire.item_of([matrix()], [relative(0)]), wire.item_of([matrix(128)], [relative(128)])],
        names=["a", "b"],
    ),
    "block-copy-absolute": wire.block_of(
        "copy",
        [
            wire.item_of([matrix()], [matrix(OUTPUT_AT, WORK)]),
            wire.item_of([matrix(128)], [matrix(OUTPUT_AT + 128, WORK)]),
        ],
        names=["a", "b"],
    ),
    "block-copy-strided": wire.block_of(
        "copy", [wire.item_of([matrix()], [relative(0) | {"strides": [4, 16]}])]
    ),
    "block-copy-in-place": wire.block_of(
        "copy", [wire.item_of([matrix(OUTPUT_AT, WORK)], [matrix(OUTPUT_AT + 64, WORK)])]
    ),
    "block-copy-no-output": wire.block_of("copy", [wire.item_of([matrix()])]),
    "block-copy-plan": wire.block_of("copy", [wire.item_of([matrix()])]),
    "block-noop-output": wire.block_of("noop", [wire.item_of([matrix()], [relative(0)])]),
}


def entry(
    batch_id: int, kind: str, block: str | None, output: bool = False, target_id: int = 0
) -> bytes:
    """A submission entry whose block lies at 0 of ``work``."""
    has_status = block is not None or kind == "RUN_PREPARED"
    length = len(wire.block(BLOCKS[block])) if block else 0
    fields = wire.submission_of(
        batch_id,
        kind,
        wire.span_of(*WORK, 0, length) if block else wire.NOWHERE,
        wire.span_of(*WORK, STATUS_AT, STATUS_SIZE) if has_status else wire.NOWHERE,
        wire.span_of(*WORK, OUTPUT_AT, OUTPUT_SIZE) if output else wire.NOWHERE,
        target_id,
    )
    return wire.submission(fields)


def bases() -> dict[str, bytes]:
    made = {
        "control": wire.control(
            dict.fromkeys(
                ["sq_tail", "cq_head", "client_sleeping", "sq_head", "cq_tail", "server_sleeping"],
                0,
            )
            | {"ring_entries": 8}
        ),
        "hello": wire.hello(
            {
                "request_id": 1,
                "major": 1,
                "minor": 0,
                "ring_entries": 8,
                "control_length": 4096,
                "pid": 0,
            }
        ),
        "register-work": wire.register(register_fields(2, *WORK, 2)),
        "register-input": wire.register(register_fields(3, *INPUT, 1)),
        "register-read": wire.register(register_fields(10, 10, 1, 1)),
        "register-readwrite": wire.register(register_fields(10, 10, 1, 2)),
        "register-file": wire.register(register_fields(10, 10, 1, 3)),
        "release": wire.release({"request_id": 20, "region": 10, "generation": 1}),
        "operations": wire.message("OPERATIONS", 30),
        "observe": wire.observe({"request_id": 31, "after_client": 0}),
        "probe": entry(0xF00D, "RUN", "block-noop"),
        "run": entry(100, "RUN", "block-noop"),
        "run-prepared": entry(101, "RUN_PREPARED", None, target_id=5),
        "prepare": entry(5, "PREPARE", "block-noop"),
        "resume": entry(102, "RESUME", "block-resume", output=True, target_id=100),
        "cancel": entry(103, "CANCEL", None, target_id=999),
        "forget": entry(104, "FORGET", None, target_id=999),
    }
    for name in BLOCKS:
        made[name] = wire.block(BLOCKS[name])
        kind = "PLAN" if name.endswith("-plan") else "RUN"
        made[name.replace("block-", "run-")] = entry(100, kind, name, output="copy" in name)
    return made


BASES = bases()


# Steps ------------------------------------------------------------------------------------------


def patch(at: int, value: str) -> dict:
    return {"at": at, "hex": value}


def content(base: str, patches: tuple[dict, ...], length: int | None) -> dict:
    assert base in BASES, base
    fields: dict = {"base": base}
    if patches:
        fields["patches"] = list(patches)
    if length is not None:
        fields["length"] = length
    return fields


def send(
    base: str, *patches: dict, descriptors: list[str] | None = None, length: int | None = None
) -> dict:
    step = {"do": "send"} | content(base, patches, length)
    return step | ({"descriptors": descriptors} if descriptors else {})


def write(region: str, at: int, base: str, *patches: dict, length: int | None = None) -> dict:
    return {"do": "write", "region": region, "at": at} | content(base, patches, length)


def write_hex(region: str, at: int, value: str) -> dict:
    return {"do": "write", "region": region, "at": at, "hex": value}


def submit(base: str, *patches: dict) -> dict:
    return {"do": "submit"} | content(base, patches, None)


def create(region: str, length: int, seals: int) -> dict:
    return {"do": "create", "region": region, "length": length, "seals": seals}


def answer(kind: str, request_id: int) -> dict:
    return {"do": "expect-message", "type": wire.TYPES[kind], "request_id": request_id}


def completed(batch_id: int, code: str = "OK", **counts: int) -> dict:
    return {"do": "expect-completion", "batch_id": batch_id, "code": code} | counts


RING = {"do": "ring"}
END = {"do": "expect-end"}


class Cases:
    """Collects the files; the code is the part of a name before the first dash."""

    def __init__(self) -> None:
        self.files: dict[str, dict] = {}

    def add(
        self,
        name: str,
        rule: str,
        steps: list[dict],
        stage: str = "ready",
        limits: dict | None = None,
        end: str = "alive",
    ) -> None:
        assert name not in self.files, name
        self.files[name] = {
            "name": name,
            "rule": rule,
            "stage": stage,
            "limits": limits or {},
            "steps": steps,
            "end": end,
        }

    def fatal(self, name: str, rule: str, steps: list[dict], stage: str = "ready") -> None:
        """The last message is an ERROR without a request."""
        error = {"do": "expect-error", "code": code_of(name), "request_id": 0}
        self.add(name, rule, [*steps, error, END], stage, end="closed")

    def refused(
        self, name: str, rule: str, steps: list[dict], request_id: int = 10, **more: object
    ) -> None:
        """A request is refused; the connection goes on."""
        error = {"do": "expect-error", "code": code_of(name), "request_id": request_id}
        self.add(name, rule, [*steps, error], **more)

    def rejected(
        self, name: str, rule: str, steps: list[dict], batch_id: int = 100, **more: object
    ) -> None:
        """A submission is refused as a whole."""
        self.add(name, rule, [*steps, completed(batch_id, code_of(name))], **more)

    def block(self, name: str, rule: str, base: str, *patches: dict, **more: object) -> None:
        """A block with patches is refused as a whole."""
        run = base.replace("block-", "run-")
        self.rejected(name, rule, [write("work", 0, base, *patches), submit(run)], **more)

    def entry(self, name: str, rule: str, base: str, *patches: dict, **more: object) -> None:
        """A correct block, and a submission entry with patches that is refused."""
        block = base.replace("run-", "block-") if base.startswith("run-") else "block-noop"
        steps = [submit(base, *patches)]
        if block in BASES:
            steps.insert(0, write("work", 0, block))
        self.rejected(name, rule, steps, **more)

    def item(self, name: str, rule: str, base: str, *patches: dict) -> None:
        """The only item of a block fails; the batch itself ends well."""
        steps = [
            write("work", 0, base, *patches),
            submit(base.replace("block-", "run-")),
            completed(100, failed_items=1),
            {"do": "expect-item", "item": 0, "code": code_of(name)},
        ]
        self.add(name, rule, steps)


def code_of(name: str) -> str:
    return name.partition("-")[0]


# Messages ---------------------------------------------------------------------------------------


def framing(cases: Cases) -> None:
    cases.fatal(
        "BAD_MAGIC-message",
        "A message begins with its magic number.",
        [send("operations", patch(0, "58585858"))],
    )
    cases.fatal(
        "BAD_MAGIC-first-message",
        "The first message begins with the magic number.",
        [send("hello", patch(0, "00000000"), descriptors=HELLO_DESCRIPTORS)],
        "raw",
    )
    cases.fatal(
        "BAD_LENGTH-message-header",
        "A message is at least as long as its header.",
        [send("operations", length=8)],
    )
    cases.fatal(
        "BAD_LENGTH-message-longer",
        "The stated length is that of the packet, not more.",
        [send("operations", patch(LENGTH, u32(17)))],
    )
    cases.fatal(
        "BAD_LENGTH-message-huge",
        "The stated length is that of the packet, not nearly 2^32.",
        [send("operations", patch(LENGTH, u32(-1)))],
    )
    cases.fatal(
        "BAD_LENGTH-message-shorter",
        "The stated length is that of the packet, not less.",
        [send("operations", length=24)],
    )
    cases.fatal(
        "BAD_LENGTH-register-body",
        "A REGISTER is 40 bytes long.",
        [send("register-read", patch(LENGTH, u32(24)), length=24)],
    )
    cases.fatal(
        "BAD_LENGTH-hello-body",
        "A HELLO is 40 bytes long.",
        [send("hello", patch(LENGTH, u32(32)), length=32, descriptors=HELLO_DESCRIPTORS)],
        "raw",
    )
    cases.fatal(
        "UNKNOWN_MESSAGE-type",
        "Message types are 1 to 11.",
        [send("operations", patch(TYPE, u16(77)))],
    )
    cases.fatal(
        "UNKNOWN_MESSAGE-observation",
        "OBSERVATION is a message of the server.",
        [send("observe", patch(TYPE, u16(11)))],
        "raw",
    )
    cases.fatal(
        "BAD_LENGTH-observe-body",
        "The body of a message has the length that its type says, also before the handshake.",
        [send("observe", patch(LENGTH, u32(16)), length=16)],
        "raw",
    )
    cases.refused(
        "BAD_FLAGS-observe-reserved",
        "Reserved fields of OBSERVE are 0.",
        [send("observe", patch(24, u32(1)))],
        request_id=31,
    )
    cases.fatal(
        "UNKNOWN_MESSAGE-of-server",
        "OK is a message of the server.",
        [send("operations", patch(TYPE, u16(5)))],
    )
    cases.refused(
        "BAD_FLAGS-message-reserved",
        "Reserved fields of a message are 0.",
        [send("operations", patch(RESERVED_16, u16(1)))],
        request_id=30,
    )


def handshakes(cases: Cases) -> None:
    def hello(*patches: dict, descriptors: list[str] = HELLO_DESCRIPTORS) -> dict:
        return send("hello", *patches, descriptors=descriptors)

    cases.fatal(
        "HANDSHAKE_REQUIRED-operations-first",
        "The first message is a HELLO.",
        [send("operations")],
        "raw",
    )
    cases.fatal(
        "HANDSHAKE_REQUIRED-observer",
        "Looking at a server is no handshake.",
        [
            send("observe"),
            {"do": "expect-message", "type": 11, "request_id": 31},
            send("register-read", descriptors=["eventfd"]),
        ],
        "raw",
    )
    cases.fatal(
        "HANDSHAKE_REQUIRED-register-first",
        "The first message is a HELLO, whatever descriptors another one brings.",
        [send("register-read", descriptors=["eventfd"])],
        "raw",
    )
    cases.fatal(
        "HANDSHAKE_REQUIRED-hello-twice",
        "Only the first message is a HELLO.",
        [hello()],
    )
    cases.fatal("UNSUPPORTED_VERSION-hello", "Majors are equal.", [hello(patch(16, u16(2)))], "raw")
    cases.fatal(
        "UNSUPPORTED_VERSION-hello-zero", "Majors are equal.", [hello(patch(16, u16(0)))], "raw"
    )
    cases.fatal(
        "BAD_FLAGS-hello-reserved",
        "Reserved fields of a HELLO are 0.",
        [hello(patch(36, u32(1)))],
        "raw",
    )
    for entries, case in ((12, "no-power-of-2"), (4, "small"), (8192, "large"), (0, "zero")):
        cases.fatal(
            f"BAD_COUNT-ring-{case}",
            "ring_entries is a power of 2 from 8 to 4096.",
            [hello(patch(20, u32(entries)))],
            "raw",
        )
    cases.fatal(
        "BAD_COUNT-ring-disagrees",
        "The control region says the same number of ring entries as the HELLO.",
        [write_hex("control", 8, u32(16)), hello()],
        "raw",
    )
    cases.fatal(
        "BAD_LENGTH-control-small",
        "The control region has room for the rings: 512 + 160 * 8 bytes.",
        [
            create("small", 1784, READWRITE_SEALS),
            write("small", 0, "control"),
            hello(patch(24, u64(1784)), descriptors=["small", *HELLO_DESCRIPTORS[1:]]),
        ],
        "raw",
    )
    cases.fatal(
        "BAD_MAGIC-control",
        "The control region begins with its magic number.",
        [write_hex("control", 0, "00"), hello()],
        "raw",
    )
    cases.fatal(
        "REGION_SIZE_MISMATCH-control",
        "The control region is as long as the HELLO says.",
        [hello(patch(24, u64(8192)))],
        "raw",
    )
    cases.fatal(
        "UNSEALED_REGION-control",
        "The control region is sealed.",
        [
            create("open", 4096, 0),
            write("open", 0, "control"),
            hello(descriptors=["open", *HELLO_DESCRIPTORS[1:]]),
        ],
        "raw",
    )
    cases.fatal(
        "UNSEALED_REGION-control-file",
        "The control region is a memory file.",
        [hello(patch(24, u64(SIZE)), descriptors=["file", *HELLO_DESCRIPTORS[1:]])],
        "raw",
    )
    missing = {
        "none": [],
        "three": HELLO_DESCRIPTORS[:3],
        "doorbell-pipe": ["control", "pipe", "eventfd", "pidfd-self"],
        "doorbell-file": ["control", "eventfd", "file", "pidfd-self"],
        "pidfd-other": ["control", "eventfd", "eventfd", "pidfd-other"],
        "pidfd-eventfd": ["control", "eventfd", "eventfd", "eventfd"],
    }
    for case, descriptors in missing.items():
        cases.fatal(
            f"MISSING_DESCRIPTOR-hello-{case}",
            "HELLO brings the control region, two eventfds and a pidfd of the peer.",
            [hello(descriptors=descriptors)],
            "raw",
        )


def registrations(cases: Cases) -> None:
    readable = create("extra", SIZE, READ_SEALS)

    def register(*patches: dict, descriptor: str = "extra", base: str = "register-read") -> dict:
        return send(base, *patches, descriptors=[descriptor])

    for descriptor in ("pipe", "file", "eventfd", "null", "pidfd-self"):
        cases.refused(
            f"UNSEALED_REGION-{descriptor}",
            "A region is a sealable memory file.",
            [register(descriptor=descriptor)],
        )
    read_seals = {
        "none": 0,
        "shrink-missing": READ_SEALS & ~SHRINK,
        "grow-missing": READ_SEALS & ~GROW,
        "seal-missing": READ_SEALS & ~SEAL,
        "write-missing": READWRITE_SEALS,
    }
    for case, seals in read_seals.items():
        cases.refused(
            f"UNSEALED_REGION-read-{case}",
            "A read region has the seals SHRINK, GROW, SEAL and one against writing.",
            [create("extra", SIZE, seals), register()],
        )
    for case, seals in {"shrink-missing": GROW | SEAL, "grow-missing": SHRINK | SEAL}.items():
        cases.refused(
            f"UNSEALED_REGION-readwrite-{case}",
            "A readwrite region has the seals SHRINK, GROW and SEAL.",
            [create("extra", SIZE, seals), register(base="register-readwrite")],
        )
    cases.refused(
        "UNSEALED_REGION-shrunken",
        "A region can't shrink after it was announced.",
        [
            create("extra", SIZE, 0),
            register(),
            {"do": "truncate", "region": "extra", "length": 0},
        ],
    )
    cases.refused(
        "REGION_NOT_WRITABLE-register",
        "A region that is sealed against writing can't be registered for writing.",
        [create("extra", SIZE, READ_SEALS), register(base="register-readwrite")],
    )
    for length, case in ((4096, "smaller"), (SIZE + 4096, "larger")):
        cases.refused(
            f"REGION_SIZE_MISMATCH-{case}",
            "A region is as long as announced.",
            [create("extra", length, READ_SEALS), register()],
        )
    cases.refused(
        "MISSING_DESCRIPTOR-register",
        "REGISTER brings the region's descriptor.",
        [send("register-read")],
    )
    cases.refused(
        "REGION_EXISTS-register",
        "An id in use can't be registered, whatever its generation.",
        [readable, register(patch(16, u32(INPUT[0])))],
    )
    for region, case in ((0, "zero"), (wire.RELATIVE, "relative")):
        cases.refused(
            f"UNKNOWN_REGION-register-{case}",
            "Region ids go from 1 to 0xFFFFFFFE.",
            [readable, register(patch(16, u32(region)))],
        )
    cases.refused(
        "STALE_GENERATION-register-zero",
        "Generations are above 0.",
        [readable, register(patch(20, u32(0)))],
    )
    cases.refused(
        "BAD_FLAGS-access",
        "Access is 1, 2 or 3.",
        [readable, register(patch(24, u32(4)))],
    )
    cases.refused(
        "BAD_FLAGS-register-reserved",
        "Reserved fields of a REGISTER are 0.",
        [readable, register(patch(28, u32(1)))],
    )
    cases.refused(
        "BAD_LENGTH-register-empty",
        "A region has bytes.",
        [create("extra", 0, READ_SEALS), register(patch(32, u64(0)))],
    )
    cases.refused(
        "UNKNOWN_REGION-release",
        "Only a registered region is released.",
        [send("release")],
        request_id=20,
    )
    cases.refused(
        "STALE_GENERATION-release",
        "RELEASE names the generation that was registered.",
        [send("release", patch(16, u32(INPUT[0])), patch(20, u32(8)))],
        request_id=20,
    )
    cases.refused(
        "QUOTA_BYTES-register",
        "A client registers at most max_bytes.",
        [
            create("extra", 32 << 20, READ_SEALS),
            register(patch(32, u64(32 << 20))),
        ],
        limits={"max_bytes": 16 << 20},
    )
    cases.refused(
        "QUOTA_REGIONS-register",
        "A client registers at most max_regions.",
        [
            readable,
            *(
                step
                for region in range(10, 16)
                for step in (
                    register(patch(REQUEST_ID, u32(region)), patch(16, u32(region))),
                    answer("OK", region),
                )
            ),
            register(patch(REQUEST_ID, u32(16)), patch(16, u32(16))),
        ],
        request_id=16,
        limits={"max_regions": 8},
    )


# Rings ------------------------------------------------------------------------------------------


def rings(cases: Cases) -> None:
    for tail, case in ((9, "one-too-many"), (1 << 31, "jump"), (U32 - 1, "backwards")):
        cases.fatal(
            f"RING_CORRUPT-tail-{case}",
            "sq_tail claims at most as many entries as the ring has.",
            [write_hex("control", 64, u32(tail)), RING],
        )
    cases.fatal(
        "RING_CORRUPT-head-ahead",
        "cq_head does not pass cq_tail.",
        [
            write("work", 0, "block-noop"),
            write_hex("control", 128, u32(5)),
            submit("run"),
        ],
    )
    cases.fatal(
        "RING_CORRUPT-completions-not-taken",
        "A client has at most as many submissions without a taken completion as the ring has.",
        [submit("forget", patch(BATCH_ID, u64(200 + i))) for i in range(9)],
    )
    cases.fatal(
        "BAD_FLAGS-doorbell-blocks",
        "The server never has to wait for a doorbell: it is not full, or does not block.",
        [
            write("work", 0, "block-noop"),
            write_hex("control", 192, u32(1)),
            {"do": "block-doorbell"},
            submit("run"),
        ],
    )
    for at, case in ((12, "reserved"), (104, "tail"), (120, "last")):
        cases.entry(
            f"BAD_FLAGS-submission-{case}",
            "Reserved fields of a submission are 0.",
            "run",
            patch(at, "01"),
        )
    cases.entry(
        "BAD_FLAGS-submission-target",
        "Fields that a kind does not use are 0.",
        "run",
        patch(TARGET_ID, u64(5)),
    )
    cases.entry(
        "BAD_FLAGS-submission-cancel-block",
        "Fields that a kind does not use are 0.",
        "cancel",
        patch(BLOCK_SPAN, u32(1)),
        batch_id=103,
    )
    for kind in (0, 8, U32 - 1):
        cases.entry(
            f"UNKNOWN_MESSAGE-kind-{kind}", "Kinds are 1 to 7.", "run", patch(KIND, u32(kind))
        )
    cases.entry(
        "UNKNOWN_BATCH-zero",
        "Batch ids are above 0.",
        "run",
        patch(BATCH_ID, u64(0)),
        batch_id=0,
    )
    for base, batch_id in (("cancel", 103), ("forget", 104), ("run-prepared", 101)):
        cases.entry(f"UNKNOWN_BATCH-{base}", "The target exists.", base, batch_id=batch_id)
    cases.rejected(
        "UNKNOWN_BATCH-resume",
        "The target of RESUME has waiting items.",
        [write("work", 0, "block-resume"), submit("resume")],
        batch_id=102,
    )
    prepare = [write("work", 0, "block-noop"), submit("prepare"), completed(5)]
    forget = [submit("forget", patch(TARGET_ID, u64(5))), completed(104)]
    cases.add(
        "DUPLICATE_BATCH-prepared",
        "The id of a prepared batch is in use.",
        [
            *prepare,
            submit("run", patch(BATCH_ID, u64(5))),
            completed(5, "DUPLICATE_BATCH"),
            *forget,
        ],
    )
    cases.add(
        "UNKNOWN_BATCH-forgotten",
        "A forgotten batch is not run.",
        [*prepare, *forget, submit("run-prepared"), completed(101, "UNKNOWN_BATCH")],
    )
    cases.add(
        "UNKNOWN_BATCH-resume-prepared",
        "A prepared batch has no waiting items.",
        [
            *prepare,
            write("work", 0, "block-resume"),
            submit("resume", patch(TARGET_ID, u64(5))),
            completed(102, "UNKNOWN_BATCH"),
        ],
    )
    cases.add(
        "QUOTA_BATCHES-prepared",
        "A client has at most max_batches prepared.",
        [
            write("work", 0, "block-noop"),
            *(
                step
                for batch_id in range(5, 13)
                for step in (
                    submit("prepare", patch(BATCH_ID, u64(batch_id))),
                    completed(batch_id),
                )
            ),
            submit("prepare", patch(BATCH_ID, u64(13))),
            completed(13, "QUOTA_BATCHES"),
            submit("forget", patch(TARGET_ID, u64(5))),
            completed(104),
        ],
        limits={"max_batches": 8},
    )


def spans(cases: Cases) -> None:
    kinds = (
        ("block", "run", BLOCK_SPAN),
        ("status", "run", STATUS_SPAN),
        ("output", "run-copy", OUTPUT_SPAN),
    )
    for part, base, at in kinds:
        cases.entry(
            f"UNKNOWN_REGION-{part}-span",
            "A span names a registered region.",
            base,
            patch(at, u32(77)),
        )
        cases.entry(
            f"STALE_GENERATION-{part}-span",
            "A span names the generation that was registered.",
            base,
            patch(at + SPAN_GENERATION, u32(6)),
        )
        cases.entry(
            f"OFFSET_OVERFLOW-{part}-span-end",
            "A span ends within its region.",
            base,
            patch(at + SPAN_OFFSET, u64(SIZE - 64)),
        )
        cases.entry(
            f"OFFSET_OVERFLOW-{part}-span-wraps",
            "The end of a span is computed without overflow.",
            base,
            patch(at + SPAN_OFFSET, u64(-64)),
        )
        cases.entry(
            f"OFFSET_OVERFLOW-{part}-span-huge",
            "The length of a span is checked before it is used.",
            base,
            patch(at + SPAN_LENGTH, u64(-64)),
        )
    for part, base, at in kinds[1:]:
        cases.entry(
            f"REGION_NOT_WRITABLE-{part}-span",
            "What the server writes lies in a readwrite region.",
            base,
            patch(at, u32(INPUT[0])),
            patch(at + SPAN_GENERATION, u32(INPUT[1])),
        )
    cases.entry(
        "BAD_LENGTH-block-short",
        "A block is at least as long as its header.",
        "run",
        patch(BLOCK_SPAN + SPAN_LENGTH, u64(56)),
    )
    cases.entry(
        "BAD_LENGTH-block-long",
        "A block is at most max_block_bytes long.",
        "run",
        patch(BLOCK_SPAN + SPAN_LENGTH, u64(SIZE)),
        limits={"max_block_bytes": 32768},
    )
    cases.entry(
        "MISALIGNED-status-offset",
        "The status area is aligned to 64.",
        "run",
        patch(STATUS_SPAN + SPAN_OFFSET, u64(STATUS_AT + 8)),
    )
    cases.entry(
        "MISALIGNED-status-length",
        "The length of the status area is a multiple of 64.",
        "run",
        patch(STATUS_SPAN + SPAN_LENGTH, u64(STATUS_SIZE - 8)),
    )
    cases.entry(
        "BAD_LENGTH-status-small",
        "The status area has room for each item.",
        "run",
        patch(STATUS_SPAN + SPAN_LENGTH, u64(64)),
    )
    cases.entry(
        "MISALIGNED-output-span",
        "The output span is aligned to 64 within its region.",
        "run-copy",
        patch(OUTPUT_SPAN + SPAN_OFFSET, u64(OUTPUT_AT + 8)),
        patch(OUTPUT_SPAN + SPAN_LENGTH, u64(OUTPUT_SIZE - 8)),
    )
    cases.entry(
        "OFFSET_OVERFLOW-output-span-small",
        "A relative output ends within the output span.",
        "run-copy",
        patch(OUTPUT_SPAN + SPAN_LENGTH, u64(255)),
    )
    cases.entry(
        "OFFSET_OVERFLOW-output-span-missing",
        "Relative outputs need an output span.",
        "run-copy",
        patch(OUTPUT_SPAN, "00" * 24),
    )


# Blocks -----------------------------------------------------------------------------------------

# Where the parts of block-noop, block-options and block-strided lie; see vectors/README.md.
OPERATION_AT, OPTION_TABLE_AT = 64, 72


def items_at(base: str) -> int:
    return struct.unpack_from("<I", BASES[base], 44)[0]


def input_at(base: str, field: int) -> int:
    return items_at(base) + 16 + TENSOR_AT[field]


def headers(cases: Cases) -> None:
    noop = "block-noop"
    length = len(BASES[noop])
    cases.block("BAD_MAGIC-block", "A block begins with its magic number.", noop, patch(0, "00"))
    cases.block("UNSUPPORTED_VERSION-block", "Majors are equal.", noop, patch(4, u16(2)))
    for stated, case in ((length + 8, "longer"), (length - 8, "shorter"), (-8, "huge")):
        cases.block(
            f"BAD_LENGTH-block-{case}",
            "block_length is the length of the span.",
            noop,
            patch(8, u64(stated)),
        )
    cases.block(
        "QUOTA_ITEMS-claimed",
        "item_count is checked before anything of its size is made.",
        noop,
        patch(16, u32(-1)),
    )
    cases.block(
        "QUOTA_ITEMS-present",
        "A batch has at most max_items.",
        "block-65",
        limits={"max_items": 64},
    )
    cases.block("BAD_FLAGS-block", "Flags are known.", noop, patch(20, u32(2)))
    cases.block("BAD_FLAGS-block-reserved", "Reserved fields are 0.", noop, patch(60, u32(1)))
    cases.block(
        "OFFSET_OVERFLOW-option-set-count",
        "The size of the table of option sets is computed without overflow.",
        noop,
        patch(28, u32(1 << 29)),
    )
    parts = {
        "operation-offset": (32, -8),
        "operation-length": (36, -1),
        "option-table": (40, -8),
        "items-offset": (44, -8),
        "items-length": (48, -8),
        "names-offset": (52, length - 4),
        "names-length": (56, -1),
        "option-set-offset": (OPTION_TABLE_AT, length + 8),
        "option-set-length": (OPTION_TABLE_AT + 4, -1),
    }
    for case, (at, value) in parts.items():
        cases.block(
            f"OFFSET_OVERFLOW-{case}",
            "Every part of a block lies within it.",
            noop,
            patch(at, u32(value)),
        )
    cases.block(
        "MISALIGNED-option-table",
        "The table of option sets is aligned to 8.",
        noop,
        patch(40, u32(OPTION_TABLE_AT - 4)),
    )
    cases.block(
        "MISALIGNED-items",
        "The items are aligned to 8.",
        noop,
        patch(44, u32(items_at(noop) - 4)),
    )
    cases.block("BAD_TEXT-operation", "Text is UTF-8.", noop, patch(OPERATION_AT, "ff"))
    cases.block("BAD_TEXT-names", "Text is UTF-8.", noop, patch(length - 8, "c080"))
    cases.block(
        "BAD_TEXT-options",
        "Text is UTF-8.",
        "block-options",
        patch(OPTION_TABLE_AT + 8, "80"),
    )
    cases.block(
        "BAD_COUNT-names",
        "There are as many names as items, or none.",
        "block-copy",
        patch(len(BASES["block-copy"]) - 7, "2e"),
    )
    cases.block(
        "BAD_COUNT-names-many",
        "There are as many names as items, or none.",
        noop,
        patch(length - 4, "00"),
    )
    cases.block("UNKNOWN_OPERATION-name", "The operation exists.", noop, patch(OPERATION_AT, "58"))


def items(cases: Cases) -> None:
    noop = "block-noop"
    at = items_at(noop)
    for value, case in ((64, "longer"), (48, "shorter"), (0, "zero"), (-8, "huge")):
        cases.block(
            f"BAD_LENGTH-record-{case}",
            "record_length ends where the tensors of the item end.",
            noop,
            patch(at, u32(value)),
        )
    cases.block(
        "BAD_LENGTH-items-left-over",
        "items_length ends where the last item ends.",
        noop,
        patch(48, u32(64)),
    )
    cases.block(
        "BAD_LENGTH-items-missing",
        "There are as many items as item_count says.",
        noop,
        patch(16, u32(2)),
        patch(56, u32(0)),
        patch(52, u32(0)),
    )
    cases.block(
        "BAD_LENGTH-input-count",
        "There are as many inputs as input_count says.",
        noop,
        patch(at + 4, u16(65535)),
    )
    for value in (1, U32 - 1):
        cases.block(
            f"BAD_COUNT-option-set-{value}",
            "option_set is the index of an option set.",
            noop,
            patch(at + 8, u32(value)),
        )
    cases.block(
        "BAD_COUNT-option-sets-none",
        "There is an option set where there are items.",
        noop,
        patch(28, u32(0)),
    )
    cases.block(
        "BAD_FLAGS-item-index", "item_index is 0 but for RESUME.", noop, patch(at + 12, u32(1))
    )
    cases.item("UNKNOWN_OPTION-item", "The operation has the option.", "block-options")
    cases.item(
        "BAD_OPTION-no-key",
        "Options are lines of key=value.",
        "block-options",
        patch(OPTION_TABLE_AT + 9, "31"),
    )
    cases.item("BAD_SHAPE-no-input", "The operation has the inputs it needs.", "block-no-input")


def tensors(cases: Cases) -> None:
    noop, strided = "block-noop", "block-strided"

    def bad(name: str, rule: str, *changes: tuple[int, str], base: str = noop) -> None:
        patches = (patch(input_at(base, field), value) for field, value in changes)
        cases.block(name, rule, base, *patches)

    within = "Every element of a tensor lies within its region."
    bad("UNKNOWN_REGION-input", "A tensor names a registered region.", (T_REGION, u32(77)))
    bad("UNKNOWN_REGION-input-zero", "Region ids are above 0.", (T_REGION, u32(0)))
    bad("UNKNOWN_REGION-input-relative", "Only outputs are relative.", (T_REGION, u32(-1)))
    bad("STALE_GENERATION-input", "The generation is the registered one.", (T_GENERATION, u32(1)))
    for code in (0, 18, 255):
        bad(f"BAD_DTYPE-{code}", "dtype codes are 1 to 17.", (T_DTYPE, f"{code:02x}"))
    bad("BAD_FLAGS-tensor", "Flags are known.", (T_FLAGS, u16(2)))
    bad("BAD_FLAGS-tensor-reserved", "Reserved fields are 0.", (T_RESERVED, u32(1)))
    bad("NEGATIVE_DIMENSION-first", "No dimension is negative.", (T_DIMS, u64(-1)))
    bad("NEGATIVE_DIMENSION-lowest", "No dimension is negative.", (T_DIMS, u64(1 << 63)))
    cases.block("BAD_RANK-65", "The rank is at most 64.", "block-rank-65")
    cases.block(
        "BAD_RANK-255",
        "The rank is at most 64.",
        "block-rank-65",
        patch(input_at("block-rank-65", T_RANK), "ff"),
    )
    bad("OFFSET_OVERFLOW-input-end", within, (T_OFFSET, u64(SIZE - 124)))
    bad("OFFSET_OVERFLOW-input-behind", within, (T_OFFSET, u64(SIZE + 1)))
    bad("OFFSET_OVERFLOW-input-wraps", within, (T_OFFSET, u64(-64)))
    bad("OFFSET_OVERFLOW-input-sign", within, (T_OFFSET, u64(1 << 63)))
    bad("OFFSET_OVERFLOW-input-dimension", within, (T_DIMS, u64(1 << 62)))
    bad("OFFSET_OVERFLOW-input-product", within, (T_DIMS, u64(1 << 32) + u64(1 << 32)))
    bad("OFFSET_OVERFLOW-input-bytes", within, (T_DIMS, u64(1 << 31) + u64(1 << 30)))
    strides = {
        "before": (-32, 4),
        "behind": (32768, 4),
        "huge": (1 << 62, 4),
        "lowest": (1 << 63, 4),
        "cancel-out": (1 << 62, -(1 << 62)),
    }
    for case, (outer, inner) in strides.items():
        cases.block(
            f"OFFSET_OVERFLOW-strides-{case}",
            within,
            strided,
            patch(input_at(strided, T_DIMS) + 16, u64(outer) + u64(inner)),
        )
    register = [create("extra", SIZE, READ_SEALS), send("register-read", descriptors=["extra"])]
    use = [write("work", 0, noop, patch(input_at(noop, T_REGION), u32(10) + u32(1))), submit("run")]
    released = [answer("OK", 10), send("release"), answer("OK", 20)]
    cases.rejected(
        "UNKNOWN_REGION-released",
        "A released region is not used.",
        [*register, *released, *use],
    )
    cases.rejected(
        "STALE_GENERATION-reused",
        "A tensor of a released region is not read from the next one with its id.",
        [
            *register,
            *released,
            create("next", SIZE, READ_SEALS),
            send("register-read", patch(20, u32(2)), descriptors=["next"]),
            answer("OK", 10),
            *use,
        ],
    )


def outputs(cases: Cases) -> None:
    absolute, relative_ = "block-copy-absolute", "block-copy"
    record = 16 + 2 * 40

    def output_at(base: str, item: int, field: int) -> int:
        return items_at(base) + item * record + 16 + 40 + TENSOR_AT[field]

    def bad(name: str, rule: str, base: str, item: int, *changes: tuple[int, str]) -> None:
        patches = (patch(output_at(base, item, field), value) for field, value in changes)
        cases.block(name, rule, base, *patches)

    apart = "Outputs overlap neither each other nor an input."
    planned = "Outputs are what the operation's plan says."
    bad("OUTPUT_OVERLAP-same", apart, absolute, 1, (T_OFFSET, u64(OUTPUT_AT)))
    bad("OUTPUT_OVERLAP-partly", apart, absolute, 1, (T_OFFSET, u64(OUTPUT_AT + 64)))
    bad("OUTPUT_OVERLAP-relative", apart, relative_, 1, (T_OFFSET, u64(64)))
    bad(
        "OUTPUT_OVERLAP-relative-absolute",
        apart,
        relative_,
        1,
        (T_REGION, u32(WORK[0]) + u32(WORK[1]) + u64(OUTPUT_AT + 64)),
    )
    cases.block("OUTPUT_OVERLAP-input", apart, "block-copy-in-place")
    bad(
        "REGION_NOT_WRITABLE-output",
        "Outputs lie in readwrite regions.",
        absolute,
        1,
        (T_REGION, u32(INPUT[0]) + u32(INPUT[1])),
    )
    bad(
        "MISALIGNED-output",
        "Outputs are aligned to the size of their elements.",
        absolute,
        1,
        (T_OFFSET, u64(OUTPUT_AT + 162)),
    )
    bad("UNKNOWN_REGION-output", "Outputs name a region.", absolute, 1, (T_REGION, u32(77)))
    bad(
        "STALE_GENERATION-output",
        "The generation is the registered one.",
        absolute,
        1,
        (T_GENERATION, u32(8)),
    )
    bad(
        "BAD_FLAGS-relative-generation",
        "A relative output has generation 0.",
        relative_,
        1,
        (T_GENERATION, u32(7)),
    )
    within = "A relative output lies within the output span."
    bad("OFFSET_OVERFLOW-relative-end", within, relative_, 1, (T_OFFSET, u64(OUTPUT_SIZE - 64)))
    bad("OFFSET_OVERFLOW-relative-wraps", within, relative_, 1, (T_OFFSET, u64(-64)))
    bad("OFFSET_OVERFLOW-output-end", within, absolute, 1, (T_OFFSET, u64(SIZE - 64)))
    bad("OUTPUT_MISMATCH-dtype", planned, relative_, 1, (T_DTYPE, f"{4:02x}"))
    bad("OUTPUT_MISMATCH-shape", planned, relative_, 1, (T_DIMS, u64(8) + u64(4)))
    cases.block("OUTPUT_MISMATCH-count", planned, "block-copy-no-output")
    cases.block("OUTPUT_MISMATCH-strided", "Outputs are row-major.", "block-copy-strided")
    cases.block("OUTPUT_MISMATCH-unplanned", planned, "block-noop-output")
    cases.rejected(
        "OUTPUT_MISMATCH-plan",
        "PLAN has no outputs.",
        [
            write("work", 0, relative_),
            submit("run-copy", patch(KIND, u32(2)), patch(OUTPUT_SPAN, "00" * 24)),
        ],
    )


def files_on_disk(cases: Cases) -> None:
    def register(*patches: dict, descriptor: str = "file") -> dict:
        return send("register-file", *patches, descriptors=[descriptor])

    registered = [register(), answer("OK", 10)]
    place = u32(10) + u32(1)

    for descriptor in ("directory", "pipe", "eventfd", "null", "pidfd-self"):
        cases.refused(
            f"UNSEALED_REGION-file-{descriptor}",
            "A file is a regular file.",
            [register(descriptor=descriptor)],
        )
    cases.refused(
        "UNSEALED_REGION-file-write-only",
        "A file is open for reading.",
        [register(descriptor="file-write-only")],
    )
    for length, case in ((SIZE - 1, "smaller"), (SIZE + 1, "larger"), (1 << 40, "huge")):
        cases.refused(
            f"REGION_SIZE_MISMATCH-file-{case}",
            "A file is as long as announced.",
            [register(patch(32, u64(length)))],
        )
    cases.refused(
        "BAD_LENGTH-register-file-empty",
        "A file has bytes.",
        [register(patch(32, u64(0)))],
    )
    cases.refused(
        "REGION_SIZE_MISMATCH-file-sparse",
        "A file that lies in memory has no holes.",
        [
            create("extra", 4096, 0),
            {"do": "truncate", "region": "extra", "length": SIZE},
            register(descriptor="extra"),
        ],
    )
    cases.refused(
        "QUOTA_BYTES-register-file-sign",
        "The length of a file is checked before it is used.",
        [register(patch(32, u64(-4096)))],
    )
    cases.refused(
        "QUOTA_BYTES-register-file-in-memory",
        "The bytes of a file that lies in memory count.",
        [
            create("extra", 32 << 20, 0),
            register(patch(32, u64(32 << 20)), descriptor="extra"),
        ],
        limits={"max_bytes": 16 << 20},
    )
    cases.refused(
        "QUOTA_REGIONS-register-file",
        "Files count as regions.",
        [
            *(
                step
                for region in range(10, 16)
                for step in (
                    register(patch(REQUEST_ID, u32(region)), patch(16, u32(region))),
                    answer("OK", region),
                )
            ),
            register(patch(REQUEST_ID, u32(16)), patch(16, u32(16))),
        ],
        request_id=16,
        limits={"max_regions": 8},
    )
    cases.add(
        "UNSEALED_REGION-input-file",
        "Only operations that read files take inputs in files.",
        [
            *registered,
            write("work", 0, "block-noop", patch(input_at("block-noop", T_REGION), place)),
            submit("run"),
            completed(100, failed_items=1),
            {"do": "expect-item", "item": 0, "code": "UNSEALED_REGION"},
        ],
    )
    spans = (
        ("UNSEALED_REGION-block-span-file", "Blocks lie in sealed memory.", "run", BLOCK_SPAN),
        (
            "REGION_NOT_WRITABLE-status-span-file",
            "What the server writes lies in a readwrite region.",
            "run",
            STATUS_SPAN,
        ),
        (
            "REGION_NOT_WRITABLE-output-span-file",
            "What the server writes lies in a readwrite region.",
            "run-copy",
            OUTPUT_SPAN,
        ),
    )
    for name, rule, base, at in spans:
        block = "block-copy" if base == "run-copy" else "block-noop"
        cases.rejected(
            name, rule, [*registered, write("work", 0, block), submit(base, patch(at, place))]
        )
    absolute = "block-copy-absolute"
    output_region = items_at(absolute) + 16 + 40 + TENSOR_AT[T_REGION]
    cases.rejected(
        "REGION_NOT_WRITABLE-output-file",
        "Outputs lie in readwrite regions.",
        [
            *registered,
            write("work", 0, absolute, patch(output_region, place)),
            submit("run-copy-absolute"),
        ],
    )


def waiting(cases: Cases) -> None:
    wait = [
        write("work", 0, "block-nonzero"),
        submit("run-nonzero"),
        completed(100, waiting_items=1),
        {"do": "expect-item", "item": 0, "code": "NEEDS_SPACE"},
    ]
    forget = [submit("forget", patch(TARGET_ID, u64(100))), completed(104)]
    cases.add(
        "OUTPUT_MISMATCH-resume",
        "RESUME brings outputs of the types that the item asked for.",
        [
            *wait,
            write("work", 0, "block-resume"),
            submit("resume"),
            completed(102, "OUTPUT_MISMATCH"),
            *forget,
        ],
    )
    cases.add(
        "BAD_COUNT-resume-item",
        "RESUME names items that wait.",
        [
            *wait,
            write("work", 0, "block-resume", patch(items_at("block-resume") + 12, u32(1))),
            submit("resume"),
            completed(102, "BAD_COUNT"),
            *forget,
        ],
    )
    cases.add(
        "DUPLICATE_BATCH-waiting",
        "The id of a batch with waiting items is in use.",
        [
            *wait,
            write("work", 0, "block-noop"),
            submit("run"),
            completed(100, "DUPLICATE_BATCH"),
            *forget,
        ],
    )
    cases.add(
        "UNKNOWN_BATCH-resume-forgotten",
        "A forgotten batch has no waiting items.",
        [
            *wait,
            *forget,
            write("work", 0, "block-resume"),
            submit("resume"),
            completed(102, "UNKNOWN_BATCH"),
        ],
    )
    cases.add(
        "NEEDS_SPACE-plan-record",
        "A plan record that does not fit is not written beyond the status area.",
        [
            write("work", 0, "block-copy-plan"),
            submit(
                "run-copy-plan",
                patch(STATUS_SPAN + SPAN_LENGTH, u64(128)),
                patch(OUTPUT_SPAN, "00" * 24),
            ),
            completed(100),
            {"do": "expect-item", "item": 0, "code": "NEEDS_SPACE"},
        ],
    )


# Files ------------------------------------------------------------------------------------------


def line(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def text_of(case: dict) -> str:
    steps = ",\n".join("    " + line(step) for step in case["steps"])
    head = "".join(
        f"  {line(k)}: {line(v)},\n" for k, v in case.items() if k not in ("steps", "end")
    )
    return "{\n" + head + f'  "steps": [\n{steps}\n  ],\n  "end": {line(case["end"])}\n}}\n'


def files() -> dict[str, str]:
    """The content of every file by its name."""
    cases = Cases()
    for section in (
        framing,
        handshakes,
        registrations,
        rings,
        spans,
        headers,
        items,
        tensors,
        outputs,
        files_on_disk,
        waiting,
    ):
        section(cases)
    known = {row["name"] for row in wire.error_codes()}
    made = {f"{name}.json": text_of(case) for name, case in cases.files.items()}
    assert all(code_of(name) in known for name in cases.files)
    hexes = ",\n".join(f"  {line(k)}: {line(v.hex())}" for k, v in sorted(BASES.items()))
    return made | {"bases.json": "{\n" + hexes + "\n}\n"}


def main(arguments: list[str]) -> int:
    made = files()
    found = {path.name: path for path in HERE.glob("*.json")}
    if arguments == ["--check"]:
        kept = {name: path.read_text(encoding="utf-8") for name, path in found.items()}
        wrong = sorted(
            name for name in made.keys() | kept.keys() if made.get(name) != kept.get(name)
        )
        print("".join(f"{name} is not what generate.py writes\n" for name in wrong), end="")
        return 1 if wrong else 0
    for name in found.keys() - made.keys():
        found[name].unlink()
    for name, text in made.items():
        (HERE / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
