"""Who may use a server, what a program that is started inherits, and the page that tells it."""

from __future__ import annotations

import fcntl
import os
import re
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

import tensorbridge as tb
from conftest import ROOT, SharedServer, eventually
from fuzz.attacks import ATTACKS
from fuzz.offender import Offender, wire
from fuzz.silent_files import SilentFiles
from tensorbridge.launcher import find_jar, find_jdk, java_command

NOBODY = 65534
OBSERVE, OBSERVATION = 10, 11
ERROR = 8
PAGE = ROOT / "docs" / "security.md"


def answer_to(user: int, groups: list[int], path: Path) -> int:
    """Ask a server something as another user; return the type of its answer, 0 for the end."""
    child = os.fork()
    if child == 0:
        code = 99
        try:
            os.setgroups(groups)
            os.setgid(user)
            os.setuid(user)
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as sock:
                sock.settimeout(20)
                sock.connect(str(path))
                code = 0
                sock.send(struct.pack("<4sHHIIQQ", b"TBMG", OBSERVE, 0, 1, 32, 0, 0))
                packet = sock.recv(65536)
                code = struct.unpack_from("<H", packet, 4)[0] if packet else 0
        except ConnectionError:
            pass
        except OSError:
            code = 98
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.skipif(os.getuid() != 0, reason="only root becomes another user")
@pytest.mark.parametrize("option", ["user", "group"])
def test_only_users_that_are_named_come_in(option: str) -> None:
    with tempfile.TemporaryDirectory(prefix="tb") as name:
        os.chmod(name, 0o711)
        folder = Path(name) / "open"
        server = SharedServer(folder, f"--allow-{option}", "4711")
        try:
            named = [4711] if option == "group" else []
            assert answer_to(0, [], server.path) == OBSERVATION
            assert (
                answer_to(4711 if option == "user" else NOBODY, named, server.path) == OBSERVATION
            )
            assert answer_to(NOBODY, [], server.path) == 0
        finally:
            server.close()


@pytest.mark.skipif(os.getuid() != 0, reason="only root becomes another user")
def test_other_users_do_not_even_reach_a_server_of_ones_own(server: SharedServer) -> None:
    assert answer_to(NOBODY, [], server.path) == 98


# --- memory that may be missing -------------------------------------------------------------------


@pytest.mark.parametrize("access", [1, 2, 3])
def test_huge_pages_that_were_set_aside_are_refused(server: SharedServer, access: int) -> None:
    page = 2 << 20
    try:
        fd = os.memfd_create("huge", os.MFD_HUGETLB | os.MFD_ALLOW_SEALING)
        os.ftruncate(fd, page)
    except OSError as error:
        pytest.skip(f"this kernel has no huge pages: {error}")
    seals = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, seals | (0x10 if access == 1 else 0))
    offender = Offender(str(server.path))
    try:
        assert offender.greet()
        request = offender.request()
        fields = {"region": 100, "generation": 1, "access": access, "byte_length": page}
        offender.send(wire.register(fields | {"request_id": request}), [fd])
        assert offender.answer(request) == (ERROR, tb.ErrorCode.UNSEALED_REGION)
    finally:
        offender.close()
        os.close(fd)


# --- files whose file system does not answer ------------------------------------------------------

MOST_CLOSES = 64  # DescriptorCloser.MOST


@pytest.fixture
def silent() -> Iterator[SilentFiles]:
    try:
        files = SilentFiles()
    except OSError as error:
        pytest.skip(f"no file system can be mounted here: {error}")
    yield files
    files.close()


@pytest.mark.parametrize("message", ["register", "empty", "hello"])
def test_files_that_do_not_close_cost_one_thread_and_cut_off_who_sends_them(
    silent: SilentFiles, message: str
) -> None:
    with tempfile.TemporaryDirectory(prefix="tb") as name:
        server = SharedServer(Path(name) / "s")
        try:
            with tb.open(server.address) as bystander:
                bystander.run("noop", {"a": np.zeros(4)})
                start = server.footprint()
                sends_silent_files(silent, server.path, message)
                descriptors, _, threads = server.footprint()
                assert threads <= start[2] + 1
                assert descriptors <= start[0] + 3 * MOST_CLOSES
                assert silent.waiting() == 1
                for _ in range(5):
                    bystander.run("noop", {"a": np.zeros(4)})
                with pytest.raises(tb.QuotaError, match="wait to be closed"):
                    tb.open(server.address)
                silent.answer()
                eventually(lambda: server.is_back_at(start))
                with tb.open(server.address) as again:
                    again.run("noop", {"a": np.zeros(4)})
        finally:
            silent.answer()
            server.close()


