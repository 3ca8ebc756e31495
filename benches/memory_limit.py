"""Measures the memory of converting a model that is far larger than the limit it is given.

    python benches/memory_limit.py MODEL.safetensors OUT.gguf --scheme q4_k --limit 512MiB
    python benches/memory_limit.py --make SHAPES.tsv MODEL.safetensors

The first runs the command line tool and samples what the process holds besides mapped files:
``RssAnon + RssShmem`` of ``/proc/PID/status``, every 20 ms, and the high-water mark of all memory
(``VmHWM``, mapped files included). It prints one JSON document. Arguments behind ``--`` go to
``tensorbridge quantize``. The second makes a float32 model of random weights from a table of names
and shapes (tab between them, commas between extents, one line of heads).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SAMPLE_SECONDS = 0.02


def memory(pid: int) -> dict[str, int]:
    """Bytes by field of ``/proc/PID/status``; empty when the process has ended.

    Parameters
    ----------
    pid : int
        The process.

    Returns
    -------
    dict
        ``RssAnon``, ``RssFile``, ``RssShmem`` and ``VmHWM``.
    """
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return {}
    fields = (line.split() for line in lines if line.startswith(("Rss", "VmHWM")))
    return {name.rstrip(":"): int(kilobytes) * 1024 for name, kilobytes, _ in fields}


def measure(command: list[str]) -> dict[str, float]:
    """Run a command and watch its memory.

    Parameters
    ----------
    command : list of str
        Program and arguments; its own process is watched.

    Returns
    -------
    dict
        Seconds, exit code and peaks in bytes.
    """
    started = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    private = file_backed = high_water = 0
    while process.poll() is None:
        now = memory(process.pid)
        private = max(private, now.get("RssAnon", 0) + now.get("RssShmem", 0))
        file_backed = max(file_backed, now.get("RssFile", 0))
        high_water = max(high_water, now.get("VmHWM", 0))
        time.sleep(SAMPLE_SECONDS)
    return {
        "seconds": time.monotonic() - started,
        "exit_code": process.returncode,
        "peak_private_bytes": private,
        "peak_mapped_file_bytes": file_backed,
        "peak_resident_bytes": high_water,
    }


def make(shapes: Path, model: Path) -> None:
    """Write a model of random weights.

    Parameters
    ----------
    shapes : Path
        The table.
    model : Path
        The new file.
    """
    sys.path.insert(0, str(ROOT / "python" / "src"))
    from tensorbridge.demo.checkpoint import make_checkpoint

    table = {}
    for line in shapes.read_text().splitlines()[1:]:
        name, extents = line.split("\t")
        table[name] = tuple(int(extent) for extent in extents.split(",") if extent)
    make_checkpoint(model, table)


def main() -> int:
    """Measure, or make a model.

    Returns
    -------
    int
        The exit code of the conversion.
    """
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--make", type=Path, metavar="SHAPES.tsv")
    parser.add_argument("--scheme", default="q8_0")
    parser.add_argument("--limit", default="512MiB")
    parser.add_argument("model", type=Path)
    parser.add_argument("out", type=Path, nargs="?")
    parser.add_argument("more", nargs="*", help="options of tensorbridge quantize, behind --")
    options = parser.parse_args()
    if options.make:
        make(options.make, options.model)
        return 0
    if options.out is None:
        parser.error("OUT is missing")
    tool = os.environ.get("TENSORBRIDGE", str(ROOT / "tensorbridge"))
    command = [tool, "quantize", str(options.model), "-o", str(options.out)]
    command += ["--scheme", options.scheme, "--memory-limit", options.limit, *options.more]
    result = measure(command)
    result["model_bytes"] = options.model.stat().st_size
    result["output_bytes"] = options.out.stat().st_size if options.out.exists() else 0
    print(json.dumps(result, indent=1))
    return int(result["exit_code"])


if __name__ == "__main__":
    sys.exit(main())
