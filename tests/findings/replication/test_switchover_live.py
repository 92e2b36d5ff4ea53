"""A planned switchover pages nobody, whatever a daemon watches; a crash does at once."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

import pytest

from alerts._base import Severity, State
from monitor.demo.launcher import Postgres
from tests.fixtures.daemon import Watch, Watched
from tests.fixtures.farm import MONITOR
from tests.fixtures.postgres import PrivateServers
from tests.fixtures.replication import value
from tests.fixtures.until import until

SETTINGS = {
    "paces.table": "1h",
    "paces.slow": "1h",
    "paces.daily": "1h",
    # The stop lasts longer than a server may only be starting.
    "findings.server_unreachable.restart": "1s",
    "findings.replica_missing.expected": "db1,db2",
}
STREAMS = "SELECT count(*) = 1 FROM pg_stat_replication WHERE state = 'streaming'"


def severities(daemons: Iterable[Watched], finding: str) -> set[tuple[str, Severity | None]]:
    """Of each watched server on which it is ill."""
    return {
        (name, verdict.severity)
        for daemon in daemons
        for name, server in daemon.fleet.servers.items()
        if (verdict := server.judging.verdicts.get(finding)) and verdict.state is State.ill
    }


def pages(daemons: Iterable[Watched]) -> list[str]:
    return [
        f"{name}: {verdict.finding.name}: {verdict.reason}"
        for daemon in daemons
        for name, server in daemon.fleet.servers.items()
        for verdict in server.judging.verdicts.values()
        if verdict.state is State.ill and verdict.severity is Severity.critical
    ]


def unpaged(daemons: list[Watched], condition: Callable[[], bool]) -> Callable[[], Awaitable[bool]]:
    async def holds() -> bool:
        assert pages(daemons) == []
        return condition()

    return holds


def follow(old: Postgres, new: Postgres) -> None:
    (old.data / "standby.signal").touch()
    old.configure({"primary_conninfo": new.dsn(), "recovery_target_timeline": "latest"})
    old.start()


@pytest.mark.versions(14, 18)
async def test_story_of_a_planned_switchover(private_server: PrivateServers, watch: Watch) -> None:
    """The old primary is stopped, its standby promoted, and it comes back as its standby."""
    old = private_server(cluster_name="db1", wal_keep_size="64MB")
    new = private_server.standby(old, cluster_name="db2")
    await until(lambda: value(old, STREAMS), "the standby streams")
    first, second = old.dsn(user=MONITOR), new.dsn(user=MONITOR)
    both = await watch(first, name="db1", others={"db2": second}, **SETTINGS)
    daemons = [
        both,
        await watch(first, name="db1", **SETTINGS),
        await watch(second, name="db2", **SETTINGS),
    ]
    for one in (*daemons, both.other("db2")):
        await until(one.is_up, "it is watched")

    def is_away() -> bool:
        """For a while, and both who watch it have judged that."""
        standings = [daemon.standing for daemon in daemons[:2]]
        told = [severities([daemon], "server_unreachable") for daemon in daemons[:2]]
        return all(one and (one.down_seconds or 0.0) > 2 for one in standings) and all(told)

    def is_replaced() -> bool:
        told = [s.evidence.facts for s in both.verdict("server_unreachable").subjects]
        return any(facts["promoted_since"] == "db2" for facts in told)

    def is_well() -> bool:
        return not severities(daemons, "server_unreachable") and severities(
            daemons, "role_changed"
        ) == {("db1", Severity.info), ("db2", Severity.info)}

    await asyncio.to_thread(old.stop, "fast")
    await until(unpaged(daemons, is_away), "the old primary has been away for a while")
    assert severities(daemons, "server_unreachable") == {("db1", Severity.warning)}
    await asyncio.to_thread(new.promote)
    await until(unpaged(daemons, is_replaced), "the promotion explains it")
    await asyncio.to_thread(follow, old, new)
    await until(unpaged(daemons, is_well), "both are there, in their new roles")
    await until(lambda: value(new, STREAMS), "the old primary follows the new one")
    assert pages(daemons) == []
    new.kill()

    def is_paged() -> bool:
        return severities(daemons[::2], "server_unreachable") == {("db2", Severity.critical)}

    async def crashed() -> bool:
        return is_paged()

    await until(crashed, "a crash is critical")
