"""Starts the stages in Java: statistics, kernels, the report."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import IO

from tensorbridge.launcher import find_jdk

BENCHES = Path(__file__).resolve().parent.parent
LIB = BENCHES / "target" / "lib"
_MAIN = "io.tensorbridge.benches.Main"
# The flags of every JVM that runs our code, kernels and Arrow among it.
_FLAGS = (
    "--add-modules=jdk.incubator.vector",
    "--enable-native-access=ALL-UNNAMED",
    "--add-opens=java.base/java.nio=ALL-UNNAMED",
    "--sun-misc-unsafe-memory-access=allow",
    "-XX:-UsePerfData",
)


def java_command(main: str, *arguments: str, flags: tuple[str, ...] = _FLAGS) -> list[str]:
    """Give the command that starts a class of the benches module.

    Parameters
    ----------
    main : str
        Name of the class.
    *arguments : str
        What it is told.
    flags : tuple of str
        Of the JVM.

    Raises
    ------
    FileNotFoundError
        If the module was not built.
    """
    if not LIB.is_dir():
        raise FileNotFoundError(
            f"{LIB} is missing: start the benchmarks by './tensorbridge bench', or build it with "
            "'./mvnw -Dquick -DskipTests package -pl benches -am'"
        )
    return [find_jdk().java, *flags, "-cp", f"{LIB}/*", main, *arguments]


def run_stage(*arguments: str, out: IO[bytes] | None = None) -> int:
    """Run a stage with this process's streams, or its output into a file; its exit code.

    The JVM's notice that the Vector API incubates is left out. Large native memory gets huge pages
    where the machine grants them (glibc 2.35), as NumPy asks for them on its own: else the memory
    of the peers would be faster than that of our kernels.
    """
    tunables = os.environ.get("GLIBC_TUNABLES")
    huge_pages = "glibc.malloc.hugetlb=1"
    process = subprocess.Popen(
        java_command(_MAIN, *arguments),
        stdout=out,
        stderr=subprocess.PIPE,
        env={**os.environ, "GLIBC_TUNABLES": ":".join(filter(None, (tunables, huge_pages)))},
        text=True,
    )
    with process:
        for line in process.stderr or ():
            if "incubator module" not in line:
                os.write(2, line.encode())
        return process.wait()
