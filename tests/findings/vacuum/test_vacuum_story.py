"""Late vacuums on real servers, each cause made real, found, and cured by its own printed cure."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any

import asyncpg
import pytest

from alerts._base import AnyFinding, Evidence
from alerts.findings.vacuum.autovacuum_cancelled import finding as autovacuum_cancelled
from alerts.findings.vacuum.autovacuum_disabled import finding as autovacuum_disabled
from alerts.findings.vacuum.autovacuum_insert_overdue import finding as insert_overdue
from alerts.findings.vacuum.autovacuum_overdue import finding as autovacuum_overdue
from alerts.findings.vacuum.autovacuum_throttled import finding as autovacuum_throttled
from alerts.findings.vacuum.autovacuum_workers_saturated import finding as workers_saturated
from alerts.findings.vacuum.stale_statistics import finding as stale_statistics
from alerts.findings.vacuum.table_never_analyzed import finding as table_never_analyzed
from alerts.findings.vacuum.vacuum_long_running import finding as vacuum_long_running
from alerts.findings.vacuum.visibility_map_poor import finding as visibility_map_poor
from alerts.findings.vacuum.xmin_horizon_held import finding as xmin_horizon_held
from alerts.history.recorder import Recorder
from alerts.limits import BaseLimits
from alerts.snapshot import Snapshot
from alerts.vacuum.work import WORK
from collectors.activity import activity
from collectors.prepared_transactions import prepared_transactions
from collectors.progress_vacuum import progress_vacuum
from collectors.replication_slots import replication_slots
from collectors.settings import settings
from collectors.transaction_ids import transaction_ids
from collectors.user_tables import user_tables
from collectors.xmin_horizon import xmin_horizon
from tests.fixtures.farm import MONITOR
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import Database, PrivateServers, Psql, connected
from tests.fixtures.printed_sql import chosen
from tests.fixtures.until import until

READ = (
    activity,
    xmin_horizon,
    prepared_transactions,
    replication_slots,
    transaction_ids,
    progress_vacuum,
    settings,
    user_tables,
)
FEW = 1000
LIMITS: dict[AnyFinding, BaseLimits] = {
    autovacuum_overdue: replace(autovacuum_overdue.limits, least_rows=FEW),
    autovacuum_disabled: replace(autovacuum_disabled.limits, least_rows=FEW),
    insert_overdue: replace(insert_overdue.limits, least_rows=FEW),
    stale_statistics: replace(stale_statistics.limits, least_rows=FEW),
    table_never_analyzed: replace(table_never_analyzed.limits, least_rows=FEW),
    visibility_map_poor: replace(visibility_map_poor.limits, least_bytes=8192),
    xmin_horizon_held: replace(xmin_horizon_held.limits, held=timedelta(0), rows=FEW),
    autovacuum_throttled: replace(autovacuum_throttled.limits, looks=5, times=2, least_rows=FEW),
    workers_saturated: replace(workers_saturated.limits, busy=timedelta(seconds=2), least_rows=FEW),
    vacuum_long_running: replace(vacuum_long_running.limits, running=timedelta(seconds=1)),
}
HISTORY = (*autovacuum_overdue.history, *xmin_horizon_held.history)
HELD = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM orders"


@dataclass
class Watched:
    """One database, looked at again and again."""

    session: asyncpg.Connection
    datname: str
    recorder: Recorder
    newest: Snapshot | None = None

    async def look(self, at: float | None = None) -> Snapshot:
        self.newest = await look(self.session, *READ, at=at, recorder=self.recorder)
        return self.newest

    def now(self, finding: AnyFinding) -> list[Evidence]:
        assert self.newest is not None
        verdict = verdict_of(finding, self.newest, limits=LIMITS.get(finding))
        ill = (subject.evidence for subject in verdict.subjects)
        return [one for one in ill if one.database in (None, self.datname)]

    async def found(self, finding: AnyFinding) -> list[Evidence]:
        await self.look()
        return self.now(finding)

    async def until_gone(self, *findings: AnyFinding) -> None:
        async def gone() -> bool:
            await self.look()
            return not any(self.now(finding) for finding in findings)

        await until(gone, f"{[one.name for one in findings]} are gone")

    async def until_found(self, finding: AnyFinding, at: float | None = None) -> Evidence:
        async def ill() -> list[Evidence]:
            await self.look(at)
            return self.now(finding)

        return (await until(ill, f"{finding.name} is found"))[0]


@pytest.fixture
async def watched(database: Database) -> AsyncIterator[Watched]:
    async with watching(dsn=database.monitor_dsn) as session:
        yield Watched(session, database.name, Recorder(HISTORY))


def pasted(one: Evidence) -> str:
    return "\n".join((one.check, *one.cure))


def statements(one: Evidence) -> Sequence[str]:
    return [line for line in one.cure if not line.startswith("--")]


async def test_story_of_late_vacuums(database: Database, watched: Watched, psql: Psql) -> None:
    """Not analysed, not vacuumed, switched off, and in vain because of each kind of holder."""
    everything: Sequence[AnyFinding] = (
        autovacuum_overdue,
        autovacuum_disabled,
        insert_overdue,
        stale_statistics,
        table_never_analyzed,
        xmin_horizon_held,
    )
    await database.execute("CREATE TABLE orders (id int PRIMARY KEY, note text)")
    await watched.until_gone(*everything)

    await database.execute("INSERT INTO orders SELECT i, 'x' FROM generate_series(1, 20000) i")
    never = await watched.until_found(table_never_analyzed)
    inserted = await watched.until_found(insert_overdue)
    assert (never.subject, never.value, inserted.value) == ("public.orders", 20000, 20000)
    await psql(database.dsn, pasted(never) + "\n" + pasted(inserted))
    await watched.until_gone(*everything)

    await database.execute("DELETE FROM orders WHERE id > 9000")
    late = await watched.until_found(autovacuum_overdue)
    assert (late.facts["cause"], late.value, late.facts["trigger_rows"]) == (
        "waiting",
        11000,
        4050,
    )
    stale = (await watched.found(stale_statistics))[0]
    assert stale.facts["trigger_rows"] == 2050
    await psql(database.dsn, pasted(stale) + "\n" + pasted(late))
    await watched.until_gone(*everything)

    await database.execute("ALTER TABLE orders SET (autovacuum_enabled = off)")
    assert await watched.found(autovacuum_disabled) == []
    await database.execute("UPDATE orders SET note = 'y'")
    off = await watched.until_found(autovacuum_disabled)
    assert [one.facts["cause"] for one in watched.now(autovacuum_overdue)] == ["disabled"]
    await psql(database.dsn, pasted(off))
    await watched.until_gone(*everything)

    await database.execute(LONG_VALUES)
    await psql(database.dsn, "VACUUM ANALYZE papers;")
    await watched.until_gone(*everything)
    await database.execute("DELETE FROM papers")
    long = await watched.until_found(autovacuum_disabled)
    assert (long.subject, long.value) == ("TOAST of public.papers", 1200)
    await psql(database.dsn, pasted(long))
    await watched.until_gone(*everything)

    holders = {
        "idle_transaction": (HELD, None),
        "statement": (None, "SELECT pg_sleep(60) FROM orders LIMIT 1"),
        "prepared_transaction": (f"{HELD}; UPDATE orders SET note = 'z' WHERE id = 1", "2PC"),
    }
    for kind, (begins, runs) in holders.items():
        await one_holder(database, watched, psql, kind, begins, runs)


async def one_holder(
    database: Database, watched: Watched, psql: Psql, kind: str, begins: str | None, runs: Any
) -> None:
    """It keeps dead rows that a vacuum meets; its cure ends it, and they are removed."""
    holder = await database.session()
    innocent = await database.session()
    sees: asyncio.Future[Any] | None = None
    work: asyncio.Future[Any] | None = None
    if begins:
        await holder.execute(begins)
    if runs == "2PC":
        await holder.execute(f"PREPARE TRANSACTION 'its {database.name}'")
        sees = asyncio.ensure_future(innocent.execute("SELECT pg_sleep(60) FROM orders LIMIT 1"))
        seen = "SELECT backend_xmin IS NOT NULL FROM pg_stat_activity WHERE pid = $1"
        await until(lambda: database.fetchval(seen, innocent.get_server_pid()), "it sees that")
    elif runs:
        work = asyncio.ensure_future(holder.execute(runs))
        seen = "SELECT backend_xmin IS NOT NULL FROM pg_stat_activity WHERE pid = $1"
        await until(lambda: database.fetchval(seen, holder.get_server_pid()), "it has a snapshot")
    await database.execute("UPDATE orders SET note = note || '.' WHERE id > 1")
    await database.execute("VACUUM ANALYZE orders")
    held = await watched.until_found(xmin_horizon_held)
    assert (held.facts["kind"], held.facts["tables"]) == (kind, "public.orders")
    assert int(str(held.facts["dead_rows"])) > 8000
    late = watched.now(autovacuum_overdue)
    assert [one.facts["cause"] for one in late] == ["horizon_held"]
    assert held.cure[0] in late[0].cure
    decided = chosen(late[0].cure, "ROLLBACK") if runs == "2PC" else ""
    await psql(database.dsn, pasted(late[0]) + "\n" + decided)
    if sees:
        await database.execute(f"SELECT pg_terminate_backend({innocent.get_server_pid()})")
        await asyncio.gather(sees, return_exceptions=True)
    if work:
        with pytest.raises(asyncpg.PostgresError):
            await work

    async def removed() -> bool:
        """A session that was told to end may still keep them for a moment."""
        await psql(database.dsn, "VACUUM ANALYZE orders;")
        await watched.look()
        return not any(watched.now(one) for one in (xmin_horizon_held, autovacuum_overdue))

    await until(removed, "they are removed")


LONG_VALUES = """
    CREATE TABLE papers (id int, body text) WITH (toast.autovacuum_enabled = off);
    ALTER TABLE papers ALTER body SET STORAGE EXTERNAL;
    INSERT INTO papers SELECT i, repeat('x', 3900) FROM generate_series(1, 600) i;
