"""Ray: an object store in shared memory, and an actor that reads out of it."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Sequence

from ..benchmark import Launch
from .transport import Ends, Floats, MessageTransport, library

_STORE_BYTES = 2 << 30


class Actor(MessageTransport):
    """One ``ray.put``, and a call of an actor in another process; many arrays as one object."""

    def __init__(self, launch: Launch) -> None:
        os.environ.update(
            RAY_USAGE_STATS_ENABLED="0",
            # A token of this cluster alone; else Ray leaves one in the home folder.
            RAY_AUTH_MODE="token",
            RAY_AUTH_TOKEN=secrets.token_hex(32),
        )
        ray = library("ray", "ray")
        folder = launch.enter(
            tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True)
        )
        launch.callback(ray.shutdown)
        ray.init(
            address="local",
            num_cpus=1,
            include_dashboard=False,
            configure_logging=False,
            log_to_driver=False,
            object_store_memory=_STORE_BYTES,
            _node_ip_address="127.0.0.1",
            _temp_dir=folder,
        )

        # Here, not at the top, so that Ray sends its code: the worker imports no module of ours.
        class Reader:
            def touch(self, arrays: Sequence[Floats]) -> list[Ends]:
                return [(float(array[0]), float(array[-1])) for array in arrays]

        self._put, self._get = ray.put, ray.get
        self._reader = ray.remote(num_cpus=0)(Reader).remote()

    def touch_layers(self, prepared: Sequence[Floats]) -> list[Ends]:
        """Put one object and have it read."""
        answer: list[Ends] = self._get(self._reader.touch.remote(self._put(prepared)))
        return answer
