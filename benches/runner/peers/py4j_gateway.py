"""Py4J: calls as lines of text through a socket to a JVM of its own."""

from __future__ import annotations

import sys
from typing import Any

from ..benchmark import Launch
from .in_process_jvm import TOUCH, unpacked
from .processes import java_parts
from .transport import Ends, Floats, Transport, library


class Bytes(Transport):
    """The array's bytes, which Py4J sends as Base64, into a ``byte[]``."""

    def __init__(self, launch: Launch) -> None:
        java_gateway = library("py4j.java_gateway", "py4j")
        jdk, jars = java_parts()
        port, token, process = java_gateway.launch_gateway(
            classpath=f"{jars}/*",
            javaopts=["-Xmx2g"],
            die_on_exit=True,
            redirect_stderr=sys.stderr,
            java_path=jdk.java,
            enable_auth=True,
            return_proc=True,
        )
        launch.callback(process.wait)
        launch.callback(process.stdin.close)
        parameters = java_gateway.GatewayParameters(port=port, auth_token=token)
        gateway = java_gateway.JavaGateway(gateway_parameters=parameters)
        launch.callback(gateway.close)
        target: Any = gateway.jvm
        for name in TOUCH.split("."):
            target = getattr(target, name)
        self._read = target.bytes

    def touch(self, prepared: Floats) -> Any:
        """Call with a copy of the bytes."""
        return self._read(prepared.tobytes())

    def ends(self, answer: Any) -> Ends:
        """Unpack a long."""
        return unpacked(answer)
