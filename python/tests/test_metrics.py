"""What ``serve --metrics`` tells Prometheus, read by its own client, and the log of ``serve``."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

import tensorbridge as tb
from conftest import ROOT, eventually
from tensorbridge.connection import connect
from tensorbridge.launcher import find_jar, find_jdk, java_command


class Served:
    """A server in a process of its own, and the lines that it has written so far."""

    def __init__(self, path: Path, process: subprocess.Popen[str]) -> None:
        self.address = f"unix:{path}"
        self.process = process
        self.lines: list[str] = []
        assert process.stderr is not None
        self._stderr = process.stderr
        self.read_until("listening on")

    def read_until(self, text: str) -> str:
        """Read lines until one holds the text."""
        for line in self._stderr:
            self.lines.append(line)
            if text in line:
                return line
        raise AssertionError(f"{text!r} is not among {self.lines}")


@contextmanager
def serving(*arguments: str, flags: tuple[str, ...] = ()) -> Iterator[Served]:
    with tempfile.TemporaryDirectory(prefix="tb") as folder:
        path = Path(folder) / "run" / "tb.sock"
        command = java_command(find_jdk(), find_jar())
        command[command.index("-cp") : command.index("-cp")] = flags
        process = subprocess.Popen(
            [*command, "serve", "--socket", str(path), *arguments],
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            yield Served(path, process)
        finally:
            process.terminate()
            process.communicate(timeout=20)


def scraped(url: str) -> dict[str, float]:
    with urllib.request.urlopen(url) as answer:
        text = answer.read().decode()
    samples = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation, family.name
        for sample in family.samples:
            samples[sample.name + "".join(f"|{k}={v}" for k, v in sample.labels.items())] = (
                sample.value
            )
    return samples


def test_prometheus_reads_what_a_server_did() -> None:
    with serving("--metrics", "0") as server:
        (line,) = [line for line in server.lines if "metrics at" in line]
        url = line.split("metrics at ")[1].strip()
        assert url.startswith("http://127.0.0.1:")
        before = scraped(url)
        assert before["tensorbridge_clients"] == before["tensorbridge_batches_total"] == 0
        with tb.open(server.address) as bridge:
            array = bridge.share(np.ones(1000, np.float32))
            for _ in range(3):
                bridge.run("noop", {"a": array, "b": array})
            now = scraped(url)
        assert now["tensorbridge_clients"] == 1
        assert now["tensorbridge_batches_total"] == 3
        assert now["tensorbridge_items_total"] == 6
        assert now["tensorbridge_input_bytes_total"] == 24_000
        assert now["tensorbridge_region_bytes"] > 0
        assert now["tensorbridge_batch_run_seconds_count"] == 3
        buckets = [
            value for name, value in now.items()
            if name.startswith("tensorbridge_batch_run_seconds_bucket")
        ]  # fmt: skip
        assert len(buckets) == 32
        assert buckets == sorted(buckets)
        assert buckets[-1] == 3
        assert 0 < now["tensorbridge_batch_run_seconds_sum"] < now["tensorbridge_uptime_seconds"]
        assert any(name.startswith("jvm_memory_used_bytes|") for name in now)
        documented = (ROOT / "docs" / "observability.md").read_text()
        for name in now:
            base = name.partition("|")[0]
            for ending in ("_bucket", "_count", "_sum"):
                base = base.removesuffix(ending)
            assert not base.startswith("tensorbridge_") or f"`{base}`" in documented, base
        eventually(lambda: scraped(url)["tensorbridge_clients"] == 0)
        assert scraped(url)["tensorbridge_batches_total"] == 3


def test_the_classes_of_metrics_and_events_load_only_when_asked_for(tmp_path: Path) -> None:
    loaded = tmp_path / "classes.log"
    # What an archive holds needs no verifying, which loads classes, too.
    with serving(flags=("-Xshare:off", f"-Xlog:class+load:file={loaded}")) as server:
        with tb.open(server.address) as bridge:
            bridge.run("noop", {"a": np.ones(4, np.float32)})
        server.read_until("said goodbye")
    names = loaded.read_text()
    assert "io.tensorbridge.batch.ServerLog " in names
    for unasked in (
        "io.micrometer.",
        "io.prometheus.",
        "com.sun.net.httpserver",
        "tensorbridge.batch.BatchEvent",
        "java.util.logging.",
    ):
        assert unasked not in names, unasked


def test_a_log_of_objects_tells_who_came_and_went() -> None:
    with serving("--log-format", "json") as server:
        with tb.open(server.address) as bridge:
            bridge.run("noop", {"a": np.ones(4, np.float32)})
        server.read_until('"left"')
        came, went = (json.loads(line) for line in server.lines if line.startswith("{"))
    assert (came["event"], went["event"]) == ("connected", "left")
    assert went["message"].endswith("said goodbye")
    for entry in (came, went):
        assert (entry["pid"], entry["uid"]) == (os.getpid(), os.getuid())
        assert entry["level"] == "info"
        assert entry["client"] == came["client"]
        assert entry["time"].endswith("Z")


def test_who_breaks_the_format_is_told_with_the_code() -> None:
    with serving("--log-format", "json", "--log-level", "info") as server:
        sock = connect(server.address.removeprefix("unix:"))
        sock.send(b"no message, but as long as a header is")
        entry = json.loads(server.read_until('"BAD_MAGIC"'))
        sock.close()
    assert entry["event"] == "left"
    assert entry["pid"] == os.getpid()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--log-format", "xml"], "--log-format"),
        (["--log-level", "loud"], "--log-level"),
        (["--metrics", "host:"], "--metrics"),
        (["--metrics", "70000"], "--metrics"),
    ],
)
def test_wrong_options_are_wrong_usage(arguments: list[str], said: str, tmp_path: Path) -> None:
    command = [*java_command(find_jdk(), find_jar()), "serve", "--socket", str(tmp_path / "s")]
    ended = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert said in ended.stderr
