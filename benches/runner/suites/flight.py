"""``flight_put_*`` and ``flight_get_*``: one float32 column by PyArrow's client to three servers.

All servers keep tables by name, in batches of 4 MB; the client and the machine are the same.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

from ..benchmark import Contender, Group, Launch, Parameter, Throughput
from ..peers.processes import end_with, java_server, receiver
from ..peers.transport import library
from .arrays import source

_SIZES_MB = (4, 400)
_OURS = "io.tensorbridge.benches.peer.TensorbridgeFlightServer"
_JAVA = "io.tensorbridge.benches.peer.FlightStoreServer"
_BATCH_ELEMENTS = 1 << 20
_NAME = b"column"


def groups() -> list[Group]:
    """List the groups of the families ``flight_put`` and ``flight_get``."""
    return [
        group(f"flight_{way}_{mb}mb", way, mb << 20) for way in ("put", "get") for mb in _SIZES_MB
    ]


def group(name: str, way: str, nbytes: int) -> Group:
    """Describe the contenders for a column of so many bytes, a multiple of 4."""
    what = "DoPut of a table" if way == "put" else "DoGet of a table, until all batches came"
    return Group(
        name,
        f"flight_{way}",
        f"{what} on the loopback interface, by PyArrow's client.",
        (
            Contender(
                "tensorbridge",
                f"{what}: tensorbridge serve --flight.",
                partial(_open, way, nbytes, _ours),
            ),
            Contender(
                "flight_java",
                f"{what}: Arrow Java's FlightServer, zero-copy writes.",
                partial(_open, way, nbytes, _java),
                role="peer",
            ),
            Contender(
                "flight_python",
                f"{what}: PyArrow's FlightServerBase.",
                partial(_open, way, nbytes, _python),
                role="peer",
            ),
        ),
        parameter=Parameter("size", "bytes", nbytes),
        throughput=Throughput("bytes", nbytes),
    )


def _ours(launch: Launch) -> int:
    return launch.shared("flight ours", lambda: int(launch.enter(java_server(_OURS))))


def _java(launch: Launch) -> int:
    return launch.shared("flight java", lambda: int(launch.enter(java_server(_JAVA))))


def _python(launch: Launch) -> int:
    return launch.shared("flight python", lambda: int(launch.enter(receiver(_serve)).recv()))


def _open(
    way: str, nbytes: int, server: Callable[[Launch], int], launch: Launch
) -> Callable[[], object]:
    arrow, flight = library("pyarrow", "pyarrow"), library("pyarrow.flight", "pyarrow")
    client = launch.enter(flight.connect(f"grpc://127.0.0.1:{server(launch)}"))
    array = source(launch, nbytes)
    column = arrow.Array.from_buffers(arrow.float32(), array.size, [None, arrow.py_buffer(array)])
    table = arrow.table([column], names=["column"])
    descriptor = flight.FlightDescriptor.for_path(_NAME.decode())

    def put() -> None:
        writer, _ = client.do_put(descriptor, table.schema)
        writer.write_table(table, max_chunksize=_BATCH_ELEMENTS)
        writer.close()

    def get() -> Any:
        return [chunk.data for chunk in client.do_get(flight.Ticket(_NAME))]

    put()
    if not arrow.Table.from_batches(get()).equals(table):
        raise ValueError("the table did not come back as it was put")

    def get_own() -> None:
        get()

    if way == "put":
        return put
    return get_own


def _serve(connection: Connection) -> None:
    base: Any = library("pyarrow.flight", "pyarrow").FlightServerBase
    stream: Any = library("pyarrow.flight", "pyarrow").RecordBatchStream
    tables: dict[bytes, Any] = {}

    class Server(base):  # type: ignore[misc]
        def do_put(self, context: Any, descriptor: Any, reader: Any, writer: Any) -> None:
            tables[descriptor.path[0]] = reader.read_all()

        def do_get(self, context: Any, ticket: Any) -> Any:
            return stream(tables[ticket.ticket])

    server = Server("grpc://127.0.0.1:0")
    connection.send(server.port)
    end_with(connection)
    server.serve()
