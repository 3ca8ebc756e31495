"""What other libraries take for the work of ``numpy_*``, ``crossing_*`` and the no-op ``batch_*``.

Each runs in a process of its own, with the interpreter of ``benches/target/peers``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from typing import Any

from ..benchmark import Contender, Group, Launch
from ..peers.transport import Floats, Transport, ends_of
from . import arrays, batches, crossing

_SIZES_MB = (4, 40, 400)
_LAYERS = (1, 10, 100, 1000)
_CROSSING = {
    4: (
        "jpype_direct",
        "jpype_address",
        "py4j_bytes",
        "pickle",
        "shared_memory_kept",
        "pyzmq",
        "ray",
    ),
    400: ("jpype_direct", "jpype_address", "shared_memory_kept", "ray"),
}


@dataclass(frozen=True)
class Peer:
    """A library that hands arrays over.

    Attributes
    ----------
    name : str
        Of its contenders.
    transport : str
        Module and class in ``runner.peers``.
    one, layers : str
        What exactly is timed for one array and for many layers; without layers, it has no
        contender there.
    most_bytes : int
        Above it one call would take seconds.
    """

    name: str
    transport: str
    one: str
    layers: str = ""
    most_bytes: int = 1 << 40

    def open(self, launch: Launch) -> Transport:
        """Open the transport; its library is imported now."""
        module, name = self.transport.split(":")
        transport: Transport = getattr(import_module(f"runner.peers.{module}"), name)(launch)
        return transport


PEERS = (
    Peer(
        "jpype_direct",
        "in_process_jvm:DirectBuffer",
        "JPype, JVM in the same process: a direct ByteBuffer over the array.",
        "JPype, JVM in the same process: a direct ByteBuffer and a call for each layer.",
    ),
    Peer(
        "jpype_address",
        "in_process_jvm:Address",
        "JPype, JVM in the same process: address (looked up before) and length, read by FFM.",
        "JPype, JVM in the same process: address and length in a call for each layer.",
    ),
    Peer(
        "jpype_array",
        "in_process_jvm:FloatArray",
        "JPype, JVM in the same process: JArray.of(array), a copy on the Java heap.",
    ),
    Peer(
        "py4j_bytes",
        "py4j_gateway:Bytes",
        "Py4J: the array's bytes as Base64 through a socket into a byte[].",
        "Py4J: the bytes of a layer in a call for each.",
        most_bytes=40 << 20,
    ),
    Peer(
        "pickle",
        "multiprocess:Pickles",
        "multiprocessing.Pipe to a Python process: the array as a pickle.",
        "multiprocessing.Pipe to a Python process: all layers as one pickle.",
    ),
    Peer(
        "shared_memory_new",
        "multiprocess:NewSegment",
        "multiprocessing.shared_memory to a Python process: a new segment, one copy, one notice.",
    ),
    Peer(
        "shared_memory_kept",
        "multiprocess:KeptSegment",
        "multiprocessing.shared_memory to a Python process: one copy into a kept segment, one"
        " notice.",
        "multiprocessing.shared_memory to a Python process: a copy of each layer into a kept"
        " segment, one notice for all.",
    ),
    Peer(
        "flight_python",
        "flight:PythonServer",
        "Arrow Flight to a Python server: one DoPut of batches of 4 MB.",
        "Arrow Flight to a Python server: one DoPut with a batch for each layer.",
    ),
    Peer(
        "flight_java",
        "flight:JavaServer",
        "Arrow Flight to a Java server: one DoPut of batches of 4 MB.",
        "Arrow Flight to a Java server: one DoPut with a batch for each layer.",
    ),
    Peer(
        "pyzmq",
        "zeromq:Request",
        "ZeroMQ through a Unix socket to a Python process: the array as one frame, not copied.",
        "ZeroMQ through a Unix socket to a Python process: all layers joined into one frame.",
    ),
    Peer(
        "ray",
        "ray_actor:Actor",
        "Ray: ray.put of the array, and an actor in another process reads it.",
        "Ray: ray.put of all layers as one list, and an actor in another process reads them.",
    ),
)


def groups() -> list[Group]:
    """List the peers' part of the families ``numpy``, ``crossing`` and ``batch``."""
    return [
        *(array_group(f"numpy_{mb}mb", mb << 20) for mb in _SIZES_MB),
        *(layers_group(count) for count in _LAYERS),
        *(crossing_group(mb, names) for mb, names in _CROSSING.items()),
    ]


def array_group(name: str, nbytes: int) -> Group:
    """Describe the peers that hand one array of so many bytes over."""
    return replace(
        arrays.frame(name, nbytes),
        contenders=tuple(
            _contender(peer, peer.one, partial(_open_one, peer, nbytes))
            for peer in PEERS
            if nbytes <= peer.most_bytes
        ),
    )


def crossing_group(mb: int, names: tuple[str, ...]) -> Group:
    """Describe the peers that hand one array over, with another value in each call."""
    return replace(
        crossing.frame(mb),
        contenders=tuple(
            _contender(peer, peer.one, partial(_open_changing, peer, mb << 20))
            for peer in PEERS
            if peer.name in names
        ),
    )


def layers_group(count: int) -> Group:
    """Describe the peers that hand so many layers of 4 KB over."""
    return replace(
        batches.noop_frame(count),
        contenders=tuple(
            _contender(peer, peer.layers, partial(_open_layers, peer, count))
            for peer in PEERS
            if peer.layers
        ),
    )


def _contender(
    peer: Peer, description: str, opened: Callable[[Launch], Callable[[], object]]
) -> Contender:
    return Contender(peer.name, description, opened, role="peer", isolated=True)


def _open_one(peer: Peer, nbytes: int, launch: Launch) -> Callable[[], object]:
    transport = peer.open(launch)
    array = arrays.source(launch, nbytes)
    prepared = transport.prepare(array)
    check(transport, [transport.touch(prepared)], [array])
    return partial(transport.touch, prepared)


def _open_changing(peer: Peer, nbytes: int, launch: Launch) -> Callable[[], object]:
    transport = peer.open(launch)
    array = arrays.source(launch, nbytes)
    prepared = transport.prepare(array)
    check(transport, [transport.touch(prepared)], [array])
    count = 0

    def call() -> None:
        nonlocal count
        count = (count + 1) & 0xFFFFFF  # exact in float32
        array[0] = count
        first = transport.ends(transport.touch(prepared))[0]
        if first != count:
            raise ValueError(f"{count} was handed over, and {first} came back")

    return call


def _open_layers(peer: Peer, count: int, launch: Launch) -> Callable[[], object]:
    transport = peer.open(launch)
    made = batches.ordinary(launch, count, batches.SMALL_LAYER_BYTES)
    layers = [layer.reshape(-1) for layer in made.values()]
    prepared = [transport.prepare(layer) for layer in layers]
    check(transport, transport.touch_layers(prepared), layers)
    return partial(transport.touch_layers, prepared)


def check(transport: Transport, answers: Sequence[Any], handed: Sequence[Floats]) -> None:
    """Compare what a receiver read with what was handed over.

    Raises
    ------
    ValueError
        If an answer is missing or differs.
    """
    if len(answers) != len(handed):
        raise ValueError(f"{len(handed)} arrays were handed over, {len(answers)} answers came back")
    for answer, array in zip(answers, handed, strict=True):
        found, expected = transport.ends(answer), ends_of(array)
        if found != expected:
            raise ValueError(f"first and last element are {expected}, but {found} came back")
