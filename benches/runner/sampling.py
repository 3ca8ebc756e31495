"""Takes samples of all contenders of a group in turn, so that noise hits every one."""

from __future__ import annotations

import contextlib
import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from .benchmark import Contender, Group, Launch, Unavailable
from .isolated import IsolatedSampler
from .sampler import LocalSampler, Sample, Sampler
from .settings import Settings

_LATENCY_FIGURES = {"p50": "ns", "p99": "ns"}
_LATENCY_BELOW_SECONDS = 200e-6


@dataclass
class Series:
    """The samples of one contender.

    Attributes
    ----------
    contender : Contender
        Whose they are.
    linear : bool
        Whether iterations grow from sample to sample.
    latencies : bool or None
        Whether calls are so short that some are timed singly; the first launch decides.
    launches : list of int
        For each sample its launch.
    samples : list of Sample
        In the order of time.
    missing : str
        Why there are none, where the contender can't run here.
    failure : str
        What went wrong, where something did.
    """

    contender: Contender
    linear: bool = True
    latencies: bool | None = None
    launches: list[int] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    missing: str = ""
    failure: str = ""

    def units(self) -> dict[str, str]:
        """Give names and units of the further figures that every sample has."""
        declared: dict[str, str] = {**_LATENCY_FIGURES, **self.contender.figures}
        return {
            name: unit
            for name, unit in declared.items()
            if self.samples and all(name in sample.figures for sample in self.samples)
        }


def plan(seconds: float, samples: int, budget: float, fewest: int) -> list[int]:
    """Choose the iterations of each sample.

    Parameters
    ----------
    seconds : float
        What one iteration takes.
    samples : int
        How many samples are wanted.
    budget : float
        Seconds for all of them.
    fewest : int
        Samples to take even if they need longer.

    Returns
    -------
    list of int
        ``d, 2d, 3d, ...`` where iterations are short enough (criterion.rs, linear sampling), else
        the same number for each, and fewer samples where one iteration each takes too long.
    """
    seconds = max(seconds, 1e-9)
    steps = samples * (samples + 1) // 2
    if budget / seconds >= steps:
        step = max(1, round(budget / seconds / steps))
        return [step * i for i in range(1, samples + 1)]
    if budget / seconds >= samples:
        return [max(1, round(budget / seconds / samples))] * samples
    return [1] * max(fewest, min(samples, math.ceil(budget / seconds)))


def in_turn(plans: dict[str, list[int]]) -> Iterator[tuple[str, int]]:
    """Interleave plans of different lengths evenly, with another contender first in each round.

    Yields
    ------
    (str, int)
        Whose turn it is, and the iterations of its sample.
    """
    rounds = max((len(iterations) for iterations in plans.values()), default=0)
    names = list(plans)
    for index in range(rounds):
        shift = index % len(names)
        for name in names[shift:] + names[:shift]:
            count = len(plans[name])
            due = (index + 1) * count // rounds
            if due > index * count // rounds:
                yield name, plans[name][due - 1]


def run_group(
    group: Group, settings: Settings, told: Callable[[str], None] = lambda text: None
) -> list[Series]:
    """Take samples of every contender of a group.

    Parameters
    ----------
    group : Group
        Whose contenders take turns.
    settings : Settings
        How patient to be.
    told : callable
        Gets a line for each step, for a terminal's progress.

    Returns
    -------
    list of Series
        One for each contender, also for those that are missing or failed.
    """
    series = {contender.name: Series(contender) for contender in group.contenders}
    slow: set[str] = set()
    for launch in range(settings.launches):
        wanted = [
            one
            for one in series.values()
            if not one.missing and not one.failure and one.contender.name not in slow
        ]
        if wanted:
            slow |= _launch(group, wanted, launch, settings, told)
    return list(series.values())


def _launch(
    group: Group, wanted: list[Series], launch: int, settings: Settings, told: Callable[[str], None]
) -> set[str]:
    """Open, warm up and sample once; returns those too slow for a further launch."""
    by_name = {one.contender.name: one for one in wanted}
    ready: dict[str, Sampler] = {}
    plans: dict[str, list[int]] = {}
    slow = set()
    which = f"({launch + 1} of {settings.launches})"
    with Launch() as opened:
        for name, one in by_name.items():
            told(f"{group.name}/{name}: opening {which}")
            with _noted(one):
                ready[name] = _open(group, one.contender, opened)
        for name in ready:
            told(f"{group.name}/{name}: warming up {which}")
            with _noted(by_name[name]):
                time = 0.0 if group.single else settings.warm_up_time / settings.launches
                warm_up = ready[name].warm_up(time)
                plans[name] = _plan_launch(by_name[name], group, warm_up.seconds, settings)
                if warm_up.seconds > settings.measurement_time / 2:
                    # It has no need to be warm, and one launch of it will do.
                    slow.add(name)
                    by_name[name].samples.append(warm_up.last)
                    by_name[name].launches.append(launch)
                # Growing counts in the order of time would take drift for a slope.
                random.Random(launch).shuffle(plans[name])
        total = sum(map(len, plans.values()))
        for done, (name, iterations) in enumerate(in_turn(plans)):
            one = by_name[name]
            if not one.failure:
                told(f"{group.name}: sampling {name}, {done} of {total} {which}")
                with _noted(one):
                    one.samples.append(ready[name].sample(iterations, one.latencies is True))
                    one.launches.append(launch)
    return slow


def _plan_launch(series: Series, group: Group, seconds: float, settings: Settings) -> list[int]:
    if series.latencies is None:
        series.latencies = seconds < _LATENCY_BELOW_SECONDS
    samples = math.ceil(settings.sample_size / settings.launches)
    budget = settings.measurement_time / settings.launches
    if seconds > settings.measurement_time / 2:
        iterations = [1] * (settings.fewest_samples - 1)
    elif group.single:
        iterations = [1] * len(plan(seconds, samples, budget, 2))
    else:
        fewest = math.ceil(settings.fewest_samples / settings.launches)
        iterations = plan(seconds, samples, budget, fewest)
    series.linear = series.linear and len(set(iterations)) > 1
    return iterations


def _open(group: Group, contender: Contender, launch: Launch) -> Sampler:
    if contender.isolated:
        return launch.enter(IsolatedSampler(group.name, contender))
    return LocalSampler(contender, launch)


@contextlib.contextmanager
def _noted(series: Series) -> Iterator[None]:
    """Keep a contender's trouble with its series: the others go on."""
    try:
        yield
    except Unavailable as reason:
        series.missing = str(reason)
    except Exception as error:
        series.failure = f"{type(error).__name__}: {error}"
