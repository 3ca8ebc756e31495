"""What the command line takes, refuses and passes on."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from runner import command, files, stages
from runner.benchmark import Contender, Group, Launch, Operation
from runner.sampling import run_group
from runner.settings import QUICK, Settings


def test_no_benchmark_matches(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["no_such_benchmark"]) == 2
    assert "--list shows them" in capsys.readouterr().err


def test_list_filters_and_shows_peers_only_when_asked(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["numpy_4mb", "--list"]) == 0
    ours = capsys.readouterr().out
    assert "numpy_4mb/born_shared " in ours
    assert "batch_10/" not in ours
    assert "jpype" not in ours
    assert command.main(["numpy_4mb", "--list", "--peers"]) == 0
    assert "numpy_4mb/jpype" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["["], "no regular expression"),
        (["--sample-size", "0"], "no count"),
        (["--warm-up-time", "-1"], "no number of seconds"),
        (["--measurement-time", "soon"], "no number of seconds"),
        (["--save-baseline", "../up"], "can't name a baseline"),
        (["--save-baseline", "new"], "can't name a baseline"),
        (["--baseline", "a", "--save-baseline", "b"], "not allowed with"),
        (["--noise-threshold", "-0.1"], "no share"),
    ],
)
def test_wrong_usage_is_refused(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(arguments)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_settings_come_from_the_options_and_their_defaults() -> None:
    parse = command._parser().parse_args
    assert command._settings(parse([])) == Settings()
    assert command._settings(parse(["--quick"])) == QUICK
    given = command._settings(parse(["--quick", "--sample-size", "7", "--launches", "1"]))
    assert (given.sample_size, given.launches, given.quick) == (7, 1, True)


def test_the_tables_of_the_documents_are_those_of_the_saved_run() -> None:
    docs = stages.BENCHES.parent / "docs"
    saved, page = docs / "results.json", docs / "performance.md"
    pages = (str(page), str(docs / "schemes.md"))
    assert stages.run_stage("document", "--results", str(saved), "--check", *pages) == 0
    assert "born_shared" in page.read_text()


def _synthetic(nanos: float, seed: int) -> Group:
    """A contender with one-sided noise and an offset for each launch, but no clock."""
    launches = random.Random(seed)

    def opened(launch: Launch) -> Operation:
        noise = random.Random(launches.random())
        offset = 1 + 0.003 * noise.random()
        return Operation(measured=lambda: nanos * offset * (1 + noise.expovariate(100)))

    contender = Contender("synthetic", "Draws its times at random.", opened)
    return Group("synthetic", "synthetic", "no work", (contender,))


def _verdict(tmp_path: Path, slowdown: float) -> str:
    settings = Settings(
        sample_size=60, warm_up_time=0.01, measurement_time=0.2, launches=3, fewest_samples=60
    )
    run = files.Run(settings, "2026-01-01T00:00:00+00:00", {"CPU": "none"})
    store = tmp_path / "criterion"
    for seed, factor in enumerate((1.0, 1.0 + slowdown)):
        group = _synthetic(1e6 * factor, seed)
        (series,) = run_group(group, settings)
        path = files.write(tmp_path / "samples", files.document(group, series, run))
        assert stages.run_stage("analyze", str(path), "--store", str(store)) == 0
    comparison = store / "synthetic" / "synthetic" / "new" / "comparison.json"
    return str(json.loads(comparison.read_text())["verdict"])


@pytest.mark.parametrize(
    ("slowdown", "verdict"), [(0.10, "regressed"), (0.01, "no_change"), (-0.10, "improved")]
)
def test_an_injected_slowdown_is_flagged_and_noise_is_not(
    tmp_path: Path, slowdown: float, verdict: str
) -> None:
    assert _verdict(tmp_path, slowdown) == verdict
