"""The benchmarks of the project: each module has ``groups()``, which lists them at no cost.

Nothing is made, opened or imported from a peer before a contender's ``open``. Folders named in
``TENSORBRIDGE_BENCH_SUITES`` (separated by colons) hold further modules: a user's own workloads.
"""

import os

__path__ = [*__path__, *filter(None, os.environ.get("TENSORBRIDGE_BENCH_SUITES", "").split(":"))]
