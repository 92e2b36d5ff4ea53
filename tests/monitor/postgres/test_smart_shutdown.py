"""A smart shutdown waits for every session, but not for those of a watcher."""

import asyncio

import pytest

from tests.fixtures.daemon import Watch
from tests.fixtures.farm import MONITOR
from tests.fixtures.postgres import PrivateServers, connected
from tests.fixtures.until import until


@pytest.mark.versions(18)
async def test_a_smart_shutdown_ends(private_server: PrivateServers, watch: Watch) -> None:
    """A new session, such as that of the next database, is refused; then all are closed."""
    server = private_server()
    async with connected(server.dsn()) as admin:
        await admin.execute("CREATE DATABASE second")
    watched = await watch(server.dsn(user=MONITOR))
    await watched.until_seen()
    await asyncio.to_thread(server.stop, "smart", 60)
    assert "database system is shut down" in server.log.read_text()
    await until(watched.is_down, "it is away")
    assert watched.standing
    assert watched.standing.shut_down
