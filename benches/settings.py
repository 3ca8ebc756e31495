"""What a run of the benchmarks was asked to do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """Where samples go, where models lie, and how patient the run is."""

    folder: Path
    models: Path
    quick: bool

    def rounds(self, patient: int) -> int:
        """How many rounds to sample: all of them, or a tenth but at least 3."""
        return max(3, patient // 10) if self.quick else patient
