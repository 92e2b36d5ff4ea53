"""What the server is, on a primary, on a standby, and right after a promotion."""

from collections.abc import Callable

import pytest

from collectors.server import Server, server
from monitor.demo.launcher import Postgres
from tests.fixtures.farm import MONITOR
from tests.fixtures.one_look import look, watching
from tests.fixtures.postgres import Database, PrivateServers, connected
from tests.fixtures.until import until


async def of(watched: Postgres) -> Server:
    async with watching(dsn=watched.dsn(user=MONITOR)) as session:
        return (await look(session, server)).row(server)


async def test_a_primary_tells_who_it_is(database: Database, version: int) -> None:
    """To any role; the version in all the forms that tools want."""
    row = await of(database.server)
    assert row.version_num // 10000 == version
    assert row.version.startswith(f"PostgreSQL {version}.")
    assert row.short_version == f"{row.server_version}.0"
    assert (row.role, row.in_recovery, row.timeline) == ("primary", False, 1)
    assert row.system_identifier.isdigit()
    assert row.stats_reset is not None
    [(labels, value)] = server.metrics[0].samples([row])
    assert (labels, value) == ((row.version, row.short_version), 1)


async def test_a_promoted_standby_is_on_a_new_timeline_at_once(
    private_server: PrivateServers, standby: Callable[..., Postgres]
) -> None:
    """Before its first checkpoint: the name of its WAL file knows."""
    primary = private_server()
    second = standby(primary)
    row = await of(second)
    assert (row.role, row.in_recovery, row.timeline) == ("standby", True, 1)
    assert row.system_identifier == (await of(primary)).system_identifier
    second.promote()

    async def promoted() -> Server | None:
        now = await of(second)
        return now if now.role == "primary" else None

    now = await until(promoted, "it is promoted")
    assert now is not None
    assert now.timeline == 2
    assert now.postmaster_start_text == row.postmaster_start_text


@pytest.mark.versions(18)
async def test_a_reset_of_server_wide_statistics_is_seen(private_server: PrivateServers) -> None:
    """Its time changes."""
    watched = private_server()
    before = (await of(watched)).stats_reset
    async with connected(watched.dsn()) as admin:
        await admin.execute("SELECT pg_stat_reset_shared('bgwriter')")
    assert (await of(watched)).stats_reset != before