def sends_silent_files(silent: SilentFiles, path: Path, message: str) -> None:
    """Send files that don't close, over some connections, which end when the server likes."""
    files = [os.open(silent.path, os.O_RDONLY) for _ in range(40)]
    for _ in range(4):
        offender = Offender(str(path))
        match message:
            case "register":
                offender.greet()
                fields = {"region": 100, "generation": 1, "access": 3, "byte_length": 4096}
                packet = wire.register(fields | {"request_id": offender.request()})
                messages = 4 * [(packet, files)]
            case "hello":
                offender.open_bells()
                pidfd = offender.own(os.pidfd_open(os.getpid()))
                fds = [offender.control.fd, *offender.bells, pidfd, *files]
                messages = [(offender.hello(), fds)]
            case _:
                messages = [(b"", files)]
        for packet, fds in messages:
            offender.send(packet, fds)
        deadline = time.monotonic() + 0.5
        while not offender.ended and time.monotonic() < deadline:
            offender.pump()
        offender.close()
    for fd in files:
        os.close(fd)


def test_an_unknown_user_is_wrong_usage(tmp_path: Path) -> None:
    command = [*java_command(find_jdk(), find_jar()), "serve", "--socket", str(tmp_path / "s")]
    done = subprocess.run(
        [*command, "--allow-user", "no-such-user"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert 'there is no "no-such-user"' in done.stderr


LIST = (
    "import os; print(sorted(os.readlink(f'/proc/self/fd/{n}') for n in range(3, 4096)"
    " if os.path.exists(f'/proc/self/fd/{n}')))"
)


def test_programs_that_a_client_starts_inherit_nothing(server: SharedServer) -> None:
    with tb.open(server.address) as bridge, tb.open() as private:
        for each in (bridge, private):
            each.run("noop", {"a": each.share(np.arange(4.0))})
        listed = subprocess.run(
            [sys.executable, "-c", LIST],
            capture_output=True,
            text=True,
            check=True,
            close_fds=False,
        ).stdout
        for ours in ("memfd", "eventfd", "pidfd"):
            assert ours not in listed


def test_every_descriptor_of_a_server_ends_at_exec(server: SharedServer) -> None:
    with tb.open(server.address) as bridge:
        bridge.run("noop", {"a": bridge.share(np.arange(4.0))})
        pid = psutil.Process(server.process.pid).pid
        for number in os.listdir(f"/proc/{pid}/fd"):
            target = os.readlink(f"/proc/{pid}/fd/{number}")
            ours = target.startswith(("socket:", "anon_inode:", "/memfd:"))
            if int(number) <= 2 or not ours:
                continue
            flags = re.search(r"flags:\s*(\d+)", Path(f"/proc/{pid}/fdinfo/{number}").read_text())
            assert flags is not None
            assert int(flags[1], 8) & os.O_CLOEXEC, target


def test_a_server_maps_inputs_for_reading_only(server: SharedServer) -> None:
    with tb.open(server.address) as bridge:
        inputs = bridge.share(np.arange(1 << 20, dtype=np.float32))
        bridge.run("noop", {"a": inputs})
        maps = Path(f"/proc/{server.process.pid}/maps").read_text().splitlines()
        modes = [line.split()[1] for line in maps if "/memfd:" in line]
        assert "r--s" in modes
        assert all(mode in ("r--s", "rw-s") for mode in modes)


def test_each_defence_of_the_page_names_a_test_that_exists() -> None:
    attack_names = " ".join(each.__name__ for each in ATTACKS)
    tests = {}
    for pattern in ("python/tests/*.py", "*/src/test/java/**/*.java"):
        for path in ROOT.glob(pattern):
            tests[path.stem] = path.read_text()
    table = PAGE.read_text().partition("| attack | defence | test |\n")[2].partition("\n\n")[0]
    attacks = [row.split(" | ") for row in table.splitlines()[1:]]
    assert len(attacks) > 20
    for attack in attacks:
        named = re.findall(r"`([^`]+)`", attack[2])
        assert named, attack
        for name in named:
            if name.startswith("spec/"):
                assert list(ROOT.glob(name)), name
            else:
                file, _, test = name.partition("::")
                assert file in tests, name
                where = attack_names if file == "test_fuzz" else tests[file]
                assert re.search(rf"\b{re.escape(test)}\b", where), name
