"""server_crashed by starts made by hand: what counts as a crash, and when it is critical."""

from dataclasses import replace

import pytest

from alerts._base import Severity
from alerts.findings.availability.server_crashed import finding
from alerts.starts import STARTS, Start, StartKind, StartLog
from collectors.activity import activity
from collectors.server import Server, server
from tests.fixtures.lock_rows import filled
from tests.fixtures.one_look import verdict_of
from tests.fixtures.session_rows import AT, seen


def severities(*starts: Start) -> list[Severity]:
    snapshot = seen((server, (filled(Server),)), (activity, ()))
    snapshot = replace(snapshot, histories={STARTS: StartLog(starts, AT)})
    return [subject.evidence.severity for subject in verdict_of(finding, snapshot).subjects]


@pytest.mark.parametrize(
    ("start", "crashes"),
    [
        (Start(AT - 60, StartKind.unclean), 1),
        (Start(AT - 60, StartKind.unclean, standby=True), 0),
        (Start(AT - 60, StartKind.backend_crash, standby=True), 1),
        (Start(AT - 60, StartKind.restart), 0),
        (Start(AT - 60, StartKind.promotion), 0),
        (Start(AT - 90_000, StartKind.unclean), 0),
    ],
)
def test_a_standby_that_is_rebuilt_has_not_crashed(start: Start, crashes: int) -> None:
    assert len(severities(start)) == crashes


def test_three_within_an_hour_are_critical() -> None:
    crash = Start(AT - 60, StartKind.backend_crash)
    apart = [replace(crash, at=AT - 60 - 2000 * n) for n in range(3)]
    assert Severity.critical not in severities(*apart)
    close = [replace(crash, at=AT - 60 - 1000 * n) for n in range(3)]
    assert Severity.critical in severities(*close)
