"""index_unused on hand-made rows: every case that is not quite one, and the days between."""

from dataclasses import replace
from typing import Any

import pytest

from alerts._base import Severity, State
from alerts.findings.indexes.index_unused import finding
from alerts.history.recorder import Recorder
from alerts.snapshot import ServerIdentity, Snapshot
from alerts.verdicts.tracker import Timing, VerdictTracker
from alerts.verdicts.verdict import Verdict
from collectors._base import Role
from collectors.replication import replication
from collectors.user_indexes import UserIndex, user_indexes
from tests.fixtures.one_look import Look, supplied, verdict_of

DAY = 86400.0
LIMITS = finding.limits
NODE = ServerIdentity("primary", Role.primary, 180000, "7001", "7001")
ORDERS_STATUS = UserIndex(
    datname="shop",
    indexrelid=11,
    relid=10,
    schemaname="public",
    relname="orders",
    indexrelname="orders_status",
    idx_scan=0,
    idx_tup_read=0,
    idx_tup_fetch=0,
    last_idx_scan_seconds=None,
    size_bytes=LIMITS.min_bytes,
    table_writes=LIMITS.min_writes // 35 + 1,
    is_unique=False,
    is_primary=False,
    is_exclusion=False,
    is_valid=True,
    is_ready=True,
    is_clustered=False,
    is_replica_identity=False,
    has_expression=False,
    has_predicate=False,
    backs_constraint=False,
    is_of_extension=False,
    supports_fk=False,
    parent_deletes=None,
    root_indexrelid=None,
    root_schemaname=None,
    root_indexrelname=None,
    root_relname=None,
    stats_reset=-50 * DAY,
)


class Calendar:
    """What is remembered of one server over days that pass in a moment."""

    def __init__(self) -> None:
        self.recorder = Recorder(wants=finding.history)
        self.tracker = VerdictTracker(timing=Timing(hold=False))

    def on_day(self, day: float, *rows: UserIndex) -> Snapshot:
        """Rows whose tables have been written all the time."""
        written = [replace(row, table_writes=round(row.table_writes * (1 + day))) for row in rows]
        snapshot = Look(NODE, day * DAY, recorder=self.recorder)
        return supplied(supplied(snapshot, user_indexes, written), replication, ())

    def verdict(self, day: float, *rows: UserIndex) -> Verdict:
        return verdict_of(finding, self.on_day(day, *rows), self.tracker)


@pytest.fixture
def calendar() -> Calendar:
    return Calendar()


def index(**traits: Any) -> UserIndex:
    """The index that is found, but for these traits."""
    return replace(ORDERS_STATUS, **traits)


def after_window(*rows: UserIndex) -> Verdict:
    """The verdict once these have been watched for long, with nothing happening."""
    calendar = Calendar()
    calendar.on_day(0, *rows)
    return calendar.verdict(400, *rows)


def test_a_window_must_be_full(calendar: Calendar) -> None:
    """Until the last day of the window nothing is known; on that day it is ill."""
    first = calendar.verdict(0, index())
    assert first.state is State.learning
    assert [u.until for u in first.unjudged] == [35 * DAY]
    assert calendar.verdict(34.9, index()).state is State.learning
    [subject] = calendar.verdict(35, index()).subjects
    assert subject.evidence.facts["unused_seconds"] == 35 * DAY


@pytest.mark.parametrize(
    ("size", "severity"),
    [(LIMITS.warn_bytes - 1, Severity.info), (LIMITS.warn_bytes, Severity.warning)],
)
def test_large_is_a_warning(size: int, severity: Severity) -> None:
    """What takes a lot of space is to be acted upon this week."""
    [subject] = after_window(index(size_bytes=size)).subjects
    assert (subject.evidence.severity, subject.evidence.value) == (severity, size)


