"""A server that comes back is not asked everything at once: the fast facts come first."""

import asyncpg
import pytest

from collectors._base import Lane, Scope
from collectors._catalogue import all_collectors
from tests.fixtures.daemon import Watch, Watched
from tests.fixtures.farm import MONITOR
from tests.fixtures.postgres import PrivateServers, connected
from tests.fixtures.until import until

LANES = (Lane.fast, Lane.normal, Lane.slow)


@pytest.mark.versions(14, 18)
async def test_the_fast_lane_is_first_and_the_others_follow_soon(
    private_server: PrivateServers, watch: Watch
) -> None:
    """Not with their next turn, which may be minutes away, and not together."""
    server = private_server()
    watched = await watch(
        server.dsn(user=MONITOR), **{"paces.normal": "1h", "paces.table": "1h", "paces.slow": "1h"}
    )
    await watched.until_seen()
    server.stop()
    await until(watched.is_down, "it is seen to be away")
    server.start()
    back, first = watched.server.clock.now(), dict[Lane, float]()

    async def every_lane_has_asked() -> bool:
        for lane in LANES:
            asked = [at for at in times(watched, lane) if at > back]
            if asked and lane not in first:
                first[lane] = min(asked)
        return len(first) == len(LANES)

    await until(every_lane_has_asked, "every lane has asked again")
    assert sorted(first, key=lambda lane: first[lane]) == list(LANES)


def times(watched: Watched, lane: Lane) -> list[float]:
    """When each collector of that lane has asked the server as a whole, in unix seconds."""
    books = watched.server.round_log
    asked = (c for c in all_collectors().values() if c.sql and c.lane is lane)
    found = (books.of(c).asked for c in asked if c.scope is Scope.server)
    return [at for at in found if at is not None]


@pytest.mark.versions(18)
async def test_slots_that_are_full_a_second_time_are_probed_at_once(
    private_server: PrivateServers, watch: Watch
) -> None:
    """It does not wait until the next probe of a server that is full all the time."""
    server = private_server(max_connections=12, superuser_reserved_connections=3)
    async with connected(server.dsn()) as admin:
        await admin.execute("create role app login")
        watched = await watch(server.dsn(user=MONITOR))
        await watched.until_seen()
        probe = watched.server.connection.probe
        for _ in range(2):
            taken: list[asyncpg.Connection] = []

            async def is_refused(taken: list[asyncpg.Connection] = taken) -> bool:
                try:
                    taken.append(await asyncpg.connect(server.dsn(user="app")))
                except asyncpg.TooManyConnectionsError:
                    return bool(watched.standing and watched.standing.lacks_slots)
                return False

            await until(is_refused, "no new session is had")
            for session in taken:
                await session.close()

            async def is_forgotten() -> bool:
                return probe.tried == float("-inf")

            await until(is_forgotten, "slots are free, and the next probe is due at once")
