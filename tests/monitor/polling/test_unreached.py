"""A database that can't be reached for a moment is asked again as soon as it can be."""

import pytest

from collectors._base import Lane
from collectors._catalogue import of_databases
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
        watched = await watch(server.dsn(user=MONITOR), **{"paces.table": "1s", "paces.slow": "1h", "paces.daily": "1h"})
        log, rarely = watched.server.round_log, (Lane.slow, Lane.daily)
        asked = [one for one in of_databases() if one.lane in rarely]

        async def is_refused() -> bool:
            return all("too many" in (log.of(one, "shop").error or "") for one in asked)

        await until(is_refused, "it takes no sessions")
        await admin.execute("ALTER DATABASE shop CONNECTION LIMIT -1")

        async def is_known() -> bool:
            return not any("too many" in (log.of(one, "shop").error or "") for one in asked)

        await until(is_known, "all is known of it")
