"""Estimates of the stages in Java against SciPy and NumPy on the same samples."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from runner.stages import LIB, java_command

# SciPy draws fewer than Java's 100,000: the end of an interval from 20,000 resamples wanders by
# about 2% of the statistic's standard error, and the ends of medians jump from sample to sample.
_RESAMPLES = 20_000
_MAD = 1.4826


def _normal(random: np.random.Generator) -> np.ndarray:
    return random.normal(1000.0, 25.0, 100)


def _one_sided(random: np.random.Generator) -> np.ndarray:
    return 2.2e8 * (1 + random.exponential(0.05, 99))


def _heavy_tailed(random: np.random.Generator) -> np.ndarray:
    return 5000.0 * (1 + random.pareto(2.5, 80))


def _two_modes(random: np.random.Generator) -> np.ndarray:
    return np.concatenate([random.normal(100.0, 2.0, 30), random.normal(140.0, 3.0, 21)])


def _few(random: np.random.Generator) -> np.ndarray:
    return random.lognormal(7.0, 0.2, 10)


def _median(values: np.ndarray, axis: int = -1) -> np.ndarray:
    return np.median(values, axis=axis)


def _mean(values: np.ndarray, axis: int = -1) -> np.ndarray:
    return np.mean(values, axis=axis)


def _std_dev(values: np.ndarray, axis: int = -1) -> np.ndarray:
    return np.std(values, axis=axis, ddof=1)


def _mad(values: np.ndarray, axis: int = -1) -> np.ndarray:
    median = np.median(values, axis=axis, keepdims=True)
    return _MAD * np.median(np.abs(values - median), axis=axis)


_STATISTICS = {"mean": _mean, "median": _median, "stdDev": _std_dev, "mad": _mad}


def _estimate(folder: Path, totals: np.ndarray, iterations: np.ndarray, **more: Any) -> Any:
    assert list(LIB.glob("tensorbridge-benches-*.jar")), (
        f"{LIB} has no jar of the benches; build it with "
        "'./mvnw -Dquick -DskipTests package -pl benches -am'"
    )
    samples = {
        "format": 1,
        "family": "synthetic",
        "group": "synthetic",
        "contender": "ours",
        "description": "Drawn by NumPy.",
        "role": "ours",
        "parameter": None,
        "quantity": "time",
        "throughput": None,
        "sampling": "linear",
        "launches": [0] * len(totals),
        "iterations": iterations.tolist(),
        "totals": totals.tolist(),
        "figures": {},
        "started": "2026-01-01T00:00:00+00:00",
        "tool": "numpy",
        "options": {},
        "environment": {},
        **more,
    }
    source, target = folder / "samples.json", folder / "estimates.json"
    source.write_text(json.dumps(samples))
    command = java_command("io.tensorbridge.benches.Main", "estimate", str(source), "-o")
    done = subprocess.run([*command, str(target)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(target.read_text())


def _assert_agrees(estimate: Any, point: float, bootstrap: Any, spacing: float) -> None:
    interval = bootstrap.confidence_interval
    tolerance = 0.08 * bootstrap.standard_error + spacing
    assert estimate["point"] == pytest.approx(point, rel=1e-9)
    assert estimate["low"] == pytest.approx(interval.low, abs=tolerance)
    assert estimate["high"] == pytest.approx(interval.high, abs=tolerance)
    assert estimate["standardError"] == pytest.approx(bootstrap.standard_error, rel=0.05)


@pytest.mark.parametrize("draw", [_normal, _one_sided, _heavy_tailed, _two_modes, _few])
def test_estimates_equal_scipys(draw: Any, tmp_path: Path) -> None:
    random = np.random.default_rng(42)
    values = draw(random)
    figure = random.exponential(0.1, len(values))
    estimates = _estimate(
        tmp_path,
        values,
        np.ones(len(values), dtype=int),
        figures={"outside": {"unit": "ratio", "values": figure.tolist()}},
    )

    def compare(found: Any, data: np.ndarray, statistic: Any) -> None:
        bootstrap = stats.bootstrap(
            (data,),
            statistic,
            n_resamples=_RESAMPLES,
            batch=2000,
            method="percentile",
            rng=np.random.default_rng(7),
        )
        # A percentile of a distribution of few values lies on one of them or its neighbour.
        distribution = np.unique(bootstrap.bootstrap_distribution)
        spacing = 0.0
        for end in bootstrap.confidence_interval:
            place = int(np.searchsorted(distribution, end))
            near = distribution[max(0, place - 1) : place + 2]
            spacing = max(spacing, float(np.diff(near).max(initial=0.0)))
        _assert_agrees(found, float(statistic(data)), bootstrap, spacing)

    for name, statistic in _STATISTICS.items():
        compare(estimates[name], values, statistic)
    compare(estimates["figures"]["outside"], figure, _median)
    assert estimates["slope"] is None

    first, third = np.percentile(values, [25, 75])
    reach = third - first
    assert estimates["outliers"]["highMildFence"] == pytest.approx(third + 1.5 * reach)
    assert estimates["outliers"]["highSevere"] == np.sum(values > third + 3 * reach)
    assert estimates["outliers"]["lowMild"] == np.sum(
        (values < first - 1.5 * reach) & (values >= first - 3 * reach)
    )


def test_slope_equals_least_squares_of_numpy(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    iterations = random.permutation(np.arange(5, 505, 5))
    totals = iterations * 250.0 * (1 + random.exponential(0.02, 100)) + 400.0
    estimates = _estimate(tmp_path, totals, iterations)

    def slope(n: np.ndarray, t: np.ndarray, axis: int = -1) -> np.ndarray:
        return np.sum(n * t, axis=axis) / np.sum(n * n, axis=axis)

    found = np.linalg.lstsq(iterations[:, None].astype(float), totals, rcond=None)[0][0]
    bootstrap = stats.bootstrap(
        (iterations.astype(float), totals),
        slope,
        paired=True,
        n_resamples=_RESAMPLES,
        batch=2000,
        method="percentile",
        rng=np.random.default_rng(7),
    )
    _assert_agrees(estimates["slope"], float(found), bootstrap, 0.0)
    assert estimates["median"]["point"] == pytest.approx(np.median(totals / iterations))
