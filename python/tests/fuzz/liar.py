"""A server that answers its client with anything: only typed errors may come of it."""

from __future__ import annotations

import contextlib
import mmap
import os
import random
import select
import socket
import struct
import threading
from pathlib import Path
from typing import Any

from .offender import (
    CQ_HEAD,
    CQ_TAIL,
    INTERESTING,
    SERVER_SLEEPING,
    SQ_HEAD,
    SQ_TAIL,
    mutated,
    wire,
)

LIES = ("none", "welcome", "message", "status", "plan", "completion", "ring", "silence", "end")

# What a server can do to doorbells, whose flags it shares: the client waits for ever where it reads
# one that was just emptied, or writes to one that is full.
BELL_LIES = ("empty bells", "full bells")
FULL = (1 << 64) - 2


class Liar:
    """Listens at a path, and serves one client after the other, each with lies of one kind."""

    def __init__(self, path: Path, rng: random.Random, lie: str) -> None:
        self._rng = rng
        self._lie = lie
        self._maps: dict[int, mmap.mmap] = {}
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._listener.bind(str(path))
        self._listener.listen()
        self._stop, self._stopped = os.pipe()
        self.failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            sock, _ = self._listener.accept()
            lost = (IndexError, struct.error, KeyError, ValueError) if self._lie == "ring" else ()
            # It gets lost in its own lies, or the client leaves.
            with sock, contextlib.suppress(ConnectionError, BlockingIOError, *lost):
                self._serve(sock)
        except BaseException as error:
            self.failure = error
        finally:
            for memory in self._maps.values():
                memory.close()

    def _serve(self, sock: socket.socket) -> None:
        hello, fds, _, _ = socket.recv_fds(sock, 65536, 8)
        control, bell, client_bell, pidfd = fds
        entries = struct.unpack_from("<I", hello, 20)[0]
        memory = mmap.mmap(control, 0)
        self._maps[0] = memory
        os.close(control)
        os.close(pidfd)
        try:
            self._send(sock, self._welcome(hello))
            self._set(memory, SERVER_SLEEPING, 1)
            if self._lie in BELL_LIES:
                self._play_with(bell, client_bell, sock)
            else:
                self._loop(sock, memory, entries, bell, client_bell)
        finally:
            os.close(bell)
            os.close(client_bell)

    def _loop(
        self, sock: socket.socket, memory: mmap.mmap, entries: int, bell: int, client_bell: int
    ) -> None:
        poll = select.poll()
        for fd in (sock.fileno(), bell, self._stop):
            poll.register(fd, select.POLLIN)
        while True:
            for fd, _ in poll.poll():
                if fd == self._stop:
                    return
                if fd == bell:
                    os.eventfd_read(bell)
                    if self._complete(memory, entries):
                        return
                    os.eventfd_write(client_bell, 1)
                elif not self._answer(sock):
                    return

    def _play_with(self, bell: int, client_bell: int, sock: socket.socket) -> None:
        """Ring the client without an end and take each ring back, or leave no room for its own."""
        for fd in (bell, client_bell):
            os.set_blocking(fd, True)
            if self._lie == "full bells":
                os.eventfd_write(fd, FULL)
        poll = select.poll()
        poll.register(self._stop, select.POLLIN)
        poll.register(sock, select.POLLIN)
        while True:
            if self._lie == "empty bells":
                for _ in range(100):
                    os.eventfd_write(client_bell, 1)
                    os.eventfd_read(client_bell)
            for fd, _ in poll.poll(0 if self._lie == "empty bells" else None):
                if fd == self._stop or not self._answer(sock):
                    return

    # --- messages ---

    def _welcome(self, hello: bytes) -> bytes:
        return wire.welcome(
            {
                "request_id": struct.unpack_from("<I", hello, 8)[0],
                "major": 1,
                "minor": 0,
                "server_pid": os.getpid(),
                "max_regions": 4096,
                "max_batches": 64,
                "max_items": 1024,
                "worker_threads": 2,
                "max_bytes": 1 << 36,
                "max_block_bytes": 1 << 24,
            }
        )

    def _answer(self, sock: socket.socket) -> bool:
        packet, fds, _, _ = socket.recv_fds(sock, 65536, 4)
        if not packet:
            return False
        kind, _, request = struct.unpack_from("<HHI", packet, 4)
        if kind == wire.TYPES["REGISTER"] and fds:
            region = struct.unpack_from("<I", packet, 16)[0]
            prot = mmap.PROT_READ | (mmap.PROT_WRITE if packet[24] == 2 else 0)
            self._maps[region] = mmap.mmap(fds[0], 0, prot=prot)
        for fd in fds:
            os.close(fd)
        if kind == wire.TYPES["GOODBYE"]:
            return False
        if kind == wire.TYPES["OPERATIONS"]:
            listed = [{"name": "copy", "summary": "copies"}] * 3
            self._send(sock, wire.operation_list({"request_id": request, "operations": listed}))
        else:
            self._send(sock, wire.message("OK", request))
        return True

    def _send(self, sock: socket.socket, packet: bytes) -> None:
        welcome = packet[4] == wire.TYPES["WELCOME"]
        if (self._lie == "welcome" and welcome) or (
            self._lie == "message" and not welcome and self._rng.random() < 0.5
        ):
            packet = mutated(self._rng, packet) or b"x"
            if self._rng.random() < 0.2:
                packet = self._rng.randbytes(self._rng.randrange(1, 100))
        sock.send(packet)

    # --- submissions ---

    def _word(self, memory: mmap.mmap, word: int) -> int:
        return int(struct.unpack_from("<I", memory, 4 * word)[0])

    def _set(self, memory: mmap.mmap, word: int, value: int) -> None:
        struct.pack_into("<I", memory, 4 * word, value % (1 << 32))

    def _complete(self, memory: mmap.mmap, entries: int) -> bool:
        """Answer what was submitted; tell whether to leave."""
        head = self._word(memory, SQ_HEAD)
        while head != self._word(memory, SQ_TAIL):
            entry = bytes(memory[512 + 128 * (head % entries) : 512 + 128 * (head % entries + 1)])
            head = (head + 1) % (1 << 32)
            self._set(memory, SQ_HEAD, head)
            if self._lie == "end" and self._rng.random() < 0.5:
                return True
            if self._lie == "silence" and self._rng.random() < 0.5:
                continue
            self._post(memory, entries, *self._work(entry))
        if self._lie == "ring" and self._rng.random() < 0.6:
            word = self._rng.choice((CQ_TAIL, CQ_TAIL, SQ_HEAD, CQ_HEAD, SQ_TAIL))
            old = self._word(memory, word)
            self._set(
                memory, word, self._rng.choice((old + 1, old - 1, old + 65, *INTERESTING[:26]))
            )
        return False

    def _post(self, memory: mmap.mmap, entries: int, batch: int, code: int) -> None:
        tail = self._word(memory, CQ_TAIL)
        fields = {"batch_id": batch, "code": code, "failed_items": 0, "waiting_items": 0}
        completion = wire.completion(fields)
        if self._lie == "completion":
            completion = mutated(self._rng, completion).ljust(32, b"\0")[:32]
        at = 512 + 128 * entries + 32 * (tail % entries)
        memory[at : at + 32] = completion
        self._set(memory, CQ_TAIL, tail + 1)

    def _work(self, entry: bytes) -> tuple[int, int]:
        batch, kind = struct.unpack_from("<QI", entry)
        spans = [struct.unpack_from("<IIQQ", entry, at) for at in (32, 56, 80)]
        status = spans[1]
        if status[0] not in self._maps:
            return batch, 0
        inputs = self._inputs(spans[0]) if kind in (1, 2, 3) else [(12, [4])]
        area = self._status(inputs, planned=kind == 2)
        area = area[: status[3]]
        self._maps[status[0]][status[2] : status[2] + len(area)] = area
        return batch, 0

    def _inputs(self, span: tuple[int, ...]) -> list[tuple[int, list[int]]]:
        block = bytes(self._maps[span[0]][span[2] : span[2] + span[3]])
        count = struct.unpack_from("<I", block, 16)[0]
        at = struct.unpack_from("<I", block, 44)[0]
        found = []
        for _ in range(count):
            length = struct.unpack_from("<I", block, at)[0]
            dtype, rank = block[at + 32], block[at + 33]
            found.append((dtype, list(struct.unpack_from(f"<{rank}q", block, at + 40))))
            at += length
        return found

    def _status(self, inputs: list[tuple[int, list[int]]], planned: bool) -> bytes:
        items = []
        for dtype, dims in inputs:
            plan: dict[str, Any] | None = None
            if planned:
                output = {"name": "copy", "dtype": dtype, "dims": dims}
                plan = {"label": "copy", "work_bytes": 16, "outputs": [output]}
                if self._lie == "plan" and self._rng.random() < 0.5:
                    output["dims"] = [self._rng.choice(INTERESTING) % (1 << 63) for _ in dims]
            items.append(
                {"code": 0, "plan": plan, "text": "", "element_index": -1, "value": "00" * 32}
            )
        fields = {"done_bytes": 1, "total_bytes": 1, "text": "", "items": items}
        area = bytes(wire.status(fields))
        if self._lie in ("status", "plan"):
            size = len(area)
            area = mutated(self._rng, area).ljust(size, b"\0")[:size]
        return area

    def close(self) -> None:
        """End, whether a client came or not."""
        os.write(self._stopped, b"x")
        self._listener.close()
        self._thread.join(20)
        assert not self._thread.is_alive()
        os.close(self._stop)
        os.close(self._stopped)
