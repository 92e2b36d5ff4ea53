"""What runs, by rows made by hand: from when on, and what is not meant."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from alerts._base import AnyFinding, Severity, State
from alerts.findings.migrations import (
    backfill_unbatched,
    ddl_long_running,
    index_build_running,
    index_build_stalled,
    shadow_column_leftover,
    table_rewrite_running,
)
from alerts.verdicts.verdict import Verdict
from collectors._base import Absence, AnyCollector
from collectors.activity import Session, activity
from collectors.exclusive_locks import ExclusiveLock, exclusive_locks
from collectors.index_builds import IndexBuild, index_builds
from collectors.progress import Progress, progress
from collectors.shadow_columns import ShadowColumn, shadow_columns
from collectors.user_tables import UserTable, user_tables
from tests.fixtures.lock_rows import filled, session
from tests.fixtures.one_look import verdict_of
from tests.fixtures.session_rows import seen

BUILD = IndexBuild(
    datname="shop",
    pid=1,
    relid=10,
    schemaname="public",
    relname="t",
    indexrelname="i",
    command="CREATE INDEX CONCURRENTLY",
    phase="waiting for old snapshots",
    blocks_done=50,
    blocks=100,
    tuples_done=0,
    tuples=None,
    lockers_done=0,
    lockers=1,
    locker_pid=7,
    running_seconds=900.0,
    waiting_seconds=301.0,
)
HOLDER = session(7, state="idle in transaction", xact_seconds=1000.0)


def of_build(finding: AnyFinding, *sessions: Session, **given: Any) -> Verdict:
    return verdict_of(
        finding, seen((index_builds, [replace(BUILD, **given)]), (activity, sessions))
    )


def test_a_build_waits_for_one_session() -> None:
    [subject] = of_build(index_build_stalled.finding, HOLDER).subjects
    assert subject.evidence.severity is Severity.warning
    assert "pid 7, idle in transaction" in subject.evidence.message
    assert any("pg_terminate_backend" in line for line in subject.evidence.cure)
    for quiet in ({"waiting_seconds": 299.0}, {"waiting_seconds": None}):
        assert of_build(index_build_stalled.finding, HOLDER, **quiet).state is State.healthy


def test_a_younger_session_of_that_pid_is_another() -> None:
    """Nothing is ended then; nor where it is a prepared transaction, which has no pid."""
    younger = replace(HOLDER, xact_seconds=3.0)
    for verdict in (
        of_build(index_build_stalled.finding, younger),
        of_build(index_build_stalled.finding, HOLDER, locker_pid=None),
        of_build(index_build_stalled.finding),
    ):
        [subject] = verdict.subjects
        assert "whose session is not known" in subject.evidence.message
        assert all(line.startswith("--") for line in subject.evidence.cure)


def test_a_build_has_progress() -> None:
    """It is a review: it never pages."""
    finding = index_build_running.finding
    assert finding.is_review
    [subject] = of_build(finding).subjects
    assert "50 % done" in subject.evidence.message
    assert "writes to the table wait" not in subject.evidence.message
    [subject] = of_build(finding, command="CREATE INDEX").subjects
    assert "writes to the table wait" in subject.evidence.message
    assert of_build(finding, running_seconds=59.0).state is State.healthy


@pytest.mark.parametrize(
    ("given", "state"),
    [
        ({}, State.ill),
        ({"query": "DO $$ BEGIN END $$"}, State.ill),
        ({"query": "with x as (select 1) update t set v = 1"}, State.ill),
        ({"xact_seconds": 299.0}, State.healthy),
        ({"has_xid": False}, State.healthy),
        ({"query": "select 1"}, State.healthy),
        ({"query": "insert into t select 1"}, State.healthy),
        ({"query": "DOCUMENT"}, State.healthy),
        ({"query": None}, State.healthy),
        ({"state": "idle in transaction"}, State.healthy),
        ({"wait_event_type": "Lock"}, State.healthy),
        ({"backend_type": "autovacuum worker"}, State.healthy),
    ],
)
def test_a_change_of_many_rows(given: dict[str, Any], state: State) -> None:
    row = session(1, query="update t set v = 1", xact_seconds=301.0, query_seconds=301.0)
    verdict = verdict_of(backfill_unbatched.finding, seen((activity, [replace(row, **given)])))
    assert verdict.state is state


@pytest.mark.parametrize(
    ("given", "state"),
    [
        ({}, State.ill),
        ({"query": "  alter table t"}, State.ill),
        ({"query": "vacuum full t"}, State.healthy),
        ({"query": "lock table t"}, State.healthy),
        ({"query_seconds": 9.0}, State.healthy),
        ({"state": "idle in transaction"}, State.healthy),
        ({"mode": "ExclusiveLock"}, State.healthy),
    ],
)
def test_a_long_change_of_the_schema(given: dict[str, Any], state: State) -> None:
    known = filled(UserTable, datname="shop", relid=16400, schemaname="public", relname="orders")
    row = filled(
        ExclusiveLock,
        pid=1,
        datname="shop",
        relation=known.relid,
        mode="AccessExclusiveLock",
        usename="app",
        state="active",
        query="ALTER TABLE orders ALTER v TYPE bigint",
        query_seconds=11.0,
        xact_seconds=12.0,
    )
    rows = ((exclusive_locks, [replace(row, **given)]), (user_tables, [known]))
    assert verdict_of(ddl_long_running.finding, seen(*rows)).state is state


def test_a_rewrite() -> None:
    row = Progress("shop", 1, "VACUUM FULL", 10, "public", "t", "seq scanning heap", "blocks", 1, 4)
    worker = session(1, query_seconds=11.0)

    def judged(seconds: float = 11.0, **given: Any) -> State:
        rows = (
            (progress, [replace(row, **given)]),
            (activity, [replace(worker, query_seconds=seconds)]),
        )
        return verdict_of(table_rewrite_running.finding, seen(*rows)).state

    assert judged() is State.ill
    assert judged(9.0) is State.healthy
    assert judged(command="CREATE INDEX") is State.healthy
    assert judged(unit="tuples") is State.healthy


def test_pairs_of_columns() -> None:
    """Told after two weeks; a pair of one type may be two facts."""
    row = ShadowColumn("shop", 1, "public", "t", "id", "integer", "id_new", "bigint", True, 9.0)

    def judged(**given: Any) -> State:
        rows = seen((shadow_columns, [replace(row, **given)]))
        return verdict_of(shadow_column_leftover.finding, rows).state

    assert judged() is State.ill
    assert judged(shadow="price_old", shadow_type="integer") is State.healthy
    assert judged(shadow="price_bak", shadow_type="integer") is State.ill
    assert shadow_column_leftover.finding.hold == timedelta(days=14)


BLIND: list[tuple[AnyFinding, AnyCollector]] = [
    (backfill_unbatched.finding, activity),
    (ddl_long_running.finding, exclusive_locks),
    (index_build_running.finding, index_builds),
    (index_build_stalled.finding, index_builds),
    (shadow_column_leftover.finding, shadow_columns),
    (table_rewrite_running.finding, progress),
]


@pytest.mark.parametrize(("finding", "collector"), BLIND)
def test_without_an_answer_it_is_unknown(finding: AnyFinding, collector: AnyCollector) -> None:
    blind = replace(seen(), absent={collector: Absence("refused")})
    assert verdict_of(finding, blind).state is State.unknown
