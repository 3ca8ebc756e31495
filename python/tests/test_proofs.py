"""The suites in Java that prove the rings, run for long: all of the model, and jcstress."""

from __future__ import annotations

import csv
import subprocess
from pathlib import Path

import pytest

import reliability
from reliability import Cell, Table


def maven(module: str, *arguments: str) -> None:
    """Build what a module needs and run one of its tests."""
    command = [
        str(reliability.ROOT / "mvnw"),
        "-q",
        "-Dquick",
        "-DskipPython",
        "-pl",
        module,
        "-am",
    ]
    subprocess.run([*command, *arguments], cwd=reliability.ROOT, check=True)


def rows(report: Path) -> list[list[str]]:
    with report.open(newline="") as file:
        return list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


@pytest.mark.long
def test_every_state_of_the_model(tmp_path: Path) -> None:
    report = tmp_path / "model.tsv"
    maven(
        "batch-api", "test", "-Dtest=RingModelTest", "-Dsurefire.failIfNoSpecifiedTests=false",
        f"-Dtensorbridge.model.report={report}", "-DargLine=-Xmx3g",
    )  # fmt: skip
    scenarios: list[list[Cell]] = []
    mistakes: list[list[Cell]] = []
    for kind, *cells in rows(report):
        if kind == "scenario":
            name, order, states, steps, verdict = cells
            scenarios.append([name, order, int(states), int(steps), verdict])
        else:
            mistake, name, order, length, violation = cells
            mistakes.append([mistake, name, order, int(length), violation])
    reliability.record(
        "model",
        {
            "model": Table(["scenario", "stores become visible", "states", "steps", "verdict"],
                           scenarios),
            "model-mistakes": Table(["mistake built in", "found in", "stores become visible",
                                     "steps to it", "what the checker says"], mistakes),
        },
    )  # fmt: skip


@pytest.mark.long
def test_what_threads_see_under_jcstress(tmp_path: Path) -> None:
    report = tmp_path / "jcstress.tsv"
    # There are 17 tests of two iterations.
    millis = int(reliability.minutes(5) * 60_000 / (17 * 2))
    maven(
        "stress", "verify", "-Dtest=NoSuch", "-Dsurefire.failIfNoSpecifiedTests=false",
        "-Dit.test=JcstressIT", "-Dfailsafe.failIfNoSpecifiedTests=false",
        f"-Dtensorbridge.jcstress.report={report}", f"-Dtensorbridge.jcstress.millis={millis}",
    )  # fmt: skip
    seen: list[list[Cell]] = [
        [test, outcome, int(samples), expected.lower(), description]
        for test, outcome, samples, expected, description in rows(report)
    ]
    columns = ["test", "outcome", "samples", "expected", "meaning"]
    reliability.record("jcstress", {"jcstress": Table(columns, seen)})
