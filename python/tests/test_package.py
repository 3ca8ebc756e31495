"""The package as users get it."""

from __future__ import annotations

import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT, run_python

import tensorbridge as tb


def test_the_version_is_the_one_of_the_build() -> None:
    assert tb.__version__ == "0.1.0"


def test_everything_exported_is_there_and_explained() -> None:
    for name in tb.__all__:
        assert getattr(tb, name).__doc__, name


def test_the_import_does_no_work() -> None:
    done = run_python(
        "import sys, threading, os\n"
        "import tensorbridge\n"
        "print(sorted(set(sys.modules) & {'ml_dtypes', 'pyarrow', 'torch', 'ctypes.util'}))\n"
        "print(threading.active_count(), [n for n in os.listdir('/proc/self/fd') if int(n) > 3])\n"
    )
    assert done.stdout.splitlines() == ["[]", "1 []"], done.stderr


def test_only_numpy_is_needed() -> None:
    done = run_python(
        "import sys\n"
        "sys.modules['ml_dtypes'] = None\n"
        "import tensorbridge as tb\n"
        "from tensorbridge.dtypes import dtype_of, dtype_named\n"
        "print(dtype_of(11))\n"
        "try:\n"
        "    dtype_named('bfloat16')\n"
        "except tb.OptionError as error:\n"
        "    print(error)\n"
    )
    assert done.stdout.splitlines() == [
        "uint16",
        "dtype bfloat16 needs the package ml_dtypes: pip install ml_dtypes",
    ], done.stderr


@pytest.mark.timeout(300)
def test_the_wheel_works_in_a_fresh_environment(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation",
         "--wheel-dir", tmp_path, ROOT / "python"], check=True,
    )  # fmt: skip
    (wheel,) = tmp_path.glob("tensorbridge-*-py3-none-any.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "tensorbridge/_java/tensorbridge.jar" in names
    assert "tensorbridge/py.typed" in names

    # The wheel alone is installed; NumPy, its one requirement, is that of this environment.
    home = tmp_path / "venv"
    venv.create(home, with_pip=False)
    (site,) = home.glob("lib/python*/site-packages")
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", site, wheel],
        check=True,
    )
    (site / "numpy.pth").write_text(str(Path(np.__file__).parents[1]))
    done = subprocess.run(
        [home / "bin" / "python", "-I", "-c", WHEEL_PROGRAM],
        capture_output=True, text=True, check=False,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    place, result = done.stdout.splitlines()
    assert place.startswith(str(site))
    assert result == "(0.0, 9.0)"
    assert (tmp_path / ".cache" / "tensorbridge").is_dir()


WHEEL_PROGRAM = """
import numpy as np, tensorbridge as tb
from tensorbridge.launcher import find_jar
print(find_jar())
with tb.open() as bridge:
    print(bridge.run("noop", {"a": np.arange(10.0)})["a"])
"""
