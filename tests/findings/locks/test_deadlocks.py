"""deadlocks: each one is counted once, per database, and stays to be read for a while."""

import asyncio
from dataclasses import fields, replace
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from alerts._base import Severity, State
from alerts.findings.locks.deadlocks import finding
from alerts.history.recorder import Recorder
from alerts.snapshot import ServerIdentity, Snapshot
from alerts.verdicts.tracker import VerdictTracker
from alerts.verdicts.verdict import Verdict
from collectors._base import Absence
from collectors.databases import Database as Row
from collectors.databases import databases
from tests.fixtures.one_look import Look, look, supplied, verdict_of, watching
from tests.fixtures.postgres import Database, Psql
from tests.fixtures.session_rows import AT
from tests.fixtures.until import until

NOTHING: dict[str, Any] = dict.fromkeys((f.name for f in fields(Row)), 0)
SHOP = Row(**NOTHING | {"oid": 1, "datname": "shop", "stats_reset": None})


class Watched:
    """Looks at made-up counters, one after the other, with one memory."""

    def __init__(self) -> None:
        self.recorder = Recorder(finding.history)
        self.tracker = VerdictTracker()

    def at(self, seconds: float, *rows: Row) -> Verdict:
        node = ServerIdentity("db1", None, 180000, "7001", "7001")
        empty = Look(node, AT + seconds, recorder=self.recorder)
        snapshot = supplied(empty, databases, rows)
        first = verdict_of(finding, snapshot, self.tracker)
        again = verdict_of(finding, snapshot, self.tracker)
        assert first.events == again.events, "judged twice, counted once"
        return again


def shop(deadlocks: int | None, **traits: Any) -> Row:
    return replace(SHOP, deadlocks=deadlocks, **traits)


def test_what_happened_before_we_came_is_no_news() -> None:
    """The first look has nothing to compare with."""
    verdict = Watched().at(0, shop(17))
    assert (verdict.state, verdict.events) == (State.healthy, 0)


def test_each_deadlock_is_counted_once() -> None:
    """The counter is ours from zero on; nothing is counted again by looking again."""
    watched = Watched()
    watched.at(0, shop(17))
    first = watched.at(15, shop(18))
    assert (first.state, first.severity, first.events) == (State.ill, Severity.warning, 1)
    assert watched.at(30, shop(18)).events == 1
    assert watched.at(45, shop(21)).events == 4


def test_it_stays_to_be_read_for_ten_minutes() -> None:
    """Then it is healthy again; the count remains."""
    watched = Watched()
    watched.at(0, shop(0))
    watched.at(15, shop(1))
    assert watched.at(15 + 599, shop(1)).state is State.ill
    gone = watched.at(15 + 600, shop(1))
    assert (gone.state, gone.events) == (State.healthy, 1)


def test_each_database_is_a_subject() -> None:
    """With its own number."""
    watched = Watched()
    erp = replace(SHOP, oid=2, datname="erp")
    watched.at(0, shop(0), replace(erp, deadlocks=5))
    verdict = watched.at(15, shop(2), replace(erp, deadlocks=6))
    found = {s.evidence.database: s.evidence for s in verdict.subjects}
    assert {name: e.value for name, e in found.items()} == {"shop": 2, "erp": 1}
    assert found["shop"].message.startswith("2 deadlocks in shop within 15 s")
    assert found["erp"].message.startswith("A deadlock in erp within 15 s")


def test_a_reset_is_no_deadlock_and_hides_none_after_it() -> None:
    """Counters begin anew; what comes after them counts."""
    watched = Watched()
    watched.at(0, shop(17))
    assert watched.at(15, shop(0, stats_reset=AT + 10)).events == 0
    assert watched.at(30, shop(1, stats_reset=AT + 10)).events == 1


def test_the_same_number_after_a_reset_is_another_deadlock() -> None:
    """Its key carries the reset."""
    watched = Watched()
    watched.at(0, shop(0))
    watched.at(15, shop(1))
    watched.at(30, shop(0, stats_reset=AT + 20))
    assert watched.at(45, shop(1, stats_reset=AT + 20)).events == 2


