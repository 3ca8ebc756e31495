"""JPype: the JVM runs in the caller's process and can read the caller's memory."""

from __future__ import annotations

import struct
from typing import Any

from ..benchmark import Launch
from .processes import java_parts
from .transport import Ends, Floats, Transport, library

TOUCH = "io.tensorbridge.benches.peer.Touch"


class _JPype(Transport):
    """Starts the JVM of this process, which can be done once."""

    def __init__(self, launch: Launch) -> None:
        jpype = library("jpype", "JPype1")
        jdk, jars = java_parts()
        jpype.startJVM(
            str(jdk.home / "lib" / "server" / "libjvm.so"),
            "-Xrs",  # Ctrl-C stays Python's
            "-Xmx2g",
            "--enable-native-access=ALL-UNNAMED",
            classpath=[f"{jars}/*"],
        )
        launch.callback(jpype.shutdownJVM)
        self._touch = jpype.JClass(TOUCH)

    def ends(self, answer: Any) -> Ends:
        """Unpack a long."""
        return unpacked(answer)


class DirectBuffer(_JPype):
    """A direct ``ByteBuffer`` over the array, made for each call."""

    def __init__(self, launch: Launch) -> None:
        super().__init__(launch)
        self._buffer = library("jpype.nio", "JPype1").convertToDirectBuffer
        self._read = self._touch.buffer

    def touch(self, prepared: Floats) -> Any:
        """Make a buffer and call with it."""
        return self._read(self._buffer(prepared.data.cast("B")))


class Address(_JPype):
    """Address and length of the array, read by ``java.lang.foreign``."""

    def __init__(self, launch: Launch) -> None:
        super().__init__(launch)
        self._read = self._touch.address

    def prepare(self, array: Floats) -> tuple[int, int]:
        """Look address and length up."""
        return array.ctypes.data, array.nbytes

    def touch(self, prepared: tuple[int, int]) -> Any:
        """Call with two numbers."""
        return self._read(*prepared)


class FloatArray(_JPype):
    """A ``float[]`` on the Java heap, copied for each call."""

    def __init__(self, launch: Launch) -> None:
        super().__init__(launch)
        self._array = library("jpype", "JPype1").JArray.of
        self._read = self._touch.array

    def touch(self, prepared: Floats) -> Any:
        """Copy the elements and call with the copy."""
        return self._read(self._array(prepared))


def unpacked(answer: Any) -> Ends:
    """Give the two elements that ``Touch`` packed into a long."""
    first, last = struct.unpack("<2f", int(answer).to_bytes(8, "little", signed=True))
    return first, last
