"""Archiving on real servers: a command that fails, hangs, keeps nothing, is missing, and works."""

import re
from datetime import timedelta

import pytest

from alerts._base import AnyFinding, Severity, State
from alerts.findings.backup import backup_unproved
from alerts.findings.wal import archive_failing, archive_stalled, archive_stub, wal_directory_size
from alerts.history.recorder import Recorder
from alerts.verdicts.verdict import Verdict
from collectors.archiver import archiver
from collectors.last_checkpoint import last_checkpoint
from collectors.replication import replication
from collectors.replication_slots import replication_slots
from collectors.settings import settings
from collectors.wal_directory import wal_directory
from collectors.wal_position import wal_position
from monitor.demo.launcher import Postgres
from tests.fixtures.farm import MONITOR
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import PrivateServers, Psql, connected
from tests.fixtures.until import until

COLLECTORS = (
    settings,
    archiver,
    wal_directory,
    wal_position,
    last_checkpoint,
    replication_slots,
)
PENDING = "select count(*) from pg_ls_archive_statusdir() where name like '%.ready'"
ALL_COUNTED = (
    "select archived_count = (select count(*) from pg_ls_dir('..') name"
    f" where name ~ '^[0-9A-F]{{24}}') and ({PENDING}) = 0 from pg_stat_archiver"
)


async def judged(server: Postgres, finding: AnyFinding, **limits: object) -> Verdict:
    async with watching(dsn=server.dsn("postgres", MONITOR)) as connection:
        snapshot = await look(connection, *COLLECTORS)
    own = type(finding.limits)(**limits)
    return verdict_of(finding, snapshot, limits=own)


async def archives_by(server: Postgres, command: str) -> None:
    async with connected(server.dsn()) as admin:
        await admin.execute(f"alter system set archive_command = '{command}'")
        await admin.execute("select pg_reload_conf()")
        shown = "select current_setting('archive_command') = $1"
        await until(lambda: admin.fetchval(shown, command), "the command is reloaded")


async def ask(server: Postgres, what: str) -> object:
    async with connected(server.dsn()) as admin:
        return await admin.fetchval(what)


@pytest.mark.versions(14, 18)
async def test_story_of_an_archive(private_server: PrivateServers, psql: Psql) -> None:
    """It fails, hangs, is missing and keeps nothing; with what the cure says, it works again."""
    server = private_server(archive_mode="on", archive_command="false", min_wal_size="32MB")
    switch = "select pg_logical_emit_message(true, '', 'x'), pg_switch_wal()"
    await ask(server, switch)
    failed = "select failed_count > 1 and archived_count = 0 from pg_stat_archiver"
    await until(lambda: ask(server, failed), "archiving fails")
    [subject] = (await judged(server, archive_failing.finding)).subjects
    assert subject.evidence.facts["last_failed_wal"] == "000000010000000000000001"
    assert subject.evidence.facts["waiting_files"] == 1
    assert "nothing was archived since the statistics began" in subject.evidence.message
    assert any("ALTER SYSTEM SET archive_command = '…';" in c for c in subject.evidence.cure)
    await psql(server.dsn(), "\n".join((subject.evidence.check, *subject.evidence.cure)))

    await archives_by(server, "cp %p ../%f")
    await until(lambda: ask(server, f"select ({PENDING}) = 0"), "the queue is archived")
    reported = "select archived_count > 0 from pg_stat_archiver"
    await until(lambda: ask(server, reported), "the success is reported")
    for finding in (archive_failing.finding, archive_stalled.finding, archive_stub.finding):
        assert (await judged(server, finding, **soon(finding))).state is State.healthy

    await archives_by(server, "sleep 600 # %p")
    await ask(server, switch)
    stalled = archive_stalled.finding
    await until(lambda: ask(server, f"select ({PENDING}) > 0"), "a file waits")
    [subject] = (await judged(server, stalled, **soon(stalled))).subjects
    assert "neither succeeds nor fails" in subject.evidence.message
    await psql(server.dsn(), "\n".join((subject.evidence.check, *subject.evidence.cure)))
    assert not (await judged(server, stalled)).subjects

    await archives_by(server, "")
    [subject] = (await judged(server, stalled, **soon(stalled))).subjects
    assert "archive_command is empty" in subject.evidence.message

    small: dict[str, object] = {"least": 0, "times": 0.001, "explained": 0.05}
    [subject] = (await judged(server, wal_directory_size.finding, **small)).subjects
    assert subject.evidence.facts["reason"] in ("archive", "checkpoint")
    assert subject.evidence.severity is Severity.warning

    await archives_by(server, "true %p")
    [subject] = (await judged(server, archive_stub.finding)).subjects
    assert "archive_command (true) keeps no file" in subject.evidence.message
    await psql(server.dsn(), "\n".join((subject.evidence.check, *subject.evidence.cure)))


