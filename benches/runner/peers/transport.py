"""What all peers do: hand arrays over, and learn the first and last element of each."""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..benchmark import Unavailable

Floats = npt.NDArray[np.float32]
Ends = tuple[float, float]


class Transport(ABC):
    """A way to a receiver that reads first and last element of flat, contiguous float32 arrays.

    What it opened ends with the launch it was made in.
    """

    def prepare(self, array: Floats) -> Any:
        """Do what a caller who hands the same array over again does once; give it to ``touch``."""
        return array

    @abstractmethod
    def touch(self, prepared: Any) -> Any:
        """Hand one array over; returns when the receiver's answer is here."""

    def touch_layers(self, prepared: Sequence[Any]) -> Sequence[Any]:
        """Hand many arrays over; returns when the answer for each is here."""
        return list(map(self.touch, prepared))

    def ends(self, answer: Any) -> Ends:
        """Give first and last element out of an answer for one array; not timed."""
        first, last = answer
        return float(first), float(last)


class MessageTransport(Transport):
    """A transport to which many arrays are one message, and one array is a message of one."""

    def touch(self, prepared: Any) -> Any:
        """Send a message of one array."""
        (answer,) = self.touch_layers([prepared])
        return answer

    @abstractmethod
    def touch_layers(self, prepared: Sequence[Any]) -> Sequence[Any]:
        """Send one message of all arrays; returns when the answer for each is here."""


def ends_of(array: Floats) -> Ends:
    """Read the two elements that prove an array's arrival."""
    return float(array[0]), float(array[-1])


def library(module: str, package: str, setup: str = "benches/peers.sh") -> Any:
    """Import a library.

    Parameters
    ----------
    module : str
        What to import.
    package : str
        What brings it.
    setup : str
        The command that installs it.

    Raises
    ------
    Unavailable
        If that fails.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise Unavailable(f"{package} can't be imported ({error}); run {setup}") from error
