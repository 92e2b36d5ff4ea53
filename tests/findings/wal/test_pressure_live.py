"""Small caches, slow disks and a checkpointer that can't keep up, on real servers."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from alerts._base import AnyFinding, State
from alerts.findings.wal import (
    backend_fsync_writes,
    io_latency_high,
    slru_thrash,
)
from alerts.history.recorder import Recorder
from alerts.verdicts.verdict import Verdict
from collectors.bgwriter import bgwriter
from collectors.databases import databases
from collectors.settings import settings
from collectors.slru import slru
from collectors.stat_io import stat_io
from collectors.stat_wal import stat_wal
from monitor.demo.launcher import Postgres
from tests.fixtures.farm import MONITOR
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import PrivateServers, Psql, connected, report_statistics
from tests.fixtures.replication import execute, stopped, value
from tests.fixtures.until import until

START = 1_800_000_000.0
HOUR = 3600.0
MINE = (settings, bgwriter, databases, slru, stat_wal)
PAGE = 2048
"""Transactions of which the states are in one page of that cache."""
CHANGE = re.compile(r"ALTER SYSTEM SET [^;]*;")


@dataclass
class Story:
    """Looks at one server, an hour apart as far as the judge knows."""

    server: Postgres
    finding: AnyFinding
    hours: int = 0
    recorder: Recorder = field(init=False)

    def __post_init__(self) -> None:
        self.recorder = Recorder(wants=self.finding.history)

    async def judged(self, **limits: object) -> Verdict:
        self.hours += 1
        at = START + self.hours * HOUR
        async with watching(dsn=self.server.dsn("postgres", MONITOR)) as session:
            modern = session.get_server_version().major >= 16
            asked = (*MINE, stat_io) if modern else MINE
            snapshot = await look(session, *asked, at=at, recorder=self.recorder)
        return verdict_of(self.finding, snapshot, limits=type(self.finding.limits)(**limits))


def printed(verdict: Verdict) -> str:
    return "\n".join(
        line for one in verdict.subjects for line in (one.evidence.check, *one.evidence.cure)
    )


def changes(verdict: Verdict) -> list[str]:
    """The changes of settings that a cure advises."""
    return CHANGE.findall(printed(verdict))


@pytest.mark.versions(14, 18)
async def test_story_of_a_small_cache(private_server: PrivateServers, psql: Psql) -> None:
    """A transaction with many savepoints makes others look up each of its rows."""
    modern = private_server.version >= 17
    small: dict[str, Any] = {"subtransaction_buffers": 16} if modern else {}
    server = private_server(**small)
    story, limits = Story(server, slru_thrash.finding), {"reads": 5.0}
    await execute(server, "create table spread (at float8)", "create index on spread (at)")
    await looked_up(server)
    assert (await story.judged(**limits)).state is State.learning
    assert (await story.judged(**limits)).state is State.healthy
    async with savepoints(server, PAGE * (32 if modern else 60)):
        await looked_up(server)
        name = "subtransaction" if modern else "Subtrans"
        missed = f"select blks_read > 10000 from pg_stat_slru where name = '{name}'"
        await until(lambda: value(server, missed), "the reads are reported")
        found = await story.judged(**limits)
        [subject] = found.subjects
        assert subject.evidence.subject == "subtransaction"
        assert float(subject.evidence.facts["misses_share"] or 0) > 0.1
        await psql(server.dsn(), printed(found))
    if not modern:
        await looked_up(server)
        assert (await story.judged(**limits)).state is State.healthy, "it has ended"
        return
    await psql(server.dsn(), "".join(changes(found)))
    server.restart()
    async with savepoints(server, PAGE * 32):
        await looked_up(server)
        assert (await story.judged(**limits)).state is State.healthy, "the cache is larger"


@asynccontextmanager
async def savepoints(server: Postgres, number: int) -> AsyncIterator[None]:
    """A transaction that stays open, of which each row has a subtransaction of its own."""
    async with connected(server.dsn()) as long:
        await long.execute("begin")
        await long.execute(f"""
            do $$ begin
                for n in 1..{number} loop
                    begin
                        insert into spread values (random());
                    exception when division_by_zero then null;
                    end;
                end loop;
            end $$
        """)
        # A snapshot reaches only up to the newest transaction that has ended.
        await execute(server, "select txid_current()")
        yield
        await long.execute("rollback")


async def looked_up(server: Postgres) -> None:
    """Read the rows in another order than they were written in; the session reports at its end."""
    async with connected(server.dsn()) as reader:
        await reader.execute("set enable_seqscan = off; set enable_bitmapscan = off")
        await reader.fetchval("select count(*) from spread where at > -1")
        await reader.close()


@pytest.mark.versions(14, 18)
async def test_story_of_a_checkpointer(private_server: PrivateServers, psql: Psql) -> None:
    """While it is stopped its queue fills, and sessions sync files; a larger one is enough."""
    server = private_server(shared_buffers="1MB", bgwriter_lru_maxpages=0)
    story = Story(server, backend_fsync_writes.finding)
    limits = {"syncs": 50, "syncs_since_17": 50}
    await story.judged(**limits)
    assert (await story.judged(**limits)).state is State.healthy
    await tables_without_checkpointer(server, "few")
    if private_server.version < 15:
        counted = "select buffers_backend_fsync > 50 from pg_stat_bgwriter"
        await until(lambda: value(server, counted), "the syncs are reported")
    [subject] = (found := await story.judged(**limits)).subjects
    assert subject.evidence.subject == "syncs"
    await psql(server.dsn(), printed(found))
    [change] = changes(found)
    await psql(server.dsn(), change.replace("…", "'16MB'").replace("''", "'"))
    server.restart()
    assert (await story.judged(**limits)).state is State.healthy
    await tables_without_checkpointer(server, "many")
    assert (await story.judged(**limits)).state is State.healthy, "the queue is longer"
    if private_server.version >= 16:
        await evicted(story, psql)


async def tables_without_checkpointer(server: Postgres, name: str) -> None:
    """Write more new files than a queue of 128 holds, and let the checkpointer count them."""
    kind = "select pid from pg_stat_activity where backend_type = 'checkpointer'"
    checkpointer = await value(server, kind)
    assert isinstance(checkpointer, int)
    async with connected(server.dsn()) as writer:
        with stopped(checkpointer):
            await writer.execute(f"""
                do $$ begin
                    for n in 1..400 loop
                        execute format('create table {name}_%s as select 1 as a', n);
                    end loop;
                end $$
            """)
        await writer.execute("checkpoint")
        if writer.get_server_version().major >= 15:
            await report_statistics(writer)


async def evicted(story: Story, psql: Psql) -> None:
    """A table larger than shared_buffers: its sessions write its pages to get free buffers."""
    server, limits = story.server, {"least": 500, "syncs": 10**6, "syncs_since_17": 10**6}
    note = "repeat('x', 500) as note"
    await execute(
        server, f"create table large as select n, {note} from generate_series(1, 60000) n"
    )
    await story.judged(**limits)
    async with connected(server.dsn()) as writer:
        await writer.execute("update large set note = note || 'y'")
        await report_statistics(writer)
    [subject] = (found := await story.judged(**limits)).subjects
    assert subject.evidence.subject == "writes"
    await psql(server.dsn(), printed(found))
    await psql(server.dsn(), "".join(changes(found)) + "SELECT pg_catalog.pg_reload_conf();")
    assert (await story.judged(**limits)).state is State.healthy


@pytest.mark.versions(14, 18)
async def test_story_of_slow_disks(private_server: PrivateServers, psql: Psql) -> None:
    """Syncs by the server's own times; reads that wait, on 18, for I/O workers that are stopped."""
    server = private_server(shared_buffers="4MB", fsync="on", track_wal_io_timing="on")
    story = Story(server, io_latency_high.finding)
    limits = {
        "read": timedelta(milliseconds=10),
        "read_least": 60,
        "sync": timedelta(0),
        "sync_least": 10,
    }
    rows = "select repeat('x', 900) as note from generate_series(1, 800)"
    await execute(server, *(f"create table {name} as {rows}" for name in ("one", "two", "three")))
    server.restart()
    await story.judged(**limits)
    await read(server, "one")
    assert "reads" not in subjects(await story.judged(**limits))
    await committed(server)
    found = await story.judged(**limits)
    assert subjects(found) == ["WAL syncs"]
    await psql(server.dsn(), printed(found))
    assert subjects(await story.judged(**limits)) == [], "nothing is committed"
    if private_server.version >= 18:
        await stopped_workers(server)
        slow = "select max(blk_read_time) > 1000 from pg_stat_database"
        await until(lambda: value(server, slow), "the reads are reported")
        found = await story.judged(**limits)
        assert subjects(found) == ["reads"]
        await psql(server.dsn(), printed(found))
        await read(server, "three")
        assert subjects(await story.judged(**limits)) == []


