"""Opens one transport in a process of its own and says what came of it, as a line of JSON.

``python transport_probe.py KIND PEER``: KIND is ``array``, ``layers``, or ``wait``, which opens an
array's and then waits to be killed. The folder of this process's temporary files is its own.
"""

from __future__ import annotations

import json
import os
import sys
from multiprocessing.shared_memory import SharedMemory
from typing import Any

import psutil

from runner.benchmark import Launch, Unavailable
from runner.peers import multiprocess
from runner.suites import transports

_segments: list[str] = []


class _NotedSegment(SharedMemory):
    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        _segments.append(self.name)


def _children() -> list[psutil.Process]:
    """Give all but the tracker of multiprocessing, which ends with this process."""
    children = psutil.Process().children(recursive=True)
    return [child for child in children if "resource_tracker" not in " ".join(child.cmdline())]


def main() -> None:
    kind, name = sys.argv[1:]
    multiprocess.SharedMemory = _NotedSegment  # type: ignore[misc]
    group = (
        transports.layers_group(3) if kind == "layers" else transports.array_group("tiny", 1 << 12)
    )
    (contender,) = (one for one in group.contenders if one.name == name)
    said: dict[str, Any] = {}
    with Launch() as launch:
        try:
            call = contender.open(launch)
        except Unavailable as reason:
            said["unavailable"] = str(reason)
        else:
            assert callable(call)
            said["answers"] = [bool(call()) for _ in range(3)]
        if kind == "wait":
            children = [child.pid for child in psutil.Process().children(recursive=True)]
            print(json.dumps({**said, "children": children, "segments": _segments}), flush=True)
            sys.stdin.read()
    said["processes"] = [child.cmdline() for child in psutil.wait_procs(_children(), 5)[1]]
    said["segments"] = [name for name in _segments if os.path.exists(f"/dev/shm/{name}")]
    print(json.dumps(said), flush=True)


if __name__ == "__main__":
    main()
