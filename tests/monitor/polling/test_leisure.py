"""The WAL position is asked each second only while something follows it."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from collectors.wal_position import wal_position
from tests.fixtures.daemon import Watch, Watched
from tests.fixtures.farm import MONITOR, Farm
from tests.fixtures.postgres import PrivateServers
from tests.fixtures.programs import Program
from tests.fixtures.replication import execute, paired
from tests.fixtures.until import until

PACES = {"paces.fast": "1s", "paces.normal": "15s"}


async def is_asked_each(watched: Watched, seconds: float) -> bool:
    """Whether the position is known, and asked again after that many seconds."""
    server = watched.fleet.servers[watched.name]
    return wal_position in server.answers.newest and server.pacing.of(wal_position) == seconds


@pytest.mark.versions(14, 18)
async def test_a_lone_server_and_a_receiver(
    private_server: PrivateServers,
    watch: Watch,
    launch: Callable[..., Program],
    farm: Farm,
    workplace: Path,
) -> None:
    """Each 15 s while the server is alone, each second as soon as a receiver is connected; a role
    that is not told the types of processes asks each second too."""
    server = private_server()
    await execute(server, "CREATE ROLE blind LOGIN")
    alone = await watch(server.dsn(user=MONITOR), **PACES)
    blind = await watch(server.dsn(user="blind"), **PACES)
    await until(partial(is_asked_each, alone, 15.0), "it is asked at leisure")
    await until(partial(is_asked_each, blind, 1.0), "what is not told may be a standby")
    where = f"--dbname={server.dsn()}", f"--directory={workplace}"
    receiver = launch([farm.wheel.program("pg_receivewal"), *where, "--no-sync", "--no-loop"])
    await until(partial(is_asked_each, alone, 1.0), "it is asked each second")
    receiver.stop()
    await until(partial(is_asked_each, alone, 15.0), "it is asked at leisure again")


@pytest.mark.versions(18)
async def test_servers_of_one_cluster(private_server: PrivateServers, watch: Watch) -> None:
    """A standby that replays is asked each second, and a primary whose standby is watched too."""
    async with paired(private_server) as pair:
        primary, standby = pair.primary.server, pair.standby.server
        await execute(standby, "ALTER SYSTEM SET primary_conninfo = ''", "SELECT pg_reload_conf()")
        lone = await watch(standby.dsn(user=MONITOR), name="db2", **PACES)
        both = await watch(
            primary.dsn(user=MONITOR),
            name="db1",
            others={"db2": standby.dsn(user=MONITOR)},
            **PACES,
        )

        for watched in (lone, both, both.other("db2")):
            await until(partial(is_asked_each, watched, 1.0), "it is asked each second")
