"""Checkpoints, durability and checksums on real servers, each cured by what it prints."""

import asyncio
import re
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from itertools import count
from pathlib import Path

import asyncpg
import pytest

from alerts._base import AnyFinding, State
from alerts.findings.settings import config_max_wal_size
from alerts.findings.wal import (
    checkpoint_overdue,
    checkpoint_requested,
    checkpoint_sync_slow,
    checksum_failures,
    durability_off,
)
from alerts.history.recorder import Recorder
from alerts.verdicts.verdict import Verdict
from collectors._base import AnyCollector
from collectors.activity import activity
from collectors.checkpointer import checkpointer
from collectors.databases import databases
from collectors.last_checkpoint import last_checkpoint
from collectors.settings import settings
from collectors.shared_objects import shared_objects
from collectors.stat_wal import stat_wal
from collectors.wal_position import wal_position
from monitor.demo.launcher import Postgres
from tests.fixtures.farm import MONITOR
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import PrivateServers, Psql, connected
from tests.fixtures.replication import stopped
from tests.fixtures.until import until

MINE = (settings, checkpointer, last_checkpoint, wal_position, stat_wal, activity, databases)
STATEMENT = re.compile(r"(?:ALTER SYSTEM SET|SELECT pg_catalog\.pg_reload_conf)[^;]*;")
WRITE = "select pg_logical_emit_message(false, '', repeat('x', 1000000)) from generate_series(1,18)"


async def judged(
    server: Postgres, finding: AnyFinding, *asked: AnyCollector, hours: float = 0, **more: object
) -> Verdict:
    recorder = more.pop("recorder", None)
    assert recorder is None or isinstance(recorder, Recorder)
    async with watching(dsn=server.dsn("postgres", MONITOR)) as connection:
        at = 1_800_000_000 + hours * 3600
        snapshot = await look(connection, *asked or MINE, at=at, recorder=recorder)
    return verdict_of(finding, snapshot, limits=type(finding.limits)(**more))


def steps(verdict: Verdict) -> str:
    """The statements that stand in the remarks of a cure."""
    cures = (line for subject in verdict.subjects for line in subject.evidence.cure)
    return "\n".join(found for line in cures for found in STATEMENT.findall(line))


async def requested(
    admin: "asyncpg.Connection[asyncpg.Record]", statement: str, times: int
) -> None:
    """Have a checkpoint requested by a statement, and wait until it is counted, each time."""
    before_17 = admin.get_server_version().major < 17
    column, view = (
        ("checkpoints_req", "bgwriter") if before_17 else ("num_requested", "checkpointer")
    )
    count = f"select {column} from pg_stat_{view}"
    for _ in range(times):
        more = f"{count} where {column} > {await admin.fetchval(count)}"
        await admin.execute(statement)
        await until(partial(admin.fetchval, more), "a checkpoint is requested")


