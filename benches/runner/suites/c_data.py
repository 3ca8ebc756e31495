"""``c_data_*``: a batch through the structs of Arrow's C Data interface, within one JVM."""

from __future__ import annotations

import socket
import struct
import tempfile
from collections.abc import Callable
from functools import partial

from ..benchmark import Contender, Group, Launch, Operation, Parameter, Throughput
from ..peers.processes import java_server

_SERVER = "io.tensorbridge.benches.peer.CDataServer"
_ROWS = 1024
# So often within one call: the answer's way through the socket doesn't cool the JVM down.
_TIMES = 50
_WARM_UP_TIMES = 20_000


def groups() -> list[Group]:
    """List the groups: schema and batch, and a batch alone."""
    return [group(100, with_schema=True), group(100, with_schema=False)]


def group(columns: int, with_schema: bool, warm_up_times: int = _WARM_UP_TIMES) -> Group:
    """Describe the contenders for a batch of so many float32 columns."""
    family = "c_data" if with_schema else "c_data_known_schema"
    passed = "Schema and batch" if with_schema else "A batch of a known schema"

    def opened(way: str) -> Callable[[Launch], Operation]:
        return partial(_open, way, columns, with_schema, warm_up_times)

    return Group(
        f"{family}_{columns}",
        family,
        f"{passed} of {columns} float32 columns: exported, imported, the first elements read, "
        "released.",
        (
            Contender("ours", "Closed by Owned.close, usable from all threads.", opened("shared")),
            Contender("ours_confined", "Ends with an arena of one thread.", opened("confined")),
            Contender(
                "arrow_java", "arrow-c-data of Arrow Java, by JNI.", opened("jni"), role="peer"
            ),
        ),
        parameter=Parameter("columns", "", columns),
        throughput=Throughput("columns", columns),
    )


def _open(
    way: str, columns: int, with_schema: bool, warm_up_times: int, launch: Launch
) -> Operation:
    folder = launch.enter(tempfile.TemporaryDirectory(prefix="tensorbridge-"))
    path = f"{folder}/c-data.sock"
    launch.enter(
        java_server(_SERVER, path, way, str(with_schema).lower(), str(columns), str(_ROWS))
    )
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    launch.callback(client.close)
    client.connect(path)
    _nanoseconds(client, warm_up_times)
    return Operation(measured=lambda: _nanoseconds(client, _TIMES) / _TIMES)


def _nanoseconds(client: socket.socket, times: int) -> int:
    client.sendall(struct.pack("<I", times))
    answer = client.recv(8, socket.MSG_WAITALL)
    if len(answer) < 8:
        raise ConnectionError(f"{_SERVER} gave up; its error output says why")
    (nanos,) = struct.unpack("<Q", answer)
    return int(nanos)
