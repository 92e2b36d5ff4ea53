"""pg_stat_activity_* as existing dashboards expect it, compared with the server's own view."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from collectors._base import Histogram
from collectors.session_counts import CountedSession, session_counts
from tests.fixtures.one_look import look, watching
from tests.fixtures.postgres import Database

METRICS = {metric.name: metric for metric in session_counts.metrics}
SESSION = CountedSession(
    datname="shop",
    pid=1,
    is_self=False,
    state="idle",
    usename="app",
    application_name="web",
    backend_type="client backend",
    wait_event_type="Client",
    wait_event="ClientRead",
    xact_start=None,
    xact_seconds=None,
    state_seconds=4.0,
    autovacuumed=None,
)


def values(name: str, rows: Sequence[CountedSession]) -> dict[tuple[str | None, ...], Any]:
    return dict(METRICS[name].samples(rows))


async def sessions(database: Database) -> Sequence[CountedSession]:
    async with watching(dsn=database.monitor_dsn) as monitor:
        return (await look(monitor, session_counts)).rows(session_counts)


def of(samples: dict[tuple[str | None, ...], Any], *labels: str) -> Iterable[Any]:
    return [value for key, value in samples.items() if key[: len(labels)] == labels]


async def test_every_database_has_every_state(database: Database) -> None:
    """Sessions are counted where they are; nothing else is missing, it is 0."""
    sleeper = await database.session(application_name="sleeper")
    await sleeper.execute("begin; select 1")
    rows = await sessions(database)
    samples = values("pg_stat_activity_count", rows)
    mine = {key: n for key, n in samples.items() if key[0] == database.name}
    assert sum(of(mine, database.name, "idle in transaction")) == 1
    assert [key[3] for key, n in mine.items() if n and key[1] == "idle in transaction"] == [
        "sleeper"
    ]
    datnames = {row["datname"] for row in await database.fetch("select datname from pg_database")}
    assert {key[0] for key in samples} == datnames
    assert len(list(of(samples, "template0"))) == 6
    assert sum(of(samples, "template0")) == 0


async def test_the_oldest_transaction(database: Database) -> None:
    """Its start is PostgreSQL's own, and its age grows."""
    await database.execute("begin; select 1")
    start = await database.fetchval(
        "select extract(epoch from min(xact_start))::float8 from pg_stat_activity"
        " where xact_start is not null and backend_type = 'client backend'"
    )
    rows = await sessions(database)
    [seen] = values("pg_stat_activity_oldest_transaction_start_timestamp_seconds", rows).values()
    assert seen == start
    assert values("pg_long_running_transactions", rows)[()] >= 1
    assert values("pg_long_running_transactions_oldest_timestamp_seconds", rows)[()] > 0
    longest = values("pg_stat_activity_max_tx_duration", rows)
    assert max(of(longest, database.name, "idle in transaction")) > 0


def test_each_application_has_its_histogram() -> None:
    """Counts add up to the bound, and beyond the largest ones all others are `other`."""
    rows = [SESSION, replace(SESSION, state_seconds=400.0)]
    rows += [replace(SESSION, application_name=f"app {n}") for n in range(120)]
    samples = values("pg_process_idle_seconds", rows)
    assert samples["idle", "web"] == Histogram(
        {1: 0, 2: 0, 5: 1, 15: 1, 30: 1, 60: 1, 90: 1, 120: 1, 300: 1}, 2, 404.0
    )
    assert len(samples) == 101
    assert samples["idle", "other"].count == 21


def test_autovacuums_by_table() -> None:
    """One series for a name, whatever else is being vacuumed."""
    worker = replace(
        SESSION,
        backend_type="autovacuum worker",
        state="active",
        autovacuumed="public.orders",
        xact_start=100.0,
    )
    rows = [worker, replace(worker, autovacuumed="old.orders", xact_start=50.0), SESSION]
    assert values("pg_stat_activity_autovacuum_timestamp_seconds", rows) == {("orders",): 50.0}


async def test_an_autovacuum_names_its_table(database: Database) -> None:
    """The name is what stands between the command and the remark on wraparound."""
    pattern = r"'^autovacuum: [A-Z ]+ (.*?)(?: \(to prevent wraparound\))?$'"
    query = "autovacuum: VACUUM ANALYZE public.a (b) (to prevent wraparound)"
    assert await database.fetchval(f"select substring($1 from {pattern})", query) == "public.a (b)"
    assert pattern in session_counts.sql[140000].replace("\n", " ")


def test_sessions_that_old_user_queries_count() -> None:
    """Slow, stuck, waiting: each counts from its own age on, and none counts twice."""
    waiting = replace(SESSION, state="active", wait_event_type="Lock", state_seconds=30.0)
    stuck = replace(SESSION, state="idle in transaction", state_seconds=700.0, xact_seconds=700.0)
    quick = replace(SESSION, state="active", wait_event_type=None, state_seconds=0.5)
    rows = [waiting, stuck, quick, SESSION]
    assert {
        name: values(name, rows)[()]
        for name in (
            "pg_blocked_queries",
            "pg_oldest_blocked_age_seconds",
            "pg_stuck_idle_in_transaction_queries",
            "pg_long_running_transactions_transactions",
        )
    } == {
        "pg_blocked_queries": 1,
        "pg_oldest_blocked_age_seconds": 30.0,
        "pg_stuck_idle_in_transaction_queries": 1,
        "pg_long_running_transactions_transactions": 1,
    }
    elsewhere = replace(waiting, datname="other", state_seconds=0.5)
    slow = values("pg_slow_queries", [*rows, elsewhere])
    assert slow == {(SESSION.datname,): 1, ("other",): 0}, "0 where a database has none"
    assert values("pg_oldest_blocked_age_seconds", [SESSION])[()] == 0
