"""deadlock_captured: a photograph of the circle, and who was sacrificed for it."""

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from alerts._base import Severity, State
from alerts.findings.locks.deadlock_captured import evidence, finding
from alerts.history.recorder import Recorder
from alerts.locks.order import LOCK_ORDER
from alerts.snapshot import Snapshot
from alerts.verdicts.tracker import VerdictTracker
from alerts.verdicts.verdict import Verdict
from collectors._base import Absence
from collectors.activity import activity
from collectors.databases import databases
from collectors.locks import locks
from collectors.server_log import LogDeadlock, ServerLog, server_log
from tests.fixtures.lock_rows import filled, lock, scene, session
from tests.fixtures.lock_stage import Stage
from tests.fixtures.one_look import look, recording, supplied, verdict_of, watching
from tests.fixtures.postgres import Database, Psql
from tests.fixtures.until import until

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

ODD = '"Odd ""one"" 🐘"'
TABLES = "create table other (id int primary key, v int); insert into other values (1, 0);"


def circle(one: str = "active", queue: bool = False, late: bool = False, **second: Any) -> Snapshot:
    """Two who wait for each other's transaction; with `queue`, one only for its place in line;
    if `late`, the first came to its statement after the look at the sessions."""
    empty = recording(replace(scene((), ()), answers={}), Recorder(finding.history))
    mode = "ShareLock"
    held = [lock(1, "transactionid", transactionid=1), lock(2, "transactionid", transactionid=2)]
    began = {"query_start": 2.0} if late else {}
    waits = [lock(1, "transactionid", 0.9, mode=mode, transactionid=2, **began)]
    waits += [] if queue else [lock(2, "transactionid", 0.4, mode=mode, transactionid=1)]
    query = "begin" if late else "update a"
    first = session(1, state=one, query=query, xact_seconds=9.0)
    people = first, session(2, **{"query": "update b"} | second)
    return supplied(supplied(empty, activity, people), locks, [*held, *waits])


def test_a_circle_is_critical_and_counted_once() -> None:
    """However often it is looked at."""
    book, snapshot = VerdictTracker(), circle()
    first = verdict_of(finding, snapshot, book)
    again = verdict_of(finding, snapshot, book)
    assert (first.state, first.severity) == (State.ill, Severity.critical)
    assert (first.events, again.events) == (1, 1)
    facts = first.subjects[0].evidence.facts
    assert {facts["party_1_statement"], facts["party_2_statement"]} == {"update a", "update b"}
    assert facts["victim_pid"] is None


def test_what_starts_again_is_not_cancelled() -> None:
    """A vacuum against wraparound, a worker of a subscription: the other one is cancelled."""
    applies = "logical replication apply worker"
    for worker, query, pid in (
        ("autovacuum worker", "autovacuum: VACUUM a (to prevent wraparound)", 1),
        ("autovacuum worker", "autovacuum: VACUUM a", 2),
        (applies, "", 1),
    ):
        traits: dict[str, Any] = {"backend_type": worker, "query": query, "xact_seconds": 0.1}
        told = verdict_of(finding, circle(**traits)).subjects[0].evidence.cure
        [cancelled] = [line for line in told if "pg_cancel_backend" in line]
        assert f"pid OPERATOR(pg_catalog.=) {pid} " in cancelled


def test_the_statement_before_is_nobodys() -> None:
    """It had not begun when the sessions were looked at; the next look renews the photograph."""
    late = circle(late=True)
    facts = verdict_of(finding, late).subjects[0].evidence.facts
    assert {facts["party_1_statement"], facts["party_2_statement"]} == {None, "update b"}
    now = session(1, query="update a", query_start=2.0), session(2, query="update b")
    renewed = supplied(supplied(late, activity, now), locks, late.rows(locks))
    verdict = verdict_of(finding, renewed)
    [subject] = verdict.subjects
    facts = subject.evidence.facts
    assert {facts["party_1_statement"], facts["party_2_statement"]} == {"update a", "update b"}


def test_a_wait_is_no_deadlock() -> None:
    """One of them goes on, and then the other."""
    assert verdict_of(finding, circle(queue=True)).state is State.healthy


