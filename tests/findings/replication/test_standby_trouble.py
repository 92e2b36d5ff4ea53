"""A standby in trouble: paused, blocked, conflicting, misconfigured, and missed by commits."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from alerts._base import Severity, State
from alerts.findings.replication import (
    failover_readiness,
    recovery_conflicts,
    replay_blocked_by_query,
    replay_paused,
    replica_config_lower,
    stale_reads,
    sync_standby_missing,
)
from alerts.verdicts.verdict import Verdict
from monitor.demo.launcher import Postgres
from monitor.reports.failover import candidates
from tests.fixtures.one_look import verdict_of
from tests.fixtures.postgres import PrivateServers, Psql, connected
from tests.fixtures.replication import Pair, Watched, execute, heartbeat, paired, value
from tests.fixtures.until import until

if TYPE_CHECKING:
    from tests.fixtures.postgres import Connection

PAUSED = replay_paused.finding
BLOCKED = replay_blocked_by_query.finding
CONFLICTS = recovery_conflicts.finding
LOWER = replica_config_lower.finding
STALE = stale_reads.finding
SYNC = sync_standby_missing.finding
SOON = replay_blocked_by_query.Limits(blocked=timedelta(seconds=1))
BEHIND = stale_reads.Limits(behind=timedelta(seconds=1))
ANY = recovery_conflicts.Limits(per_minute=0.1)
LATER = 660
"""Seconds after which the window of conflicts is past."""
FEEDBACK = "SELECT count(*) = 1 FROM pg_stat_replication WHERE backend_xmin IS NOT NULL"
WAITS = """SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'startup'
AND (wait_event LIKE 'RecoveryConflict%' OR wait_event_type = 'Lock')"""


@pytest.mark.versions(14, 18)
async def test_standby_in_trouble(private_server: PrivateServers, paste: Psql) -> None:
    """Each is found, cured as printed, and gone, before the next one comes."""
    async with paired(private_server, max_standby_streaming_delay="-1") as pair:
        await pair.until(LOWER, State.healthy)
        async with heartbeat(pair, 0.01) as truth:
            # A base backup, and one more standby.
            third = private_server.standby(pair.primary.server, cluster_name="db3")
            for _ in range(5):
                assert await pair.healthy() == []
            assert truth.written
        await paused_and_resumed(pair, paste)
        await old_data_is_read(pair, paste)
        await blocked_and_cancelled(pair, paste)
        await conflicts_are_cured(pair, paste)
        await commits_that_wait(pair)
        await quorum(pair, third)
        await lower_settings(pair, paste)


async def paused_and_resumed(pair: Pair, paste: Psql) -> None:
    """Pasting the cure must not resume by accident."""
    standby = pair.standby.server
    await execute(standby, "SELECT pg_wal_replay_pause()")
    evidence = (await pair.until(PAUSED, State.ill, Severity.info)).subjects[0].evidence
    await paste(standby.dsn(), "\n".join((evidence.check, *evidence.cure)))
    await pair.look()
    assert pair.verdict(PAUSED, "db2").state is State.ill
    await paste(standby.dsn(), evidence.cure[-1].rpartition(": ")[2])
    await pair.until(PAUSED, State.healthy)


async def old_data_is_read(pair: Pair, paste: Psql) -> None:
    """A session that reads while replay is paused is told with its rate, until it is level."""
    standby = pair.standby.server
    async with connected(standby.dsn(), application_name="shop") as reader:
        await reader.fetch("SELECT * FROM t")
        await pair.until(STALE, State.healthy, limits=BEHIND)
        await execute(standby, "SELECT pg_wal_replay_pause()")
        await execute(pair.primary.server, "INSERT INTO t SELECT generate_series(1, 1000)")
        await reader.fetch("SELECT * FROM t")
        verdict = await pair.until(STALE, State.ill, limits=BEHIND)
        [subject] = verdict.subjects
        assert subject.evidence.subject == "postgres (shop)"
        assert subject.evidence.facts["rows_per_second"] is not None
        await paste(standby.dsn(), "\n".join((subject.evidence.check, *subject.evidence.cure)))
        await execute(standby, "SELECT pg_wal_replay_resume()")
        await pair.until(STALE, State.healthy, limits=BEHIND)


async def blocked_and_cancelled(pair: Pair, paste: Psql) -> None:
    """The printed cure ends the query that is in the way, and no other."""
    primary, standby = pair.primary.server, pair.standby.server
    await execute(primary, "CREATE TABLE goes AS SELECT 1 AS a")
    await until(lambda: value(standby, "SELECT to_regclass('goes') IS NOT NULL"), "it is there")
    async with connected(standby.dsn()) as reader, connected(standby.dsn()) as bystander:
        reading = asyncio.create_task(reader.execute("SELECT pg_sleep(600), a FROM goes"))
        sleeps = "SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
        await until(lambda: value(standby, sleeps), "the reader reads")
        await execute(primary, "DROP TABLE goes")
        verdict = await pair.until(BLOCKED, State.ill, limits=SOON)
        [subject] = verdict.subjects
        assert subject.evidence.facts["pid"] == reader.get_server_pid()
        await paste(standby.dsn(), "\n".join((subject.evidence.check, *subject.evidence.cure)))
        with pytest.raises(Exception, match="canceling statement"):
            await reading
        assert await bystander.fetchval("SELECT 1") == 1
    await pair.until(BLOCKED, State.healthy, limits=SOON)


async def conflicts_are_cured(pair: Pair, paste: Psql) -> None:
    """What replay cancels is counted by kind, and no more once the printed setting is changed."""
    standby = pair.standby.server
    impatient = "ALTER SYSTEM SET max_standby_streaming_delay = '10ms'"
    await execute(standby, impatient, "SELECT pg_reload_conf()")
    await conflict_is_cured(pair, paste, "snapshot", "hot_standby_feedback", rows_removed)
    await conflict_is_cured(pair, paste, "lock", "max_standby_streaming_delay", table_dropped)


async def conflict_is_cured(
    pair: Pair, paste: Psql, kind: str, setting: str, remove: Callable[[Pair], Awaitable[None]]
) -> None:
    """Replay ends a session that reads what is removed; after the cure it does not."""
    standby = pair.standby.server
    own = Watched(standby, "db2")
    await own.look()
    async with connected(standby.dsn()) as reader:
        await reads_and_waits(pair, reader)
        await remove(pair)
        verdict = await conflict_told(own)
    [subject] = verdict.subjects
    assert subject.evidence.subject == f"postgres: {kind}"
    usual = verdict_of(CONFLICTS, await own.look())
    assert usual.state is not State.ill, "a single one is no finding by default"
    await paste(standby.dsn(), "\n".join((subject.evidence.check, *subject.evidence.cure)))
    async with connected(standby.dsn()) as reader:
        await reads_and_waits(pair, reader)
        await paste(standby.dsn(), statement_of(subject.evidence.cure, setting))
        if setting == "hot_standby_feedback":
            await until(
                lambda: value(pair.primary.server, FEEDBACK), "the primary knows the reader"
            )
        await remove(pair)
        # It is replayed, or waits for the reader: neither ends it.
        end = await value(pair.primary.server, "SELECT pg_current_wal_lsn()::text")
        replayed = f"SELECT pg_last_wal_replay_lsn() >= '{end}'"
        reached = f"SELECT ({WAITS}) OR ({replayed})"
        await until(lambda: value(standby, reached), "replay has come to it")
        await reader.execute("SELECT FROM goes; COMMIT")
    await until(lambda: value(standby, replayed), "all is there")
    later = await own.look(at=time.time() + LATER)
    assert verdict_of(CONFLICTS, later, limits=ANY).state is State.healthy


async def reads_and_waits(pair: Pair, reader: "Connection") -> None:
    """A session of the standby that has read a table, and stays in its transaction."""
    await execute(
        pair.primary.server, "DROP TABLE IF EXISTS goes", "CREATE TABLE goes AS SELECT 1 AS a"
    )
    is_there = "SELECT to_regclass('goes') IS NOT NULL"
    end = await value(pair.primary.server, "SELECT pg_current_wal_lsn()::text")
    await until(
        lambda: reader.fetchval(f"{is_there} AND pg_last_wal_replay_lsn() >= '{end}'"),
        "it is there",
    )
    await reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM goes")


async def rows_removed(pair: Pair) -> None:
    await execute(pair.primary.server, "DELETE FROM goes", "VACUUM (TRUNCATE false) goes")


async def table_dropped(pair: Pair) -> None:
    await execute(pair.primary.server, "DROP TABLE goes")


async def conflict_told(own: Watched) -> Verdict:
    seen: list[Verdict] = []

    async def is_ill() -> bool:
        seen[:] = [verdict_of(CONFLICTS, await own.look(), limits=ANY)]
        return seen[0].state is State.ill

    await until(is_ill, "the conflict is told")
    return seen[0]


async def commits_that_wait(pair: Pair) -> None:
    """Fine with the standby, critical without it, and the commit goes on once it is back."""
    primary, standby = pair.primary.server, pair.standby.server
    required = """ALTER SYSTEM SET synchronous_standby_names = 'FIRST 1 (db2, "x y")'"""
    await execute(primary, required, "SELECT pg_reload_conf()")
    confirms = "SELECT sync_state = 'sync' FROM pg_stat_replication"
    await until(lambda: value(primary, confirms), "it is synchronous")
    await pair.until(SYNC, State.healthy, on="db1")
    standby.stop("immediate")
    async with connected(primary.dsn()) as writer:
        commit = asyncio.create_task(writer.execute("INSERT INTO t VALUES (1)"))
        waits = "SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
        await until(lambda: value(primary, waits), "the commit waits")
        verdict = await pair.until(SYNC, State.ill, Severity.critical, on="db1")
        [subject] = verdict.subjects
        assert subject.evidence.facts["missing"] == "db2, x y"
        assert subject.evidence.value == 1
        assert all(line.startswith("-- ") for line in subject.evidence.cure)
        standby.start()
        await commit
    await pair.until(SYNC, State.healthy, on="db1")
    await execute(
        primary, "ALTER SYSTEM RESET synchronous_standby_names", "SELECT pg_reload_conf()"
    )


async def quorum(pair: Pair, third: Postgres) -> None:
    """One of two is enough; without both, commits wait, and only for a name of the list."""
    primary, standby = pair.primary.server, pair.standby.server
    await execute(
        primary,
        "ALTER SYSTEM SET synchronous_standby_names = 'ANY 1 (db2, db3)'",
        "SELECT pg_reload_conf()",
    )
    confirm = "SELECT count(*) = 2 FROM pg_stat_replication WHERE sync_state = 'quorum'"
    await until(lambda: value(primary, confirm), "both can confirm")
    await pair.until(SYNC, State.healthy, on="db1")
    third.stop("immediate")
    left = "SELECT count(*) = 1 FROM pg_stat_replication"
    await until(lambda: value(primary, left), "one is left")
    await execute(primary, "INSERT INTO t VALUES (1)")
    await pair.until(SYNC, State.healthy, on="db1")
    standby.stop("immediate")
    verdict = await pair.until(SYNC, State.ill, Severity.critical, on="db1")
    assert verdict.subjects[0].evidence.facts["missing"] == "db2, db3"
    standby.start()
    await pair.until(SYNC, State.healthy, on="db1")
    await execute(
        primary, "ALTER SYSTEM RESET synchronous_standby_names", "SELECT pg_reload_conf()"
    )


async def lower_settings(pair: Pair, paste: Psql) -> None:
    """The primary was increased first: the standby pauses, and takes the printed values."""
    primary, standby = pair.primary.server, pair.standby.server
    await execute(primary, "ALTER SYSTEM SET max_connections = 70")
    await asyncio.to_thread(primary.restart)
    verdict = await pair.until(LOWER, State.ill, Severity.critical)
    [subject] = verdict.subjects
    assert subject.evidence.facts["max_connections_on_primary"] == 70
    assert pair.verdict(PAUSED, "db2").state is State.ill
    assert pair.below
    limits = failover_readiness.Limits()
    lonely = replace(pair.below, peers=())
    ready = [one.is_ready for one in candidates([(pair.below, limits), (lonely, limits)])]
    assert ready == [None, False], "without the primary's settings it is not known"
    await paste(standby.dsn(), statement_of(subject.evidence.cure, "max_connections"))
    standby.restart()
    await pair.until(LOWER, State.healthy)
    await pair.until(PAUSED, State.healthy)


def statement_of(cure: Sequence[str], setting: str) -> str:
    """The statement that a cure advises for this setting, with the reload it names."""
    [advice] = [line for line in cure if f" {setting} " in line and "ALTER SYSTEM" in line]
    statement = re.search(r"ALTER SYSTEM .*?;", advice)
    assert statement, advice
    reload = "SELECT pg_catalog.pg_reload_conf();"
    return statement[0] + (reload if reload in advice else "")
