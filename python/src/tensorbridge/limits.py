"""What the machine, the container and the memory group of this process grant."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

__all__ = ["available_memory", "memory_limit"]

_GROUPS = Path("/proc/self/cgroup")
_ROOT = Path("/sys/fs/cgroup")
# A memory group's files by the version of groups: limit, usage, and what of it can be had back.
_FILES = {
    1: ("memory.limit_in_bytes", "memory.usage_in_bytes", ("total_active_file",
                                                           "total_inactive_file")),
    2: ("memory.max", "memory.current", ("active_file", "inactive_file")),
}  # fmt: skip
_NO_LIMIT = 1 << 60


def memory_limit() -> int:
    """Return the bytes of memory that this process may use: the machine's or its group's."""
    limits = [limit for limit, _ in _group_figures()]
    return min([os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), *limits])


def available_memory() -> int:
    """Return the bytes that can be had now without driving the machine or a group out of memory.

    Shared memory is allocated as a whole, and the kernel would rather end processes than refuse it.
    """
    free = [limit - usage for limit, usage in _group_figures()]
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return max(0, min([memory_limit(), *free]))
    figures = [line.split() for line in lines if line.startswith(("MemAvailable:", "SwapFree:"))]
    return max(0, min([sum(int(figure[1]) for figure in figures) * 1024, *free]))


def _group_figures() -> Iterator[tuple[int, int]]:
    """Give limit and usage, in bytes, of each group with a limit that this process is in.

    File pages that the kernel can drop don't count as usage.
    """
    for version, group in _groups():
        limit_name, usage_name, droppable = _FILES[version]
        try:
            limit = (group / limit_name).read_text().strip()
            if not limit.isdigit() or int(limit) >= _NO_LIMIT:
                continue
            usage = int((group / usage_name).read_text())
            statistics = (group / "memory.stat").read_text().split()
        except (OSError, ValueError):
            continue
        figures = dict(zip(statistics[::2], statistics[1::2], strict=False))
        yield int(limit), usage - sum(int(figures.get(name, 0)) for name in droppable)


def _groups() -> Iterator[tuple[int, Path]]:
    """Give the memory groups of this process, its own first, and the version of groups.

    In a container the root is the container's own group, whatever path the kernel tells.
    """
    try:
        lines = _GROUPS.read_text().splitlines()
    except OSError:
        lines = ["0::/", "1:memory:/"]
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            version, root = 2, _ROOT
        elif "memory" in controllers.split(","):
            version, root = 1, _ROOT / "memory"
        else:
            continue
        relative = Path(path.lstrip("/"))
        yield from ((version, root / part) for part in (relative, *relative.parents))