def test_who_only_queues_beside_a_circle_hides_nothing() -> None:
    """3 waits for 1 and 2, 2 for 5, 5 for 3; and 1 has only lined up behind 2."""
    empty = recording(replace(scene((), ()), answers={}), Recorder(finding.history))
    people = [session(pid, query=f"update t{pid}") for pid in (1, 2, 3, 5)]
    rows = [
        *(lock(pid, "relation", mode="ShareLock", relation=10) for pid in (1, 2)),
        lock(3, "relation", 0.5, relation=10),
        lock(5, "relation", mode="AccessShareLock", relation=20),
        lock(2, "relation", 0.9, mode="AccessExclusiveLock", relation=20),
        lock(1, "relation", 0.4, mode="AccessShareLock", relation=20),
        lock(3, "transactionid", transactionid=3),
        lock(5, "transactionid", 0.3, mode="ShareLock", transactionid=3),
    ]
    verdict = verdict_of(finding, supplied(supplied(empty, activity, people), locks, rows))
    [subject] = verdict.subjects
    pids = [subject.evidence.facts[f"party_{n}_pid"] for n in (1, 2, 3)]
    assert subject.evidence.facts["parties"] == 3
    assert pids == [2, 5, 3]


def test_more_is_told_of_a_deadlock_once_it_is_known() -> None:
    """The victim appears in what was told already; nothing is counted again."""
    book, snapshot = VerdictTracker(), circle()
    verdict_of(finding, snapshot, book)
    aborted = session(1, state="idle in transaction (aborted)"), session(2)
    later = replace(snapshot, at=snapshot.at + 1)
    later = supplied(supplied(later, activity, aborted), locks, ())
    verdict = verdict_of(finding, later, book)
    assert verdict.events == 1
    facts = verdict.subjects[0].evidence.facts
    assert (facts["victim_pid"], facts["victim_is_sure"]) == (1, True)
    assert verdict.subjects[0].evidence.message.endswith("PostgreSQL has rolled back pid 1.")


def test_without_locks_it_is_unknown() -> None:
    """Missing input makes the finding unknown, never healthy."""
    blind = replace(circle(), answers={}, absent={locks: Absence("a timeout")})
    assert verdict_of(finding, blind).state is State.unknown


class Watched:
    """Looks at one database as pg_monitor, with one memory."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.recorder = Recorder(finding.history)
        self.book = VerdictTracker()

    async def verdict(self, later: float = 0.0) -> Verdict:
        async with watching(dsn=self.database.monitor_dsn) as connection:
            snapshot = await look(connection, activity, locks, databases, recorder=self.recorder)
        return verdict_of(finding, replace(snapshot, at=snapshot.at + later), self.book)

    async def ill(self) -> Verdict | None:
        verdict = await self.verdict()
        return verdict if verdict.subjects else None

    async def resolved(self) -> Verdict | None:
        verdict = await self.verdict()
        return verdict if verdict.subjects[0].evidence.facts["victim_pid"] else None


async def in_a_circle(stage: Stage, timeout: str, *tables: str) -> list["asyncio.Task[str]"]:
    """Each has its own table and wants the next one's; what each of them will say of it."""
    update = "update {} set v = 2 where id = 1"
    sessions = [
        await stage.holds(
            f"set deadlock_timeout = '{timeout}'", update.format(table), application_name=f"o'{n}"
        )
        for n, table in enumerate(tables)
    ]
    nexts = (*tables[1:], tables[0])
    return [
        stage.task(session.execute(update.format(table)))
        for session, table in zip(sessions, nexts, strict=True)
    ]


async def test_story_of_a_deadlock_that_its_own_cure_ends(
    stage: Stage, paste: Psql, database: Database
) -> None:
    """Found while it lasts, both parties with table and row; the cure cancels one; then it goes."""
    await database.execute(TABLES)
    tasks = await in_a_circle(stage, "1h", "orders", "other")
    watched = Watched(database)
    verdict = await until(watched.ill, "the deadlock is seen")
    assert verdict
    [subject] = verdict.subjects
    facts = subject.evidence.facts
    statements = {facts[f"party_{n}_wants"]: facts[f"party_{n}_statement"] for n in (1, 2)}
    assert statements == {
        "public.other ctid (0,1)": "update other set v = ? where id = ?",
        "public.orders ctid (0,1)": "update orders set v = ? where id = ?",
    }
    assert subject.evidence.database == database.name
    await paste(database.dsn, "\n".join(subject.evidence.cure))
    await asyncio.wait(tasks, return_when=asyncio.ALL_COMPLETED, timeout=60)
    assert sum(task.exception() is not None for task in tasks) == 1
    verdict = await until(watched.resolved, "it is over")
    assert verdict
    assert verdict.subjects[0].evidence.facts["victim_is_sure"] is True
    assert verdict.events == 1
    await paste(database.dsn, subject.evidence.check)
    assert (await watched.verdict(later=660)).subjects == ()


