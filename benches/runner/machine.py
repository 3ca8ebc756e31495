"""Facts of machine and software, which a sample is worth nothing without."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path

import tensorbridge as tb
from tensorbridge.errors import BridgeError
from tensorbridge.launcher import find_jdk

_ROOT = Path(__file__).resolve().parents[2]
_HUGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage")
# What kernels are chosen by, as /proc/cpuinfo writes it on x86 and on ARM.
_SIMD = (
    "avx2",
    "fma",
    "f16c",
    "avx_vnni",
    "avx512f",
    "avx512bw",
    "avx512vl",
    "avx512_vnni",
    "avx512_bf16",
    "avx512_fp16",
    "amx_int8",
    "asimd",
    "asimdhp",
    "asimddp",
    "bf16",
    "i8mm",
    "sve",
    "sve2",
)
_UNKNOWN = "unknown"


def environment() -> dict[str, str]:
    """Tell what the samples of this run depend on.

    Returns
    -------
    dict
        Fact to value, both for people; no names of hosts and no paths. What can't be found out is
        ``unknown``, what isn't installed is missing.
    """
    cpu = _table(Path("/proc/cpuinfo"))
    memory = _table(Path("/proc/meminfo")).get("MemTotal", "")
    flags = cpu.get("flags", cpu.get("Features", "")).split()
    facts = {
        "CPU": cpu.get("model name", cpu.get("CPU part", _UNKNOWN)),
        "cores": str(len(os.sched_getaffinity(0))),
        "SIMD": " ".join(flag for flag in _SIMD if flag in flags) or _UNKNOWN,
        "memory": f"{int(memory.split()[0]) / (1 << 20):.1f} GiB" if memory else _UNKNOWN,
        "kernel": f"{platform.system()} {platform.release()}",
        "huge pages": f"{_chosen('enabled')}, shared memory {_chosen('shmem_enabled')}",
        "JDK": _jdk(),
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
    }
    for name, package in (("NumPy", "numpy"), ("PyArrow", "pyarrow")):
        try:
            facts[name] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return {**facts, "Tensorbridge": _version()}


def _table(path: Path) -> dict[str, str]:
    """Read lines of ``key: value``, the first of each key."""
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return {}
    facts: dict[str, str] = {}
    for line in lines:
        key, _, value = line.partition(":")
        facts.setdefault(key.strip(), value.strip())
    return facts


def _chosen(setting: str) -> str:
    """Tell the setting that the kernel shows in brackets."""
    try:
        text = (_HUGE_PAGES / setting).read_text()
    except OSError:
        return _UNKNOWN
    return text.partition("[")[2].partition("]")[0] or _UNKNOWN


def _jdk() -> str:
    try:
        lines = (find_jdk().home / "release").read_text(errors="replace").splitlines()
    except (BridgeError, OSError):
        return _UNKNOWN
    facts = {key: value.strip('"') for key, _, value in (line.partition("=") for line in lines)}
    version = facts.get("JAVA_RUNTIME_VERSION", facts.get("JAVA_VERSION", _UNKNOWN))
    return f"{version} {facts.get('IMPLEMENTOR', '')}".strip()


def _version() -> str:
    """Tell version and commit, with a plus if files differ from it."""
    commit = _git("rev-parse", "--short=10", "HEAD")
    if commit is None:
        return tb.__version__
    changed = "+" if _git("status", "--porcelain") else ""
    return f"{tb.__version__} {commit}{changed}"


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(_ROOT), *arguments], capture_output=True, text=True, check=False
        )
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
