"""lock_exclusive_held: a table locked exclusively, before any session waits for it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from alerts._base import Severity, State
from alerts.findings.locks.lock_exclusive_held import Limits, finding
from alerts.verdicts.verdict import Verdict
from collectors._base import Absence
from collectors.exclusive_locks import ExclusiveLock, exclusive_locks
from collectors.user_tables import UserTable, user_tables
from tests.fixtures.lock_rows import filled, scene
from tests.fixtures.lock_stage import Stage
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import Database, Psql
from tests.fixtures.until import until

SOON = Limits(idle=timedelta(0))
TABLE = filled(UserTable, datname="shop", relid=4, schemaname="public", relname="orders")


def held(state: str, seconds: float, **given: Any) -> ExclusiveLock:
    facts = {"pid": 1, "datname": "shop", "relation": 4, "mode": "AccessExclusiveLock"}
    times = {"state": state, "xact_seconds": seconds, "state_seconds": seconds}
    made: ExclusiveLock = filled(ExclusiveLock, **{**facts, **times, **given})
    return made


@pytest.mark.parametrize(
    ("row", "severity"),
    [
        (held("idle in transaction", 4.9), None),
        (held("idle in transaction", 5.0), Severity.warning),
        (held("active", 59.0), None),
        (held("active", 60.0), Severity.warning),
        (held("active", 600.0), Severity.critical),
        (held("idle in transaction", 600.0, relation=5), None),
    ],
)
def test_limits(row: ExclusiveLock, severity: Severity | None) -> None:
    """Doing nothing is worse than working; a table that nobody else can see is nobody's loss."""
    snapshot = scene((), (), (exclusive_locks, (row,)), (user_tables, (TABLE,)))
    assert verdict_of(finding, snapshot).severity is severity


def test_a_vacuum_against_wraparound_is_not_cancelled() -> None:
    """It cuts the end of a table off under that lock, and would start again."""
    text = "autovacuum: VACUUM orders (to prevent wraparound)"
    row = held("active", 600.0, backend_type="autovacuum worker", query=text)
    snapshot = scene((), (), (exclusive_locks, (row,)), (user_tables, (TABLE,)))
    [subject] = verdict_of(finding, snapshot).subjects
    assert all(line.startswith("--") for line in subject.evidence.cure)


def test_without_an_answer_it_is_unknown() -> None:
    """Missing input makes the finding unknown, never healthy."""
    blind = replace(scene((), ()), answers={}, absent={exclusive_locks: Absence("refused")})
    assert verdict_of(finding, blind).state is State.unknown


async def judged(database: Database, limits: Limits = SOON) -> Verdict:
    async with watching(dsn=database.monitor_dsn) as connection:
        snapshot = await look(connection, exclusive_locks, user_tables)
    return verdict_of(finding, snapshot, limits=limits)


async def test_story_of_a_migration_left_open(
    stage: Stage, paste: Psql, database: Database
) -> None:
    """Its tables are named, a temporary one is not; the cure frees them; gone."""
    await database.execute('create table "Odd 🐘" ()')
    await stage.holds(
        "create temporary table scratch ()",
        "alter table orders add note text",
        'lock table "Odd 🐘" in exclusive mode',
        application_name="migrate",
    )
    assert (await judged(database, Limits())).state is State.healthy
    [subject] = (await judged(database)).subjects
    facts = subject.evidence.facts
    assert facts["relation"] == 'public."Odd 🐘", public.orders'
    assert facts["application"] == "migrate"
    await paste(database.dsn, "\n".join((subject.evidence.check, *subject.evidence.cure)))

    async def gone() -> bool:
        return (await judged(database)).state is State.healthy

    await until(gone, "the tables are free")


async def test_readers_and_writers_keep_nothing_for_themselves(
    stage: Stage, database: Database
) -> None:
    """However long their transaction is open."""
    await stage.holds("select from orders", "update orders set v = 1")
    assert (await judged(database)).state is State.healthy