@pytest.mark.versions(14, 18)
async def test_story_of_checkpoints(private_server: PrivateServers, psql: Psql) -> None:
    """Forced by volume: found, with a size that ends it. By hand or for a backup: never."""
    server = private_server(max_wal_size="32MB", min_wal_size="32MB", checkpoint_timeout="1h")
    finding = checkpoint_requested.finding
    recorder = Recorder(wants=finding.history)
    async with connected(server.dsn()) as admin:
        await judged(server, finding, recorder=recorder)
        await requested(admin, "checkpoint", 7)
        verdict = await judged(server, finding, hours=1, recorder=recorder)
        assert verdict.state is State.healthy
        await requested(admin, WRITE, 7)
        verdict = await judged(server, finding, hours=2, recorder=recorder)
        [subject] = verdict.subjects
        assert subject.evidence.value >= 0.5
        habit, often = config_max_wal_size.finding, {"daily": 0.01, "images": 0.0}
        counted = "select wal_bytes > 100000000 from pg_stat_wal"
        await until(lambda: admin.fetchval(counted), "its WAL is counted")
        [same] = (await judged(server, habit, hours=2, **often)).subjects
        await psql(server.dsn(), same.evidence.check)
        await psql(server.dsn(), subject.evidence.check)
        await psql(server.dsn(), steps(verdict))
        raised = "select current_setting('max_wal_size') <> '32MB'"
        await until(lambda: admin.fetchval(raised), "the setting is reloaded")
        await admin.execute(";".join([WRITE] * 7))
        verdict = await judged(server, finding, hours=3, recorder=recorder)
        assert verdict.state is State.healthy
        assert (await judged(server, habit, hours=3, **often)).state is State.healthy

        overdue, soon = checkpoint_overdue.finding, {"times": 0.0, "least": 1024**2}
        recorder = Recorder(wants=overdue.history)
        [subject] = (await judged(server, overdue, recorder=recorder, **soon)).subjects
        assert int(subject.evidence.facts["redo_bytes"] or 0) > 100 * 1024**2
        await psql(server.dsn(), "\n".join((subject.evidence.check, *subject.evidence.cure)))
        await admin.execute("checkpoint")
        assert (await judged(server, overdue, recorder=recorder, **soon)).state is State.healthy


@pytest.mark.versions(14, 18)
async def test_a_load_after_an_idle_night(private_server: PrivateServers) -> None:
    """The last checkpoint is hours old when the load begins, as none was needed; then one is."""
    server, overdue = private_server(checkpoint_timeout="1h"), checkpoint_overdue.finding
    recorder = Recorder(wants=overdue.history)
    soon = {"times": 0.0, "least": 1024**2}
    async with connected(server.dsn()) as admin:
        await admin.execute("checkpoint")
        judge = partial(judged, server, overdue, recorder=recorder)
        assert (await judge(**soon)).state is State.healthy
        await admin.execute(WRITE)
        begun = "select now() - checkpoint_time > '1 s' from pg_control_checkpoint()"
        await until(lambda: admin.fetchval(begun), "the checkpoint is old")
        tight = {"times": 1 / 3600, "least": 1024**2}
        assert (await judge(hours=5, **tight)).state is State.healthy
        assert (await judge(hours=5 + 2 / 3600, **tight)).state is State.ill


@pytest.mark.versions(14, 18)
async def test_story_of_durability(private_server: PrivateServers, psql: Psql) -> None:
    """All three are switched on by what is printed for them."""
    server = private_server(full_page_writes="off", synchronous_commit="off")
    verdict = await judged(server, durability_off.finding, settings)
    assert {one.evidence.subject for one in verdict.subjects} == set(durability_off.RISKS)
    for subject in verdict.subjects:
        await psql(server.dsn(), subject.evidence.check)
    await psql(server.dsn(), steps(verdict))
    async with connected(server.dsn()) as admin:
        shown = "select count(*) = 3 from pg_settings where setting = 'on' and name = any ($1)"
        names = list(durability_off.RISKS)
        await until(lambda: admin.fetchval(shown, names), "the settings are reloaded")
    assert (await judged(server, durability_off.finding, settings)).state is State.healthy