@pytest.mark.versions(14, 18)
async def test_a_backup_that_took_long_leaves_nothing_behind(
    private_server: PrivateServers,
) -> None:
    """The label that is archived at its end is named after the file in which it began."""
    server = private_server(archive_mode="on", archive_command="cp %p ../%f", wal_level="replica")
    recorder = Recorder(wants=archive_stalled.finding.history)
    async with watching(dsn=server.dsn("postgres", MONITOR)) as connection:
        await look(connection, *COLLECTORS, recorder=recorder)
        await until(lambda: label_comes_last(server), "the label is archived last")
        snapshot = await look(connection, *COLLECTORS, recorder=recorder)
    name = snapshot.row(archiver).last_archived_wal
    assert name is not None
    assert name.endswith(".backup")
    limits = archive_stalled.Limits(waiting=timedelta(0))
    verdict = verdict_of(archive_stalled.finding, snapshot, limits=limits)
    assert (verdict.state, verdict.subjects) == (State.healthy, ())


@pytest.mark.versions(14, 18)
async def test_what_was_written_without_an_archive_waits_for_nothing(
    private_server: PrivateServers,
) -> None:
    """While archive_mode was off, no file was put on the archiver's list, also none that failed."""
    server = private_server(archive_mode="on", archive_command="cp %p ../%f", wal_level="replica")
    switch = "select pg_logical_emit_message(true, '', 'x'), pg_switch_wal()"
    await ask(server, switch)
    archived = "select archived_count > 0 from pg_stat_archiver"
    await until(lambda: ask(server, archived), "a file is archived")
    await archives_by(server, "false # %p")
    await ask(server, switch)
    failed = "select failed_count > 0 from pg_stat_archiver"
    await until(lambda: ask(server, failed), "a file fails")
    await restarted(server, archive_mode="off")
    for _ in range(4):
        await ask(server, switch)
    await ask(server, "checkpoint")
    await restarted(server, archive_mode="on", archive_command="cp %p ../%f")
    assert await ask(server, f"select ({PENDING}) = 0")
    assert await ask(server, failed)
    for finding in (archive_failing.finding, archive_stalled.finding):
        assert (await judged(server, finding, **soon(finding))).state is State.healthy
    await archives_by(server, "sleep 600 # %p")
    await ask(server, switch)
    await until(lambda: ask(server, f"select ({PENDING}) = 1"), "a file waits")
    stalled = archive_stalled.finding
    [subject] = (await judged(server, stalled, **soon(stalled))).subjects
    assert subject.evidence.facts["waiting_files"] == 1


ALTER = re.compile(r"ALTER SYSTEM SET (\w+) = (\S+);")


@pytest.mark.versions(14, 18)
async def test_an_archive_where_wal_is_minimal(private_server: PrivateServers) -> None:
    """The server would not start with an archive alone; with all that is printed, it archives."""
    server = private_server(wal_level="minimal", max_wal_senders=0)
    finding, asked = backup_unproved.finding, (archiver, settings, replication)
    async with watching(dsn=server.dsn("postgres", MONITOR)) as connection:
        [subject] = verdict_of(finding, await look(connection, *asked)).subjects
    told = dict(ALTER.findall("\n".join(subject.evidence.cure)))
    assert list(told) == ["wal_level", "archive_mode", "archive_command"]
    await restarted(server, **told | {"archive_command": "cp %p ../%f"})
    async with watching(dsn=server.dsn("postgres", MONITOR)) as connection:
        assert not verdict_of(finding, await look(connection, *asked)).subjects


async def restarted(server: Postgres, **settings: object) -> None:
    """Start it anew with other settings; some were set by ALTER SYSTEM before."""
    async with connected(server.dsn()) as admin:
        for name, value in settings.items():
            await admin.execute(f"alter system set {name} = '{value}'")
    server.restart()


async def label_comes_last(server: Postgres) -> bool:
    """Take a backup through several files; the archiver may see the last of these too late."""
    start, stop = "pg_start_backup('x', true, false)", "pg_stop_backup(false, true)"
    if server.binaries.major() >= 15:
        start, stop = "pg_backup_start('x', true)", "pg_backup_stop(true)"
    async with connected(server.dsn()) as admin:
        await admin.execute(f"select {start}")
        for _ in range(4):
            await admin.execute("select pg_logical_emit_message(true, '', 'x'), pg_switch_wal()")
        await until(lambda: admin.fetchval(f"select ({PENDING}) = 0"), "all files are archived")
        await admin.execute(f"select * from {stop}")
        await until(lambda: admin.fetchval(ALL_COUNTED), "all files are counted as archived")
        last = await admin.fetchval("select last_archived_wal from pg_stat_archiver")
    return str(last).endswith(".backup")


def soon(finding: AnyFinding) -> dict[str, object]:
    """Limits by which any waiting file is too much."""
    return {"waiting": timedelta(0)} if finding is archive_stalled.finding else {}