async def committed(server: Postgres) -> None:
    """Commit twenty times, and wait until the syncs of WAL are counted."""
    async with connected(server.dsn()) as writer, connected(server.dsn()) as watcher:
        if writer.get_server_version().major >= 18:
            syncs = "select sum(fsyncs)::int8 from pg_stat_io where object = 'wal'"
        else:
            syncs = "select wal_sync from pg_stat_wal"
        before = await watcher.fetchval(syncs)
        await writer.execute("create table committed (n int)")
        for n in range(20):
            await writer.execute(f"insert into committed values ({n})")
        await writer.close()
        await until(
            lambda: watcher.fetchval(f"select ({syncs}) >= $1", before + 20), "they are counted"
        )


async def stopped_workers(server: Postgres) -> None:
    """Read a table while those who read it for the session do not run."""
    pids = await value(
        server, "select array_agg(pid) from pg_stat_activity where backend_type = 'io worker'"
    )
    assert isinstance(pids, list)
    waits = """
        select count(*) = 1 from pg_stat_activity
        where wait_event = 'AioIoCompletion' and now() - query_start > '3 s'
    """
    query = "select count(note) from two"
    async with connected(server.dsn()) as watcher, connected(server.dsn()) as reader:
        # What they need of the catalogue is read before.
        await watcher.fetchval(waits)
        await reader.fetch(f"explain {query}")
        with ExitStack() as stack:
            for pid in pids:
                stack.enter_context(stopped(pid))
            reading = asyncio.create_task(reader.fetchval(query))
            await until(lambda: watcher.fetchval(waits), "the session waits for its reads")
        await reading
        await reader.close()


async def read(server: Postgres, table: str) -> None:
    """Read a table whole in a session that reports at its end."""
    async with connected(server.dsn()) as reader:
        await reader.fetchval(f"select count(note) from {table}")
        await reader.close()


def subjects(verdict: Verdict) -> list[str]:
    return [one.evidence.subject for one in verdict.subjects]
