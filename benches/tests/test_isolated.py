"""Contenders in processes of their own, from a folder of suites outside the project."""

from __future__ import annotations

import os
import textwrap
from pathlib import Path

import psutil
import pytest

from runner import suites
from runner.benchmark import Contender, Group, Launch, Unavailable
from runner.isolated import IsolatedSampler
from runner.registry import find, groups
from runner.sampling import run_group
from runner.settings import Settings

_SUITE = """
import os
import sys
from runner.benchmark import Contender, Group, Operation, Unavailable

def _pid(launch):
    print("a library that prints")
    return Operation(lambda: None, figures=lambda: {"pid": float(os.getpid())})

def _missing(launch):
    raise Unavailable("no library of that name")

def _failing(launch):
    return Operation(lambda: 1 / 0)

def _ending(launch):
    return Operation(lambda: os._exit(3))

def _contender(name, opened):
    return Contender(name, name, opened, isolated=True, figures={"pid": "ns"})

def groups():
    openers = {"pid": _pid, "missing": _missing, "failing": _failing, "ending": _ending}
    contenders = tuple(_contender(name, opened) for name, opened in openers.items())
    return [Group("outside", "outside", "a suite of a user", contenders)]
"""


@pytest.fixture
def group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Group:
    (tmp_path / "outside_suite.py").write_text(textwrap.dedent(_SUITE))
    monkeypatch.setenv("TENSORBRIDGE_BENCH_SUITES", str(tmp_path))
    monkeypatch.setattr(suites, "__path__", [str(tmp_path)])
    (found,) = groups()
    return found


def test_it_runs_elsewhere_and_ends_with_its_context(group: Group) -> None:
    before = set(psutil.Process().children())
    with IsolatedSampler("outside", find("outside", "pid")) as sampler:
        assert sampler.warm_up(0.001).seconds > 0
        sample = sampler.sample(7, True)
        assert sample.iterations == 7
        assert sample.total > 0
        assert 0 < sample.figures["p50"] <= sample.figures["p99"]
        assert sample.figures["pid"] != os.getpid()
    assert set(psutil.Process().children()) == before


def test_what_is_missing_is_said(group: Group) -> None:
    with pytest.raises(Unavailable, match="no library of that name"):
        IsolatedSampler("outside", find("outside", "missing"))


def test_peers_need_their_own_interpreter(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("runner.isolated.PEERS", tmp_path)
    with pytest.raises(Unavailable, match="--peers"):
        IsolatedSampler("g", Contender("c", "", lambda _: lambda: None, role="peer"))


def test_failures_over_there_are_told_here_and_end_nothing_else(group: Group) -> None:
    settings = Settings(
        sample_size=4, warm_up_time=0.001, measurement_time=0.01, launches=2, fewest_samples=2
    )
    by_name = {one.contender.name: one for one in run_group(group, settings)}
    assert "division by zero" in by_name["failing"].failure
    assert "ended with 3" in by_name["ending"].failure
    assert by_name["missing"].missing == "no library of that name"
    assert len(by_name["pid"].samples) == 4


def test_two_suites_may_fill_one_group_but_must_agree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (
        "from runner.benchmark import Contender, Group\n"
        "def groups():\n"
        "    c = Contender({name!r}, '', lambda launch: lambda: None)\n"
        "    return [Group('shared', {family!r}, 'd', (c,))]\n"
    )
    monkeypatch.setattr(suites, "__path__", [str(tmp_path)])
    (tmp_path / "joined_a.py").write_text(text.format(name="a", family="f"))
    (tmp_path / "joined_b.py").write_text(text.format(name="b", family="f"))
    (group,) = groups()
    assert [contender.name for contender in group.contenders] == ["a", "b"]
    (tmp_path / "joined_c.py").write_text(text.format(name="c", family="other"))
    with pytest.raises(ValueError, match="describe the group shared differently"):
        groups()


def test_a_launch_closes_in_reverse_even_after_an_error() -> None:
    events: list[str] = []

    class Resource:
        def __init__(self, name: str) -> None:
            self.name = name

        def __enter__(self) -> Resource:
            return self

        def __exit__(self, *raised: object) -> None:
            events.append(self.name)

    def broken() -> None:
        with Launch() as launch:
            launch.enter(Resource("first"))
            launch.enter(Resource("second"))
            raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        broken()
    assert events == ["second", "first"]
