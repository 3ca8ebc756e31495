"""How patient a run is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """What a run was asked for, in the words of criterion.rs.

    Attributes
    ----------
    sample_size : int
        Samples of each contender, over all launches.
    warm_up_time, measurement_time : float
        Seconds for each contender, over all launches.
    launches : int
        How often everything is opened anew: another JVM, other memory.
    fewest_samples : int
        Of a contender for which even ``measurement_time`` is too short.
    quick : bool
        Whether this is the short version of everything.
    """

    sample_size: int = 100
    warm_up_time: float = 3.0
    measurement_time: float = 5.0
    launches: int = 3
    fewest_samples: int = 6
    quick: bool = False

    def options(self) -> dict[str, str]:
        """Give the settings as the samples keep them."""
        return {
            "sample-size": str(self.sample_size),
            "warm-up-time": f"{self.warm_up_time:g} s",
            "measurement-time": f"{self.measurement_time:g} s",
            "launches": str(self.launches),
        }


QUICK = Settings(
    sample_size=30,
    warm_up_time=0.5,
    measurement_time=0.5,
    launches=2,
    fewest_samples=2,
    quick=True,
)
