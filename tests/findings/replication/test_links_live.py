"""A standby that receives nothing: each way to lose a link, seen from both sides and cured."""

import asyncio
import re
from dataclasses import replace
from datetime import timedelta

import pytest

from alerts._base import Severity, State
from alerts.findings.replication import (
    replica_lag,
    replica_missing,
    replica_receiver_down,
    sync_standby_missing,
)
from alerts.replication.leftovers import without_leftovers
from alerts.replication.link import GRACE
from alerts.replication.measure import lag_of
from alerts.snapshot import Snapshot
from alerts.verdicts.verdict import Verdict
from collectors.replication import LABELS, replication
from collectors.wal_receiver import wal_receiver
from tests.fixtures.postgres import PrivateServers, Psql
from tests.fixtures.replication import Pair, Watched, execute, paired, stopped, value
from tests.fixtures.until import until

DOWN = replica_receiver_down.finding
LAG = replica_lag.finding
SYNC = sync_standby_missing.finding
MISSING = replica_missing.finding
LATE = replica_lag.Limits(behind=timedelta(seconds=1), backlog=0, trickle=timedelta(seconds=1))
SOON = replica_receiver_down.Limits(silent=timedelta(seconds=1))
EXPECTED = replica_missing.Limits(settled=timedelta(0), away=timedelta(seconds=1))


@pytest.mark.versions(14, 18)
async def test_lost_links(private_server: PrivateServers, paste: Psql) -> None:
    """Stopped receiver, dead port, killed primary: found, cured, gone."""
    async with paired(private_server, wal_receiver_timeout="4s") as pair:
        primary, standby = pair.primary.server, pair.standby.server
        await pair.until(DOWN, State.healthy)
        assert await pair.healthy() == []

        receiver = await value(standby, "SELECT pid FROM pg_stat_wal_receiver")
        assert isinstance(receiver, int)
        with stopped(receiver):
            await execute(primary, "INSERT INTO t VALUES (1)")
            await pair.until(DOWN, State.unknown, on="db1", alone=True)
            [subject] = (await pair.until(DOWN, State.ill, limits=SOON, alone=True)).subjects
            assert subject.evidence.facts["state"] == "hung"
            assert pair.below
            figures = lag_of(replace(pair.below, peers=()))
            assert figures
            assert figures.heard is False, "its process runs"
            assert subject.evidence.value > GRACE
            assert f"kill -CONT {receiver}" in "\n".join(subject.evidence.cure)
            await pair.until(DOWN, State.ill, on="db1", limits=SOON, alone=True)
            await paste(standby.dsn(), "\n".join((subject.evidence.check, *subject.evidence.cure)))
        await pair.until(DOWN, State.healthy)
        figures = lag_of(pair.below)
        assert figures
        assert figures.heard
        await pair.until(DOWN, State.healthy, on="db1", alone=True)

        await point_at(pair, pair.link.dsn.replace("port=5432", "port=1"))
        verdict = await pair.until(DOWN, State.ill, Severity.critical, limits=SOON)
        assert verdict.subjects[0].evidence.facts["state"] == "disconnected"
        missing = await pair.until(MISSING, State.ill, on="db1", limits=EXPECTED, alone=True)
        assert [s.evidence.subject for s in missing.subjects] == ["db2"]
        await paste(primary.dsn(), "\n".join(missing.subjects[0].evidence.cure))
        await paste(standby.dsn(), reconnecting(verdict, pair.link.dsn))
        await pair.until(DOWN, State.healthy)
        await pair.until(MISSING, State.healthy, on="db1", limits=EXPECTED, alone=True)

        primary.kill()
        await until(lambda: has_no_receiver(pair), "the receiver notices")
        assert pair.verdict(DOWN, "db2").state is State.unknown
        await pair.until(DOWN, State.ill, Severity.critical, limits=SOON)
        primary.start()
        await pair.until(DOWN, State.healthy)


def reconnecting(verdict: Verdict, dsn: str) -> str:
    """The statements that the printed cure advises, with the address filled in."""
    [advice] = [line for line in verdict.subjects[0].evidence.cure if "ALTER SYSTEM" in line]
    statement = re.search(r"ALTER SYSTEM .*?;", advice)
    assert statement
    reload = "SELECT pg_catalog.pg_reload_conf();"
    assert reload in advice
    return statement[0].replace("host=... user=...", dsn) + reload


