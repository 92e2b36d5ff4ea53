"""Slots on a real server: nothing reads them, they keep WAL, one is lost; each cured as printed."""

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from alerts._base import AnyFinding, State
from alerts.findings.replication import (
    slot_inactive,
    slot_lost,
    slot_not_failover_ready,
    slot_unbounded,
    slot_wal_retained,
    walsender_capacity,
)
from alerts.findings.wal import wal_directory_size
from alerts.history.recorder import Recorder
from alerts.verdicts.verdict import Subject, Verdict
from collectors.archiver import archiver
from collectors.last_checkpoint import last_checkpoint
from collectors.replication import replication
from collectors.replication_slots import replication_slots
from collectors.settings import settings
from collectors.wal_directory import wal_directory
from collectors.wal_position import wal_position
from monitor.demo.launcher import Postgres
from tests.fixtures.farm import MONITOR, Farm
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import PrivateServers, Psql, connected
from tests.fixtures.programs import Program
from tests.fixtures.until import until

MINE = (
    settings,
    replication,
    replication_slots,
    archiver,
    last_checkpoint,
    wal_directory,
    wal_position,
)
DROP = re.compile(r"SELECT pg_catalog\.pg_drop_replication_slot\([^;]*;")
RAISE = re.compile(r"ALTER SYSTEM SET max_replication_slots[^;]*;")
"""Printed as advice only: it takes a restart."""
SOON = {"inactive": timedelta(0)}
ANY = {"least": 1024**2}


async def judged(server: Postgres, finding: AnyFinding, **limits: object) -> Verdict:
    async with watching(dsn=server.dsn("postgres", MONITOR)) as connection:
        snapshot = await look(connection, *MINE, recorder=Recorder(wants=finding.history))
    return verdict_of(finding, snapshot, limits=type(finding.limits)(**limits))


def drop_of(subject: Subject) -> str:
    return "\n".join(DROP.findall("\n".join(subject.evidence.cure)))


async def test_story_of_slots(private_server: PrivateServers, paste: Psql) -> None:
    """Found with what they keep; nothing that is printed drops one unless it is taken out."""
    server = private_server(wal_level="logical", max_wal_size="32MB", min_wal_size="32MB")
    inactive, retained, lost = slot_inactive.finding, slot_wal_retained.finding, slot_lost.finding
    assert (await judged(server, slot_unbounded.finding)).state is State.healthy
    async with connected(server.dsn()) as admin:
        await admin.execute("select pg_create_physical_replication_slot('old_standby', true)")
        await admin.execute("select pg_create_logical_replication_slot('cdc', 'pgoutput')")
        write = "select pg_logical_emit_message(false, '', repeat('x', 1000000))"
        await admin.execute(f"{write} from generate_series(1, 40)")

        found = (await judged(server, inactive, **SOON)).subjects
        assert {one.evidence.subject for one in found} == {"old_standby", "cdc"}
        kept = (await judged(server, retained, **ANY, critical=2**40)).subjects
        assert {one.evidence.facts["wal_status"] for one in kept} <= {"reserved", "extended"}
        [size] = (await judged(server, wal_directory_size.finding, least=0, times=0.9)).subjects
        assert size.evidence.facts["reason"] == "slot"
        [unbounded] = (await judged(server, slot_unbounded.finding)).subjects
        for one in (*found, *kept, size, unbounded):
            await paste(server.dsn(), "\n".join((one.evidence.check, *one.evidence.cure)))
        assert len((await judged(server, inactive, **SOON)).subjects) == 2

        [standby] = [one for one in found if one.evidence.subject == "old_standby"]
        await paste(server.dsn(), drop_of(standby))
        await admin.execute("alter system set max_slot_wal_keep_size = '8MB'")
        await admin.execute("select pg_reload_conf()")
        shown = "select current_setting('max_slot_wal_keep_size') = '8MB'"
        await until(lambda: admin.fetchval(shown), "the limit is reloaded")
        assert (await judged(server, slot_unbounded.finding)).state is State.healthy
        [near] = (await judged(server, retained)).subjects
        assert near.evidence.severity == "critical"
        assert "the next checkpoint takes it" in near.evidence.message
        assert (await judged(server, lost)).state is State.healthy
        await admin.execute("checkpoint")
        [gone] = (await judged(server, lost)).subjects
        assert gone.evidence.subject == "cdc"
        assert not (await judged(server, retained)).subjects
        assert not (await judged(server, inactive, **SOON)).subjects
        await paste(server.dsn(), "\n".join((gone.evidence.check, *gone.evidence.cure)))
        await paste(server.dsn(), drop_of(gone))
        assert (await judged(server, lost)).state is State.healthy


