"""Relaxed limits: they follow from the types of the fields, and are never stricter."""

from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Annotated

import pytest

from alerts._base import AnyFinding
from alerts._catalogue import all_findings
from alerts.limits import FIXED, BaseLimits, Slack, factors
from alerts.units import Bytes, Duration, Share

FINDINGS = list(all_findings().values())


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    silent: Duration = timedelta(minutes=10)
    wasted: Bytes = 1001
    used: Share = 0.5
    horizon: Bytes | None = None
    least: int = 100
    crowd: Annotated[int, Slack(0.5)] = 5
    left: Annotated[Share, Slack(1.2)] = 0.1
    window: Annotated[Duration, FIXED] = timedelta(days=35)


@dataclass(frozen=True, slots=True)
class Loose(BaseLimits):
    slack = 0.5
    silent: Duration = timedelta(minutes=10)


def test_what_has_a_unit_is_relaxed() -> None:
    """Durations, bytes (whole ones) and shares by the slack, others only where they say so."""
    assert Limits().relax() == Limits(
        silent=timedelta(minutes=9),
        wasted=900,
        used=0.45,
        horizon=None,
        least=100,
        crowd=2,
        left=0.12,
        window=timedelta(days=35),
    )


def test_a_finding_has_a_slack_of_its_own() -> None:
    assert Loose().relax() == Loose(silent=timedelta(minutes=5))


def test_what_is_set_is_what_is_relaxed() -> None:
    """Not the default."""
    assert Limits(silent=timedelta(hours=1), horizon=10).relax().silent == timedelta(minutes=54)
    assert Limits(horizon=10).relax().horizon == 9


@pytest.mark.parametrize("finding", FINDINGS, ids=lambda finding: finding.name)
def test_relaxed_limits_are_never_stricter(finding: AnyFinding) -> None:
    """Else an ill subject would be well again while it still exceeds what made it ill."""
    limits, relaxed = finding.limits, finding.limits.relax()
    assert type(relaxed) is type(limits)
    floors = {name for name, factor in factors(limits).items() if factor > 1}
    for name in (field.name for field in fields(limits)):
        before, after = getattr(limits, name), getattr(relaxed, name)
        assert type(after) is type(before)
        assert after >= before if name in floors else after <= before, name
