"""PyArrow's Flight client against ``tensorbridge serve --flight``."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow as pa
import pytest

import tensorbridge as tb
from tensorbridge.launcher import find_jar, find_jdk, java_command

flight: Any = pytest.importorskip("pyarrow.flight")


class FlightServer:
    """A server in a process of its own; tells where it listens."""

    def __init__(self, *arguments: object, location: str = "grpc://127.0.0.1:0") -> None:
        command = java_command(find_jdk(), find_jar())
        self.process = subprocess.Popen(
            [*command, "serve", "--flight", location, *map(str, arguments)],
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stderr is not None
        said = ""
        for line in self.process.stderr:
            said += line
            if "Flight at grpc+t" in line:
                break
        else:
            raise AssertionError(f"the server ended with {self.process.wait()}: {said}")
        self.location = said.split()[-1]

    def connect(self, **options: Any) -> Any:
        return flight.connect(self.location, **options)

    def mappings(self) -> int:
        return Path(f"/proc/{self.process.pid}/maps").read_text().count("/memfd:flight")

    def close(self) -> None:
        self.process.terminate()
        assert self.process.stderr is not None
        said = self.process.stderr.read()
        assert self.process.wait(20) == 143, said
        self.process.stderr.close()
        assert "LEAK" not in said, said
        assert "Exception" not in said, said


@pytest.fixture(scope="module")
def server() -> Iterator[FlightServer]:
    server = FlightServer("--flight-max-bytes", "256MiB")
    yield server
    server.close()


@pytest.fixture
def client(server: FlightServer) -> Iterator[Any]:
    with server.connect() as client:
        yield client
        for info in client.list_flights():
            list(client.do_action(flight.Action("delete", info.descriptor.path[0])))
        assert list(client.list_flights()) == []


def put(client: Any, name: str, table: Any, chunk: int | None = None, **options: Any) -> None:
    path = flight.FlightDescriptor.for_path(name)
    writer, _ = client.do_put(path, table.schema, **options)
    writer.write_table(table, max_chunksize=chunk)
    writer.close()


def get(client: Any, name: str, **options: Any) -> Any:
    return client.do_get(flight.Ticket(name.encode()), **options).read_all()


def tables() -> dict[str, Any]:
    values = np.arange(1000, dtype=np.float32)
    texts = [None if i % 7 == 0 else f"row {i}" for i in range(1000)]
    tensor = pa.fixed_shape_tensor(pa.float32(), [2, 5])
    return {
        "numbers": pa.table({"a": values, "b": values.astype(np.int8) > 5}),
        "texts": pa.table({"t": texts, "v": pa.array(texts, pa.string_view())}),
        "dictionary": pa.table({"d": pa.array(texts).dictionary_encode()}),
        "nested": pa.table({"l": [[1, 2], None, []] * 9, "s": [{"x": 1}, None, {"x": 3}] * 9}),
        "tensors": pa.table(
            {
                "t": pa.ExtensionArray.from_storage(
                    tensor, pa.FixedSizeListArray.from_arrays(pa.array(values), 10)
                )
            }
        ),
        "empty": pa.table({"a": pa.array([], pa.int64())}),
    }


@pytest.mark.parametrize("name", list(tables()))
def test_tables_come_back_as_they_were_put(client: Any, name: str) -> None:
    table = tables()[name]
    put(client, f"some/{name}", table, 100)
    back = get(client, f"some/{name}")
    back.validate(full=True)
    assert back.equals(table)
    info = client.get_flight_info(flight.FlightDescriptor.for_path("some", name))
    assert info.schema.equals(table.schema)
    assert info.total_records == len(table)
    assert client.get_schema(info.descriptor).schema.equals(table.schema)


def test_compressed_batches_are_kept_compressed(client: Any) -> None:
    table = pa.table({"zeros": np.zeros(1 << 20, np.float32)})
    options = flight.FlightCallOptions(write_options=pa.ipc.IpcWriteOptions(compression="zstd"))
    put(client, "zeros", table, options=options)
    assert get(client, "zeros").equals(table)
    [info] = client.list_flights()
    assert info.total_bytes < 1 << 16


def test_a_local_client_maps_the_table(client: Any) -> None:
    table = tables()["texts"]
    put(client, "t", table, 100)
    [endpoint] = client.get_flight_info(flight.FlightDescriptor.for_path("t")).endpoints
    pieces = json.loads(endpoint.app_metadata)["pieces"]
    with pa.memory_map(pieces[0]["path"]) as mapped:
        assert pa.ipc.open_stream(mapped).read_all().equals(table)
    with pytest.raises(PermissionError):
        os.pwrite(os.open(pieces[0]["path"], os.O_RDWR), b"x", 0)


def test_errors_tell_what_to_do(client: Any) -> None:
    put(client, "encoder.weight", tables()["numbers"])
    with pytest.raises(KeyError, match=r"the nearest names are encoder\.weight"):
        get(client, "encoder.weights")
    with pytest.raises(pa.ArrowInvalid, match="named by a path"):
        client.get_flight_info(flight.FlightDescriptor.for_command(b"x"))
    large = pa.table({"a": np.zeros(80 << 20, np.float32)})
    with pytest.raises(Exception, match="flight-max-bytes"):
        put(client, "large", large, 1 << 20)
    assert [info.descriptor.path for info in client.list_flights()] == [[b"encoder.weight"]]


def exchange(client: Any, command: dict[str, Any] | bytes, *batches: Any) -> Any:
    text = command if isinstance(command, bytes) else json.dumps(command)
    writer, reader = client.do_exchange(flight.FlightDescriptor.for_command(text))
    with writer:
        writer.begin(batches[0].schema)
        results = []
        for batch in batches:
            writer.write_batch(batch)
            results.append(reader.read_chunk().data)
        writer.done_writing()
        return pa.Table.from_batches([*results, *(chunk.data for chunk in reader)])


def layers(tensors: dict[str, Any]) -> Any:
    return pa.record_batch(
        {
            "name": list(tensors),
            "data": pa.array([t.ravel() for t in tensors.values()], pa.list_(pa.float32())),
            "shape": pa.array([t.shape for t in tensors.values()], pa.list_(pa.int64())),
        }
    )


def test_operations_give_the_same_bytes_as_the_bridge(
    client: Any, rng: np.random.Generator
) -> None:
    tensors = {f"w{i}": rng.standard_normal((4, 64), np.float32) for i in range(3)}
    bad = {**tensors, "nan": np.full((1, 32), np.nan, np.float32)}
    command = {"operation": "quantize", "options": {"scheme": "q8_0"}}
    rows = exchange(client, command, layers(tensors), layers(bad), layers(tensors)).to_pylist()
    assert [row["name"] for row in rows] == [*tensors, *bad, *tensors]
    with tb.open() as bridge:
        expected = bridge.quantize_batch(tensors, scheme="q8_0")
        for row in rows:
            if row["name"] == "nan":
                assert row["data"] is None
                assert "NaN" in row["error"] or "nan" in row["error"]
                assert row["error_code"] == 201
            else:
                assert row["error"] is None
                assert row["label"] == "q8_0"
                assert row["data"] == expected[row["name"]].data.tobytes()


def test_every_operation_is_there(client: Any) -> None:
    described = client.do_action(flight.Action("operations", b""))
    found = {json.loads(result.body.to_pybytes())["name"] for result in described}
    with tb.open() as bridge:
        assert found == set(bridge.operations())
    weights = np.linspace(-1, 1, 64, dtype=np.float32)
    weights[:32] = 0
    [row] = exchange(client, {"operation": "copy"}, layers({"w": weights})).to_pylist()
    assert (row["dtype"], row["shape"]) == ("float32", [64])
    assert row["data"] == weights.tobytes()
    [row] = exchange(client, {"operation": "noop"}, layers({"w": weights})).to_pylist()
    assert row["output"] == "value"
    [row] = exchange(client, {"operation": "nonzero"}, layers({"w": weights})).to_pylist()
    assert np.array_equal(np.frombuffer(row["data"], row["dtype"]), np.arange(32, 64))


def test_bytes_of_any_dtype_are_tensors(client: Any) -> None:
    half = np.linspace(-1, 1, 64, dtype=np.float16)
    batch = pa.record_batch({"data": [half.tobytes()], "dtype": ["float16"]})
    [row] = exchange(client, {"operation": "copy"}, batch).to_pylist()
    assert (row["name"], row["dtype"], row["data"]) == ("0", "float16", half.tobytes())


@pytest.mark.parametrize(
    ("command", "error", "words"),
    [
        (b"{", pa.ArrowInvalid, "no JSON"),
        (b'{"operation":"quantise"}', KeyError, "known are"),
        (b'{"operation":"copy","options":{"a":[1]}}', pa.ArrowInvalid, "looks like"),
    ],
)
def test_wrong_commands_are_refused(
    client: Any, command: bytes, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        exchange(client, command, layers({"w": np.ones(4, np.float32)}))


def test_wrong_columns_show_expected_and_found(client: Any) -> None:
    with pytest.raises(pa.ArrowInvalid, match=r"expected are name: utf8.*found are w: float"):
        exchange(client, {"operation": "copy"}, pa.record_batch({"w": pa.array([1.0], "f4")}))


def test_a_client_that_dies_leaves_nothing(server: FlightServer, client: Any) -> None:
    before = server.mappings()
    program = (
        "import os, sys, numpy, pyarrow as pa, pyarrow.flight as f\n"
        "c = f.connect(sys.argv[1])\n"
        "t = pa.table({'a': numpy.zeros(1 << 22, 'f4')})\n"
        "w, _ = c.do_put(f.FlightDescriptor.for_path('half'), t.schema)\n"
        "w.write_table(t)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, server.location], check=False)
    assert done.returncode == -signal.SIGKILL
    assert list(client.list_flights()) == []
    # Its slabs are used again: the same upload maps nothing more than two uploads would.
    for _ in range(4):
        put(client, "t", pa.table({"a": np.zeros(1 << 22, np.float32)}))
    assert server.mappings() <= before + 6


@pytest.fixture(scope="module")
def certificates() -> Iterator[Path]:
    """An authority, a server's and a client's certificate, and a stranger's."""
    with tempfile.TemporaryDirectory(prefix="tb") as name:
        folder = Path(name)

        def openssl(*arguments: str) -> None:
            subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

        (folder / "san").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1")
        key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
        for authority in ("ca", "stranger"):
            subject = f"/CN={authority}"
            openssl("req", "-x509", *key, "-keyout", f"{authority}.key", "-out",
                    f"{authority}.crt", "-subj", subject, "-days", "2")  # fmt: skip
        for who in ("server", "client"):
            openssl("req", *key, "-keyout", f"{who}.key", "-out", f"{who}.csr", "-subj",
                    f"/CN={who}")  # fmt: skip
            openssl("x509", "-req", "-in", f"{who}.csr", "-CA", "ca.crt", "-CAkey", "ca.key",
                    "-CAcreateserial", "-out", f"{who}.crt", "-days", "2", "-extfile",
                    "san")  # fmt: skip
        yield folder


