"""PyArrow, which is an optional requirement."""

from __future__ import annotations

from functools import cache
from typing import Any

from ..errors import ErrorCode, ResourceError

__all__ = ["pyarrow"]

_OLDEST = (16, 0)


@cache
def pyarrow() -> Any:
    """Return the module.

    Raises
    ------
    ResourceError
        If it is missing or too old; the message names what to install.
    """
    try:
        import pyarrow
    except ImportError as error:
        raise ResourceError(
            f"Arrow tables need the package pyarrow ({error}): pip install 'tensorbridge[arrow]'",
            ErrorCode.UNSUPPORTED_PLATFORM,
        ) from None
    found = tuple(int(part) for part in pyarrow.__version__.split(".")[:2])
    if found < _OLDEST:
        raise ResourceError(
            f"pyarrow {pyarrow.__version__} is too old, {_OLDEST[0]} is needed: "
            "pip install --upgrade 'tensorbridge[arrow]'",
            ErrorCode.UNSUPPORTED_PLATFORM,
        )
    return pyarrow