@pytest.mark.versions(14, 18)
async def test_the_victim_is_whom_postgresql_chose(stage: Stage, database: Database) -> None:
    """After a real deadlock_timeout, the session that was told so."""
    await database.execute(TABLES)
    tasks = await in_a_circle(stage, "4s", "orders", "other")
    watched = Watched(database)
    await until(watched.ill, "the deadlock is seen")
    await asyncio.wait(tasks, timeout=60)
    [victim] = [n for n, t in enumerate(tasks) if isinstance(t.exception(), asyncpg.PostgresError)]
    verdict = await until(watched.resolved, "the victim is known")
    assert verdict
    facts = verdict.subjects[0].evidence.facts
    of_victim = next(n for n in (1, 2) if facts[f"party_{n}_pid"] == facts["victim_pid"])
    assert facts[f"party_{of_victim}_application"] == f"o'{victim}"


@pytest.mark.versions(14, 18)
async def test_three_in_a_circle(stage: Stage, paste: Psql, database: Database) -> None:
    """Each party with what it wants of the next, whatever that is called; then who was chosen."""
    await database.execute(f"{TABLES} create table {ODD} (id int primary key, v int)")
    await database.execute(f"insert into {ODD} values (1, 0)")
    tables = ["public.orders", "public.other", f"public.{ODD}"]
    tasks = await in_a_circle(stage, "1h", *tables)
    watched = Watched(database)
    verdict = await until(watched.ill, "the deadlock is seen")
    assert verdict
    [subject] = verdict.subjects
    facts, parties = subject.evidence.facts, (1, 2, 3)
    wants = [str(facts[f"party_{n}_wants"]).removesuffix(" ctid (0,1)") for n in parties]
    has = [tables[int(str(facts[f"party_{n}_application"])[-1])] for n in parties]
    assert wants == [*has[1:], has[0]]
    assert sorted(has) == sorted(tables)
    await paste(database.dsn, "\n".join(subject.evidence.cure))
    await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION, timeout=60)
    [victim] = [n for n, task in enumerate(tasks) if task.done() and task.exception()]
    verdict = await until(watched.resolved, "the victim is known")
    assert verdict
    facts = verdict.subjects[0].evidence.facts
    of_victim = next(n for n in parties if facts[f"party_{n}_pid"] == facts["victim_pid"])
    assert facts[f"party_{of_victim}_application"] == f"o'{victim}"
    assert facts["victim_is_sure"] is True


async def test_a_queue_for_one_row_is_no_deadlock(stage: Stage, database: Database) -> None:
    """Four who wait for one, and for each other's place."""
    await stage.holds("update orders set v = 1 where id = 1")
    for _ in range(4):
        await stage.waits("update orders set v = v + 1 where id = 1")
    assert (await Watched(database).verdict()).state is State.healthy


def test_the_log_confirms_what_was_seen() -> None:
    """The same processes at the same time; another deadlock of the log proves nothing."""

    def told(pids: set[int], later: float = 5.0) -> Any:
        seen = circle()
        logged = LogDeadlock(seen.at + later, 2, frozenset(pids))
        row = filled(ServerLog, deadlocks=(logged,))
        [subject] = verdict_of(finding, supplied(seen, server_log, [row])).subjects
        facts, message = subject.evidence.facts, subject.evidence.message
        is_said = "has rolled back pid 2, as its log confirms" in message
        return facts.get("is_in_log"), facts.get("victim_pid_in_log"), is_said

    assert told({1, 2}) == (True, 2, True)
    unknown = (None, None, False)
    assert told({1, 3}) == told({1, 2, 3}) == told({1, 2}, 500.0) == unknown


def test_a_log_without_process_ids_confirms_no_victim() -> None:
    """It tells of the deadlock, and not which session was rolled back."""
    seen = circle()
    row = filled(ServerLog, deadlocks=(LogDeadlock(seen.at, None, frozenset({1, 2})),))
    known = supplied(seen, server_log, [row])
    [capture] = known.of(LOCK_ORDER).captures
    told = evidence(known, replace(capture, victim=1, victim_is_sure=False))
    assert told.facts["is_in_log"] is True
    assert told.message.endswith("PostgreSQL has probably rolled back pid 1.")
