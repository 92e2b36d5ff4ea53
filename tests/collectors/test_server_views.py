"""Views with one row or few for a whole server: their numbers are PostgreSQL's, and they move."""

from collections.abc import Callable
from typing import Any

import pytest

from collectors._base import AnyCollector
from collectors.archiver import archiver
from collectors.bgwriter import bgwriter
from collectors.checkpointer import checkpointer
from collectors.slru import slru
from collectors.stat_io import stat_io
from collectors.stat_wal import stat_wal
from collectors.wal_directory import wal_directory
from monitor.demo.launcher import Postgres
from tests.fixtures.farm import MONITOR
from tests.fixtures.one_look import look, watching
from tests.fixtures.postgres import connected
from tests.fixtures.until import until

WRITE = """
    drop table if exists t;
    create table t as select i, repeat('x', 100) as x from generate_series(1, 20000) i;
    checkpoint;
"""


async def rows(server: Postgres, collector: AnyCollector) -> tuple[Any, ...]:
    async with watching(dsn=server.dsn(user=MONITOR)) as monitor:
        return tuple((await look(monitor, collector)).rows(collector))


async def row(server: Postgres, collector: AnyCollector) -> Any:
    [one] = await rows(server, collector)
    return one


def values(collector: AnyCollector, found: tuple[Any, ...]) -> dict[str, dict[Any, Any]]:
    """By metric and labels; samples without a value are none."""
    return {
        metric.name: {key: value for key, value in metric.samples(found) if value is not None}
        for metric in collector.metrics
    }


async def test_a_checkpoint_is_counted(private_server: Callable[..., Postgres]) -> None:
    """On every version, by both families of names and in both units."""
    server = private_server()
    before = await row(server, checkpointer)
    async with connected(server.dsn()) as admin:
        await admin.execute(WRITE)

    async def counted() -> bool:
        return bool((await row(server, checkpointer)).num_requested > before.num_requested)

    await until(counted, "the checkpoint is counted")
    after = await row(server, checkpointer)
    assert after.buffers_written > before.buffers_written
    samples = {name: found[()] for name, found in values(checkpointer, (after,)).items() if found}
    for name in ("pg_stat_bgwriter_checkpoints_req", "pg_stat_bgwriter_checkpoints_req_total"):
        assert samples[name] == after.num_requested
    assert samples["pg_stat_checkpointer_num_requested_total"] == after.num_requested
    assert samples["pg_stat_bgwriter_checkpoint_write_time_total"] == after.write_milliseconds
    assert samples["pg_stat_checkpointer_write_seconds_total"] == after.write_milliseconds / 1000
    assert samples["pg_stat_bgwriter_buffers_checkpoint"] == after.buffers_written


async def test_backends_that_write_themselves(private_server: Callable[..., Postgres]) -> None:
    """The counter that left pg_stat_bgwriter with 17 goes on counting pages."""
    server = private_server(shared_buffers="1MB", bgwriter_lru_maxpages=0)
    before = await row(server, bgwriter)
    async with connected(server.dsn()) as admin:
        await admin.execute(
            "create table t as select repeat('x', 500) from generate_series(1, 40000)"
        )
        pages = await admin.fetchval("select pg_relation_size('t') / 8192")

    async def counted() -> bool:
        written = (await row(server, bgwriter)).buffers_backend - before.buffers_backend
        return bool(written >= pages * 0.9)

    await until(counted, "the pages are counted")
    written = (await row(server, bgwriter)).buffers_backend - before.buffers_backend
    assert written <= pages * 3, "pages, not bytes"


