"""The JSON of Arrow's integration tests: made by us, converted and compared by arrow-go."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from arrow_peers import FILE, Job, ProgramPeer, java_program, ours
from conftest import ROOT

PAGE = ROOT / "docs" / "arrow-layouts.md"
BEGIN, END = "<!-- integration -->", "<!-- end integration -->"
UPDATE = "TENSORBRIDGE_UPDATE_DOCS"
CASES = ROOT / "arrow-ipc/src/test/resources/arrow/integration_cases.py"
WRITER = ROOT / "arrow-ipc/src/test/java/io/tensorbridge/arrow/IntegrationJson.java"
# The path of arrow-go's program that python/interop.sh builds; empty or unset where it did not.
GO = "TENSORBRIDGE_GO_JSON"


def go(mode: str, told: Path, arrow: Path) -> str:
    """Run arrow-go's own program; tell ``yes`` or what it said last."""
    done = subprocess.run(
        [os.environ[GO], "-mode", mode, "-json", told, "-arrow", arrow, "-verbose=false"],
        capture_output=True,
        text=True,
        check=False,
    )
    return "yes" if done.returncode == 0 else done.stderr.strip().splitlines()[-1]


def made(folder: Path) -> list[str]:
    done = subprocess.run(
        [sys.executable, CASES, folder], capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def answers(command: Sequence[str], lines: Sequence[str]) -> list[str]:
    done = subprocess.run(command, input="".join(line + "\n" for line in lines),
                          capture_output=True, text=True, check=True)  # fmt: skip
    found = done.stdout.splitlines()
    assert len(found) == len(lines), done.stderr
    return found


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return what came of each case."""
    if not os.environ.get(GO):
        pytest.skip("arrow-go: not run: python/interop.sh did not build it")
    folder = tmp_path_factory.mktemp("integration")
    names = made(folder)
    theirs = {name: folder / f"{name}.arrow" for name in names}
    told = {name: go("JSON_TO_ARROW", folder / f"{name}.json", theirs[name]) for name in names}
    readable = [name for name in names if told[name] == "yes"]
    copier = ours()
    assert isinstance(copier, ProgramPeer)
    copies = copier.write([Job(FILE, "none", theirs[n], folder / f"{n}.ours") for n in readable])
    views = answers(java_program(WRITER),
                    [f"{theirs[n]}\t{folder / f'{n}.view.json'}" for n in readable])  # fmt: skip
    for name, copy, view in zip(readable, copies, views, strict=True):
        said = [copy, view]
        if said == ["ok", "ok"]:
            said = [go("VALIDATE", folder / f"{name}.json", folder / f"{name}.ours"),
                    go("VALIDATE", folder / f"{name}.view.json", theirs[name])]  # fmt: skip
        told[name] = next((s for s in said if s not in ("ok", "yes")), "yes")
    return told


@pytest.mark.timeout(300)
def test_arrow_go_finds_in_ours_what_the_json_tells(found: dict[str, str]) -> None:
    """What it can't convert itself would be in the table, with the reason."""
    assert {name: told for name, told in found.items() if told != "yes"} == {}
    assert len(found) == 28


def test_the_page_tells_the_cases(found: dict[str, str]) -> None:
    text = PAGE.read_text()
    head, _, rest = text.partition(BEGIN)
    table, _, tail = rest.partition(END)
    rows = [[c.strip() for c in line.strip("|").split("|")] for line in table.strip().splitlines()]
    known = {row[0]: row for row in rows[2:]}
    lines = [" | ".join([name, told, *known.get(name, ["", "", "?"])[2:]])
             for name, told in found.items()]  # fmt: skip
    shown = [
        "| case | arrow-go | arrow-java |",
        "|---|---|---|",
        *(f"| {line} |" for line in lines),
    ]
    if os.environ.get(UPDATE):
        PAGE.write_text(f"{head}{BEGIN}\n" + "\n".join(shown) + f"\n{END}{tail}")
        return
    assert table.strip().splitlines() == shown


def test_a_difference_is_found(found: dict[str, str], tmp_path: Path) -> None:
    """What the other tests rely on."""
    assert found
    made(tmp_path)
    arrow = tmp_path / "nested.arrow"
    assert go("JSON_TO_ARROW", tmp_path / "nested.json", arrow) == "yes"
    assert go("VALIDATE", tmp_path / "nested.json", arrow) == "yes"
    document = json.loads((tmp_path / "nested.json").read_text())
    column = document["batches"][0]["columns"][3]["children"][0]
    row = column["VALIDITY"].index(1)
    document["batches"][0]["columns"][3]["VALIDITY"][row] = 1
    column["DATA"][row] ^= 1
    other = tmp_path / "other.json"
    other.write_text(json.dumps(document))
    changed = tmp_path / "changed.arrow"
    assert go("JSON_TO_ARROW", other, changed) == "yes"
    assert go("VALIDATE", tmp_path / "nested.json", changed) != "yes"
