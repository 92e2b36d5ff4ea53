"""lock_queue_ddl: a waiting ALTER TABLE and the traffic behind it, on paper and on real servers."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from alerts._base import Severity, State
from alerts.findings.locks.lock_queue_ddl import Limits, finding
from alerts.snapshot import ServerIdentity, Snapshot
from collectors._base import Answer, AnyAnswer, AnyCollector, Role
from collectors.activity import Session, activity
from collectors.locks import Lock, locks
from tests.fixtures.lock_stage import Stage, judged
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import Database, Psql
from tests.fixtures.session_rows import IDLE

NOW = 1_800_000_000.0
SOON = Limits(waits=timedelta(milliseconds=200))
READ, WRITE, INDEX, ALTER = (
    "AccessShareLock",
    "RowExclusiveLock",
    "ShareLock",
    "AccessExclusiveLock",
)


def table_lock(pid: int, mode: str, waited: float | None = None) -> Lock:
    facts: dict[str, Any] = dict.fromkeys(Lock.__slots__) | {
        "pid": pid,
        "virtualtransaction": f"{pid}/1",
        "locktype": "relation",
        "mode": mode,
        "granted": waited is None,
        "fastpath": False,
        "waited_seconds": waited,
        "database": 5,
        "datname": "shop",
        "relation": 4,
        "schemaname": "public",
        "relname": "orders",
    }
    return Lock(**facts)


def queue(*line: Lock) -> Snapshot:
    answers: dict[AnyCollector, AnyAnswer] = {
        activity: Answer((), NOW),
        locks: Answer(line, NOW),
    }
    return Snapshot(ServerIdentity("db1", Role.primary), NOW, answers)


READER = table_lock(1, READ)


@pytest.mark.parametrize(
    ("line", "severity"),
    [
        ((READER, table_lock(2, ALTER, 600.0)), None),
        ((READER, table_lock(2, ALTER, 4.9), table_lock(3, READ, 4.8)), None),
        ((READER, table_lock(2, ALTER, 5.0), table_lock(3, READ, 0.1)), Severity.warning),
        ((READER, table_lock(2, ALTER, 30.0), table_lock(3, READ, 9.0)), Severity.critical),
        ((READER, table_lock(2, ALTER, 9.0), table_lock(3, WRITE, 10.0)), None),
        ((table_lock(1, ALTER), table_lock(2, ALTER, 9.0), table_lock(3, READ, 8.0)), None),
        ((table_lock(1, WRITE), table_lock(2, INDEX, 9.0), table_lock(3, READ, 8.0)), None),
        ((table_lock(1, WRITE), table_lock(2, INDEX, 9.0), table_lock(3, WRITE, 8.0)), "warning"),
        ((table_lock(1, INDEX), table_lock(2, WRITE, 9.0), table_lock(3, INDEX, 8.0)), None),
    ],
    ids=[
        "nobody behind it",
        "not yet five seconds",
        "five seconds, one follower",
        "thirty seconds",
        "who came before it waits for nobody",
        "the holder itself keeps the reader out",
        "readers get along with CREATE INDEX",
        "writers do not",
        "a waiting writer is no DDL",
    ],
)
def test_limits(line: tuple[Lock, ...], severity: Severity | None) -> None:
    """Ill is a strong lock that is waited for, with somebody behind it who could have gone on."""
    assert verdict_of(finding, queue(*line)).severity == severity


def test_who_is_held_up_by_whom_is_counted() -> None:
    """Followers are those that go on when the DDL is cancelled."""
    line = (READER, table_lock(2, ALTER, 9.0), *(table_lock(p, READ, 5.0) for p in (3, 4, 5)))
    [subject] = verdict_of(finding, queue(*line)).subjects
    assert subject.evidence.facts["followers"] == 3
    assert subject.evidence.object == "public.orders"


def cure_of(*rows: Session) -> tuple[str, ...]:
    line = (READER, table_lock(2, ALTER, 9.0), table_lock(3, READ, 5.0))
    snapshot = queue(*line)
    answers = {**snapshot.answers, activity: Answer(rows, NOW)}
    [subject] = verdict_of(finding, replace(snapshot, answers=answers)).subjects
    return subject.evidence.cure


def test_replay_is_never_cancelled() -> None:
    """On a standby a DDL of the primary waits for a query: that one is ended."""
    query = replace(IDLE, pid=1, state="active", xact_start_text="x")
    cure = cure_of(query, replace(IDLE, pid=2, backend_type="startup", state=None))
    executable = [line for line in cure if not line.startswith("--")]
    assert len(executable) == 1
    assert "pg_cancel_backend(pid)" in executable[0]
    assert "pid OPERATOR(pg_catalog.=) 1 " in executable[0]


@pytest.mark.parametrize("text", ["autovacuum: VACUUM public.orders (to prevent wraparound)", None])
@pytest.mark.parametrize("waiting", ["startup", "client backend"])
def test_a_vacuum_to_prevent_wraparound_is_never_cancelled(text: str | None, waiting: str) -> None:
    """It would start again at once; where its text is hidden, it may be one."""
    vacuum = replace(IDLE, pid=1, backend_type="autovacuum worker", state="active", query=text)
    cure = cure_of(vacuum, replace(IDLE, pid=2, backend_type=waiting, state="active"))
    assert not any("backend(pid" in line and ") 1 " in line for line in cure)
    assert any("Don't cancel it" in line for line in cure)


def test_other_vacuums_may_be_cancelled() -> None:
    """They give way to DDL by themselves."""
    text = "autovacuum: VACUUM public.orders"
    vacuum = replace(IDLE, pid=1, backend_type="autovacuum worker", state="active", query=text)
    cure = cure_of(vacuum, replace(IDLE, pid=2, state="active"))
    assert any("pg_cancel_backend" in line and ") 1 " in line for line in cure)


def test_a_truncate_that_is_replicated_is_not_cancelled() -> None:
    """A worker of a subscription would only begin again; what it waits for can still be ended."""
    worker = replace(IDLE, pid=2, state="active", backend_type="logical replication worker")
    cure = cure_of(replace(IDLE, pid=1, state="idle in transaction"), worker)
    assert not any("backend(pid" in line and ") 2 " in line for line in cure)
    assert any("pg_terminate_backend(pid, 5000)" in line and ") 1 " in line for line in cure)


async def test_traffic_behind_an_alter_goes_on_once_its_own_cure_has_run(
    stage: Stage, paste: Psql, database: Database
) -> None:
    """Names the DDL and the transaction in front of it; cancels the DDL, and nobody else."""
    reader = await stage.holds("select from orders", application_name="report")
    alter = await stage.blocked("alter table orders add note text default 'x'")
    readers = [await stage.waits("select from orders") for _ in range(3)]
    verdict = await stage.until_ill(finding, SOON)
    [subject] = verdict.subjects
    facts = subject.evidence.facts
    assert (facts["ddl_pid"], facts["followers"]) == (alter.pid, len(readers))
    assert facts["ddl_statement"] == "alter table orders add note text default ?"
    assert "public.orders to alter table;" in subject.evidence.message
    assert (facts["follower_pid"], facts["follower_statement"]) == (
        readers[0],
        "select from orders",
    )
    assert facts["waits_for_application"] == "report"
    assert facts["relation"] == "public.orders"
    assert facts["waits_for_pid"] == reader.get_server_pid()
    assert facts["waits_for_state"] == "idle in transaction"
    await paste(database.dsn, "\n".join(subject.evidence.cure))
    with pytest.raises(Exception, match="canceling statement"):
        await alter.task
    await stage.all_done()
    assert await reader.fetchval("select 1") == 1
    assert (await judged(database, finding, SOON)).state is State.healthy


async def test_ddl_that_gives_up_in_time_is_no_illness(stage: Stage, database: Database) -> None:
    """By the real limits a queue of a moment is life."""
    await stage.holds("select from orders")
    await stage.blocked("set lock_timeout = '4s'; alter table orders add note text")
    await stage.waits("select from orders")
    assert (await judged(database, finding)).state is State.healthy


@pytest.mark.versions(14, 18)
async def test_an_odd_name_is_quoted(stage: Stage, database: Database) -> None:
    """Object names are data; a line break is escaped, so that a statement stays on one line."""
    quoted = '"O""rders;\n💥"'
    await database.execute(f"alter table orders rename to {quoted}")
    await stage.holds(f"select from {quoted}")
    await stage.blocked(f"truncate {quoted}")
    await stage.waits(f"select from {quoted}")
    verdict = await stage.until_ill(finding, SOON)
    assert verdict.subjects[0].evidence.object == r'public.U&"O""rders;\000A💥"'


@pytest.mark.versions(14, 18)
async def test_without_pg_monitor_it_is_unknown(stage: Stage, database: Database) -> None:
    """A role that can't see who waits says so, and which GRANT it lacks."""
    await database.execute("drop role if exists stranger; create role stranger login")
    async with watching(dsn=database.server.dsn(database.name, "stranger")) as connection:
        verdict = verdict_of(finding, await look(connection, activity, locks))
    assert verdict.state is State.unknown
    assert verdict.unjudged[0].grant == "GRANT pg_monitor TO stranger;"


def test_a_ddl_that_ended_meanwhile_gets_no_statement() -> None:
    """Without the identity of the session nothing may be signalled."""
    line = (READER, table_lock(2, ALTER, 9.0), table_lock(3, READ, 5.0))
    cure = verdict_of(finding, queue(*line)).subjects[0].evidence.cure
    assert all(statement.startswith("--") for statement in cure)