@pytest.mark.versions(18)
@pytest.mark.parametrize(
    ("table", "of"), [("orders", "postgres"), ("pg_shdescription", "shared catalogues")]
)
async def test_story_of_a_damaged_page(
    private_server: PrivateServers, psql: Psql, table: str, of: str
) -> None:
    """A byte is changed on the disk below the server, and the page is read."""
    server = private_server()
    async with connected(server.dsn()) as admin:
        await admin.execute("create table orders as select generate_series(1, 1000) as id")
        path = await admin.fetchval("select pg_relation_filepath($1)", table)
        await admin.execute("checkpoint")
    finding, asked = checksum_failures.finding, (databases, shared_objects)
    assert (await judged(server, finding, *asked)).state is State.healthy
    server.stop()
    with (server.data / path).open("r+b") as file:
        file.seek(4000)
        file.write(b"damage")
    server.start()
    async with connected(server.dsn()) as admin:
        with pytest.raises(Exception, match="invalid page"):
            await admin.fetch(f"select * from {table}")
        counted = "select max(checksum_failures) > 0 from pg_stat_database"
        await until(lambda: admin.fetchval(counted), "the failure is counted")
        last = await admin.fetchval(
            "select extract(epoch from max(checksum_last_failure))::float8 from pg_stat_database"
        )
    hours = (last - 1_800_000_000) / 3600
    [subject] = (await judged(server, finding, *asked, hours=hours)).subjects
    assert subject.evidence.severity == "critical"
    assert f"1 page of {of} had a wrong checksum" in subject.evidence.message
    await psql(server.dsn(), "\n".join((subject.evidence.check, *subject.evidence.cure)))
    later = await judged(server, finding, *asked, hours=hours + 15 * 24)
    assert later.state is State.healthy


SYNCS = (
    "select pid from pg_stat_activity where backend_type = 'checkpointer'"
    " and wait_event = 'DataFileSync'"
)
MANY = "do 'begin for n in 1..200 loop execute format($$%s$$, n); end loop; end'"
FILES = MANY % "create table if not exists t%s (a int)"
DIRTY = MANY % "insert into t%s values (1)"


@pytest.fixture
def disk() -> Iterator[Path]:
    """A folder on a disk: servers of tests are in memory, where a sync is over at once."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


async def sync_for(server: Postgres, seconds: float) -> None:
    """A checkpoint whose sync stands still for that long, as on a disk that does not answer."""
    async with connected(server.dsn()) as writer, connected(server.dsn()) as watcher:
        await writer.execute(DIRTY)
        checkpoint = asyncio.create_task(writer.execute("checkpoint"))
        while not checkpoint.done():
            if pid := await watcher.fetchval(SYNCS):
                with stopped(pid):
                    if await watcher.fetchval(SYNCS):  # it was not over just then
                        await asyncio.sleep(seconds)
                        break
        await checkpoint


@pytest.mark.versions(14, 18)
async def test_story_of_a_slow_sync(
    private_server: PrivateServers, paste: Psql, disk: Path
) -> None:
    """Told by the time that PostgreSQL measures; over when checkpoints are fast again."""
    server = private_server(fsync="on", checkpoint_flush_after=0)
    finding = checkpoint_sync_slow.finding
    limits = partial(judged, sync=timedelta(seconds=1), least=1)
    recorder, minutes = Recorder(finding.history), count()
    judge = partial(limits, server, finding, checkpointer, settings, recorder=recorder)
    async with connected(server.dsn()) as admin:
        place = server.owner.place(disk / "tables")
        await admin.execute(f"create tablespace disk location '{place}'")
        await admin.execute("set default_tablespace = disk;" + FILES)
        await admin.execute("checkpoint")
    await judge(hours=next(minutes) / 60)

    async def is_found() -> bool:
        await sync_for(server, 2)
        return (await judge(hours=next(minutes) / 60)).state is State.ill

    await until(is_found, "a checkpoint stands still while it syncs")
    [subject] = (await judge(hours=next(minutes) / 60)).subjects
    assert "each for the disk to sync their files" in subject.evidence.message
    await paste(server.dsn(), "\n".join(subject.evidence.cure))
    await paste(server.dsn(), "\n".join(STATEMENT.findall("\n".join(subject.evidence.cure))))
    async with connected(server.dsn()) as admin:
        flushes = "select current_setting('checkpoint_flush_after') = '256kB'"
        await until(lambda: admin.fetchval(flushes), "the setting is reloaded")
    await judge(hours=2)
    async with connected(server.dsn()) as admin:
        await admin.execute("checkpoint")
    assert (await judge(hours=2.5)).state is State.healthy
