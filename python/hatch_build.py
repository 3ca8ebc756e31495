"""Puts the Java side's jar into wheels and source distributions."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

JAR = "tensorbridge.jar"


class JarHook(BuildHookInterface):
    """Finds the jar, building it in a clone of the repository, and includes it."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Include the jar; an editable install reads it from the build's folder instead."""
        if version == "editable":
            return
        jar = find_jar(Path(self.root))
        place = f"tensorbridge/_java/{JAR}" if self.target_name == "wheel" else f"_java/{JAR}"
        build_data["force_include"][str(jar)] = place


def find_jar(root: Path) -> Path:
    """Return the jar named by the environment, of a source distribution, or of the repository."""
    if named := os.environ.get("TENSORBRIDGE_JAR"):
        if not Path(named).is_file():
            raise RuntimeError(f"TENSORBRIDGE_JAR names no file: {named}")
        return Path(named)
    packed = root / "_java" / JAR
    if packed.is_file():
        return packed
    launcher = root.parent / "tensorbridge"
    if not launcher.is_file():
        raise RuntimeError("no jar found: set TENSORBRIDGE_JAR to a built tensorbridge.jar")
    # Starting the command builds its jar when it is missing or older than its sources.
    subprocess.run([str(launcher), "--version"], check=True)
    return root.parent / "cli" / "target" / JAR
