"""The benchmarks of kernels, which JMH takes the samples of: the stage ``kernels`` in Java."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

from .files import Run
from .stages import run_stage


def benchmarks(quick: bool = False) -> list[tuple[str, str]]:
    """List names (``kernels_q8_0/vector_dram_1t``) and descriptions.

    Parameters
    ----------
    quick : bool
        Only those that a quick run takes.

    Raises
    ------
    RuntimeError
        If the stage fails; its messages are on the error stream.
    """
    arguments = ["--list", *(["--quick"] if quick else [])]
    pairs = (line.split("\t", 1) for line in _lines(arguments))
    return [(name, description) for name, description in pairs]


def run(names: Sequence[str], run: Run, folder: Path) -> list[Path]:
    """Measure and write samples to ``FOLDER/GROUP/CONTENDER.json``.

    How many samples there are is JMH's matter (rounds and iterations), not that of the settings.
    Progress goes to the error stream. A benchmark that fails is told there and left out.

    Parameters
    ----------
    names : sequence of str
        The chosen benchmarks; a quick run leaves out those that aren't quick.
    run : Run
        What the samples say of the run.
    folder : Path
        Gets the samples, and JMH's own results in ``jmh``.

    Returns
    -------
    list of Path
        The samples.

    Raises
    ------
    RuntimeError
        If nothing could be measured; the messages are on the error stream.
    """
    with tempfile.TemporaryDirectory() as temporary:
        environment = Path(temporary) / "environment.json"
        environment.write_text(json.dumps(run.environment))
        arguments = ["--started", run.started, "--environment", str(environment), "-o", str(folder)]
        for name in names:
            arguments += ["--id", name]
        if run.settings.quick:
            arguments += ["--quick", "--option", "quick=true"]
        return [Path(line) for line in _lines(arguments)]


def _lines(arguments: list[str]) -> list[str]:
    """Run the stage and give the lines it prints; a benchmark that failed has none."""
    with tempfile.TemporaryFile() as out:
        code = run_stage("kernels", *arguments, out=out)
        out.seek(0)
        lines = out.read().decode().splitlines()
    if code and not lines:
        raise RuntimeError(f"the stage kernels ended with {code}; see above")
    return lines
