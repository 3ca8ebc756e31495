"""What the machine or container grants."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

__all__ = ["available_memory", "memory_limit"]

_CGROUPS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    (
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        "/sys/fs/cgroup/memory/memory.usage_in_bytes",
    ),
)


def memory_limit() -> int:
    """Return the bytes of memory that this process may use: the machine's or the container's."""
    limits = [limit for limit, _ in _cgroup_figures()]
    return min([os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), *limits])


def available_memory() -> int:
    """Return the bytes that can be had now without driving the machine or container out of memory.

    Shared memory is allocated as a whole, and the kernel would rather end processes than refuse it.
    """
    free = [limit - usage for limit, usage in _cgroup_figures()]
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return max(0, min([memory_limit(), *free]))
    figures = [line.split() for line in lines if line.startswith(("MemAvailable:", "SwapFree:"))]
    return max(0, min([sum(int(figure[1]) for figure in figures) * 1024, *free]))


def _cgroup_figures() -> Iterator[tuple[int, int]]:
    for limit_name, usage_name in _CGROUPS:
        try:
            limit = Path(limit_name).read_text().strip()
            usage = Path(usage_name).read_text().strip()
        except OSError:
            continue
        if limit.isdigit() and usage.isdigit():
            yield int(limit), int(usage)
