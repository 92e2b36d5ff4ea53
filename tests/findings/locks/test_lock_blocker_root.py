"""lock_blocker_root: the end of every chain of waits, on paper and on real servers."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from alerts._base import Severity, State
from alerts.findings.locks.lock_blocker_root import Limits, finding
from alerts.locks.cures import release
from alerts.locks.scene import LockScene
from alerts.snapshot import ServerIdentity, Snapshot
from collectors._base import Answer, AnyAnswer, AnyCollector, Role
from collectors.activity import Session, activity
from collectors.locks import Lock, locks
from collectors.user_tables import user_tables
from tests.fixtures.lock_stage import Stage, judged
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import Database, Psql
from tests.fixtures.printed_sql import chosen
from tests.fixtures.until import until

NOW = 1_800_000_000.0
BEGAN = "backend_start OPERATOR(pg_catalog.=) '"
SOON = Limits(
    crowd_waits=timedelta(milliseconds=200),
    one_waits=timedelta(milliseconds=300),
    one_waits_critical=timedelta(minutes=1),
)


def session(pid: int, **given: Any) -> Session:
    facts = dict.fromkeys(Session.__slots__) | {
        "pid": pid,
        "datname": "shop",
        "usename": "app",
        "application_name": "web",
        "backend_type": "client backend",
        "backend_start_text": f"b{pid}",
        "xact_start_text": f"x{pid}",
        "has_xid": True,
        "is_self": False,
    }
    return Session(**{**facts, **given})


def row_lock(pid: int | None, waited: float | None = None, **given: Any) -> Lock:
    """A wait for the transaction that has changed the row; without a wait, that transaction."""
    facts = dict.fromkeys(Lock.__slots__) | {
        "pid": pid,
        "virtualtransaction": f"{pid}/1" if pid else "-1/7",
        "locktype": "transactionid",
        "mode": "ShareLock" if waited is not None else "ExclusiveLock",
        "granted": waited is None,
        "fastpath": False,
        "waited_seconds": waited,
        "transactionid": 7,
    }
    return Lock(**{**facts, **given})


def pile_up(*waited: float, **given: Any) -> Snapshot:
    """One idle transaction, and a waiter for each of these seconds."""
    root = session(1, state="idle in transaction", state_seconds=90.0, xact_seconds=100.0)
    waiters = [row_lock(pid, seconds, **given) for pid, seconds in enumerate(waited, 100)]
    people = [root, *(session(lock.pid or 0, state="active") for lock in waiters)]
    return scene_of(people, [row_lock(1, **given), *waiters])


def scene_of(people: list[Session], held: list[Lock]) -> Snapshot:
    answers: dict[AnyCollector, AnyAnswer] = {
        activity: Answer(people, NOW),
        locks: Answer(held, NOW),
    }
    return Snapshot(ServerIdentity("db1", Role.primary), NOW, answers)


@pytest.mark.parametrize(
    ("waited", "severity"),
    [
        ((), None),
        ((5.0, 5.0), None),
        ((29.0, 29.0), None),
        ((29.0, 29.0, 9.0), None),
        ((29.0, 20.0, 10.0), Severity.warning),
        ((30.0,), Severity.warning),
        ((59.0, 1.0), Severity.warning),
        ((60.0,), Severity.critical),
    ],
)
def test_limits(waited: tuple[float, ...], severity: Severity | None) -> None:
    """Three for ten seconds or one for thirty are ill, one for sixty is critical."""
    verdict = verdict_of(finding, pile_up(*waited))
    assert verdict.severity is severity
    assert verdict.state is (State.ill if severity else State.healthy)


@pytest.mark.parametrize("locktype", ["advisory", "virtualxid"])
def test_waits_on_purpose_never_wake_anybody(locktype: str) -> None:
    """A leader in waiting waits for weeks; that is a warning at most."""
    assert verdict_of(finding, pile_up(9e5, locktype=locktype)).severity is Severity.warning


def test_the_root_is_named_and_not_whoever_stands_in_between() -> None:
    """A waits for B waits for C: C is the subject, and has two victims."""
    chain = [
        row_lock(1),
        row_lock(2, 40.0),
        row_lock(2, transactionid=8),
        row_lock(3, 35.0, transactionid=8),
    ]
    people = [session(pid, state="active") for pid in (1, 2, 3)]
    [subject] = verdict_of(finding, scene_of(people, chain)).subjects
    facts = subject.evidence.facts
    assert (facts["pid"], facts["waiters"], facts["longest_wait_seconds"]) == (1, 2, 40.0)
    assert facts["caused_wait_seconds"] == 75.0
    assert str(facts["queue_head"]).startswith("app (web), pid 2, 40 s")


def test_a_working_root_is_cancelled_and_an_idle_one_terminated() -> None:
    """Cancelling does nothing to an idle session, terminating too much to a working one."""
    for state, call in (
        ("active", "pg_cancel_backend(pid)"),
        ("idle in transaction", "pg_terminate_backend(pid, 5000)"),
    ):
        people = [session(1, state=state), session(2, state="active")]
        scene = LockScene.of(scene_of(people, [row_lock(1), row_lock(2, 40.0)]))
        [statement] = [line for line in release(scene, 1) if not line.startswith("--")]
        assert statement == (
            f"SELECT pg_catalog.{call} FROM pg_catalog.pg_stat_activity"
            " WHERE pid OPERATOR(pg_catalog.=) 1 AND backend_start OPERATOR(pg_catalog.=) 'b1'"
            " AND xact_start OPERATOR(pg_catalog.=) 'x1';"
        )


def test_a_worker_of_a_subscription_is_left_alone() -> None:
    """Cancelled it begins again, or its subscription is disabled: steps, and no statement."""
    worker = session(1, state="active", backend_type="logical replication apply worker")
    scene = LockScene.of(scene_of([worker, session(2)], [row_lock(1), row_lock(2, 40.0)]))
    told = release(scene, 1)
    assert all(line.startswith("--") for line in told)
    assert "pg_stat_subscription WHERE pid OPERATOR(pg_catalog.=) 1;" in "\n".join(told)


def test_tables_of_other_databases_get_their_names_from_the_table_collector() -> None:
    """pg_locks gives numbers for databases where our session is not."""
    table = replace_all(user_tables.row, datname="shop", relid=4, schemaname="s", relname="Order")
    own_tuple = row_lock(2, locktype="tuple", mode="ExclusiveLock", relation=4, datname="shop")
    people = [session(1), session(2)]
    held = [row_lock(1), own_tuple, row_lock(2, 40.0)]
    snapshot = scene_of(people, held)
    named = replace(snapshot, answers={**snapshot.answers, user_tables: Answer([table], NOW)})
    assert (
        verdict_of(finding, snapshot).subjects[0].evidence.object
        == "relation 4 (name not known yet)"
    )
    assert verdict_of(finding, named).subjects[0].evidence.object == 's."Order"'


async def test_rows_pile_up_behind_an_idle_transaction(
    stage: Stage, paste: Psql, database: Database
) -> None:
    """Four wait for a row of a forgotten transaction; its own cure lets them all go on."""
    root = await stage.holds("update orders set v = 1 where id = 1", application_name="the 'shop'")
    victims = [await stage.waits("update orders set v = v + 1 where id = 1") for _ in range(4)]
    verdict = await stage.until_ill(finding, SOON)
    [subject] = verdict.subjects
    evidence = subject.evidence
    assert evidence.facts["pid"] == root.get_server_pid()
    assert evidence.facts["waiters"] == len(victims)
    assert evidence.facts["relation"] == "public.orders"
    assert evidence.facts["state"] == "idle in transaction"
    assert evidence.facts["last_statement"] == "update orders set v = ? where id = ?"
    assert evidence.facts["row"] == "public.orders ctid (0,1)"
    assert evidence.facts["waiter_pid"] == victims[0]
    assert evidence.facts["waiter_statement"] == "update orders set v = v + ? where id = ?"
    assert int(str(evidence.facts["waiter_query_id"])) != 0
    assert f"pid {victims[1]}" in str(evidence.facts["waiter_2"])
    await paste(database.dsn, "\n".join(evidence.cure))
    await stage.all_done()
    assert (await judged(database, finding, SOON)).state is State.healthy


@pytest.mark.versions(14, 18)
async def test_a_new_key_has_no_row_yet_and_the_statement_names_its_table(
    stage: Stage, paste: Psql, database: Database
) -> None:
    """Upserts wait for the session that inserted their key first; no lock names the table."""
    await database.execute('create schema "S 1"; create table "S 1"."Ü" (k int primary key, v int)')
    root = await stage.holds('insert into "S 1"."Ü" values (7, 0)', application_name="import")
    upsert = 'insert into "S 1"."Ü" values (7, 1) on conflict (k) do update set v = excluded.v'
    for _ in range(3):
        await stage.waits(upsert)
    [subject] = (await stage.until_ill(finding, SOON)).subjects
    facts = subject.evidence.facts
    assert (facts["pid"], facts["waiters"]) == (root.get_server_pid(), 3)
    assert (facts["relation"], facts["row"]) == ('"S 1"."Ü"', None)
    await paste(database.dsn, "\n".join((subject.evidence.check, *subject.evidence.cure)))
    await stage.all_done()


@pytest.mark.versions(14, 18)
async def test_an_idle_session_can_hold_up_others_without_a_transaction(
    stage: Stage, paste: Psql, database: Database
) -> None:
    """With an advisory lock of the session: there is nothing to roll back, only to disconnect."""
    leader = await database.session(application_name="leader")
    await leader.execute("select pg_advisory_lock(7)")
    await stage.waits("select pg_advisory_lock(7)")
    [subject] = (await stage.until_ill(finding, SOON)).subjects
    assert subject.evidence.facts["state"] == "idle"
    cure = "\n".join(subject.evidence.cure)
    assert "advisory lock" in cure
    assert "rolled back" not in cure
    await paste(database.dsn, cure)
    await stage.all_done()


async def test_a_working_root_loses_its_statement_only(
    stage: Stage, paste: Psql, database: Database
) -> None:
    """The cure cancels; the session of the root lives on."""
    root = await stage.holds("lock table orders")
    sleeping = asyncio.create_task(root.execute("select pg_sleep(600)"))
    await stage.waits("select from orders")
    verdict = await stage.until_ill(finding, SOON)
    assert verdict.subjects[0].evidence.facts["state"] == "active"
    await paste(database.dsn, "\n".join(verdict.subjects[0].evidence.cure))
    with pytest.raises(Exception, match="canceling statement"):
        await sleeping
    await stage.all_done()
    await root.execute("rollback")


async def test_a_forgotten_prepared_transaction_is_rolled_back_by_its_gid(
    stage: Stage, paste: Psql, database: Database
) -> None:
    """It has no pid; its name may hold quotes."""
    session = await stage.holds("update orders set v = 2 where id = 2")
    await session.execute("prepare transaction 'it''s \"paid\"'")
    await stage.waits("delete from orders where id = 2")
    verdict = await stage.until_ill(finding, SOON)
    evidence = verdict.subjects[0].evidence
    assert "prepared transaction it's" in evidence.subject
    assert evidence.database == database.name
    await paste(database.dsn, chosen(evidence.cure, "ROLLBACK"))
    await stage.all_done()


async def test_two_who_wait_for_a_moment_are_no_illness(stage: Stage, database: Database) -> None:
    """By the real limits a short queue is life."""
    await stage.holds("update orders set v = 1 where id = 1")
    for _ in range(2):
        await stage.waits("update orders set v = v + 1 where id = 1")
    assert (await judged(database, finding)).state is State.healthy


@pytest.mark.versions(14, 18)
async def test_without_pg_monitor_it_is_unknown(stage: Stage, database: Database) -> None:
    """A role that can't see who waits says so, and which GRANT it lacks."""
    await stage.holds("lock table orders")
    await stage.waits("select from orders")
    await database.execute("drop role if exists stranger; create role stranger login")
    async with watching(dsn=database.server.dsn(database.name, "stranger")) as connection:
        verdict = verdict_of(finding, await look(connection, activity, locks), limits=SOON)
    assert verdict.state is State.unknown
    assert verdict.unjudged[0].grant == "GRANT pg_monitor TO stranger;"


