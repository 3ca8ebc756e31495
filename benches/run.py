"""Measure the claims of this project: ``tensorbridge bench [NAME...] [--quick] [--list]``.

Contenders are sampled in turn, medians come with 95% bootstrap intervals, and the samples of every
run are kept as JSON. Machines are noisy: trust ratios of one run more than absolute times.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from conversion import conversion_process, conversion_warm
from crossing import batch_overhead, numpy_born_shared, numpy_ordinary, open_time
from legacy import legacy_against_batch
from settings import Settings

_HERE = Path(__file__).resolve().parent
_BENCHES = {
    bench.__name__: bench
    for bench in (
        numpy_born_shared,
        numpy_ordinary,
        batch_overhead,
        open_time,
        conversion_process,
        conversion_warm,
        legacy_against_batch,
    )
}


def main() -> int:
    """Run the chosen benchmarks; 0 when all ran, 2 for an unknown name."""
    parser = argparse.ArgumentParser(prog="tensorbridge bench", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="benchmarks to run; all by default"
    )
    parser.add_argument("--quick", action="store_true", help="a tenth of the rounds")
    parser.add_argument("--list", action="store_true", help="list the benchmarks")
    arguments = parser.parse_args()
    if arguments.list:
        for name, bench in _BENCHES.items():
            print(f"{name:22} {(bench.__doc__ or '').splitlines()[0]}")
        return 0
    unknown = [name for name in arguments.names if name not in _BENCHES]
    if unknown:
        parser.error(f"unknown benchmark {unknown[0]}; known are {', '.join(_BENCHES)}")
    target = _HERE / "target"
    settings = Settings(target / "samples", target / "models", arguments.quick)
    for name in arguments.names or _BENCHES:
        print(f"{name}: {(_BENCHES[name].__doc__ or '').splitlines()[0]}", flush=True)
        _BENCHES[name](settings)
    return 0


if __name__ == "__main__":
    sys.exit(main())
