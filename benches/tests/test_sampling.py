"""How samples are planned, interleaved and taken."""

from __future__ import annotations

import time

import pytest

from runner.benchmark import Contender, Group, Launch, Operation, Unavailable
from runner.sampler import LocalSampler
from runner.sampling import in_turn, plan, run_group
from runner.settings import Settings

SHORT = Settings(
    sample_size=12, warm_up_time=0.003, measurement_time=0.03, launches=3, fewest_samples=3
)


def test_short_iterations_grow_linearly_and_fill_the_budget() -> None:
    iterations = plan(seconds=1e-5, samples=100, budget=5.0, fewest=10)
    step = iterations[0]
    assert iterations == [step * i for i in range(1, 101)]
    assert 0.9 < sum(iterations) * 1e-5 / 5.0 < 1.1


def test_longer_iterations_are_the_same_in_each_sample() -> None:
    assert plan(seconds=0.01, samples=100, budget=5.0, fewest=10) == [5] * 100


def test_long_iterations_mean_fewer_samples_but_not_too_few() -> None:
    assert plan(seconds=0.1, samples=100, budget=5.0, fewest=10) == [1] * 50
    assert plan(seconds=9.0, samples=100, budget=5.0, fewest=10) == [1] * 10


def test_plans_of_different_lengths_are_spread_over_the_whole_time() -> None:
    turns = list(in_turn({"a": [1, 2, 3, 4, 5, 6], "b": [7, 8]}))
    assert [n for name, n in turns if name == "a"] == [1, 2, 3, 4, 5, 6]
    assert [n for name, n in turns if name == "b"] == [7, 8]
    first, second = (index for index, (name, _) in enumerate(turns) if name == "b")
    assert first >= 2
    assert second - first >= 3


def test_another_contender_is_first_in_each_round() -> None:
    turns = [name for name, _ in in_turn({"a": [1] * 4, "b": [1] * 4})]
    assert turns == ["a", "b", "b", "a", "a", "b", "b", "a"]


def test_samples_count_every_iteration_and_launch() -> None:
    calls: list[str] = []

    def group() -> Group:
        def opened(launch: Launch) -> Operation:
            return Operation(lambda: calls.append("x"))

        return Group("g", "f", "counts", (Contender("c", "counts", opened),))

    (series,) = run_group(group(), SHORT)
    assert series.linear
    assert sorted(set(series.launches)) == [0, 1, 2]
    assert len(series.samples) == 12
    latency_calls = 100 * len(series.samples)
    assert len(calls) > sum(sample.iterations for sample in series.samples) + latency_calls
    assert set(series.units()) == {"p50", "p99"}
    assert all(s.figures["p50"] <= s.figures["p99"] for s in series.samples)


def test_launches_open_and_close_what_contenders_share() -> None:
    events: list[str] = []

    class Resource:
        def __enter__(self) -> Resource:
            events.append("open")
            return self

        def __exit__(self, *raised: object) -> None:
            events.append("close")

    def opened(launch: Launch) -> Operation:
        launch.shared("resource", lambda: launch.enter(Resource()))
        return Operation(lambda: None)

    group = Group("g", "f", "shares", tuple(Contender(n, n, opened) for n in ("a", "b")))
    run_group(group, SHORT)
    assert events == ["open", "close"] * 3


def test_a_contender_that_cannot_run_or_fails_leaves_the_others_alone() -> None:
    def missing(launch: Launch) -> Operation:
        raise Unavailable("no such library")

    def failing(launch: Launch) -> Operation:
        left = [5]

        def call() -> None:
            left[0] -= 1
            if left[0] < 0:
                raise ValueError("broken")

        return Operation(call)

    def sound(launch: Launch) -> Operation:
        return Operation(lambda: None)

    group = Group(
        "g",
        "f",
        "trouble",
        (
            Contender("missing", "", missing),
            Contender("failing", "", failing),
            Contender("sound", "", sound),
        ),
    )
    by_name = {one.contender.name: one for one in run_group(group, SHORT)}
    assert by_name["missing"].missing == "no such library"
    assert "broken" in by_name["failing"].failure
    assert len(by_name["sound"].samples) == 12
    assert not by_name["sound"].failure


def test_a_measured_operation_gives_its_own_figures() -> None:
    def opened(launch: Launch) -> Operation:
        return Operation(measured=lambda: 1000.0, figures=lambda: {"share": 0.25})

    contender = Contender("c", "", opened, figures={"share": "ratio"})
    group = Group("g", "f", "measures", (contender,), quantity="memory", single=True)
    (series,) = run_group(group, SHORT)
    assert {sample.total for sample in series.samples} == {1000.0}
    assert {sample.iterations for sample in series.samples} == {1}
    assert series.units() == {"share": "ratio"}
    assert not series.linear


def test_the_first_run_of_a_slow_call_counts_and_one_launch_will_do() -> None:
    calls: list[float] = []

    def slow() -> None:
        calls.append(time.perf_counter())
        time.sleep(SHORT.measurement_time)

    group = Group("g", "f", "slow", (Contender("c", "", lambda _: slow),))
    (series,) = run_group(group, SHORT)
    assert len(calls) == len(series.samples) == SHORT.fewest_samples
    assert set(series.launches) == {0}


def test_an_operation_without_work_is_refused() -> None:
    with Launch() as launch:
        sampler = LocalSampler(Contender("c", "", lambda _: Operation()), launch)
        with pytest.raises(ValueError, match="needs a call or a measurement"):
            sampler.warm_up(0.0)
