"""The suites of the project: what they promise to the runner, and that every contender works."""

from __future__ import annotations

import gc
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil
import pytest

from runner.benchmark import Contender, Group, Launch, Operation
from runner.machine import environment
from runner.processes import memory, reset_peak, run_process
from runner.servers import TouchClient, legacy_client, touch_client
from runner.suites import (
    arrays,
    batches,
    c_data,
    controlnet,
    lifecycle,
    lora,
    observe,
    tables,
    workflows,
)
from tensorbridge.demo.legacy import packed
from tensorbridge.launcher import find_jar, find_jdk, java_command

_SUITES = (arrays, batches, c_data, controlnet, lifecycle, lora, observe, tables, workflows)
_TINY = (
    arrays.group("numpy_tiny", 1 << 16),
    batches.noop_group(3),
    batches.work_group(3, 1 << 10),
    batches.quantize_group("batch_tiny", 3, 1 << 12, "3 layers of 4 KB"),
    tables.group("tables_tiny", 3, 1 << 12),
    c_data.group(3, with_schema=True, warm_up_times=1),
    c_data.group(3, with_schema=False, warm_up_times=1),
    lifecycle.startup(),
    lifecycle.first_batch(1 << 20),
    lifecycle.memory_group("memory_tiny", 1 << 16),
    lifecycle.memory_resident(2, 4),
    workflows.quantize_group(small=True),
    workflows.k_quants_group(small=True),
    workflows.sample_group(small=True),
    lora.model_group("q8_0", small=True),
    lora.model_group("q4_k", small=True),
    lora.model_group("nf4", small=True),
    lora.layers_group(small=True),
    controlnet.group(((8, 16), (16, 8), (32, 4))),
    *observe.groups(),
)
_LIST_GROUPS = """
import os, sys
from runner.suites import arrays, batches, c_data, controlnet, lifecycle, lora, observe, tables
from runner.suites import workflows
before, files = set(os.listdir("/proc/self/fd")), set(os.listdir("/proc/self/task"))
for suite in (arrays, batches, c_data, controlnet, lifecycle, lora, observe, tables, workflows):
    suite.groups()
assert set(os.listdir("/proc/self/fd")) == before, "a descriptor was opened"
assert set(os.listdir("/proc/self/task")) == files, "a thread was started"
children = open(f"/proc/self/task/{os.getpid()}/children").read()
assert not children, f"a process was started: {children}"
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


def _all() -> list[Group]:
    return [group for suite in _SUITES for group in suite.groups()]


def _benchmarks(groups: list[Group]) -> list[tuple[Group, Contender]]:
    return [(group, contender) for group in groups for contender in group.contenders]


@contextmanager
def _nothing_left() -> Iterator[None]:
    """Compare what this process holds before and after."""

    def held() -> tuple[int, int, int]:
        gc.collect()
        maps = Path("/proc/self/maps").read_text()
        process = psutil.Process()
        return process.num_fds(), maps.count("/memfd:"), len(process.children(recursive=True))

    before = held()
    yield
    assert held() == before


def test_every_group_of_the_seed_is_there() -> None:
    names = {group.name for group in _all()}
    assert names >= {
        *(f"{family}_{mb}mb" for family in ("numpy", "memory") for mb in (4, 40, 400)),
        *(f"batch_{kind}{count}" for kind in ("", "work_") for count in (10, 100, 1000)),
        *(f"batch_{size}" for size in ("10x4mb", "50x4mb", "100x4mb", "1x400mb", "100x1mb")),
        *(
            "end_to_end_quantize",
            "end_to_end_quantize_q4_k",
            "end_to_end_lora",
            "end_to_end_lora_layers",
            "end_to_end_controlnet",
            "startup",
            "first_batch",
            "memory_resident",
        ),
    }


def test_names_are_valid_and_unique() -> None:
    ids = [f"{group.name}/{contender.name}" for group, contender in _benchmarks(_all())]
    assert len(set(ids)) == len(ids)
    for group, contender in _benchmarks(_all()):
        for name in (group.name, group.family, contender.name, *contender.figures):
            assert re.fullmatch(r"[a-z][a-z0-9_]*", name), name
        for text in (group.description, contender.description):
            assert text.endswith("."), text


def test_groups_of_a_family_are_ordered_by_their_parameter() -> None:
    for family in {group.family for group in _all()}:
        parameters = [group.parameter for group in _all() if group.family == family]
        known = [parameter for parameter in parameters if parameter is not None]
        assert not known or len(known) == len(parameters), family
        assert len({parameter.value for parameter in known}) == len(known), family
        assert len({(parameter.name, parameter.unit) for parameter in known}) <= 1, family


@pytest.mark.parametrize("family", ["numpy", "batch", "batch_work", "batch_quantize", "memory"])
def test_every_seed_workload_has_its_legacy_contender(family: str) -> None:
    for group in _all():
        if group.family == family:
            assert "legacy" in {contender.role for contender in group.contenders}, group.name


def test_listing_groups_opens_nothing_and_imports_no_peer() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _LIST_GROUPS],
        env={**os.environ, "PYTHONPATH": str(Path(arrays.__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    peers = {"gguf", "jpype", "onnxruntime", "py4j", "pyarrow", "ray", "torch", "zmq"}
    assert "tensorbridge" in done.stdout.split()
    assert not peers & set(done.stdout.split())


@pytest.mark.parametrize("group", _TINY, ids=lambda group: group.name)
def test_every_contender_works_twice_and_leaves_nothing(group: Group) -> None:
    with _nothing_left(), Launch() as launch:
        for contender in group.contenders:
            if contender.role != "peer":
                _run_twice(contender, launch)


def _run_twice(contender: Contender, launch: Launch) -> None:
    opened = contender.open(launch)
    operation = opened if isinstance(opened, Operation) else Operation(opened)
    for _ in range(2):
        if operation.measured is not None:
            assert operation.measured() > 0, contender.name
        else:
            assert operation.call is not None, contender.name
            operation.call()
        figures = operation.figures() if operation.figures is not None else {}
        assert set(figures) == set(contender.figures), contender.name
        assert all(value >= 0 for value in figures.values()), (contender.name, figures)


def test_contenders_of_a_launch_share_server_and_source() -> None:
    group = arrays.group("numpy_tiny", 1 << 16)
    with _nothing_left(), Launch() as launch:
        before = len(psutil.Process().children())
        calls = [contender.open(launch) for contender in group.contenders]
        assert len(psutil.Process().children()) == before + 2  # the bridge's, and TouchServer
        assert launch.shared(("source", 1 << 16), list) is arrays.source(launch, 1 << 16)
        del calls


def test_the_touch_server_refuses_an_array_without_elements_and_serves_others(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with Launch() as launch:
        client = touch_client(launch)
        other = launch.enter(TouchClient(client.path))
        with pytest.raises(ConnectionError, match="gave up"):
            client.touch_bytes(np.empty(0, np.float32))
        assert other.touch_bytes(np.array([1, 2, 3], np.float32)) == (1, 3)
        assert other.touch_list(np.array([4], np.float32)) == [4, 4]
    assert "0 bytes are no float32 array" in capfd.readouterr().err


def test_the_legacy_endpoint_answers_every_part_or_says_what_is_wrong() -> None:
    layer = np.random.default_rng(42).standard_normal((4, 96), dtype=np.float32)
    with _nothing_left(), Launch() as launch:
        client = legacy_client(launch)
        data, apart = client.quantize_parts(layer, "uniform:bits=8,group=32")
        assert (len(data), [len(part) for part in apart]) == (384, [12, 12])
        data, apart = client.quantize_parts(layer, "q8_0")
        assert (len(data), apart) == (384 // 32 * 34, [])
        with pytest.raises(ValueError, match="q9_9"):
            client.quantize(layer, "q9_9")
        assert client.quantize(layer, "q8_0") == data
        # More than one chunk of the answer.
        large = np.tile(layer, (256, 2))
        data, apart = client.quantize_parts(large, "uniform:bits=8,group=32")
        assert (len(data), [len(part) for part in apart]) == (
            large.size,
            [large.size // 32] * 2,
        )


@pytest.mark.parametrize("count", [0, 1, 1000, (1 << 20) - 1, 1 << 20, (1 << 20) + 3])
def test_a_list_is_packed_in_pieces_of_the_same_bytes(count: int) -> None:
    array = np.arange(count, dtype=np.float32)
    pieces = list(packed(b"head", array.tolist()))
    assert len(pieces) == max(1, -(-count // (1 << 20)))
    assert b"".join(pieces) == b"head" + array.tobytes()


def test_without_the_class_archive_neither_server_nor_command_is_given_one() -> None:
    before = dict(os.environ)
    with lifecycle._no_archive():
        assert not any("SharedArchive" in word for word in java_command(find_jdk(), find_jar()))
    assert dict(os.environ) == before


def test_a_peak_counts_what_was_freed_since() -> None:
    size = 64 << 20
    reset_peak()
    before = memory()
    np.ones(size, np.uint8)
    after = memory()
    assert after.peak - before.resident >= size * 0.9
    assert after.resident - before.resident < size * 0.5
    reset_peak()
    assert memory().peak - memory().resident < size * 0.5


def test_the_peak_of_a_process_is_seen_and_its_failure_quoted() -> None:
    busy = "import hashlib; b = bytes(1) * (96 << 20); [hashlib.sha256(b) for _ in range(4)]"
    life = run_process([sys.executable, "-c", busy])
    assert 96 << 20 < life.peak < 192 << 20
    assert life.nanos > 0
    with pytest.raises(RuntimeError, match="ended with 3: last words"):
        run_process([sys.executable, "-c", "print('last words'); exit(3)"])


def test_the_environment_names_neither_host_nor_path() -> None:
    facts = environment()
    assert set(facts) >= {"CPU", "cores", "SIMD", "memory", "kernel", "JDK", "Python", "NumPy"}
    assert re.match(r"\d+\.\d+\.\d+( [0-9a-f]{10}\+?)?$", facts["Tensorbridge"])
    for name, value in facts.items():
        assert value, name
        assert "/" not in value, name
        assert socket.gethostname() not in value.split(), name
