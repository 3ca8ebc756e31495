"""Options as the wire writes them: lines of ``key=value``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from .errors import ErrorCode, OptionError

__all__ = ["option_text", "quantize_options", "with_vectors"]


def option_text(options: Mapping[str, Any]) -> str:
    """Write options.

    Parameters
    ----------
    options : mapping
        None stands for an option that is not given; booleans are written in lower case.

    Raises
    ------
    OptionError
        If a key or value can't be written.
    """
    lines = []
    for key, value in options.items():
        if value is None:
            continue
        text = str(value).lower() if isinstance(value, bool) else str(value)
        if "=" in key or "\n" in key or "\n" in text:
            raise OptionError(
                f"option {key}={text!r}: keys hold no '=' and nothing holds a line feed",
                ErrorCode.BAD_OPTION,
            )
        lines.append(f"{key}={text}\n")
    return "".join(lines)


def quantize_options(
    names: Iterable[str],
    scheme: str,
    bit_width: int | None,
    group_size: int | str | None,
    overrides: Mapping[str, str] | None,
    nonfinite: str,
) -> tuple[tuple[str, ...], list[int] | None]:
    """Choose the options of each tensor of a batch.

    Returns
    -------
    option_sets : tuple of str
        Written options.
    set_indices : list of int or None
        One per name; None if all have the first set.

    Raises
    ------
    OptionError
        If a regular expression is wrong, or short forms stand beside another scheme.
    """
    extra = {} if nonfinite == "error" else {"nonfinite": nonfinite}
    default = option_text({"scheme": _scheme(scheme, bit_width, group_size), **extra})
    if not overrides:
        return (default,), None
    sets = {default: 0}
    rules = []
    for pattern, override in overrides.items():
        text = option_text({"scheme": override, **extra})
        rules.append((_compiled(pattern), sets.setdefault(text, len(sets))))
    indices = [next((index for rule, index in rules if rule.fullmatch(name)), 0) for name in names]
    used = sorted({0, *indices})
    texts = list(sets)
    return tuple(texts[i] for i in used), [used.index(i) for i in indices]


def with_vectors(
    tensors: Mapping[str, Any], **vectors: Mapping[str, Any] | None
) -> Mapping[str, Any]:
    """Join tensors with the vectors that go with them.

    Parameters
    ----------
    tensors : mapping of str to array_like
    **vectors : mapping of str to array_like, or None
        By the meaning of the vectors; each becomes the second input of its tensor.

    Returns
    -------
    mapping
        ``tensors`` itself if there are no vectors.

    Raises
    ------
    OptionError
        If a tensor is not in the batch or has two vectors, or what goes with it is no vector of
        floats.
    """
    meanings: dict[str, str] = {}
    joined = dict(tensors)
    for meaning, by_name in vectors.items():
        for name, vector in (by_name or {}).items():
            if name not in joined:
                raise OptionError(
                    f'{meaning} names "{name}", which is not in the batch', ErrorCode.BAD_OPTION
                )
            value = joined[name]
            if isinstance(value, (tuple, list)):
                others = f"{meanings[name]} and {meaning}" if name in meanings else meaning
                raise OptionError(
                    f'tensor "{name}" has more than one vector ({others}); give one of them',
                    ErrorCode.BAD_OPTION,
                )
            meanings[name] = meaning
            joined[name] = (value, _vector(meaning, name, vector))
    return joined if meanings else tensors


def _vector(meaning: str, name: str, vector: Any) -> Any:
    if isinstance(vector, np.ndarray) and vector.dtype == np.float32 and vector.ndim == 1:
        return vector
    try:
        floats = np.asarray(vector, np.float32)
    except (TypeError, ValueError) as error:
        raise OptionError(
            f'{meaning} of "{name}" is no vector of floats: {error}', ErrorCode.BAD_OPTION
        ) from None
    if floats.ndim != 1:
        raise OptionError(
            f'{meaning} of "{name}" has the shape {floats.shape}, and must have one dimension',
            ErrorCode.BAD_OPTION,
        )
    return floats


def _scheme(scheme: str, bit_width: int | None, group_size: int | str | None) -> str:
    given = []
    if bit_width is not None:
        given.append(f"bits={bit_width}")
    if group_size is not None:
        given.append(f"group={group_size}")
    if not given:
        return scheme
    if scheme.lower() != "uniform":
        raise OptionError(
            f"bit_width and group_size are short for the options of uniform; with scheme "
            f"{scheme!r} write them into the scheme, for example uniform:bits=4,group=128",
            ErrorCode.BAD_OPTION,
        )
    return "uniform:" + ",".join(given)


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise OptionError(
            f"override {pattern!r} is no regular expression: {error}", ErrorCode.BAD_OPTION
        ) from None
