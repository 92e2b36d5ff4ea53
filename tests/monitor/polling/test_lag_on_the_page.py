"""The lag of a standby on the page of the daemon, with a receiver that hears nothing."""

import asyncio
import re
from functools import partial

import pytest

from alerts.history.memory import Memory
from monitor.clock import Clock
from monitor.config.load import load
from monitor.config.model import settings_type
from monitor.config.watch_plan import plans
from monitor.exposition.store import Store
from monitor.fleet import Fleet
from monitor.scheduler import Schedule
from tests.fixtures.daemon import QUICK
from tests.fixtures.farm import MONITOR
from tests.fixtures.postgres import PrivateServers
from tests.fixtures.replication import execute, paired, stopped, value
from tests.fixtures.until import until


def lag_on(fleet: Fleet, server: str) -> float | None:
    """What the page of that server says; None where it says nothing."""
    page = fleet.store.page(server).body.decode()
    found = re.search(r"^pg_replication_lag_seconds(?:\{[^}]*\})? (\S+)$", page, re.MULTILINE)
    return float(found[1]) if found else None


@pytest.mark.versions(18)
async def test_lag_on_the_page(private_server: PrivateServers) -> None:
    """True where the primary is watched; absent where it is not; never 0 for a silence."""
    async with paired(private_server, wal_receiver_timeout="4s") as pair:
        primary, standby = pair.primary.server, pair.standby.server
        flags = {"servers.both1.dsn": primary.dsn(user=MONITOR), "servers.both1.cluster": "both"}
        flags |= {"servers.both2.dsn": standby.dsn(user=MONITOR), "servers.both2.cluster": "both"}
        flags |= {"servers.alone.dsn": standby.dsn(user=MONITOR), "servers.alone.cluster": "no"}
        schedule = Schedule(Clock())
        fleet = Fleet(Clock(), Memory(), Store(), schedule)
        schedule.start()
        try:
            await fleet.follow(plans(load(QUICK | flags, {}, settings_type()), {}))

            async def says(server: str, least: float | None, most: float = 1e9) -> bool:
                lag = lag_on(fleet, server)
                if lag is None or least is None:
                    return lag is least
                return least <= lag <= most

            for server in ("both1", "both2", "alone"):
                await until(partial(says, server, 0, 0), f"{server} is not behind")
            receiver = await value(standby, "SELECT pid FROM pg_stat_wal_receiver")
            assert isinstance(receiver, int)
            with stopped(receiver):
                await execute(primary, "INSERT INTO t VALUES (1)")
                await until(lambda: says("both2", 2), "the lag grows")
                await until(lambda: says("alone", None), "the lag is unknown")
                assert await says("both1", 0, 0)
            for server in ("both2", "alone"):
                await until(partial(says, server, 0, 0), f"{server} has caught up")
        finally:
            schedule.stop()
            await fleet.close()
            await asyncio.sleep(0.05)
