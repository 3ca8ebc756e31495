"""Clients that break every rule, against a live server: briefly, or for as long as one likes."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

import reliability
from fuzz.attacks import ATTACKS
from fuzz.live import Campaign, campaigns
from reliability import Table

SEED = 20261126
LONG_MINUTES = 60


@pytest.fixture(scope="module")
def campaign() -> Iterator[Campaign]:
    with Campaign(SEED) as campaign:
        yield campaign


@pytest.mark.parametrize("number", range(len(ATTACKS)), ids=[each.__name__ for each in ATTACKS])
def test_a_well_behaved_client_notices_nothing(campaign: Campaign, number: int) -> None:
    campaign.play(number)
    campaign.play(number + len(ATTACKS))


@pytest.mark.long
def test_a_well_behaved_client_notices_nothing_for_long() -> None:
    seed = int(time.time())
    report = campaigns(seed, reliability.minutes(LONG_MINUTES), keep_going=True)
    plays = report.counts("plays")
    codes = report.counts("codes")
    reliability.record(
        "fuzz",
        {
            "fuzz": Table(
                ["what", "count"],
                [
                    ["seed", seed],
                    ["attacks played", report.total("iterations")],
                    ["hostile connections", report.total("offenders")],
                    ["of these cut off by the server", report.total("cut off")],
                    ["right answers to the witness", report.total("answers to the witness")],
                    ["findings", len(report.findings)],
                ],
            ),
            "fuzz-attacks": Table(
                ["attack", "what it does", "played"],
                [
                    [each.__name__, (each.__doc__ or "").splitlines()[0], plays[each.__name__]]
                    for each in ATTACKS
                ],
            ),
            "fuzz-codes": Table(["answer of the server", "times"], codes.most_common()),
        },
    )
    assert not report.findings, "\n\n".join(report.findings)