"""

SLOW: dict[str, Any] = {
    "autovacuum_naptime": "1s",
    "autovacuum_max_workers": 1,
    "autovacuum_vacuum_cost_delay": "100ms",
    "autovacuum_vacuum_cost_limit": 1,
    "autovacuum_vacuum_threshold": 5000,
    "deadlock_timeout": "200ms",
}
ONE_SLOT = {"autovacuum_max_workers": 5, "autovacuum_worker_slots": 1}
"""Since 18 that is one worker too."""
RESET = """
    ALTER TABLE {name} SET (autovacuum_enabled = off);
    INSERT INTO {name} SELECT i, 'x' FROM generate_series(1, 20000) i;
    SELECT pg_stat_reset();
    DELETE FROM {name};
"""
END_WORKERS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'autovacuum worker'
"""
ITS_TABLES = ("public.orders", "public.items")
LARGE = """
    CREATE TABLE {name} WITH (fillfactor = 50) AS SELECT i AS id, repeat('x', 100) AS note
    FROM generate_series(1, 20000) i;
    VACUUM ANALYZE {name};
"""


@pytest.mark.versions(14, 18)
async def test_story_of_slow_workers(
    private_server: PrivateServers, psql: Psql, version: int
) -> None:
    """One worker that sleeps, a second table that waits for it, and DDL that comes in between."""
    server = private_server(**SLOW | (ONE_SLOT if version >= 18 else {}))
    await psql(server.dsn(), LARGE.format(name="orders") + LARGE.format(name="items"))
    async with watching(dsn=server.dsn(user=MONITOR)) as session, connected(server.dsn()) as owner:
        watched = Watched(session, "postgres", Recorder(HISTORY))
        findings = (autovacuum_throttled, workers_saturated, autovacuum_cancelled)
        await watched.until_gone(*findings, vacuum_long_running)
        await psql(server.dsn(), "DELETE FROM orders; DELETE FROM items;")

        async def one_waits() -> list[Evidence]:
            found = await watched.found(workers_saturated)  # the catalogues may come first
            return [one for one in found if one.facts["waiting_tables"] == 1]

        [busy] = await until(one_waits, "a table waits for the worker")
        slow = await watched.until_found(autovacuum_throttled)
        assert float(str(slow.facts["sleeping_share"])) > 0.7
        await until(partial(_are_told, watched), "each table's cause is told")
        assert (await watched.until_found(vacuum_long_running)).database == "postgres"

        cancelled = await cancelled_thrice(watched, owner)
        text = "\n".join((*slow.cure, *busy.cure))
        assert "ALTER SYSTEM SET autovacuum_vacuum_cost_limit = 2000;" in text
        await owner.execute("ALTER SYSTEM SET autovacuum_vacuum_cost_limit = 2000")
        await owner.execute("ALTER SYSTEM SET autovacuum_vacuum_cost_delay = 0")
        await owner.execute("SELECT pg_reload_conf()")
        # Before 16 a worker takes new settings with its next table only.
        await owner.execute(END_WORKERS)
        await psql(server.dsn(), pasted(cancelled))
        await watched.until_gone(*findings, autovacuum_overdue)
        await owner.execute(RESET.format(name=cancelled.subject))
        assert watched.newest
        await watched.look(at=watched.newest.at + 2000)
        assert watched.now(autovacuum_cancelled) == [], "what finished since is not forgotten"


