"""lane_stretched: what is queried less often than set, each lane by its slowest collector."""

import pytest

from alerts._base import Severity, State
from alerts.findings.observer.lane_stretched import finding
from collectors.rounds import Round, rounds
from tests.fixtures.one_look import verdict_of
from tests.fixtures.session_rows import seen


def asked(collector: str, lane: str, pace: float, set_pace: float | None) -> Round:
    return Round(collector, lane, True, None, None, 0.5, pace, 0.2, set_seconds=set_pace)


@pytest.mark.parametrize(
    ("pace", "set_pace"),
    [(1.0, 1.0), (1.9, 1.0), (300.0, 300.0), (5.0, None)],
)
def test_as_set_or_nearly_so_is_healthy(pace: float, set_pace: float | None) -> None:
    """A whole answer of many tables has the slow pace, and that is not stretched."""
    rows = [asked("activity", "fast", pace, set_pace)]
    assert verdict_of(finding, seen((rounds, rows))).state is State.healthy


def test_each_lane_is_told_by_its_slowest_collector() -> None:
    """Prompt lanes are a warning; what waits for them is worth knowing."""
    rows = [
        asked("activity", "fast", 1.0, 1.0),
        asked("databases", "normal", 60.0, 15.0),
        asked("settings", "normal", 40.0, 15.0),
        asked("sequences", "slow", 3600.0, 300.0),
    ]
    ill = verdict_of(finding, seen((rounds, rows))).subjects
    found = {one.evidence.subject: one.evidence for one in ill}
    assert {subject: one.severity for subject, one in found.items()} == {
        "normal lane": Severity.warning,
        "slow lane": Severity.info,
    }
    assert found["normal lane"].value == 4.0
    assert "queries databases every 1 min" in found["normal lane"].message
    assert "paces.normal" in "\n".join(found["normal lane"].cure)
