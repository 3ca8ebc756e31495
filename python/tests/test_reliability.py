"""The page on reliability shows what the long suites found."""

from __future__ import annotations

from pathlib import Path

import pytest

import reliability
from reliability import Table


def test_the_page_has_the_tables_of_the_saved_runs() -> None:
    page = reliability.PAGE.read_text()
    assert page == reliability.filled(page, reliability.read()), (
        "fill them: python python/tests/reliability.py"
    )


def test_every_saved_table_stands_on_the_page() -> None:
    shown = set(reliability.BEGIN.findall(reliability.PAGE.read_text()))
    assert shown == set(reliability.read())


def test_a_run_is_recorded_and_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results = tmp_path / "reliability.json"
    table = Table(["step", "deaths", "share"], [["a|b", 12345, 0.123456], ["c", 1, 2.0]])
    monkeypatch.setenv(reliability.COMMAND, "python/long.sh deaths --count 7")
    for _ in range(2):
        reliability.record("deaths", {"steps": table}, results)
    reliability.record("soak", {"slopes": Table(["what"], [["fds"]])}, results)
    tables = reliability.read(results)
    assert set(tables) == {"runs", "steps", "slopes"}
    assert tables["runs"].rows[0][:2] == ["deaths", "`python/long.sh deaths --count 7`"]
    page = "x\n<!-- table: steps -->\nold\n<!-- end -->\ny\n"
    full = reliability.filled(page, tables)
    assert full.splitlines() == [
        "x",
        "<!-- table: steps -->",
        "| step | deaths | share |",
        "| --- | --: | --: |",
        "| a\\|b | 12,345 | 0.1235 |",
        "| c | 1 | 2 |",
        "<!-- end -->",
        "y",
    ]
    assert reliability.filled(full, tables) == full


def test_a_run_by_hand_leaves_the_saved_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(reliability.COMMAND, raising=False)
    reliability.record("deaths", {}, tmp_path / "results.json")
    assert not (tmp_path / "results.json").exists()


@pytest.mark.parametrize(
    "page",
    [
        "<!-- table: none -->\n<!-- end -->",
        "<!-- table: runs -->",
        "<!-- end -->",
        "<!-- table: runs -->\n<!-- table: runs -->\n<!-- end -->",
    ],
)
def test_wrong_marks_are_refused(page: str) -> None:
    with pytest.raises(ValueError, match=r"table|stands"):
        reliability.filled(page, {"runs": Table(["a"], [])})