async def _are_told(watched: Watched) -> bool:
    """An ANALYZE that is throttled as well can hold the horizon for a while."""
    late = await watched.found(autovacuum_overdue)
    return {one.facts["cause"] for one in late} == {"throttled", "workers_saturated"}


async def cancelled_thrice(watched: Watched, owner: asyncpg.Connection) -> Evidence:
    """Lock the table that is worked at, so that the worker takes the other one, and so on."""

    async def at_work() -> str | None:
        work = (await watched.look()).of(WORK)
        tables = (r.table for r in work.running if r.looks > 2 and r.table in ITS_TABLES)
        return next(tables, None)

    times = dict.fromkeys(ITS_TABLES, 0)
    while max(times.values()) < 3:
        table = await until(at_work, "a worker is at a table")
        assert table is not None
        await owner.execute(f"BEGIN; LOCK TABLE {table}")
        times[table] += 1
        await watched.look()
        await owner.execute("COMMIT")
        await until(partial(_has_left, watched, table), "the worker has left it")
    newest = watched.newest
    assert newest is not None
    cancelled = await watched.until_found(autovacuum_cancelled, at=newest.at + 1000)
    assert times[cancelled.subject] == cancelled.value == 3
    late = {one.subject: one for one in watched.now(autovacuum_overdue)}[cancelled.subject]
    assert late.facts["cause"] == "cancelled"
    assert "its last 3 vacuums by autovacuum ended unfinished" in late.message
    return cancelled


async def _has_left(watched: Watched, table: str) -> bool:
    """Whether the run that gave way is seen to have ended: its text stays for a moment."""
    running = (await watched.look()).of(WORK).running
    return all(run.table != table or run.looks < 2 for run in running)