async def point_at(pair: Pair, dsn: str) -> None:
    where = f"ALTER SYSTEM SET primary_conninfo = '{dsn}'"
    await execute(pair.standby.server, where, "SELECT pg_reload_conf()")


async def has_no_receiver(pair: Pair) -> bool:
    await pair.look()
    assert pair.below
    return pair.below.row(wal_receiver).pid is None


@pytest.mark.versions(14, 18)
async def test_a_stopped_walsender_beside_the_new_one(
    private_server: PrivateServers, psql: Psql
) -> None:
    """The standby is back and well: the row of its lost connection says nothing about it, and is
    why commits wait."""
    async with paired(private_server, wal_receiver_timeout="2s") as pair:
        primary = pair.primary.server
        names = "ALTER SYSTEM SET synchronous_standby_names = 'db2'"
        await execute(primary, names, "SELECT pg_reload_conf()")
        await until(lambda: value(primary, IS_SYNCHRONOUS), "commits wait for it")
        await pair.until(DOWN, State.healthy)
        old = await value(primary, "SELECT pid FROM pg_stat_replication")
        assert isinstance(old, int)
        with stopped(old):
            await until(lambda: value(primary, BOTH_STREAM), "it has connected again")
            write = "INSERT INTO t VALUES (1)"
            await execute(primary, "SET synchronous_commit = local", write)
            commit = asyncio.create_task(execute(primary, write))
            await until(lambda: is_silent(pair, old), "the lost one has not replied for long")
            for on, alone in (("db1", True), ("db1", False), ("db2", True), ("db2", False)):
                assert pair.verdict(DOWN, on, SOON, alone).state is State.healthy
                assert pair.verdict(LAG, on, LATE, alone).state is State.healthy
            assert pair.above
            assert len({tuple(row) for row in labels(pair.above)}) == 2
            [subject] = (await pair.until(SYNC, State.ill, Severity.critical, on="db1")).subjects
            assert f"the walsender {old} of a lost connection of db2" in subject.evidence.message
            assert f"kill -CONT {old}" in "\n".join(subject.evidence.cure)
            await psql(primary.dsn(), "\n".join(subject.evidence.cure))
            assert not commit.done()
            await value(primary, f"SELECT pg_terminate_backend({old})")
        await commit
        await pair.until(SYNC, State.healthy, on="db1")
        await pair.until(DOWN, State.healthy, on="db1", alone=True)


@pytest.mark.versions(14, 18)
async def test_two_standbys_of_one_name(private_server: PrivateServers) -> None:
    """Both live, though the older one has not replied for a while when the other comes back: an
    idle standby replies each ten seconds."""
    primary = private_server()
    first, second = private_server.standby(primary), private_server.standby(primary)
    await until(lambda: value(primary, BOTH_STREAM), "both stream")
    second.stop()
    await until(lambda: value(primary, ONE_IS_SILENT), "the other has not replied for a while")
    second.start()
    await until(lambda: value(primary, BOTH_REPLY), "both stream again")
    snapshot = await Watched(primary, "db1").look()
    assert len({row.name for row in snapshot.rows(replication)}) == 1
    assert len(without_leftovers(snapshot.rows(replication))) == 2
    assert first.running


ONE_IS_SILENT = (
    "SELECT count(*) = 1 AND min(clock_timestamp() - reply_time) > interval '4 s'"
    " FROM pg_stat_replication"
)
BOTH_REPLY = (
    "SELECT count(replay_lsn) = 2 AND max(reply_time) - min(reply_time) > interval '3 s'"
    " FROM pg_stat_replication"
)
BOTH_STREAM = "SELECT count(*) = 2 FROM pg_stat_replication WHERE replay_lsn IS NOT NULL"
IS_SYNCHRONOUS = "SELECT sync_state = 'sync' FROM pg_stat_replication"


async def is_silent(pair: Pair, pid: int) -> bool:
    await pair.look()
    assert pair.above
    replies = pair.above.of(replica_receiver_down.REPLIES)
    return any(key[0] == pid and reply.seconds > 3 for key, reply in replies.items())


def labels(snapshot: Snapshot) -> list[list[object]]:
    """The labels of the facts about each row."""
    return [[getattr(row, name) for name in LABELS] for row in snapshot.rows(replication)]