async def test_a_server_that_never_archived(private_server: Callable[..., Postgres]) -> None:
    """Told apart from one that need not, and from one that did; its age is no 0."""
    idle = values(archiver, await rows(private_server(), archiver))
    assert idle["pg_stat_archiver_archiving"] == {(): False}
    assert idle["pg_stat_archiver_last_archive_age"] == {}

    server = private_server(archive_mode="on", archive_command="false")
    async with connected(server.dsn()) as admin:
        await admin.execute("create table t (); select pg_switch_wal()")

        async def failed() -> bool:
            return bool((await row(server, archiver)).failed_count)

        await until(failed, "the archive_command has failed")
        failing = values(archiver, await rows(server, archiver))
        assert failing["pg_stat_archiver_never_archived"] == {(): True}
        assert failing["pg_stat_archiver_last_archive_age"][()] > 0
        assert failing["pg_stat_archiver_last_archived_timestamp_seconds"] == {}
        assert failing["pg_stat_archiver_last_failed_timestamp_seconds"][()] > 1.6e9
        assert (await row(server, wal_directory)).ready >= 1

        await admin.execute("alter system set archive_command = 'true'")
        await admin.execute("select pg_reload_conf()")

        async def archived() -> bool:
            return bool((await row(server, archiver)).archived_count)

        await until(archived, "the file was archived")
        done = values(archiver, await rows(server, archiver))
    assert done["pg_stat_archiver_never_archived"] == {(): False}
    assert done["pg_stat_archiver_last_archived_timestamp_seconds"][()] > 1.6e9


async def test_wal_is_counted(private_server: Callable[..., Postgres]) -> None:
    """Bytes and records grow with what is written, writes and syncs on 18 too."""
    server = private_server(fsync="on", wal_sync_method="fdatasync")
    before = await row(server, stat_wal)
    async with connected(server.dsn()) as admin:
        await admin.execute(WRITE)

    async def counted() -> bool:
        return bool((await row(server, stat_wal)).bytes > before.bytes + 1_000_000)

    await until(counted, "the WAL is counted")
    after = await row(server, stat_wal)
    assert after.records > before.records
    assert after.writes > before.writes
    assert after.syncs is not None
    assert values(stat_wal, (after,))["pg_stat_wal_bytes_total"] == {(): after.bytes}


async def test_files_of_wal(private_server: Callable[..., Postgres]) -> None:
    """As many as pg_ls_waldir() has, by 16 MB each."""
    server = private_server()
    directory = await row(server, wal_directory)
    async with connected(server.dsn()) as admin:
        files = await admin.fetchval("select count(*) from pg_ls_waldir() where length(name) = 24")
    assert directory.segments == files
    assert directory.size_bytes == files * (16 << 20)


@pytest.mark.versions(16, 17, 18)
async def test_io_in_bytes(private_server: Callable[..., Postgres]) -> None:
    """Extensions are as large as the table that was written; what nobody does has no series."""
    server = private_server()

    def extended(found: tuple[Any, ...]) -> int:
        return sum(
            r.extend_bytes or 0
            for r in found
            if (r.backend_type, r.object) == ("client backend", "relation")
        )

    before = extended(await rows(server, stat_io))
    async with connected(server.dsn()) as admin:
        await admin.execute(WRITE)
        size = await admin.fetchval("select pg_relation_size('t')")

    async def counted() -> bool:
        return bool(extended(await rows(server, stat_io)) - before >= size)

    await until(counted, "the table is counted")
    found = await rows(server, stat_io)
    assert extended(found) - before < 3 * size
    series = values(stat_io, found)["pg_stat_io_reads_total"]
    assert 0 < len(series) < len(found)


async def test_slru_names_are_those_of_17(private_server: Callable[..., Postgres]) -> None:
    """One rule serves all versions."""
    found = await rows(private_server(), slru)
    assert {r.name for r in found} == {
        "commit_timestamp",
        "multixact_member",
        "multixact_offset",
        "notify",
        "other",
        "serializable",
        "subtransaction",
        "transaction",
    }
    series = values(slru, found)["pg_stat_slru_blks_hit_total"]
    assert series["transaction",] > 0 or any(r.blks_zeroed for r in found)
