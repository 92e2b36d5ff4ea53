"""Renewal of verdicts: when they are overdue, and which are not expected."""

from dataclasses import replace

from alerts._base import State
from alerts.verdicts.verdict import Verdict
from collectors.activity import activity
from collectors.databases import databases
from monitor.views.renewal import Renewal, renewal
from tests.fixtures.findings import BLOAT, LAG, NOW

PACES = {activity: 1.0, databases: 300.0}
FAST = Verdict(replace(BLOAT, reads=(activity,)), State.healthy, NOW)
SLOW = Verdict(replace(LAG, reads=(activity, databases)), State.healthy, NOW)


def test_a_verdict_lasts_as_long_as_the_answers_it_reads() -> None:
    """Three paces of the slowest of them, at least a minute."""
    assert renewal([FAST], PACES, NOW) == Renewal(NOW + 60)
    assert renewal([SLOW], PACES, NOW) == Renewal(NOW + 900)
    assert renewal([FAST, SLOW], PACES, NOW) == Renewal(NOW + 60)


def test_what_is_overdue_is_named() -> None:
    """And nothing else is."""
    assert renewal([FAST, SLOW], PACES, NOW + 61) == Renewal(NOW + 60, {BLOAT.name: NOW})


def test_without_an_answer_no_verdict_is_expected() -> None:
    """Another finding tells of that."""
    blind = [replace(FAST, state=state) for state in (State.unknown, State.not_applicable)]
    assert renewal(blind, PACES, NOW + 1000) == Renewal()
