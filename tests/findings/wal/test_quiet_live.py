"""A healthy server that is busy, archived, replicated and backed up: nothing may be found.

And one where nothing is granted: what can't be read is unknown, with the statement that helps.
"""

import pytest

from alerts._base import AnyFinding, State
from alerts._catalogue import all_findings
from alerts.findings.backup import backup_unproved
from alerts.history.recorder import Recorder
from alerts.verdicts.verdict import Verdict
from collectors._base import AnyCollector
from collectors.archiver import archiver
from collectors.wal_directory import wal_directory
from monitor.demo.launcher import Postgres
from tests.fixtures.farm import MONITOR
from tests.fixtures.one_look import look, recording, verdict_of, watching
from tests.fixtures.postgres import Database, PrivateServers, connected
from tests.fixtures.until import until

FINDINGS = tuple(
    finding
    for name, finding in all_findings().items()
    if finding.chapter == "wal"
    or name.startswith(("slot_", "logical_", "subscription_", "walsender_", "replica_identity"))
)
BY_CHOICE = {"durability_off", "slot_unbounded"}
"""True of each test's server: fsync is off, and slots have no limit."""


def asked(*findings: AnyFinding) -> tuple[AnyCollector, ...]:
    found = {c: None for f in findings for c in (*f.reads, *f.consults) if c.sql}
    return tuple(found)


async def verdicts(server: Postgres, recorder: Recorder, hours: float) -> dict[str, Verdict]:
    at = 1_800_000_000 + hours * 3600
    async with watching(dsn=server.dsn("postgres", MONITOR)) as connection:
        snapshot = await look(connection, *asked(*FINDINGS), at=at, recorder=recorder)
    return {finding.name: verdict_of(finding, snapshot) for finding in FINDINGS}


@pytest.mark.versions(14, 18)
async def test_a_busy_server_that_is_well(private_server: PrivateServers) -> None:
    """Loads, manual checkpoints, base backups, a standby with its slot, a working archive."""
    server = private_server(archive_mode="on", archive_command="cp %p ../%f", wal_level="logical")
    private_server.standby(server, slot="reader")
    recorder = Recorder(wants=[want for finding in FINDINGS for want in finding.history])
    async with connected(server.dsn()) as admin:
        await verdicts(server, recorder, 0)
        await admin.execute("create table loaded (id bigint primary key, note text)")
        await admin.execute("create publication everything for all tables")
        await admin.execute(
            "insert into loaded select n, repeat('x', 500) from generate_series(1, 50000) n"
        )
        for _ in range(3):
            await admin.execute("update loaded set note = note || 'y' where id < 10000")
            await admin.execute("checkpoint")
        private_server.standby(server)  # another base backup
        await admin.execute("select pg_switch_wal()")
        archived = "select last_archived_wal >= $1 from pg_stat_archiver"
        file = await admin.fetchval("select pg_walfile_name(pg_current_wal_lsn() - 1)")
        await until(lambda: admin.fetchval(archived, file), "all is archived")
        found = await verdicts(server, recorder, 1)
    ill = {name: v.subjects for name, v in found.items() if v.subjects and name not in BY_CHOICE}
    assert not ill
    unknown = {name for name, verdict in found.items() if verdict.state is State.unknown}
    assert unknown <= {"io_latency_high", "checksum_failures"}  # not configured here
    learning = {name for name, verdict in found.items() if verdict.state is State.learning}
    assert not learning


async def test_without_rights_it_is_unknown(database: Database) -> None:
    """The listing of pg_wal is refused, which costs no line in the log, and the rest is judged."""
    await database.execute("drop role if exists plain; create role plain login")
    async with watching(dsn=database.server.dsn(database.name, "plain")) as connection:
        wanted = all_findings()["wal_directory_size"], all_findings()["archive_failing"]
        snapshot = await look(connection, *asked(*wanted))
        snapshot = recording(snapshot, Recorder(wants=wanted[0].history))
    size, failing = (verdict_of(finding, snapshot) for finding in wanted)
    assert wal_directory in snapshot.absent
    assert size.state is State.unknown
    assert {one.grant for one in size.unjudged} == {"GRANT pg_monitor TO plain;"}
    assert archiver in snapshot.answers
    assert failing.state is State.healthy
    assert verdict_of(backup_unproved.finding, snapshot).state is State.ill
    await database.execute("drop role plain")
