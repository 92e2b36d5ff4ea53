"""query_long_running and transaction_long_running: found, ended by the printed cure, and gone."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import asyncpg
import pytest

from alerts._base import Evidence, State
from alerts.findings.sessions import query_long_running, transaction_long_running
from alerts.long_work import first_word
from alerts.snapshot import Snapshot
from alerts.verdicts.verdict import Verdict
from collectors._base import Absence
from collectors.activity import Session, activity
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import Database, Psql
from tests.fixtures.session_rows import IDLE, OURS, seen
from tests.fixtures.until import until

STATEMENT, TRANSACTION = query_long_running.finding, transaction_long_running.finding
RUNNING = replace(
    IDLE,
    state="active",
    wait_event_type=None,
    wait_event=None,
    query="select * from orders where code = 'secret'",
    query_seconds=3000.0,
    xact_seconds=3000.0,
    xact_start_text="2026-01-01 00:10:00+00",
    xmin_age=5,
)
WORKING = replace(RUNNING, query_seconds=2.0, xact_seconds=4000.0, has_xid=True)


def with_session(session: Session) -> Snapshot:
    return seen((activity, (OURS, session)))


def only(verdict: Verdict) -> Evidence:
    [subject] = verdict.subjects
    return subject.evidence


def test_a_statement_of_half_an_hour_is_told_without_its_values() -> None:
    found = only(verdict_of(STATEMENT, with_session(RUNNING)))
    assert "has been running one statement for 50 min" in found.message
    assert found.facts["statement"] == "select * from orders where code = ?"
    assert "secret" not in f"{found}"


@pytest.mark.parametrize(
    "traits",
    [
        {"query_seconds": 1700.0},
        {"state": "idle in transaction"},
        {"wait_event_type": "Lock", "wait_event": "transactionid"},
        {"wait_event_type": "Timeout", "wait_event": "PgSleep"},
        {"backend_type": "walsender"},
        {"backend_type": "autovacuum worker"},
        {"backend_type": "parallel worker"},
        {"is_self": True},
        {"application_name": "pg_dump"},
        {"application_name": "pgBackRest [backup]"},
        {"query": "COPY public.orders TO stdout"},
        {"query": "/* job:7 */ vacuum (analyze) orders"},
        {"query": "create index concurrently on orders (code)"},
        {"query": "-- nightly\ncall rebuild()"},
    ],
    ids=str,
)
def test_what_runs_on_purpose_or_does_not_run_is_not_told(traits: dict[str, object]) -> None:
    session = replace(RUNNING, **traits)  # type: ignore[arg-type]
    assert verdict_of(STATEMENT, with_session(session)).state is State.healthy


def test_a_transaction_that_works_for_an_hour_is_told() -> None:
    found = only(verdict_of(TRANSACTION, with_session(WORKING)))
    assert "has been open for 1 h 7 min; it has written and holds back vacuum" in found.message
    reading = replace(WORKING, has_xid=False, xmin_age=200_000)
    assert "it has only read" in only(verdict_of(TRANSACTION, with_session(reading))).message
    pausing = replace(WORKING, state="idle in transaction", state_seconds=20.0)
    assert verdict_of(TRANSACTION, with_session(pausing)).state is State.ill


@pytest.mark.parametrize(
    "traits",
    [
        {"xact_seconds": 3500.0},
        {"xact_seconds": None},
        {"query_seconds": 3900.0},
        {"state": "idle in transaction", "state_seconds": 900.0},
        {"wait_event_type": "Lock", "wait_event": "tuple"},
        {"has_xid": False, "xmin_age": 20},
        {"has_xid": False, "xmin_age": None},
        {"application_name": "pg_dump"},
        {"backend_type": "logical replication worker"},
        {"is_self": True},
    ],
    ids=str,
)
def test_a_transaction_that_is_harmless_or_told_elsewhere_is_not(
    traits: dict[str, object],
) -> None:
    session = replace(WORKING, **traits)  # type: ignore[arg-type]
    assert verdict_of(TRANSACTION, with_session(session)).state is State.healthy


def test_sessions_that_hide_what_they_do_are_unknown() -> None:
    """Without track_activities there is nothing to judge, nor without the right to see it."""
    hidden = with_session(replace(IDLE, state="disabled"))
    blind = replace(seen(), absent={activity: Absence("refused")})
    for finding in (STATEMENT, TRANSACTION):
        assert verdict_of(finding, hidden).state is State.unknown
        assert verdict_of(finding, blind).state is State.unknown


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("  SELECT 1", "select"),
        ("((select 1))", "select"),
        ("/* a */ -- b\n Vacuum t", "vacuum"),
        ("'x'", None),
        ("", None),
        (None, None),
    ],
)
def test_the_first_word(text: str | None, word: str | None) -> None:
    assert first_word(text) == word


async def judged(database: Database) -> tuple[Verdict, Verdict]:
    """Both verdicts, with limits of no time at all."""
    statement = query_long_running.Limits(running=timedelta(seconds=0.05))
    transaction = transaction_long_running.Limits(open=timedelta(seconds=0.05))
    async with watching(dsn=database.monitor_dsn) as monitor:
        seen = await look(monitor, activity)
    rows = [row for row in seen.rows(activity) if row.datname == database.name]
    here = replace(seen, answers={activity: replace(seen.answers[activity], rows=rows)})
    return (
        verdict_of(STATEMENT, here, limits=statement),
        verdict_of(TRANSACTION, here, limits=transaction),
    )


async def test_found_and_ended(database: Database, psql: Psql) -> None:
    """An endless statement is cancelled, a transaction that writes is ended, and nothing else."""
    await database.execute("create table orders (id int)")
    endless, batch = await database.session(), await database.session()
    bystander = await database.session()
    assert [one.state for one in await judged(database)] == [State.healthy, State.healthy]
    await batch.execute("begin; insert into orders values (1)")
    count = (
        "with recursive n(i) as (select 1 union all select i % 9 + 1 from n) select max(i) from n"
    )
    work = asyncio.create_task(endless.execute(count))
    long = "select bool_and(clock_timestamp() - query_start > '60 ms') from pg_stat_activity"
    pids = f"{endless.get_server_pid()}, {batch.get_server_pid()}"
    await until(lambda: database.fetchval(f"{long} where pid in ({pids})"), "both are at work")
    statement, transaction = await judged(database)
    assert only(statement).facts["pid"] == endless.get_server_pid()
    assert batch.get_server_pid() in [s.evidence.facts["pid"] for s in transaction.subjects]
    found = next(
        s.evidence
        for s in transaction.subjects
        if s.evidence.facts["pid"] == batch.get_server_pid()
    )
    await psql(database.dsn, "\n".join((only(statement).check, *only(statement).cure)))
    with pytest.raises(asyncpg.QueryCanceledError):
        await work
    await psql(database.dsn, "\n".join((found.check, *found.cure)))
    assert await database.fetchval("select count(*) from orders") == 0
    assert await bystander.fetchval("select 1") == 1

    async def gone() -> bool:
        return [one.state for one in await judged(database)] == [State.healthy, State.healthy]

    await until(gone, "what was ended is gone")
