"""config_max_wal_size: early checkpoints as a habit, with what they cost."""

from dataclasses import replace
from typing import Any

import pytest

from alerts._base import State
from alerts.findings.settings.config_max_wal_size import finding
from alerts.verdicts.verdict import Verdict
from collectors._base import Absence
from collectors.checkpointer import Checkpointer, checkpointer
from collectors.settings import settings
from collectors.stat_wal import Wal, stat_wal
from tests.fixtures.lock_rows import filled
from tests.fixtures.one_look import verdict_of
from tests.fixtures.session_rows import AT, seen
from tests.fixtures.wal_rows import GiB, given

DAY = 86400.0
PAGE = 8192
SETTINGS: dict[str, Any] = {
    "max_wal_size": float(GiB),
    "checkpoint_completion_target": 0.0,
    "block_size": float(PAGE),
}


def judged(
    requested: int = 120,
    trips: float = 120,
    images: float = 0.2,
    counted: float | None = 10 * DAY,
    written: float | None = 10 * DAY,
    **known: Any,
) -> Verdict:
    """After ten days with that many requested checkpoints, and as much WAL as max_wal_size."""
    done: Checkpointer = filled(
        Checkpointer,
        num_timed=100,
        num_requested=requested,
        stats_reset=None if counted is None else AT - counted,
    )
    volume = int(trips * GiB)
    wal: Wal = filled(
        Wal,
        bytes=volume,
        full_page_images=int(volume * images / PAGE) + 1,
        stats_reset=None if written is None else AT - written,
    )
    values = SETTINGS | known
    rows = [
        replace(row, setting=None) if values[row.name] is None else row
        for row in given(**{name: value or 0.0 for name, value in values.items()})
    ]
    return verdict_of(finding, seen((settings, rows), (checkpointer, [done]), (stat_wal, [wal])))


def test_a_habit_at_its_limits_is_told() -> None:
    [subject] = judged().subjects
    facts = subject.evidence.facts
    assert "12 checkpoints a day came early" in subject.evidence.message
    assert facts["early_checkpoints_per_day"] == 12.0
    assert facts["full_page_images_share"] == pytest.approx(0.2, rel=0.01)
    assert facts["wal_bytes_per_day"] == 12 * GiB
    assert facts["full_page_bytes_per_day"] == pytest.approx(2.4 * GiB, rel=0.01)
    assert any("max_wal_size = '2GB'" in line for line in subject.evidence.cure)


@pytest.mark.parametrize(
    "told",
    [
        {"requested": 119},
        {"trips": 119.5},  # backups and people requested the others
        {"images": 0.19},
        {"written": 10.2 * DAY},  # the same volume in a longer time
        {"max_wal_size": 1.1 * GiB},
        {"checkpoint_completion_target": 0.9, "trips": 60},
    ],
    ids=str,
)
def test_what_is_no_habit(told: dict[str, Any]) -> None:
    assert judged(**told).state is State.healthy


def test_the_trigger_is_below_max_wal_size() -> None:
    """A checkpoint has to be complete before max_wal_size is reached."""
    assert judged(trips=60.1, checkpoint_completion_target=1.0).state is State.ill


def test_a_week_is_needed() -> None:
    week = 7 * DAY
    assert judged(counted=week, written=week).state is State.ill
    shorts: list[dict[str, Any]] = [{"counted": week - 1}, {"written": week - 1}]
    for short in shorts:
        verdict = judged(**short)
        assert verdict.state is State.learning
        assert verdict.unjudged[0].until == AT + 1
    for never in (None, 0.0):
        assert judged(counted=never).state is State.learning
        assert judged(written=never).state is State.learning


def test_each_view_has_its_own_time() -> None:
    """Reset for itself, WAL of ten days says nothing of the checkpoints of a year."""
    year, ten = 365 * DAY, 10 * DAY
    assert judged(requested=365, trips=40, counted=year, written=ten).state is State.healthy
    assert judged(requested=120, trips=365, counted=ten, written=year).state is State.healthy
    [subject] = judged(requested=12 * 365, trips=120, counted=year, written=ten).subjects
    assert "Over 1 y" in subject.evidence.message or "Over 365" in subject.evidence.message
    assert subject.evidence.facts["early_checkpoints_per_day"] == 12.0
    assert subject.evidence.facts["wal_bytes_per_day"] == 12 * GiB


def test_aurora_has_no_checkpoints() -> None:
    known: dict[str, Any] = {"rds.extensions": "aurora_stat_utils"}
    assert judged(**known).state is State.unknown


def test_without_its_setting_or_answers() -> None:
    snapshot = seen((settings, []), (checkpointer, []), (stat_wal, []))
    assert verdict_of(finding, snapshot).state is State.healthy
    hidden = [replace(row, setting=None) for row in given(max_wal_size=1.0)]
    known = {**snapshot.answers, settings: replace(snapshot.answer(settings), rows=hidden)}
    assert verdict_of(finding, replace(snapshot, answers=known)).state is State.unknown
    for collector in finding.reads:
        blind = replace(snapshot, answers={}, absent={collector: Absence("refused")})
        assert verdict_of(finding, blind).state is State.unknown


def test_no_wal_at_all() -> None:
    assert judged(trips=0).state is State.healthy


def test_a_clock_that_went_back_is_no_habit() -> None:
    """Counters that began in the future, of either view."""
    assert judged(counted=-DAY).state is State.learning
    assert judged(written=-DAY).state is State.learning


def test_the_size_of_a_page_is_the_server_s_own() -> None:
    """Where it is not known it is 8 kB."""
    for size, share in ((2 * PAGE, 0.4), (None, 0.2)):
        [subject] = judged(block_size=size).subjects
        found = subject.evidence.facts["full_page_images_share"]
        assert found == pytest.approx(share, rel=0.01)


def test_without_the_size_there_is_nothing_to_judge() -> None:
    assert judged(max_wal_size=None).state is not State.ill
