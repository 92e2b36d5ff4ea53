"""observer_overloaded: the daemon has more work than its event loop can do."""

from dataclasses import replace

import pytest

from alerts._base import Severity, State
from alerts.findings.observer.observer_overloaded import finding
from alerts.snapshot import ServerIdentity, Snapshot
from alerts.verdicts.verdict import Verdict
from collectors._base import Answer
from collectors.daemon import DaemonState, daemon
from tests.fixtures.findings import NOW
from tests.fixtures.one_look import verdict_of

WELL = DaemonState(servers=300, unreachable=0, uptime_seconds=3600)


def judged(state: DaemonState) -> Verdict:
    return verdict_of(finding, Snapshot(ServerIdentity("us"), NOW, {daemon: Answer((state,), NOW)}))


@pytest.mark.parametrize(
    "state",
    [
        WELL,
        replace(WELL, overloaded_seconds=59.0, late_share=0.9),
        replace(WELL, crowded_seconds=59.0, stretch=1.3),
        replace(WELL, starved_seconds=300.0, late_share=0.9),
    ],
)
def test_on_time_or_for_seconds_or_late_because_of_others_is_healthy(state: DaemonState) -> None:
    """A start with hundreds of servers takes some seconds; others are `observer_starved`."""
    assert judged(state).state is State.healthy


def test_a_minute_of_own_work_is_told_with_the_number_of_servers() -> None:
    """More cores don't help, and the cure says so."""
    [subject] = judged(replace(WELL, overloaded_seconds=61.0, late_share=0.4)).subjects
    assert subject.evidence.severity is Severity.warning
    assert "for 1 min 1 s, by 40% of the last ten seconds; it watches 300 servers" in (
        subject.evidence.message
    )
    assert "more cores do not help" in "\n".join(subject.evidence.cure)


def test_servers_that_are_asked_more_rarely_are_told_though_nothing_is_late() -> None:
    state = replace(WELL, crowded_seconds=120.0, stretch=2.53)
    [subject] = judged(state).subjects
    assert "watches 300 servers and asks each 2.5 times more rarely than set" in (
        subject.evidence.message
    )
    assert subject.evidence.facts["stretch"] == 2.53
