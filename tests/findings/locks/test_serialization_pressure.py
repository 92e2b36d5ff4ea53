"""serialization_pressure: retries of SERIALIZABLE, told from rollbacks of any other kind."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from alerts._base import State
from alerts.findings.locks.serialization_pressure import Limits, finding
from alerts.history.recorder import Recorder
from alerts.snapshot import Snapshot
from alerts.verdicts.verdict import Verdict
from collectors._base import Absence
from collectors.databases import COUNTERS, databases
from collectors.databases import Database as Row
from collectors.lock_counts import LockCount, lock_counts
from collectors.settings import settings
from tests.fixtures.lock_rows import NOW, filled, scene
from tests.fixtures.one_look import look, recording, supplied, verdict_of, watching
from tests.fixtures.postgres import Database, Psql
from tests.fixtures.until import until


def counted(commits: int, rollbacks: int, predicate: int = 9, **more: Any) -> Snapshot:
    """Five minutes in which so much happened."""
    recorder = Recorder(finding.history)
    snapshot: Snapshot = recording(scene((), ()), recorder)
    zero = dict.fromkeys(COUNTERS, 0)
    first = filled(Row, oid=1, datname="shop", **zero)
    snapshot = supplied(replace(snapshot, at=NOW - 300), databases, [first])
    grown: Any = {**zero, "xact_commit": commits, "xact_rollback": rollbacks, **more}
    snapshot = replace(snapshot, at=NOW)
    snapshot = supplied(snapshot, databases, [filled(Row, oid=1, datname="shop", **grown)])
    return supplied(snapshot, lock_counts, [LockCount("shop", "sireadlock", predicate, 0)])


@pytest.mark.parametrize(
    ("snapshot", "state"),
    [
        (counted(950, 50), State.ill),
        (counted(960, 40), State.healthy),
        (counted(50, 49), State.healthy),
        (counted(500, 500, predicate=0), State.healthy),
        (counted(950, 50, deadlocks=20), State.healthy),
    ],
)
def test_limits(snapshot: Snapshot, state: State) -> None:
    """Every twentieth of at least a hundred; without predicate locks rollbacks mean nothing here,
    and deadlocks have a finding of their own."""
    assert verdict_of(finding, snapshot).state is state


def test_it_does_not_flap() -> None:
    """Between two transactions there may be no predicate lock, and still they are running."""
    recorder = Recorder(finding.history)
    snapshot: Snapshot = recording(scene((), ()), recorder)
    zero: Any = dict.fromkeys(COUNTERS, 0)
    for ago, rollbacks, predicate in ((300, 0, 9), (10, 50, 0), (0, 51, 0)):
        grown = zero | {"xact_commit": 900, "xact_rollback": rollbacks} if rollbacks else zero
        snapshot = replace(snapshot, at=NOW - ago)
        snapshot = supplied(snapshot, databases, [filled(Row, oid=1, datname="shop", **grown)])
        locked = [LockCount("shop", "sireadlock", predicate, 0)]
        snapshot = supplied(snapshot, lock_counts, locked)
    assert verdict_of(finding, snapshot).state is State.ill


def test_a_window_that_is_not_full_is_learning() -> None:
    """A share of two minutes is not one of five."""
    snapshot = counted(950, 50)
    hurried = Limits(window=timedelta(minutes=10))
    assert verdict_of(finding, snapshot, limits=hurried).state is State.learning


def test_without_an_answer_it_is_unknown() -> None:
    """Missing input makes the finding unknown, never healthy."""
    blind = replace(scene((), ()), answers={}, absent={databases: Absence("refused")})
    assert verdict_of(finding, blind).state is State.unknown


async def conflict(one: asyncpg.Connection, other: asyncpg.Connection) -> None:
    """Two who read all and write one each: one of them has to try again."""
    for session in (one, other):
        await session.execute("begin isolation level serializable; select sum(v) from t")
    await one.execute("update t set v = v + 1 where id = 1")
    await other.execute("update t set v = v + 1 where id = 2")
    await asyncio.gather(one.execute("commit"), other.execute("commit"), return_exceptions=True)
    for session in (one, other):
        await session.execute("rollback") if session.is_in_transaction() else None


async def test_story_of_transactions_that_fail_each_other(database: Database, paste: Psql) -> None:
    """Every second one fails; once they stop, and a window has passed, it is well."""
    await database.execute("create table t (id int primary key, v int)")
    await database.execute("insert into t values (1, 0), (2, 0)")
    reader = await database.session()
    recorder = Recorder(finding.history)
    limits = Limits(least=20, window=timedelta(seconds=1))
    # A reader keeps predicate locks alive between the looks, as steady load would.
    await reader.execute("begin isolation level serializable; select sum(v) from t")

    async def judged(later: float) -> Verdict:
        async with watching(dsn=database.monitor_dsn) as connection:
            snapshot = await look(
                connection, lock_counts, databases, settings, recorder=recorder, at=NOW + later
            )
        verdict = verdict_of(finding, snapshot, limits=limits)
        mine = tuple(s for s in verdict.subjects if s.evidence.database == database.name)
        return replace(verdict, subjects=mine)

    assert not (await judged(0)).subjects
    clock = iter(range(1, 1000))

    async def ill() -> Verdict | None:
        one, other = await database.session(), await database.session()
        for _ in range(15):
            await conflict(one, other)
        for session in (one, other):
            await database.report(session)
        verdict = await judged(next(clock))
        return verdict if verdict.subjects else None

    verdict = await until(ill, "the failures are counted")
    assert verdict
    [subject] = verdict.subjects
    assert subject.evidence.value > 0.05
    assert "ALTER SYSTEM SET max_pred_locks_per_page = 8" in " ".join(subject.evidence.cure)
    await paste(database.dsn, "\n".join((*subject.evidence.cure, subject.evidence.check)))
    await reader.execute("commit")

    async def well() -> bool:
        return not (await judged(next(clock))).subjects

    await until(well, "nobody fails any more")
