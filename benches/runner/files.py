"""Writes samples as the stages in Java read them (``io.tensorbridge.benches.sample.Samples``)."""

from __future__ import annotations

import dataclasses
import json
import os
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .benchmark import Group
from .sampling import Series
from .settings import Settings

FORMAT = 1


@dataclass(frozen=True)
class Run:
    """What all samples of one run have in common.

    Attributes
    ----------
    settings : Settings
        How patient it is.
    started : str
        ISO 8601.
    environment : dict
        Facts of machine and software.
    """

    settings: Settings
    started: str
    environment: dict[str, str]


def document(group: Group, series: Series, run: Run) -> dict[str, Any]:
    """Lay out the samples of one contender."""
    contender = series.contender
    return {
        "format": FORMAT,
        "family": group.family,
        "group": group.name,
        "contender": contender.name,
        "description": contender.description,
        "role": contender.role,
        "parameter": group.parameter and dataclasses.asdict(group.parameter),
        "quantity": group.quantity,
        "throughput": group.throughput and dataclasses.asdict(group.throughput),
        "sampling": "linear" if series.linear else "flat",
        "launches": series.launches,
        "iterations": [sample.iterations for sample in series.samples],
        "totals": [sample.total for sample in series.samples],
        "figures": {
            name: {"unit": unit, "values": [sample.figures[name] for sample in series.samples]}
            for name, unit in series.units().items()
        },
        "started": run.started,
        "tool": f"python {platform.python_version()}",
        "options": run.settings.options(),
        "environment": run.environment,
    }


def write(folder: Path, content: dict[str, Any]) -> Path:
    """Write the file whole or not at all, as ``FOLDER/GROUP/CONTENDER.json``."""
    path = folder / str(content["group"]) / f"{content['contender']}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    try:
        part.write_text(json.dumps(content))
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    return path