@pytest.mark.versions(14, 18)
async def test_story_of_senders_that_run_out(
    private_server: PrivateServers,
    standby: Callable[..., Postgres],
    launch: Callable[..., Program],
    farm: Farm,
    workplace: Path,
    paste: Psql,
) -> None:
    """A standby and an archive of WAL take both; the primary tells it before a third is refused."""
    server = private_server(max_wal_senders=2)
    standby(server, max_wal_senders=2)
    capacity = walsender_capacity.finding
    async with connected(server.dsn()) as admin:
        streaming = "select count(*) = $1 from pg_stat_replication where state = 'streaming'"
        await until(lambda: admin.fetchval(streaming, 1), "the standby streams")
        assert (await judged(server, capacity)).state is State.healthy
        where = f"--dbname={server.dsn()}", f"--directory={workplace}"
        archive = launch([farm.wheel.program("pg_receivewal"), *where, "--no-sync", "--no-loop"])
        await until(lambda: admin.fetchval(streaming, 2), "the archive receives")
        [full] = (await judged(server, capacity)).subjects
        assert full.evidence.subject == "max_wal_senders"
        await paste(server.dsn(), "\n".join((full.evidence.check, *full.evidence.cure)))
        archive.stop()
        await until(lambda: admin.fetchval(streaming, 1), "the archive has ended")
        assert (await judged(server, capacity)).state is State.healthy


@pytest.mark.versions(17, 18)
async def test_story_of_slots_that_run_out(
    private_server: PrivateServers, standby: Callable[..., Postgres], paste: Psql
) -> None:
    """The last one is taken, and a promotion would lose it: the primary tells both."""
    server = private_server(wal_level="logical", max_replication_slots=2)
    capacity, ready = walsender_capacity.finding, slot_not_failover_ready.finding
    standby(server, slot="copy")
    async with connected(server.dsn()) as admin:
        replays = "select count(replay_lsn) > 0 from pg_stat_replication"
        await until(lambda: admin.fetchval(replays), "the standby replays")
        assert (await judged(server, capacity)).state is State.healthy
        assert (await judged(server, ready)).state is State.healthy
        await admin.execute("select pg_create_logical_replication_slot('feed', 'pgoutput')")
        [full] = (await judged(server, capacity)).subjects
        assert full.evidence.subject == "max_replication_slots"
        [alone] = (await judged(server, ready)).subjects
        assert alone.evidence.subject == "feed"
        for one in (full, alone):
            await paste(server.dsn(), "\n".join((one.evidence.check, *one.evidence.cure)))
        await admin.execute("select pg_drop_replication_slot('feed')")
        marked = "'feed', 'pgoutput', failover => true"
        await admin.execute(f"select pg_create_logical_replication_slot({marked})")
        [unseen] = (await judged(server, ready)).unjudged
        assert (unseen.subject, unseen.setting) == ("feed", "servers")
        assert (await judged(server, capacity)).state is State.ill
        await paste(server.dsn(), "".join(RAISE.findall("\n".join(full.evidence.cure))))
    server.stop()
    server.start()
    assert (await judged(server, capacity)).state is State.healthy
