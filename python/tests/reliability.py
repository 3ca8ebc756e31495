"""What the long suites found, and the tables of docs/reliability.md that tell it.

A suite calls `record` when it has ended; ``python python/tests/reliability.py`` then writes the
tables between ``<!-- table: NAME -->`` and ``<!-- end -->`` anew, and ``--check`` only tells
whether they are up to date. Besides the tables of the suites there is ``runs``: who ran what,
where and when.
"""

from __future__ import annotations

import argparse
import datetime
import fcntl
import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "docs" / "reliability.json"
PAGE = ROOT / "docs" / "reliability.md"
BEGIN = re.compile(r"<!-- table: (\S+) -->")
END = "<!-- end -->"
RUNS = "runs"
# What python/long.sh was asked for, set for the suite that it starts.
COMMAND, MINUTES, COUNT = (f"TENSORBRIDGE_LONG_{name}" for name in ("COMMAND", "MINUTES", "COUNT"))

Cell = str | int | float


@dataclass(frozen=True)
class Table:
    """What a table shows: the names of its columns, and a cell of each in every row."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"{len(self.columns)} columns, but a row of {len(row)}: {row}")

    def markdown(self) -> list[str]:
        """Return the lines of the table in Markdown; columns of numbers are set right."""
        numbers = [
            bool(self.rows) and all(not isinstance(row[i], str) for row in self.rows)
            for i in range(len(self.columns))
        ]
        rules = ["--:" if right else "---" for right in numbers]
        lines = [self.columns, rules, *([shown(cell) for cell in row] for row in self.rows)]
        return ["| " + " | ".join(line) + " |" for line in lines]


def shown(cell: Cell) -> str:
    """Return a cell's text: thousands are set apart, floats keep four figures."""
    if isinstance(cell, str):
        return cell.replace("|", "\\|").replace("\n", " ")
    return f"{cell:,}" if isinstance(cell, int) else f"{cell:.4g}"


def minutes(default: float) -> float:
    """Return for how long a suite shall run: what python/long.sh was told, or the default."""
    return float(os.environ.get(MINUTES) or default)


def count(default: int) -> int:
    """Return how often a suite shall do what it does, or the default."""
    return int(os.environ.get(COUNT) or default)


def record(suite: str, tables: Mapping[str, Table], results: Path = RESULTS) -> None:
    """Keep what a run of a suite found, in the place of what an earlier run of it did.

    Outside python/long.sh nothing is kept: a run that nobody can repeat by a command is no result.

    Parameters
    ----------
    suite
        Its name on the command line of python/long.sh.
    tables
        What it found, by the names that the page shows them under; no other suite has such a name.
    results
        The file.
    """
    command = os.environ.get(COMMAND)
    if not command:
        return
    run = {
        "command": command,
        "machine": machine(),
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "tables": {
            name: {"columns": list(table.columns), "rows": [list(row) for row in table.rows]}
            for name, table in tables.items()
        },
    }
    with results.open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # suites may end at the same time
        file.seek(0)
        saved = json.loads(file.read() or "{}")
        saved[suite] = run
        file.truncate(0)
        json.dump(dict(sorted(saved.items())), file, indent=1)
        file.write("\n")


def machine() -> dict[str, str]:
    """Tell what a run ran on."""
    told = {"cores": str(os.cpu_count()), "kernel": f"{platform.system()} {platform.release()}"}
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            told["CPU"] = line.partition(":")[2].strip()
            break
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    told["memory"] = f"{total / (1 << 30):.1f} GiB"
    told["Python"] = platform.python_version()
    revision = subprocess.run(
        ["git", "-C", ROOT, "rev-parse", "--short=10", "HEAD"],
        capture_output=True,
        text=True,
        check=False,
    )
    told["commit"] = revision.stdout.strip() or "unknown"
    return told


def read(results: Path = RESULTS) -> dict[str, Table]:
    """Return all tables that the saved runs give, by name."""
    saved: dict[str, Any] = json.loads(results.read_text())
    tables = {RUNS: runs(saved)}
    for suite, run in saved.items():
        for name, table in run["tables"].items():
            if name in tables:
                raise ValueError(f"{results}: two suites have a table {name}, one is {suite}")
            tables[name] = Table(table["columns"], table["rows"])
    return tables


def runs(saved: Mapping[str, Any]) -> Table:
    """Return the table of all suites: what to type, and where and when it last ran."""
    rows = [
        [
            suite,
            f"`{run['command']}`",
            run["date"],
            "; ".join(f"{fact} {value}" for fact, value in run["machine"].items()),
        ]
        for suite, run in saved.items()
    ]
    return Table(["suite", "command", "ended", "machine"], rows)


def filled(page: str, tables: Mapping[str, Table]) -> str:
    """Return a page with its tables written anew."""
    lines: list[str] = []
    inside = ""
    for number, line in enumerate(page.splitlines(), 1):
        begin = BEGIN.fullmatch(line.strip())
        if (begin and inside) or (line.strip() == END and not inside):
            raise ValueError(f"line {number}: {line.strip()} stands where none can")
        if begin:
            inside = begin[1]
            if inside not in tables:
                raise ValueError(f"line {number}: no table {inside}, only {', '.join(tables)}")
            lines += [line, *tables[inside].markdown()]
        elif line.strip() == END:
            inside = ""
            lines.append(line)
        elif not inside:
            lines.append(line)
    if inside:
        raise ValueError(f"the table {inside} has no {END}")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Write the tables of the page, or tell whether they are up to date."""
    parser = argparse.ArgumentParser(description="Fill the tables of docs/reliability.md.")
    parser.add_argument("--check", action="store_true", help="only tell whether they are filled")
    page = PAGE.read_text()
    now = filled(page, read())
    if parser.parse_args().check:
        if page != now:
            print(f"{PAGE} has other tables than {RESULTS}; fill them: {sys.argv[0]}")
        return int(page != now)
    if page != now:
        PAGE.write_text(now)
    return 0


if __name__ == "__main__":
    sys.exit(main())
