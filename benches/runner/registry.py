"""All groups of all suites, joined by name."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil

from . import suites
from .benchmark import Contender, Group


def groups() -> list[Group]:
    """List every group; those that several suites give under one name become one.

    Raises
    ------
    ValueError
        If two suites disagree about a group or name a contender twice.
    """
    joined: dict[str, Group] = {}
    for module in sorted(name for _, name, _ in pkgutil.iter_modules(suites.__path__)):
        for group in importlib.import_module(f"{suites.__name__}.{module}").groups():
            known = joined.get(group.name)
            joined[group.name] = group if known is None else _join(known, group)
    return list(joined.values())


def _join(one: Group, other: Group) -> Group:
    both = dataclasses.replace(one, contenders=one.contenders + other.contenders)
    if dataclasses.replace(other, contenders=both.contenders) != both:
        raise ValueError(f"two suites describe the group {one.name} differently")
    names = [contender.name for contender in both.contenders]
    if len(set(names)) < len(names):
        raise ValueError(f"two contenders of the group {one.name} have one name: {names}")
    return both


def find(group: str, contender: str) -> Contender:
    """Find a contender by its names.

    Raises
    ------
    KeyError
        If there is none.
    """
    for candidate in groups():
        if candidate.name == group:
            for one in candidate.contenders:
                if one.name == contender:
                    return one
    raise KeyError(f"{group}/{contender}")