def test_a_counter_that_is_not_known_is_no_deadlock() -> None:
    """None is not zero: seventeen after it are not seventeen new ones."""
    watched = Watched()
    watched.at(0, shop(None))
    assert watched.at(15, shop(17)).events == 0


def test_without_an_answer_it_is_unknown() -> None:
    """Missing input makes the finding unknown, never healthy."""
    blind = Snapshot(ServerIdentity("db1"), AT, absent={databases: Absence("a timeout")})
    assert verdict_of(finding, blind).state is State.unknown


async def opposed(one: asyncpg.Connection, other: asyncpg.Connection) -> list[object]:
    """Two transactions that lock two rows in opposite order; what each of them met."""
    for session in (one, other):
        await session.execute("SET deadlock_timeout = '50ms'; BEGIN")
    await one.execute("UPDATE accounts SET balance = 1 WHERE id = 1")
    await other.execute("UPDATE accounts SET balance = 1 WHERE id = 2")
    met = await asyncio.gather(
        one.execute("UPDATE accounts SET balance = 2 WHERE id = 2"),
        other.execute("UPDATE accounts SET balance = 2 WHERE id = 1"),
        return_exceptions=True,
    )
    for session in (one, other):
        await session.execute("ROLLBACK")
    return list(met)


async def test_story_of_a_real_deadlock(database: Database, paste: Psql) -> None:
    """Healthy, a wait that is none, a deadlock found in its database, and gone after its time."""
    await database.execute("CREATE TABLE accounts (id int PRIMARY KEY, balance int)")
    await database.execute("INSERT INTO accounts VALUES (1, 0), (2, 0)")
    # On 14 the statistics of a new database begin with what is first reported of it.
    known = "SELECT xact_commit > 0 FROM pg_stat_database WHERE datname = current_database()"
    await until(lambda: database.fetchval(known), "the database has statistics")
    recorder, book = Recorder(finding.history), VerdictTracker()
    async with watching(dsn=database.monitor_dsn) as session:

        async def judged(later: timedelta = timedelta(0)) -> Verdict:
            snapshot = await look(session, databases, recorder=recorder)
            return verdict_of(
                finding, replace(snapshot, at=snapshot.at + later.total_seconds()), book
            )

        async def ours(later: timedelta = timedelta(0)) -> list[float]:
            verdict = await judged(later)
            return [
                s.evidence.value for s in verdict.subjects if s.evidence.database == database.name
            ]

        one, other = await database.session(), await database.session()
        assert await ours() == []
        await one.execute("BEGIN; UPDATE accounts SET balance = 3 WHERE id = 1")
        waiting = asyncio.ensure_future(
            other.execute("UPDATE accounts SET balance = 4 WHERE id = 1")
        )
        await one.execute("COMMIT")
        await waiting
        assert await ours() == []

        met = await opposed(one, other)
        assert sum(isinstance(error, asyncpg.DeadlockDetectedError) for error in met) == 1
        for session_of_it in (one, other):
            await database.report(session_of_it)
        assert await until(ours, "the deadlock is found") == [1]
        [subject] = [s for s in (await judged()).subjects if s.evidence.database == database.name]
        for line in (*subject.evidence.cure, subject.evidence.check):
            await paste(database.dsn, line)
        assert await ours(timedelta(minutes=11)) == []


@pytest.mark.versions(18)
async def test_a_database_with_a_hostile_name_can_be_checked(
    database: Database, paste: Psql
) -> None:
    """The check is quoted; pasted, it brings the row."""
    name = f"o'd\"d\\🐘 {database.name}"
    quoted = '"' + name.replace('"', '""') + '"'
    await database.execute(f"CREATE DATABASE {quoted}")
    watched = Watched()
    watched.at(0, shop(0, datname=name))
    [subject] = watched.at(15, shop(1, datname=name)).subjects
    assert name in await paste(database.dsn, subject.evidence.check)
    await database.execute(f"DROP DATABASE {quoted}")
