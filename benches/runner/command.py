"""The command line of ``tensorbridge bench``."""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import re
import subprocess
import sys

from . import files, jmh
from .benchmark import Group
from .machine import environment
from .progress import Progress
from .registry import groups
from .sampling import run_group
from .settings import QUICK, Settings
from .stages import BENCHES, run_stage

_TARGET = BENCHES / "target"
_STORE = _TARGET / "criterion"
_SAMPLES = _TARGET / "samples"
_DESCRIPTION = """\
Measures the claims of the project: batch against legacy calls, peers beside them with --peers.
Samples of contenders are taken in turn; medians come with 95% bootstrap intervals; each run is
compared with the one before. The report is benches/target/criterion/report/index.html."""


def main(arguments: list[str]) -> int:
    """Run what the command line asks for.

    Returns
    -------
    int
        0 when all ran, 1 when a benchmark failed, 2 for wrong usage, 130 when interrupted.
    """
    if arguments[:1] == ["--stage"]:
        return run_stage(*arguments[1:])
    options = _parser().parse_args(arguments)
    try:
        return _list(options) if options.list else _run(options)
    except KeyboardInterrupt:
        print("\ninterrupted; the groups that were finished are kept", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    defaults = Settings()
    parser = argparse.ArgumentParser(
        prog="tensorbridge bench",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="--stage STAGE ... runs one stage of the pipeline alone; --stage --help lists them",
    )
    add = parser.add_argument
    add(
        "filter",
        nargs="?",
        default="",
        metavar="FILTER",
        type=_regex,
        help="a regular expression found in GROUP/CONTENDER",
    )
    add("--list", action="store_true", help="list the benchmarks and end")
    add("--peers", action="store_true", help="run the peers, too; installs them on first use")
    add("--quick", action="store_true", help="the whole in some minutes, with wider intervals")
    add(
        "--sample-size",
        type=_count,
        metavar="N",
        help=f"samples of each contender; {defaults.sample_size}",
    )
    add("--warm-up-time", type=_seconds, metavar="S", help=f"seconds; {defaults.warm_up_time:g}")
    add(
        "--measurement-time",
        type=_seconds,
        metavar="S",
        help=f"seconds; {defaults.measurement_time:g}",
    )
    add(
        "--launches",
        type=_count,
        metavar="N",
        help=f"times everything is opened anew; {defaults.launches}",
    )
    add(
        "--noise-threshold",
        type=_share,
        metavar="X",
        help="relative changes up to this are noise; 0.05",
    )
    baseline = parser.add_mutually_exclusive_group()
    baseline.add_argument(
        "--save-baseline", type=_name, metavar="NAME", help="keep the results under a name"
    )
    baseline.add_argument(
        "--baseline", type=_name, metavar="NAME", help="compare with those under a name"
    )
    return parser


def _regex(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no regular expression: {error}") from None
    return text


def _count(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 100_000:
        raise argparse.ArgumentTypeError(f"{text!r} is no count from 1 to 100000")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 < seconds <= 3600:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds from 0 to 3600")
    return seconds


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no share from 0 to 1")
    return share


def _name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", text) or text in ("new", "base", "report"):
        raise argparse.ArgumentTypeError(
            f"{text!r} can't name a baseline: use letters, digits, '.', '_', '-', not new or base"
        )
    return text


def _settings(options: argparse.Namespace) -> Settings:
    settings = QUICK if options.quick else Settings()
    given = {
        field.name: getattr(options, field.name)
        for field in dataclasses.fields(Settings)
        if getattr(options, field.name, None)
    }
    return dataclasses.replace(settings, **given)


def _chosen(options: argparse.Namespace) -> tuple[list[Group], list[tuple[str, str]]]:
    """Give the groups with their chosen contenders, and the chosen benchmarks of JMH."""
    wanted = re.compile(options.filter)
    chosen = []
    for group in groups():
        contenders = tuple(
            one
            for one in group.contenders
            if (options.peers or one.role != "peer")
            and not (options.quick and one.slow)
            and wanted.search(f"{group.name}/{one.name}")
        )
        if contenders:
            chosen.append(dataclasses.replace(group, contenders=contenders))
    return chosen, [one for one in jmh.benchmarks(options.quick) if wanted.search(one[0])]


def _left_out(options: argparse.Namespace) -> list[str]:
    """Name what only patience measures."""
    wanted = re.compile(options.filter)
    names = [
        f"{group.name}/{one.name}" for group in groups() for one in group.contenders if one.slow
    ]
    reason = "a call takes some seconds, --quick leaves it out"
    return [f"{name}: {reason}" for name in names if options.quick and wanted.search(name)]


def _list(options: argparse.Namespace) -> int:
    chosen, kernels = _chosen(options)
    lines = [
        (f"{group.name}/{one.name}", one.description)
        for group in chosen
        for one in group.contenders
    ]
    for name, description in lines + kernels:
        print(f"{name:44} {description}")
    return 0


def _run(options: argparse.Namespace) -> int:
    chosen, kernels = _chosen(options)
    if not chosen and not kernels:
        print(
            f"tensorbridge bench: no benchmark matches {options.filter!r}; --list shows them"
            + ("" if options.peers else ", those of peers with --peers"),
            file=sys.stderr,
        )
        return 2
    if options.peers and any(one.role == "peer" for group in chosen for one in group.contenders):
        installed = subprocess.run([str(BENCHES / "peers.sh")], check=False)
        if installed.returncode:
            return 1
    settings = _settings(options)
    started = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    run = files.Run(settings, started, environment())
    analysis = _analysis(options)
    progress = Progress(sum(len(group.contenders) for group in chosen) + len(kernels))
    failures, missing = 0, _left_out(options)
    for group in chosen:
        series = run_group(group, settings, progress.told)
        progress.finished(len(group.contenders))
        paths = [
            files.write(_SAMPLES, files.document(group, one, run)) for one in series if one.samples
        ]
        failures += sum(1 for one in series if one.failure)
        for one in series:
            name = f"{group.name}/{one.contender.name}"
            if one.failure:
                print(f"{name}: FAILED: {one.failure}", file=sys.stderr, flush=True)
            elif one.missing:
                missing.append(f"{name}: {one.missing}")
        if paths and (code := run_stage("analyze", *map(str, paths), *analysis)):
            return code
    if kernels:
        paths = jmh.run([name for name, _ in kernels], run, _SAMPLES)
        progress.finished(len(kernels))
        if code := run_stage("analyze", *map(str, paths), *analysis):
            return code
    for line in missing:
        print(f"not run: {line}")
    run_stage("summary", "--store", str(_STORE))
    code = run_stage("report", "--store", str(_STORE))
    return code or (1 if failures else 0)


def _analysis(options: argparse.Namespace) -> list[str]:
    arguments = ["--store", str(_STORE), "--colour", "always" if sys.stdout.isatty() else "never"]
    for name in ("baseline", "save_baseline", "noise_threshold"):
        if getattr(options, name) is not None:
            arguments += [f"--{name.replace('_', '-')}", str(getattr(options, name))]
    return arguments
