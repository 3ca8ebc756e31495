"""Plays a file of ``spec/hostile`` against a live server; uses nothing of the package."""

from __future__ import annotations

import fcntl
import json
import mmap
import os
import select
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from typing import Any

from conftest import SPEC

CODES = {
    entry["name"]: entry["number"]
    for entry in json.loads((SPEC / "vectors" / "error_codes.json").read_text())
}
STATUS_AT = 16384
PROBE = 61453
PATIENCE_MS = 10_000
WELCOME, OK, ERROR = 2, 5, 8


def base_bytes() -> dict[str, bytes]:
    bases = json.loads((SPEC / "hostile" / "bases.json").read_text())
    return {name: bytes.fromhex(text) for name, text in bases.items()}


class Region:
    def __init__(self, length: int, seals: int) -> None:
        self.fd = os.memfd_create("hostile", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        self.memory = None
        if length:
            os.posix_fallocate(self.fd, 0, length)
            self.memory = mmap.mmap(self.fd, length)
        if seals:
            fcntl.fcntl(self.fd, 1033, seals)

    def write(self, at: int, data: bytes) -> None:
        assert self.memory is not None
        self.memory[at : at + len(data)] = data

    def close(self) -> None:
        if self.memory is not None:
            self.memory.close()
        os.close(self.fd)


class Driver:
    """One connection to the server."""

    def __init__(self, path: str, bases: dict[str, bytes]) -> None:
        self._bases = bases
        self._regions: dict[str, Region] = {}
        self._descriptors: list[int] = []
        self._completions: list[tuple[int, ...]] = []
        self._helper: subprocess.Popen[bytes] | None = None
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed in close()
        self._file.write(bytes(65536))
        self._file.flush()
        self._server_bell = self._client_bell = -1
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.settimeout(PATIENCE_MS / 1000)
        self._socket.connect(path)
        self._create("control", 4096, 7)
        self._regions["control"].write(0, bases["control"])

    def reach(self, stage: str) -> None:
        """Do what comes before a file's own steps."""
        if stage == "raw":
            return
        self._send(self._bases["hello"], ["control", "eventfd", "eventfd", "pidfd-self"])
        self._expect_message(WELCOME, None)
        self._create("work", 65536, 7)
        self._send(self._bases["register-work"], ["work"])
        self._expect_message(OK, None)
        self._create("input", 65536, 23)
        self._regions["input"].write(0, struct.pack("<16384f", *range(16384)))
        self._send(self._bases["register-input"], ["input"])
        self._expect_message(OK, None)

    def play(self, steps: Sequence[dict[str, Any]]) -> None:
        for step in steps:
            try:
                self._play(step)
            except (AssertionError, OSError) as error:
                raise AssertionError(f"{step}: {error!r}") from error

    def probe(self) -> None:
        """See that the connection still serves."""
        self._regions["work"].write(0, self._bases["block-noop"])
        self._submit(self._bases["probe"])
        self._expect_completion(PROBE, 0, 0, 0)
        status = self._status(0)
        assert status[0] == 0
        assert struct.unpack_from("<2f", status[-1]) == (0.0, 31.0)

    def close(self) -> None:
        self._socket.close()
        for region in self._regions.values():
            region.close()
        for fd in self._descriptors:
            os.close(fd)
        self._file.close()
        if self._helper is not None:
            self._helper.communicate()  # which ends its input, and so itself

    def _play(self, step: dict[str, Any]) -> None:
        match step["do"]:
            case "create":
                self._create(step["region"], step["length"], step["seals"])
            case "truncate":
                os.ftruncate(self._regions[step["region"]].fd, step["length"])
            case "send":
                self._send(self._bytes(step), step.get("descriptors", []))
            case "write":
                self._regions[step["region"]].write(step["at"], self._bytes(step))
            case "submit":
                self._submit(self._bytes(step))
            case "block-doorbell":
                os.eventfd_write(self._client_bell, (1 << 64) - 2)
                os.set_blocking(self._client_bell, True)
            case "ring":
                os.eventfd_write(self._server_bell, 1)
            case "expect-message":
                self._expect_message(step["type"], step["request_id"])
            case "expect-error":
                body = self._expect_message(ERROR, step["request_id"])
                assert struct.unpack_from("<I", body)[0] == CODES[step["code"]], body
            case "expect-completion":
                self._expect_completion(
                    step["batch_id"],
                    CODES[step["code"]],
                    step.get("failed_items"),
                    step.get("waiting_items"),
                )
            case "expect-item":
                assert self._status(step["item"])[0] == CODES[step["code"]]
            case "expect-end":
                assert self._receive() == b""
            case other:
                raise AssertionError(f"unknown step {other}")

    def _bytes(self, step: dict[str, Any]) -> bytes:
        data = bytearray(
            self._bases[step["base"]] if "base" in step else bytes.fromhex(step["hex"])
        )
        for patch in step.get("patches", []):
            new = bytes.fromhex(patch["hex"])
            data[patch["at"] : patch["at"] + len(new)] = new
        length = step.get("length", len(data))
        return bytes(data[:length]).ljust(length, b"\0")

    def _create(self, name: str, length: int, seals: int) -> None:
        old = self._regions.pop(name, None)
        if old is not None:
            old.close()
        self._regions[name] = Region(length, seals)

    def _send(self, packet: bytes, names: Sequence[str]) -> None:
        descriptors = [self._descriptor(name) for name in names]
        bells = [fd for fd, name in zip(descriptors, names, strict=True) if name == "eventfd"]
        if len(bells) == 2:
            self._server_bell, self._client_bell = bells
        if descriptors:
            socket.send_fds(self._socket, [packet], descriptors)
        else:
            self._socket.send(packet)

    def _descriptor(self, name: str) -> int:
        if name in self._regions:
            return self._regions[name].fd
        if name == "file":
            return self._file.fileno()
        match name:
            case "eventfd":
                fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
            case "pidfd-self":
                fd = os.pidfd_open(os.getpid())
            case "pidfd-other":
                self._helper = subprocess.Popen(
                    [sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE
                )
                fd = os.pidfd_open(self._helper.pid)
            case "pipe":
                fd, other = os.pipe()
                self._descriptors.append(other)
            case "file-write-only":
                fd = os.open(f"/proc/self/fd/{self._file.fileno()}", os.O_WRONLY)
            case "directory":
                fd = os.open(tempfile.gettempdir(), os.O_RDONLY)
            case "null":
                fd = os.open("/dev/null", os.O_RDWR)
            case _:
                raise AssertionError(f"unknown descriptor {name}")
        self._descriptors.append(fd)
        return fd

    def _receive(self) -> bytes:
        try:
            return self._socket.recv(65536)
        except ConnectionResetError:
            return b""

    def _expect_message(self, kind: int, request: int | None) -> bytes:
        packet = self._receive()
        assert packet, "the server closed the connection"
        magic, found, _, found_request, length = struct.unpack_from("<IHHII", packet)
        assert (magic, length) == (0x474D4254, len(packet))
        assert found == kind, packet
        assert request is None or found_request == request
        return packet[16:]

    def _words(self) -> memoryview:
        control = self._regions["control"].memory
        assert control is not None
        return memoryview(control)[:512].cast("I")

    def _submit(self, entry: bytes) -> None:
        words = self._words()
        tail = words[16]
        self._regions["control"].write(512 + 128 * (tail % 8), entry)
        words[16] = (tail + 1) & 0xFFFFFFFF
        words.release()
        os.eventfd_write(self._server_bell, 1)

    def _take_completions(self) -> None:
        control = self._regions["control"].memory
        assert control is not None
        words = self._words()
        while words[32] != words[80]:
            at = 512 + 128 * 8 + 32 * (words[32] % 8)
            self._completions.append(struct.unpack_from("<QIII", control, at))
            words[32] = (words[32] + 1) & 0xFFFFFFFF
        words.release()

    def _expect_completion(
        self, batch: int, code: int, failed: int | None, waiting: int | None
    ) -> None:
        while True:
            words = self._words()
            words[48] = 1
            words.release()
            self._take_completions()
            for completion in self._completions:
                if completion[0] == batch:
                    self._completions.remove(completion)
                    assert completion[1] == code, completion
                    assert failed is None or completion[2] == failed, completion
                    assert waiting is None or completion[3] == waiting, completion
                    return
            poll = select.poll()
            poll.register(self._client_bell, select.POLLIN)
            poll.register(self._socket, select.POLLIN)
            events = poll.poll(PATIENCE_MS)
            assert events, f"no completion of batch {batch}"
            assert all(fd == self._client_bell for fd, _ in events), self._receive()
            os.eventfd_read(self._client_bell)

    def _status(self, item: int) -> tuple[Any, ...]:
        memory = self._regions["work"].memory
        assert memory is not None
        return struct.unpack_from("<IIQqQ32s", memory, STATUS_AT + 64 + 64 * item)
