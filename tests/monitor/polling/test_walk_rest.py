"""A walk that rests for its budget ends with the server that it walks through."""

import pytest

from collectors.user_tables import user_tables
from tests.fixtures.daemon import Watch
from tests.fixtures.farm import MONITOR
from tests.fixtures.postgres import PrivateServers, connected
from tests.fixtures.until import until


@pytest.mark.versions(14, 18)
async def test_a_restart_ends_a_long_rest(private_server: PrivateServers, watch: Watch) -> None:
    """What was told of databases is forgotten then, and the next walk must not wait for minutes."""
    server = private_server()
    async with connected(server.dsn()) as admin:
        await admin.execute("CREATE DATABASE shop")
    watched = await watch(server.dsn(user=MONITOR))
    newest, bucket = watched.server.answers.newest, watched.server.walk.bucket

    async def is_known() -> bool:
        return user_tables in newest

    await until(is_known, "databases are known")
    visited = bucket.at
    bucket.left = -1000.0

    async def rests() -> bool:
        return bucket.at != visited

    await until(rests, "it rests after a visit")
    server.stop()
    await until(watched.is_down, "it is seen to be away")
    assert user_tables not in newest
    server.start()
    await until(is_known, "databases are known again")