@pytest.mark.parametrize(
    "traits",
    [
        {"is_unique": True},
        {"is_primary": True},
        {"is_exclusion": True},
        {"backs_constraint": True},
        {"is_replica_identity": True},
        {"is_clustered": True},
        {"is_of_extension": True},
        {"is_valid": False},
        {"is_ready": False},
        {"supports_fk": True, "parent_deletes": 0},
        {"supports_fk": True, "parent_deletes": None},
        {"size_bytes": LIMITS.min_bytes - 1},
        {"table_writes": 0},
        {"table_writes": LIMITS.min_writes // 36},
    ],
    ids=" ".join,
)
def test_nothing_that_serves_otherwise(traits: dict[str, Any]) -> None:
    """What enforces, marks or supports something is not reported, nor what is small or at rest."""
    verdict = after_window(index(**traits))
    assert (verdict.state, verdict.subjects, verdict.unjudged) == (State.healthy, (), ())


def test_one_use_is_enough_for_a_window(calendar: Calendar) -> None:
    """A scan leaves an index alone for a whole window more; then it is forgotten."""
    calendar.on_day(0, index())
    used = index(idx_scan=1)
    assert calendar.verdict(10, used).state is State.healthy
    verdict = calendar.verdict(44.9, used)
    assert (verdict.state, verdict.unjudged) == (State.healthy, ())
    [subject] = calendar.verdict(45, used).subjects
    assert subject.evidence.facts["unused_seconds"] == 35 * DAY


def test_last_scan_speaks_for_the_past(calendar: Calendar) -> None:
    """Where PostgreSQL knows the last scan, a use long ago is proof at the very first look."""
    old = index(
        idx_scan=1, last_idx_scan_seconds=40 * DAY, table_writes=LIMITS.min_writes * 50 // 35 + 1
    )
    [subject] = calendar.verdict(0, old).subjects
    assert subject.evidence.facts["unused_seconds"] == 40 * DAY


def test_statistics_without_an_age_prove_nothing(calendar: Calendar) -> None:
    """How many rows were written within the window must be known as well."""
    old = index(idx_scan=1, last_idx_scan_seconds=40 * DAY, table_writes=10**6)
    young = replace(old, stats_reset=-34 * DAY)
    assert calendar.verdict(0, young).state is State.learning
    assert Calendar().verdict(0, replace(old, stats_reset=None)).state is State.learning
    few = replace(old, table_writes=LIMITS.min_writes)
    assert Calendar().verdict(0, few).state is State.healthy


def test_after_a_crash_it_is_learning(calendar: Calendar) -> None:
    """Counters that a crash has emptied are no sign of a table at rest."""
    calendar.on_day(0, index())
    crashed = index(stats_reset=36 * DAY - 60, table_writes=0)
    verdict = calendar.verdict(36, crashed)
    assert (verdict.state, len(verdict.unjudged)) == (State.learning, 1)


def test_written_long_ago(calendar: Calendar) -> None:
    """What was written before the window counts no more."""
    loaded = index(table_writes=0)
    calendar.on_day(0, loaded)
    for day in (36, 72):
        assert calendar.verdict(day, loaded).state is State.healthy
    assert Calendar().verdict(0, index(table_writes=10**9)).state is State.learning


def test_reindex_goes_on(calendar: Calendar) -> None:
    """REINDEX CONCURRENTLY makes another index of the same name, definition and statistics."""
    calendar.on_day(0, index(definition=7))
    calendar.on_day(30, index(indexrelid=99, definition=7, relfilenode=99))
    assert len(calendar.verdict(35, index(indexrelid=99, definition=7)).subjects) == 1


def test_another_index_of_that_name(calendar: Calendar) -> None:
    """What is created under an old name begins anew."""
    calendar.on_day(0, index(definition=7))
    assert calendar.verdict(35, index(indexrelid=99, definition=8)).state is State.learning


@pytest.mark.parametrize("moved", [2.0, None])
def test_reset_starts_anew(calendar: Calendar, moved: float | None) -> None:
    """Counters that were reset, dated or not, prove nothing of the time before."""
    calendar.on_day(0, index())
    verdict = calendar.verdict(36, index(stats_reset=moved))
    assert verdict.state is State.learning
    assert [u.until for u in verdict.unjudged] == [71 * DAY]


def test_foreign_key_that_is_not_served(calendar: Calendar) -> None:
    """An index on a foreign key is reported only if parents were deleted and it was not used."""
    idle = index(supports_fk=True, parent_deletes=7)
    calendar.on_day(0, idle)
    assert calendar.verdict(36, idle).state is State.healthy
    deleted = replace(idle, parent_deletes=8)
    assert calendar.verdict(37, deleted).state is State.healthy
    assert len(calendar.verdict(37.1, deleted).subjects) == 1


@pytest.mark.parametrize(("scanned", "deleted"), [(37, 37), (37, 37.01), (37.01, 37)])
def test_foreign_key_that_is_served(calendar: Calendar, scanned: float, deleted: float) -> None:
    """A parent's delete that used it leaves it alone for ever, whichever is counted first."""
    for day in (0, 37, 37.01, 37.1, 73, 400):
        used = index(
            supports_fk=True,
            parent_deletes=7 + (day >= deleted),
            idx_scan=int(day >= scanned),
        )
        assert calendar.verdict(day, used).state is State.healthy


def part(number: int, size: int = LIMITS.min_bytes, **traits: Any) -> UserIndex:
    """An index of partition `number`, which is part of public.unused_kind."""
    own: dict[str, Any] = {"indexrelid": 20 + number, "relname": f"events_{number}"}
    own |= {"indexrelname": f"events_{number}_kind_idx", "size_bytes": size}
    root = {"root_indexrelid": 20, "root_schemaname": "public"}
    root |= {"root_indexrelname": "unused_kind", "root_relname": "events"}
    return index(**own | root | traits)


def test_partitions_are_one_subject(calendar: Calendar) -> None:
    """Each may be small, and a new one shortens nothing."""
    half = LIMITS.min_bytes // 2
    calendar.on_day(0, part(1, half), part(2, half))
    calendar.on_day(30, part(1, half), part(2, half), part(3, 0, table_writes=0))
    [subject] = calendar.verdict(35, part(1, half), part(2, half), part(3, 0)).subjects
    assert subject.evidence.subject == "public.unused_kind"
    assert subject.evidence.facts["parts"] == 3


def test_use_of_one_partition_counts_for_all(calendar: Calendar) -> None:
    """What one part serves is kept whole."""
    calendar.on_day(0, part(1), part(2))
    used = part(1), part(2, idx_scan=1)
    calendar.on_day(30, *used)
    assert calendar.verdict(64.9, *used).state is State.healthy


def test_not_asked_is_unknown(calendar: Calendar) -> None:
    """Without an answer of the collector nothing is known."""
    empty = Look(NODE, 0.0, recorder=calendar.recorder)
    assert verdict_of(finding, empty).state is State.unknown