@pytest.mark.versions(14, 18)
async def test_the_cure_of_another_life_of_a_pid_kills_nobody(
    stage: Stage, paste: Psql, database: Database
) -> None:
    """Same pid, but another session start or transaction start: a stranger, who lives."""
    root = await stage.holds("lock table orders")
    pid = root.get_server_pid()
    began = await root.fetchval("select xact_start::text from pg_stat_activity where pid = $1", pid)
    await stage.waits("select from orders")
    statement = (await stage.until_ill(finding, SOON)).subjects[0].evidence.cure[-1]
    await root.execute("commit")
    await stage.all_done()
    await root.execute("begin")
    later = await root.fetchval("select xact_start::text from pg_stat_activity where pid = $1", pid)
    of_later_transaction = statement.replace(began, later)
    of_later_session = of_later_transaction.replace(f"{BEGAN}2", f"{BEGAN}1")
    for guarded in (statement, of_later_session):
        await paste(database.dsn, guarded)
        assert await root.fetchval("select 1") == 1
    assert "t" in await paste(database.dsn, of_later_transaction)


async def test_seen_from_another_database(stage: Stage, database: Database) -> None:
    """The daemon lives in `postgres`: it sees the pile-up of another database by its numbers."""
    await stage.holds("lock table orders")
    await stage.waits("select from orders")

    async def seen() -> bool:
        dsn = database.server.dsn("postgres", "pgvigil_monitor")
        async with watching(dsn=dsn) as connection:
            verdict = verdict_of(finding, await look(connection, activity, locks), limits=SOON)
        mine = [s.evidence for s in verdict.subjects if s.evidence.database == database.name]
        return bool(mine) and str(mine[0].facts["relation"]).startswith("relation ")

    await until(seen, "the pile-up is seen")


def replace_all(row: type[Any], **given: Any) -> Any:
    return row(**(dict.fromkeys(row.__slots__) | given))
