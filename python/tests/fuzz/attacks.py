"""What an offender does: each attack is a generator, which stops where others may have a turn.

An attack answers for what the server tells it: each code is one of ``spec/errors.md`` and no defect
of the server, and where the rings are left alone, each submission has its one completion.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import random
import socket
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from .flipper import Flipper
from .offender import (
    CQ_HEAD,
    CQ_TAIL,
    FILE,
    INTERESTING,
    READ,
    READWRITE,
    SEALS,
    SERVER_SLEEPING,
    SQ_HEAD,
    SQ_TAIL,
    U64,
    Finding,
    Memory,
    Offender,
    mutated,
    wire,
)

Turns = Iterator[None]
KINDS = list(wire.KINDS)
F32, F16, BF16, U8, I64 = wire.F32, wire.F16, wire.BF16, wire.U8, 5
MFD_HUGETLB = 4


@dataclass
class Scene:
    """What an attack may use."""

    path: str
    rng: random.Random
    flipper: Flipper
    offenders: list[Offender] = field(default_factory=list)

    def offender(self) -> Offender:
        """Connect one more."""
        offender = Offender(self.path)
        self.offenders.append(offender)
        return offender

    def settled(self) -> Offender:
        """Connect one more, and register its regions."""
        offender = self.offender()
        if not offender.settle_in() and not offender.codes["QUOTA_CLIENTS"]:
            raise Finding(f"a correct handshake failed: {offender.last_error}")
        return offender

    def flip(self, memory: Memory, begin: int, end: int) -> None:
        """Let another process change bytes from now on."""
        self.flipper.start(memory.fd, begin, end, self.rng.randrange(1 << 30))


# --- batches that are right -----------------------------------------------------------------------

SCHEMES = (
    "q8_0",
    "q4_0",
    "q4_k",
    "q6_k",
    "iq4_nl",
    "nf4",
    "int8",
    "mxfp8",
    "f16",
    "uniform:bits=4",
)
OPTIONS = {
    "noop": ("",),
    "copy": ("",),
    "nonzero": ("",),
    "delay": ("millis=1\n", "millis=30\n"),
    "quantize": tuple(f"scheme={scheme}\n" for scheme in SCHEMES),
    "dequantize": tuple(
        f"scheme={scheme}\nshape={shape}\n"
        for scheme in ("q8_0", "q4_k", "iq4_nl", "nf4", "uniform:bits=4")
        for shape in ("32,256", "8,1024")
    ),
    "control_sum": ("", "base=zero\n", "dtype=f16\n"),
    "quantize_lora": ("scheme=q8_0\nparts=[]\n", "scheme=q4_0\nsurvival=true\nparts=[]\n"),
    "lora_read": ("", "container=safetensors\nallow_unmatched=true\nname=x\n"),
    "model_plan": ("", "container=table\n", 'overrides=[["(a+)+b","q8_0"]]\n'),
    "model_header": ("", "container=gguf\ntarget=gguf\n"),
}
OPERATIONS = tuple(OPTIONS)
INPUT_COUNTS = {"dequantize": 3, "control_sum": 3, "quantize_lora": 4}


def tensor(rng: random.Random, where: tuple[int, int], rows: int, columns: int) -> dict[str, Any]:
    """A matrix that lies within an input region."""
    room = Offender.INPUT_BYTES - 4 * rows * columns
    return wire.tensor_of(*where, rng.randrange(room // 64 + 1) * 64, F32, [rows, columns])


def a_batch(
    rng: random.Random, operation: str, items: int, where: tuple[int, int], *, outputs: bool = True
) -> dict[str, Any]:
    """A block of an operation, correct as far as one can know without a plan."""
    options = rng.choice(OPTIONS[operation])
    rows, columns = rng.choice(((1, 256), (4, 256), (16, 512), (32, 1024)))
    count = rng.randint(1, INPUT_COUNTS.get(operation, 1))
    made = []
    for index in range(items):
        inputs = [tensor(rng, where, rows, columns) for _ in range(count)]
        produced = []
        if operation == "copy" and outputs:
            length = 4 * rows * columns
            produced = [wire.tensor_of(wire.RELATIVE, 0, index * length, F32, [rows, columns])]
        made.append(wire.item_of(inputs, produced))
    return wire.block_of(operation, made, [options], flags=rng.randrange(2))


def small_batch(rng: random.Random, outputs: bool = True) -> dict[str, Any]:
    """A block that runs, of an operation that needs no plan."""
    operation = rng.choice(("noop", "noop", "copy", "nonzero", "delay"))
    items = rng.randint(1, 4) if operation == "copy" else rng.choice((1, 1, 3, 17, 64))
    block = a_batch(
        rng, operation, items, rng.choice((Offender.INPUT, Offender.SOFT)), outputs=outputs
    )
    if operation == "copy":
        for item in block["items"]:
            for each in item["inputs"] + item["outputs"]:
                each["dims"] = [4, 256]
        for index, item in enumerate(block["items"]):
            for each in item["outputs"]:
                each["byte_offset"] = 4096 * index
    return block


def probe(offender: Offender) -> None:
    """See that an offender that has done nothing fatal is still served."""
    block = wire.block(wire.block_of("noop", [wire.item_of([wire.tensor_of(2, 9, 0, F32, [8])])]))
    batch = offender.submit("RUN", block)
    code = offender.complete(batch)
    if code == 0:
        offender.item_codes(batch, 1)


# --- the socket -----------------------------------------------------------------------------------


def handshakes(scene: Scene) -> Turns:
    """HELLO with wrong fields, and descriptors of the wrong kind, number and order."""
    rng = scene.rng
    for _ in range(6):
        offender = scene.offender()
        offender.open_bells()
        pidfd = offender.own(os.pidfd_open(os.getpid()))
        fds = [offender.control.fd, *offender.bells, pidfd]
        packet = offender.hello()
        match rng.randrange(5):
            case 0:
                packet = mutated(rng, packet)
            case 1:
                fds[rng.randrange(4)] = offender.strange_fd(rng)
            case 2:
                rng.shuffle(fds)
                fds = fds[: rng.randrange(5)] * rng.choice((1, 1, 3))
            case 3:
                fds += [offender.strange_fd(rng) for _ in range(rng.randrange(60))]
            case 4:
                offender.control.write(0, mutated(rng, bytes(offender.control.bytes[:512])))
        offender.send(packet, fds)
        yield
        offender.pump()


def half_handshakes(scene: Scene) -> Turns:
    """Connections that say nothing, or not enough."""
    rng = scene.rng
    for _ in range(rng.randint(3, 12)):
        offender = scene.offender()
        if rng.random() < 0.5:
            offender.send(offender.hello()[: rng.randrange(1, 40)])
    yield
    for offender in scene.offenders:
        offender.pump()
    yield


def connect_flood(scene: Scene) -> Turns:
    """More connections than the server takes, which then go at once."""
    for i in range(scene.rng.randint(40, 90)):
        scene.offender()
        if i % 30 == 29:
            yield
    for offender in scene.offenders:
        offender.pump()
    for offender in scene.offenders:
        offender.close()
    yield


def messages(scene: Scene) -> Turns:
    """Messages with wrong fields, of wrong types, with wrong descriptors."""
    rng = scene.rng
    offender = scene.settled()
    for number in range(40):
        memory = offender.memory(4096, SEALS[rng.choice((READ, READWRITE))])
        region = rng.choice((1, 2, 3, 4, 50, 51, 0, 0xFFFFFFFF))
        fields = {
            "request_id": offender.request(),
            "region": region,
            "generation": rng.choice((0, 1, 7, 9, 11, 12)),
            "access": rng.choice((0, 1, 2, 3, 4)),
            "byte_length": rng.choice((4096, 4096, *INTERESTING)),
        }
        packet = rng.choice(
            (
                wire.register(fields),
                wire.register(fields),
                wire.release(fields),
                wire.message("OPERATIONS", fields["request_id"]),
            )
        )
        if rng.random() < 0.1:
            packet = mutated(rng, packet)
        fds = [memory.fd] if rng.random() < 0.7 else [offender.strange_fd(rng)]
        offender.send(packet, fds if rng.random() < 0.9 else [])
        if number % 10 == 9:
            yield
        offender.pump()
    yield


def descriptor_flood(scene: Scene) -> Turns:
    """Thousands of descriptors, many in each message."""
    rng = scene.rng
    offender = scene.settled()
    memory = offender.memory(4096, SEALS[READ])
    for number in range(12):
        packet = wire.register(
            {
                "request_id": offender.request(),
                "region": 100 + number,
                "generation": 1,
                "access": READ,
                "byte_length": 4096,
            }
        )
        fd = memory.fd if rng.random() < 0.5 else offender.eventfd()
        offender.send(packet, [fd] * rng.choice((253, 253, 200, 254)))
        if number % 4 == 3:
            yield
    offender.pump()
    probe(offender)
    yield


def never_reads(scene: Scene) -> Turns:
    """Requests whose answers nobody takes."""
    offender = scene.settled()
    packet = wire.message("OPERATIONS", 5)
    for number in range(20_000):
        try:
            offender.socket.send(packet)
        except BlockingIOError:
            yield
        except OSError:
            break
        if number % 2000 == 1999:
            yield
    yield


def floods_socket(scene: Scene) -> Turns:
    """Requests as fast as they go, each answer taken."""
    offender = scene.settled()
    for number in range(4000):
        offender.send(wire.message("OPERATIONS", offender.request()))
        offender.pump()
        if number % 1000 == 999:
            yield


# --- the rings ------------------------------------------------------------------------------------


def ring_words(scene: Scene) -> Turns:
    """Indices and flags that jump, at any time."""
    rng = scene.rng
    offender = scene.settled()
    offender.lenient = True
    for _ in range(8):
        for _ in range(rng.randint(1, 4)):
            _, entry = offender.entry("RUN", wire.block(small_batch(rng)))
            offender.publish(entry)
        for _ in range(rng.randint(1, 6)):
            word = rng.choice((SQ_TAIL, CQ_HEAD, 48, SQ_HEAD, CQ_TAIL, SERVER_SLEEPING, 2, 0))
            old = offender.word(word)
            offender.set_word(
                word, rng.choice((old + 1, old - 1, old + 16, old + 17, *INTERESTING[:26]))
            )
            offender.ring()
        yield
        offender.pump()


def flipped_control(scene: Scene) -> Turns:
    """A control region whose every byte changes while the server reads it."""
    rng = scene.rng
    offender = scene.settled()
    offender.lenient = True
    begin = rng.choice((0, 64, 512))
    scene.flip(offender.control, begin, rng.choice((512, offender.control.length - begin)) + begin)
    for number in range(30):
        _, entry = offender.entry("RUN", wire.block(small_batch(rng)))
        offender.publish(entry)
        if number % 10 == 9:
            yield
        offender.pump()
    scene.flipper.stop()
    yield


def entries(scene: Scene) -> Turns:
    """Submission entries with wrong fields."""
    rng = scene.rng
    offender = scene.settled()
    for number in range(40):
        kind = rng.choice(KINDS)
        has_block = kind in ("RUN", "PLAN", "PREPARE", "RESUME")
        block = wire.block(small_batch(rng, outputs=kind != "PLAN")) if has_block else None
        batch, entry = offender.entry(kind, block, rng.choice((0, 1, batch_before(offender))))
        changed = mutated(rng, entry, 1).ljust(128, b"\0")[:128]
        named = struct.unpack_from("<Q", changed)[0]
        offender.statuses.pop(batch, None)
        offender.room()
        offender.publish(changed)
        offender.until(lambda n=named: n in offender.completed, "a completion")
        if offender.ended:
            return
        offender.completed.setdefault(batch, (0, 0, 0))
        if named != batch:
            del offender.completed[named]
        if number % 10 == 9:
            yield
    probe(offender)
    yield


def batch_before(offender: Offender) -> int:
    """The id of some batch."""
    return max(1, offender.next_batch - 1)


def blocks(scene: Scene) -> Turns:
    """Blocks of every operation with wrong fields, offsets, texts and tensors."""
    rng = scene.rng
    offender = scene.settled()
    for number in range(40):
        operation = rng.choice(OPERATIONS)
        kind = rng.choice(("RUN", "RUN", "PLAN", "PREPARE", "RESUME"))
        fields = a_batch(
            rng, operation, rng.choice((1, 2, 5)), Offender.INPUT, outputs=kind != "PLAN"
        )
        if rng.random() < 0.4:
            fields["option_sets"] = [strange_options(rng) for _ in range(rng.randint(0, 3))]
        if rng.random() < 0.3:
            fields["names"] = ["x" * rng.randrange(40) for _ in fields["items"]]
        if rng.random() < 0.5:
            each = rng.choice(fields["items"])
            each["inputs"] = [strange_tensor(rng) for _ in range(rng.choice((0, 1, 2, 9)))]
        block = wire.block(fields)
        if rng.random() < 0.6:
            block = mutated(rng, block)
        batch = offender.submit(kind, block, target=rng.choice((0, 0, batch_before(offender))))
        code = offender.complete(batch)
        if code == 0 and len(block) >= 64:
            count = struct.unpack_from("<I", block, 16)[0]
            if kind != "RESUME":
                offender.item_codes(batch, min(count, 100))
        if number % 10 == 9:
            yield
    probe(offender)
    yield


def strange_options(rng: random.Random) -> str:
    """Option texts: right keys, wrong values, wrong forms."""
    keys = (
        "scheme",
        "nonfinite",
        "parts",
        "shape",
        "container",
        "target",
        "overrides",
        "millis",
        "x",
    )
    values = (
        "q8_0", "", "uniform:bits=4,group=128", "uniform:bits=99", "nf4:block=0", "-1",
        "9223372036854775807", "[" * 500, "{}", "[[]]", '[["(a+)+$","q8_0"]]', "1,2,3", "0,0",
        "9999999999,9999999999", "=", "é", "\0", "q8_0 " * 50, "clip", "true",
    )  # fmt: skip
    lines = [f"{rng.choice(keys)}={rng.choice(values)}\n" for _ in range(rng.randrange(4))]
    text = "".join(lines)
    return text[: rng.randrange(len(text) + 1)] if rng.random() < 0.2 else text


def strange_tensor(rng: random.Random) -> dict[str, Any]:
    """A tensor of awkward form, which mostly lies within its region."""
    where = rng.choice(
        (Offender.INPUT, Offender.INPUT, Offender.SOFT, Offender.WORK, (2, 1), (77, 1))
    )
    dtype = rng.choice((F32, F32, F16, BF16, U8, I64, rng.randrange(20)))
    match rng.randrange(6):
        case 0:  # one element that is everywhere
            rank = rng.randint(1, 6)
            dims = [rng.choice((1, 7, 1 << 20, 1 << 31, 1 << 40)) for _ in range(rank)]
            return wire.tensor_of(*where, 0, dtype, dims, [0] * rank)
        case 1:  # no elements, in many rows
            dims = [rng.choice((1 << 40, 1 << 62, 3)), 0, rng.choice((1, 1 << 40))]
            rng.shuffle(dims)
            return wire.tensor_of(*where, 0, dtype, dims)
        case 2:  # backwards
            return wire.tensor_of(*where, 4 * 1023, dtype, [1024], [-4])
        case 3:
            return wire.tensor_of(
                *where, rng.randrange(64), dtype, [1] * rng.choice((0, 1, 63, 64, 65))
            )
        case 4:
            return wire.tensor_of(
                *where, rng.choice(INTERESTING) % U64, dtype, [rng.choice((0, 1, 256, 1 << 62))]
            )
        case _:
            dims = [rng.choice((0, 1, 31, 256)) for _ in range(rng.randint(0, 4))]
            return wire.tensor_of(*where, rng.randrange(256), dtype, dims)


# --- changes while the server works ---------------------------------------------------------------


def flipped_blocks(scene: Scene) -> Turns:
    """Blocks and option texts that change while the server decodes them."""
    rng = scene.rng
    offender = scene.settled()
    for round_ in range(3):
        fields = a_batch(rng, rng.choice(OPERATIONS), rng.choice((1, 8, 200)), Offender.INPUT)
        block = wire.block(fields)
        if len(block) > Offender.STATUS_AT:
            continue
        offender._block_at = 0
        span = offender.write_block(block)
        scene.flip(offender.work, 0, len(block))
        batches = []
        for number in range(12):
            batch = offender.take_batch()
            kind = rng.choice(("RUN", "PLAN", "PREPARE"))
            output = offender.output_span(batch) if kind == "RUN" else wire.NOWHERE
            offender.room()
            offender.publish(
                wire.submission(
                    wire.submission_of(batch, kind, span, offender.status_span(batch), output)
                )
            )
            batches.append(batch)
            if number % 6 == 5:
                yield
        offender.complete_all()
        scene.flipper.stop()
        if offender.ended:
            raise Finding(f"a block ended the connection: {offender.last_error}")
        if round_ == 2:
            probe(offender)
        yield


def flipped_inputs(scene: Scene) -> Turns:
    """Tensors that change while kernels read them; the outputs, statuses and options too."""
    rng = scene.rng
    offender = scene.settled()
    scene.flip(offender.soft, 0, offender.soft.length)
    waiting = []
    for number in range(16):
        operation = rng.choice(("nonzero", "copy", "quantize", "dequantize", "control_sum"))
        fields = a_batch(rng, operation, 2, Offender.SOFT)
        if operation in ("quantize", "dequantize", "control_sum"):
            plan_outputs(offender, fields)
        batch = offender.submit("RUN", wire.block(fields))
        code = offender.complete(batch)
        if code is None:
            raise Finding(f"a batch ended the connection: {offender.last_error}")
        if code == 0:
            codes = offender.item_codes(batch, 2)
            if 404 in codes:
                waiting.append((batch, operation))
        if number % 4 == 3:
            yield
    for batch, operation in waiting:
        spec = wire.tensor_of(wire.RELATIVE, 0, 0, I64, [rng.choice((1, 1024))])
        block = wire.block_of(operation, [wire.item_of([], [spec])])
        offender.complete(offender.submit("RESUME", wire.block(block), target=batch))
        offender.complete(offender.submit("FORGET", target=batch))
    scene.flipper.stop()
    yield


def plan_outputs(offender: Offender, fields: dict[str, Any]) -> None:
    """Ask for the outputs of a batch's items, and place them one behind the other."""
    batch = offender.submit("PLAN", wire.block(fields))
    if offender.complete(batch) != 0:
        return
    base = offender.statuses[batch]
    at = 0
    for index, item in enumerate(fields["items"]):
        code, length, offset = struct.unpack_from(
            "<IIQ", offender.work.bytes, base + 64 + 64 * index
        )
        if code or not length:
            continue
        record = bytes(offender.work.bytes[base + offset : base + offset + length])
        count, label = struct.unpack_from("<II", record)
        position = 16 + -(-label // 8) * 8
        for _ in range(count):
            name_length, dtype, rank = struct.unpack_from("<HBB", record, position)
            dims = list(struct.unpack_from(f"<{rank}q", record, position + 8))
            position += 8 + 8 * rank + -(-name_length // 8) * 8
            item["outputs"].append(wire.tensor_of(wire.RELATIVE, 0, at, dtype, dims))
            elements = 1
            for dim in dims:
                elements *= dim
            at = -(-(at + elements * 16) // 64) * 64


def seals(scene: Scene) -> Turns:
    """Memory that is not sealed, sealed otherwise or later, sparse, or cut short."""
    rng = scene.rng
    offender = scene.settled()
    for number in range(24):
        region = (10 + number, 1)
        access = rng.choice((READ, READWRITE, FILE))
        match rng.randrange(7):
            case 0:
                memory = offender.memory(8192, rng.randrange(64), allocated=rng.random() < 0.7)
                offender.register(region, memory, access)
            case 1:
                memory = offender.memory(8192, 0)
                offender.register(region, memory, access)
                with contextlib.suppress(OSError):
                    fcntl.fcntl(memory.fd, 1033, SEALS[READ])
                offender.register(region, memory, access)
            case 2:
                memory = offender.memory(8192, 2 | 4)
                with contextlib.suppress(OSError):
                    os.ftruncate(memory.fd, 4096)
                offender.register(region, memory, access)
            case 3:
                with contextlib.suppress(OSError):
                    memory = offender.memory(2 << 20, 7, allocated=False, flags=MFD_HUGETLB)
                    offender.register(region, memory, access)
            case 4:  # holes in memory that the server may write
                memory = offender.memory(1 << 16, SEALS[READWRITE])
                if offender.register(region, memory, READWRITE):
                    punch_hole(memory)
                    use(offender, region, rng)
            case 5:  # a file that gets shorter while it is read
                memory = offender.memory(1 << 16, 0)
                if offender.register(region, memory, FILE):
                    use(offender, region, rng)
                    os.ftruncate(memory.fd, rng.choice((0, 100, 4096)))
                    memory.map = None
                    use(offender, region, rng)
            case 6:
                memory = offender.memory(8192, SEALS[READWRITE])
                offender.register(region, memory, READWRITE, rng.choice(INTERESTING))
        if number % 6 == 5:
            yield
    probe(offender)
    yield


def punch_hole(memory: Memory) -> None:
    """Give back the pages of a memory file, if that is allowed."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    libc.fallocate(memory.fd, 3, ctypes.c_long(0), ctypes.c_long(memory.length))


def use(offender: Offender, region: tuple[int, int], rng: random.Random) -> None:
    """Read a region by some operation."""
    operation = rng.choice(("noop", "copy", "quantize", "nonzero"))
    fields = wire.block_of(
        operation,
        [wire.item_of([wire.tensor_of(*region, 0, F32, [16, 256])])],
        ["scheme=q8_0\n" if operation == "quantize" else ""],
    )
    if operation in ("copy", "quantize"):
        plan_outputs(offender, fields)
    batch = offender.submit("RUN", wire.block(fields))
    if offender.complete(batch) == 0:
        offender.item_codes(batch, 1)


# --- doorbells ------------------------------------------------------------------------------------


def doorbells(scene: Scene) -> Turns:
    """Doorbells that are full, block, count down by one, or belong to two clients."""
    rng = scene.rng
    offender = scene.offender()
    kinds: list[Callable[[], int]] = [
        lambda: offender.eventfd(U64 - 2),
        lambda: offender.eventfd(1 << 40, os.EFD_SEMAPHORE | os.EFD_NONBLOCK),
        lambda: offender.eventfd(0, 0),
        lambda: offender.eventfd(0),
    ]
    offender.deaf = True
    server_bell, client_bell = rng.choice(kinds)(), rng.choice(kinds)()
    if rng.random() < 0.2:
        client_bell = server_bell
    if not offender.greet(server_bell, client_bell):
        return
    other = scene.offender() if rng.random() < 0.5 else None
    if other is not None:
        other.deaf = True
        other.greet(server_bell, client_bell)
    memory = offender.memory(Offender.WORK_BYTES, SEALS[READWRITE])
    offender.work = memory
    offender.register(Offender.WORK, memory, READWRITE)
    for number in range(12):
        match rng.randrange(4):
            case 0:
                os.set_blocking(client_bell, True)
                os.set_blocking(server_bell, True)
            case 1:
                fill(client_bell)
            case 2:
                fill(server_bell)
            case 3:
                with contextlib.suppress(OSError):
                    os.set_blocking(server_bell, False)
                    os.eventfd_read(server_bell)
        block = wire.block_of("noop", [wire.item_of([wire.tensor_of(1, 7, 0, U8, [64])])])
        _, entry = offender.entry("RUN", wire.block(block))
        offender.set_word(48, 1)
        offender.control.write(512 + 128 * (offender.tail % offender.ENTRIES), entry)
        offender.tail += 1
        offender.set_word(SQ_TAIL, offender.tail)
        offender.submitted += 1
        fill(server_bell)
        if number % 3 == 2:
            yield
        offender.pump()
        if offender.submitted - len(offender.completed) >= offender.ENTRIES - 1:
            break
    yield


def fill(bell: int) -> None:
    """Raise a counter as far as it goes."""
    blocking = os.get_blocking(bell)
    os.set_blocking(bell, False)
    for step in (U64 - 2, 1 << 32, 1):
        with contextlib.suppress(OSError):
            os.eventfd_write(bell, step)
    os.set_blocking(bell, blocking)


def blocking_full_bell(scene: Scene) -> Turns:
    """A doorbell that is filled again and again, and made to block, while the server rings it."""
    rng = scene.rng
    offender = scene.settled()
    offender.deaf = True
    for number in range(20):
        block = wire.block(a_batch(rng, "delay", 1, Offender.INPUT)) if rng.random() < 0.5 else None
        if block is None:
            block = wire.block(a_batch(rng, "noop", 1, Offender.INPUT))
        _, entry = offender.entry("RUN", block)
        fill(offender.bells[1])
        os.set_blocking(offender.bells[1], True)
        offender.set_word(48, 1)
        if offender.ended or offender.submitted - len(offender.completed) >= offender.ENTRIES - 1:
            break
        offender.publish(entry)
        if number % 5 == 4:
            yield
        offender.set_word(48, 1)
        offender.pump()
    yield


# --- memory of others -----------------------------------------------------------------------------


def shared_control(scene: Scene) -> Turns:
    """One control region of two clients."""
    rng = scene.rng
    one, other = scene.offender(), scene.offender()
    other.control.close()
    other.memories.remove(other.control)
    other.control = one.control
    if not one.settle_in() or not other.settle_in():
        raise Finding(
            "a handshake with the control region of another client of the same process failed"
        )
    one.lenient = other.lenient = True
    for number in range(20):
        offender = rng.choice((one, other))
        _, entry = offender.entry("RUN", wire.block(small_batch(rng)))
        offender.publish(entry)
        rng.choice((one, other)).ring()
        if number % 5 == 4:
            yield
        offender.pump()
    yield


def regions_of_others(scene: Scene) -> Turns:
    """Region ids that only other clients have registered: nothing of theirs may come."""
    rng = scene.rng
    offender = scene.settled()
    for number in range(30):
        region = (rng.choice((1, 2, 3, 4, 5, 6, 7, 8, 1 << 16)), rng.choice((1, 1, 2, 3)))
        fields = wire.block_of(
            "copy",
            [
                wire.item_of(
                    [wire.tensor_of(*region, rng.choice((0, 4096)), U8, [2048])],
                    [wire.tensor_of(wire.RELATIVE, 0, 0, U8, [2048])],
                )
            ],
        )
        code = offender.complete(offender.submit("RUN", wire.block(fields)))
        if code == 0:
            raise Finding(f"region {region} of another client was served")
        if number % 10 == 9:
            yield
    yield


def unwritten_outputs(scene: Scene) -> Turns:
    """Batches that fail, are cancelled or late: no output holds bytes of others."""
    rng = scene.rng
    offender = scene.settled()
    for number in range(12):
        fields = a_batch(rng, rng.choice(("quantize", "copy", "delay")), 3, Offender.INPUT)
        if fields["operation"] == "quantize":
            plan_outputs(offender, fields)
        batch = offender.submit("RUN", wire.block(fields), timeout=rng.choice((0, 1, 100_000)))
        if rng.random() < 0.5:
            offender.submit("CANCEL", target=batch)
        if number % 4 == 3:
            yield
    offender.complete_all()
    yield


def overlaps(scene: Scene) -> Turns:
    """Status areas and outputs over blocks, inputs, each other and the control region."""
    rng = scene.rng
    offender = scene.settled()
    offender.lenient = True
    control = (20, 1)
    offender.register(control, offender.control, READWRITE)
    for number in range(30):
        fields = small_batch(rng)
        block = wire.block(fields)
        batch, _ = offender.entry("RUN")
        span = offender.write_block(block)
        places = [
            span,
            wire.span_of(*Offender.WORK, span["byte_offset"] // 64 * 64, 8192),
            wire.span_of(*Offender.SOFT, rng.randrange(64) * 64, 16384),
            wire.span_of(*Offender.WORK, Offender.STATUS_AT, 16384),
            wire.span_of(*control, 0, rng.choice((512, offender.control.length // 64 * 64))),
        ]
        entry = wire.submission(
            wire.submission_of(batch, "RUN", span, rng.choice(places), rng.choice(places))
        )
        if offender.submitted - len(offender.completed) >= offender.ENTRIES - 1:
            break
        offender.publish(entry)
        if number % 6 == 5:
            yield
        offender.pump()
    yield


# --- time -----------------------------------------------------------------------------------------


def generations(scene: Scene) -> Turns:
    """Regions registered anew: old generations, same bytes, prepared batches on them."""
    rng = scene.rng
    offender = scene.settled()
    generation = {1: 100}
    held: dict[int, Memory] = {}
    prepared: list[int] = []

    def renew(value: float) -> None:
        if held:
            offender.release((30, generation[1]))
            generation[1] += 1
        memory = offender.memory(4096, 0)
        memory.write(0, struct.pack("<f", value) * 1024)
        fcntl.fcntl(memory.fd, 1033, SEALS[READ])
        held[30] = memory
        if not offender.register((30, generation[1]), memory, READ):
            raise Finding(f"a region could not be registered again: {offender.last_error}")

    for number in range(20):
        value = float(number + 1)
        if prepared and rng.random() < 0.7:
            offender.complete(offender.submit("FORGET", target=prepared.pop()))
        while prepared:
            offender.complete(offender.submit("FORGET", target=prepared.pop()))
        renew(value)
        current = generation[1]
        for attempt in (current, current - 1, current + 1, 0, current):
            block = wire.block(
                wire.block_of("noop", [wire.item_of([wire.tensor_of(30, attempt, 0, F32, [1024])])])
            )
            batch = offender.submit("RUN", block)
            code = offender.complete(batch)
            if attempt != current:
                if code != 110:
                    raise Finding(f"generation {attempt} of {current} was answered with {code}")
                continue
            at = offender.statuses[batch] + 64 + 32
            first, last = struct.unpack_from("<2f", offender.work.bytes, at)
            if (code, first, last) != (0, value, value):
                raise Finding(f"generation {current} holds {value}, read were {first} and {last}")
        if rng.random() < 0.5:
            batch = offender.submit("PREPARE", block)
            if offender.complete(batch) == 0:
                prepared.append(batch)
                run = offender.submit("RUN_PREPARED", target=batch)
                offender.complete(run)
                first = struct.unpack_from("<f", offender.work.bytes, offender.statuses[run] + 96)[
                    0
                ]
                if first != value:
                    raise Finding(f"a prepared batch read {first}, its region holds {value}")
        if number % 5 == 4:
            yield
    yield


def lifecycles(scene: Scene) -> Turns:
    """Batches prepared, run, resumed, cancelled and forgotten in no order, by any id."""
    rng = scene.rng
    offender = scene.settled()
    ids = [1]
    for number in range(60):
        kind = rng.choice(KINDS)
        block = None
        if kind in ("RUN", "PLAN", "PREPARE"):
            block = wire.block(small_batch(rng, outputs=kind != "PLAN"))
        elif kind == "RESUME":
            output = wire.tensor_of(wire.RELATIVE, 0, 0, I64, [rng.choice((1, 256, 1024))])
            index = rng.choice((0, 0, 1, 2, 1 << 31))
            items = [wire.item_of([], [output], index=index)] * rng.choice((1, 1, 2))
            block = wire.block(wire.block_of(rng.choice(("nonzero", "copy")), items))
        target = 0 if kind in ("RUN", "PLAN", "PREPARE") else rng.choice(ids)
        batch, entry = offender.entry(kind, block, target, rng.choice((0, 0, 1, 10**6, U64 - 1)))
        ids.append(batch)
        offender.room()
        offender.publish(entry)
        if number % 15 == 14:
            yield
    offender.complete_all()
    if offender.ended:
        raise Finding(f"correct submissions ended the connection: {offender.last_error}")
    for batch in ids[1:]:
        offender.submit("FORGET", target=batch)
    offender.complete_all()
    probe(offender)
    yield


def exhaustion(scene: Scene) -> Turns:
    """As many regions, prepared batches and items as there may be, and more."""
    rng = scene.rng
    offender = scene.settled()
    match rng.randrange(4):
        case 0:
            memory = offender.memory(4096, SEALS[READ])
            for number in range(4200):
                if not offender.register((1000 + number, 1), memory, READ):
                    break
                if number % 1000 == 999:
                    yield
        case 1:
            block = wire.block(a_batch(rng, "noop", rng.choice((1, 100)), Offender.INPUT))
            for number in range(1100):
                if offender.complete(offender.submit("PREPARE", block)) != 0:
                    break
                if number % 300 == 299:
                    yield
        case 2:
            big = offender.memory(16 << 20, SEALS[READWRITE])
            offender.register((40, 1), big, READWRITE)
            count = rng.choice((65536, 65537, 40000))
            item = wire.item(wire.item_of([wire.tensor_of(2, 9, 0, F32, [8])]))
            items = item * count
            head = bytearray(wire.block(wire.block_of("noop", [])))
            at = len(head)
            head += b"\0" * 16
            struct.pack_into("<Q", head, 8, len(head) + len(items))
            struct.pack_into("<I", head, 16, count)
            struct.pack_into("<I", head, 28, 1)
            struct.pack_into("<I", head, 40, at)
            struct.pack_into("<II", head, 44, at + 16, len(items))
            struct.pack_into("<II", head, at, at + 8, 0)
            big.write(0, bytes(head) + items)
            for _ in range(3):
                batch = offender.take_batch()
                offender.room()
                offender.publish(
                    wire.submission(
                        wire.submission_of(
                            batch,
                            rng.choice(("RUN", "PREPARE")),
                            wire.span_of(40, 1, 0, len(head) + len(items)),
                            wire.span_of(40, 1, 8 << 20, 8 << 20),
                        )
                    )
                )
                yield
                offender.complete(batch)
        case 3:
            for _ in range(10):
                item = wire.item_of([strange_tensor(rng)] * rng.choice((1, 60)))
                block = wire.block_of(rng.choice(OPERATIONS), [item] * rng.choice((1, 20)))
                data = wire.block(block)
                if len(data) < Offender.STATUS_AT:
                    offender.submit("RUN", data, timeout=2 * 10**9)
                yield
    offender.pump()
    yield


def everywhere(scene: Scene) -> Turns:
    """Huge tensors of one element: work without end, which must end with the client."""
    rng = scene.rng
    offender = scene.settled()
    for operation in rng.sample(OPERATIONS, 4):
        dims = [rng.choice((1 << 20, 1 << 31, 1 << 44)), rng.choice((32, 256))]
        item = wire.item_of([wire.tensor_of(2, 9, 0, F32, dims, [0, rng.choice((0, 4))])])
        options = rng.choice(OPTIONS[operation])
        offender.submit("RUN", wire.block(wire.block_of(operation, [item], [options])))
        yield
    offender.pump()
    yield


def says_goodbye(scene: Scene) -> Turns:
    """A client that leaves in the middle of everything, or only half."""
    rng = scene.rng
    offender = scene.settled()
    for _ in range(6):
        offender.submit("RUN", wire.block(a_batch(rng, "delay", 3, Offender.INPUT)))
    match rng.randrange(3):
        case 0:
            offender.send(wire.message("GOODBYE", 3))
        case 1:
            with contextlib.suppress(OSError):
                offender.socket.shutdown(socket.SHUT_WR)
        case 2:
            with contextlib.suppress(OSError):
                offender.socket.shutdown(socket.SHUT_RD)
            offender.send(wire.message("OPERATIONS", 3))
    yield
    offender.ring()
    yield


ATTACKS: tuple[Callable[[Scene], Turns], ...] = (
    handshakes,
    half_handshakes,
    connect_flood,
    messages,
    descriptor_flood,
    never_reads,
    floods_socket,
    ring_words,
    flipped_control,
    entries,
    blocks,
    flipped_blocks,
    flipped_inputs,
    seals,
    doorbells,
    blocking_full_bell,
    shared_control,
    regions_of_others,
    unwritten_outputs,
    overlaps,
    generations,
    lifecycles,
    exhaustion,
    everywhere,
    says_goodbye,
)
