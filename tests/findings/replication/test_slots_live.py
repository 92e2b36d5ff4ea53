"""Slots on a real server: nothing reads them, they keep WAL, one is lost; each cured as printed."""

import re
from datetime import timedelta

from alerts._base import AnyFinding, State
from alerts.findings.replication import slot_inactive, slot_lost, slot_unbounded, slot_wal_retained
from alerts.findings.wal import wal_directory_size
from alerts.history.recorder import Recorder
from alerts.verdicts.verdict import Subject, Verdict
from collectors.archiver import archiver
from collectors.last_checkpoint import last_checkpoint
from collectors.replication_slots import replication_slots
from collectors.settings import settings
from collectors.wal_directory import wal_directory
from collectors.wal_position import wal_position
from monitor.demo.launcher import Postgres
from tests.fixtures.farm import MONITOR
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import PrivateServers, Psql, connected
from tests.fixtures.until import until

MINE = (settings, replication_slots, archiver, last_checkpoint, wal_directory, wal_position)
DROP = re.compile(r"SELECT pg_catalog\.pg_drop_replication_slot\([^;]*;")
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
