"""A database that can't be reached for a moment is asked again as soon as it can be."""

import pytest

from collectors._base import Lane
from collectors._catalogue import of_databases
from collectors.user_tables import user_tables
from tests.fixtures.daemon import Watch
from tests.fixtures.farm import MONITOR
from tests.fixtures.postgres import PrivateServers, connected
from tests.fixtures.until import until


@pytest.mark.versions(14, 18)
async def test_asked_again_once_it_takes_sessions(
    private_server: PrivateServers, watch: Watch
) -> None:
    """Also what is asked once an hour: else nothing would be known of it for so long."""
    server = private_server()
    async with connected(server.dsn()) as admin:
        await admin.execute("CREATE DATABASE shop CONNECTION LIMIT 0")
        watched = await watch(
            server.dsn(user=MONITOR),
            **{"paces.table": "1s", "paces.slow": "1h", "paces.daily": "1h"},
        )
        log, rarely = watched.server.round_log, (Lane.slow, Lane.daily)
        asked = [one for one in of_databases() if one.lane in rarely]

        async def is_refused() -> bool:
            return all("too many" in (log.of(one, "shop").error or "") for one in asked)

        await until(is_refused, "it takes no sessions")
        await admin.execute("ALTER DATABASE shop CONNECTION LIMIT -1")

        async def is_known() -> bool:
            return not any("too many" in (log.of(one, "shop").error or "") for one in asked)

        await until(is_known, "all is known of it")


@pytest.mark.versions(14, 18)
async def test_the_last_watched_database_is_dropped(
    private_server: PrivateServers, watch: Watch
) -> None:
    """Nothing of it stays, neither its rows nor that it is missing."""
    server = private_server()
    async with connected(server.dsn()) as admin:
        await admin.execute("CREATE DATABASE shop")
        async with connected(server.dsn("shop")) as session:
            await session.execute("CREATE TABLE orders (id int)")
        watched = await watch(server.dsn(user=MONITOR), **{"databases.exclude": "postgres"})
        newest = watched.server.answers.newest

        async def is_known() -> bool:
            return user_tables in newest and len(newest[user_tables].rows) == 1

        await until(is_known, "its table is known")
        await admin.execute("DROP DATABASE shop WITH (FORCE)")

        async def is_gone() -> bool:
            return not newest[user_tables].rows and not newest[user_tables].missing

        await until(is_gone, "nothing is known of it")