def test_a_token_is_asked_for(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("s3cret\n")
    server = FlightServer("--flight-token-file", token)
    try:
        with server.connect() as client:
            for headers in ([], [(b"authorization", b"Bearer wrong")]):
                options = flight.FlightCallOptions(headers=headers)
                with pytest.raises(flight.FlightUnauthenticatedError, match="token"):
                    list(client.list_flights(options=options))
            options = flight.FlightCallOptions(headers=[(b"authorization", b"Bearer s3cret")])
            put(client, "t", tables()["numbers"], options=options)
            assert get(client, "t", options=options).equals(tables()["numbers"])
    finally:
        server.close()


def test_calls_are_encrypted(certificates: Path) -> None:
    server = FlightServer(
        "--flight-cert", certificates / "server.crt", "--flight-key", certificates / "server.key",
        location="grpc+tls://localhost:0",
    )  # fmt: skip
    try:
        assert server.location.startswith("grpc+tls://localhost:")
        with server.connect(tls_root_certs=(certificates / "ca.crt").read_bytes()) as client:
            put(client, "t", tables()["numbers"])
            assert get(client, "t").equals(tables()["numbers"])
        with (
            server.connect(tls_root_certs=(certificates / "stranger.crt").read_bytes()) as client,
            pytest.raises(flight.FlightUnavailableError),
        ):
            list(client.list_flights())
    finally:
        server.close()


def test_clients_must_have_a_certificate(certificates: Path) -> None:
    server = FlightServer(
        "--flight-cert", certificates / "server.crt", "--flight-key", certificates / "server.key",
        "--flight-client-ca", certificates / "ca.crt", location="grpc+tls://localhost:0",
    )  # fmt: skip

    def connect(who: str, key: str) -> Any:
        return server.connect(
            tls_root_certs=(certificates / "ca.crt").read_bytes(),
            cert_chain=(certificates / who).read_bytes(),
            private_key=(certificates / key).read_bytes(),
        )

    try:
        with connect("client.crt", "client.key") as client:
            put(client, "t", tables()["numbers"])
            assert get(client, "t").equals(tables()["numbers"])
        with (
            connect("stranger.crt", "stranger.key") as client,
            pytest.raises(flight.FlightUnavailableError),
        ):
            list(client.list_flights())
        with (
            server.connect(tls_root_certs=(certificates / "ca.crt").read_bytes()) as client,
            pytest.raises(flight.FlightUnavailableError),
        ):
            list(client.list_flights())
    finally:
        server.close()


def test_a_socket_serves_beside_and_is_told(rng: np.random.Generator) -> None:
    with tempfile.TemporaryDirectory(prefix="tb") as folder:
        os.chmod(folder, 0o700)
        server = FlightServer("--socket", f"{folder}/tb.sock")
        try:
            with server.connect() as client:
                put(client, "t", tables()["numbers"])
                [info] = client.list_flights()
                uris = [location.uri.decode() for location in info.endpoints[0].locations]
                assert uris == [server.location, f"unix:{folder}/tb.sock"]
            with tb.open(uris[1]) as bridge:
                weights = rng.standard_normal((2, 32), np.float32)
                assert np.array_equal(bridge.run("copy", {"w": weights})["w"], weights)
        finally:
            server.close()


def test_other_options_need_flight_and_other_machines_a_token(tmp_path: Path) -> None:
    for arguments, words in (
        (("--flight-token-file", "x", "--socket", "y"), "needs --flight URI"),
        (("--flight", "grpc://0.0.0.0:0"), "flight-token-file"),
        (("--flight", "http://127.0.0.1:0"), "grpc://HOST:PORT"),
        ((), "--socket PATH or --flight URI"),
    ):
        command = [*java_command(find_jdk(), find_jar()), "serve", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
        assert done.returncode == 2
        assert words in done.stderr


def test_grpc_and_netty_load_for_flight_only() -> None:
    command = java_command(find_jdk(), find_jar())
    command.insert(command.index("-cp"), "-Xlog:class+load:stderr")
    for arguments, expected in (
        (["serve", "--flight", "grpc://127.0.0.1:0"], True),
        (["serve", "--inherit-fd", "0"], False),
    ):
        process = subprocess.Popen(
            [*command, *arguments], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        loaded = ""
        assert process.stderr is not None
        for line in process.stderr:
            loaded += line
            if "Flight at" in line:
                process.terminate()
        process.wait(20)
        process.stderr.close()
        assert "io.tensorbridge.cli.ServeCommand" in loaded
        for package in ("io.grpc.", "io.netty.", "com.google.protobuf."):
            assert (package in loaded) is expected, package
        # Arrow Java's vectors and allocators are not even in the jar.
        assert "org.apache.arrow.memory" not in loaded
        assert "org.apache.arrow.vector" not in loaded


def test_the_server_keeps_to_its_quota(server: FlightServer, client: Any) -> None:
    for i in range(12):
        put(client, f"t{i % 2}", pa.table({"a": np.zeros(8 << 20, np.float32)}), 1 << 20)
    [usage] = client.do_action(flight.Action("usage", b""))
    used = json.loads(usage.body.to_pybytes())
    assert used["tables"] == 2
    assert used["mapped_bytes"] <= used["max_bytes"] == 256 << 20
    assert psutil.Process(server.process.pid).num_fds() < 100
