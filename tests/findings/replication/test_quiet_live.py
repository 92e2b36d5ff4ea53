"""No false alarm: a standby fed from an archive, and a planned switchover."""

import asyncio

import pytest

from alerts._base import State
from alerts.findings.replication import role_changed
from alerts.replication.measure import lag_of
from collectors.wal_position import wal_position
from tests.fixtures.one_look import verdict_of
from tests.fixtures.postgres import PrivateServers, connected
from tests.fixtures.replication import CHAPTER, Pair, Watched, execute, paired, value
from tests.fixtures.until import until


@pytest.mark.versions(14, 18)
async def test_archive_and_switchover(private_server: PrivateServers) -> None:
    """Neither a standby without a receiver nor a change of roles is ill."""
    async with paired(private_server, archive_mode="on", archive_command="true") as pair:
        await fed_from_an_archive(private_server, pair)
        await switched_over(pair)


async def fed_from_an_archive(servers: PrivateServers, pair: Pair) -> None:
    """It has no receiver and is no lost link; its lag is what is not in the archive yet."""
    primary = pair.primary.server
    archive = primary.owner.place(primary.folder / "archive")
    primary.configure({"archive_mode": "on", "archive_command": f"cp %p {archive}/%f"})
    await asyncio.to_thread(primary.restart)
    fed = Watched(
        servers.standby(primary, primary_conninfo="", restore_command=f"cp {archive}/%f %p"),
        "db3",
        pair.primary.memory,
    )
    await execute(primary, "INSERT INTO t VALUES (1)", "SELECT pg_switch_wal()")

    async def has_replayed() -> bool:
        await pair.look()
        assert pair.above
        snapshot = await fed.look(pair.above)
        verdicts = [verdict_of(finding, snapshot) for finding in CHAPTER]
        ill = [verdict.reason for verdict in verdicts if verdict.state is State.ill]
        assert ill == []
        lag = lag_of(snapshot)
        assert lag
        return await value(fed.server, "SELECT count(*) > 0 FROM t") is True

    await until(has_replayed, "the archive was replayed")
    fed.server.stop("immediate")


async def switched_over(pair: Pair) -> None:
    """Stopped in order, promoted, and back as a standby of the other."""
    primary, standby = pair.primary.server, pair.standby.server
    await asyncio.to_thread(primary.stop, "fast")
    assert await others(pair) == []
    standby.promote()
    assert await others(pair) == []
    (primary.data / "standby.signal").touch()
    primary.configure({"primary_conninfo": standby.dsn(), "cluster_name": "db1"})
    primary.start()
    streams = "SELECT count(*) = 1 FROM pg_stat_replication WHERE state = 'streaming'"
    async with connected(standby.dsn()) as connection:
        await until(lambda: connection.fetchval(streams), "the old primary follows")
    for _ in range(5):
        assert await others(pair) == []
        await asyncio.sleep(0.2)
    assert pair.above
    assert pair.above.row(wal_position).in_recovery
    assert pair.verdict(role_changed.finding, "db1").state is State.ill
    assert pair.verdict(role_changed.finding, "db2").state is State.ill


async def others(pair: Pair) -> list[str]:
    """What is ill besides the change of roles itself."""
    return [ill for ill in await pair.healthy() if not ill.startswith("role_changed")]
