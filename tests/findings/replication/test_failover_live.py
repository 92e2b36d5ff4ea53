"""A failover: what readiness promises is what the promoted standby has; and what follows it."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from alerts._base import Severity, State
from alerts.findings.replication import failover_readiness, role_changed, two_primaries
from alerts.replication.measure import lag_of
from alerts.replication.readiness import Readiness, readiness_of
from alerts.snapshot import Snapshot
from collectors.wal_position import wal_position
from monitor.commands.failover import NOT_READY, show
from monitor.config.load import load
from monitor.config.model import settings_type
from monitor.reports.failover import candidates, failover_table
from tests.fixtures.farm import MONITOR, Farm
from tests.fixtures.postgres import PrivateServers, Psql, connected
from tests.fixtures.replication import (
    Pair,
    Truth,
    Watched,
    execute,
    heartbeat,
    paired,
)
from tests.fixtures.until import until

LIMITS = failover_readiness.Limits()
LATE = 1.5
"""Seconds between two looks, on a slow machine."""
DEBIAN_REWIND = Path("/usr/lib/postgresql/15/bin/pg_rewind")


@pytest.mark.versions(14, 15, 18)
async def test_failover(
    private_server: PrivateServers, farm: Farm, paste: Psql, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ready, then cut off, then promoted without its primary; the old one comes back twice."""
    async with paired(private_server) as pair:
        primary, standby = pair.primary.server, pair.standby.server
        third = Watched(private_server.standby(standby, cluster_name="db3"), "db3")
        await execute(
            primary, "ALTER SYSTEM SET wal_level = 'logical'", "ALTER SYSTEM SET wal_log_hints = on"
        )
        await execute(standby, "ALTER SYSTEM SET wal_level = 'logical'")
        await asyncio.to_thread(primary.restart)
        standby.restart()
        await execute(
            primary, "SELECT pg_create_logical_replication_slot('orders', 'test_decoding')"
        )
        await pair.until(failover_readiness.finding, State.ill, Severity.info)
        assert (await one(pair)).breaks == (
            "logical slot orders is not ready here: its subscriber loses changes",
        )
        assert await printed(pair, capsys) == 0
        assert "breaks: logical slot orders" in capsys.readouterr().out
        assert await printed(pair, capsys, ("db1",)) == NOT_READY, "a paused one looks the same"
        assert "not known: it is not watched" in capsys.readouterr().out
        await lose_the_primary(pair)
        promoted = await pair.until(role_changed.finding, State.ill, Severity.warning)
        facts = promoted.subjects[0].evidence.facts
        assert facts["lost_logical_slots"] == "orders"
        assert facts["cache_misses_share"] is not None

        async def follows() -> bool:
            _, below = await pair.look()
            assert below
            snapshot = await third.look(replace(below, peers=()))
            lag = lag_of(snapshot)
            return bool(lag and lag.lag_seconds == 0) and is_on(snapshot, 2)

        await until(follows, "the third follows the new timeline")
        primary.start()
        split = await pair.until(two_primaries.finding, State.ill, Severity.critical)
        evidence = split.subjects[0].evidence
        assert evidence.facts["were_standbys"] == "db2"
        await paste(standby.dsn(), "\n".join((evidence.check, *evidence.cure)))
        await asyncio.to_thread(primary.stop, "fast")
        if rewind := rewind_of(private_server.version, farm):
            await rewound(pair, rewind)


def rewind_of(version: int, farm: Farm) -> Path | None:
    """pg_rewind of that version, which only the wheel and Debian's PostgreSQL 15 have."""
    if version == farm.wheel.major():
        return farm.wheel.program("pg_rewind")
    return DEBIAN_REWIND if version == 15 and DEBIAN_REWIND.exists() else None


async def rewound(pair: Pair, rewind: Path) -> None:
    """The old primary forgets what it wrote alone, and follows the new one."""
    old, new = pair.primary.server, pair.standby.server
    target = f"--target-pgdata={old.data}"
    await execute(new, "CHECKPOINT")  # without it, 15 finds nothing to rewind
    old.owner.run([rewind, target, f"--source-server={new.dsn()}", "--no-sync"])
    (old.data / "standby.signal").touch()
    old.configure({"primary_conninfo": new.dsn(), "cluster_name": "db1"})
    old.start()

    async def follows() -> bool:
        above, _ = await pair.look()
        assert above
        lag = lag_of(above)
        return bool(lag and lag.lag_seconds == 0) and above.row(wal_position).in_recovery

    await until(follows, "the old primary follows the new one")
    told = {ill.split(":")[0] for ill in await pair.healthy()}
    assert told == {"role_changed on db1", "role_changed on db2"}


async def printed(
    pair: Pair, capsys: pytest.CaptureFixture[str], names: Sequence[str] = ("db1", "db2")
) -> int:
    """What the command prints about these, and its exit status."""
    capsys.readouterr()
    servers = {"db1": pair.primary.server, "db2": pair.standby.server}
    flags = {f"servers.{name}.dsn": servers[name].dsn(user=MONITOR) for name in names}
    return await show(load(flags, {}, settings_type()))


def is_on(snapshot: Snapshot, timeline: int) -> bool:
    return snapshot.row(wal_position).timeline == timeline


async def lose_the_primary(pair: Pair) -> None:
    """The link swallows WAL for a while, then the primary dies: just that is lost."""
    primary, standby = pair.primary.server, pair.standby.server
    async with heartbeat(pair, 0.02) as truth:
        await until(lambda: has_beaten(truth, 20), "some rows are written")
        pair.link.swallows = True
        begun = time.monotonic()
        while time.monotonic() - begun < 3:
            await pair.look()
            await asyncio.sleep(0.1)
        before = time.time()
        promised = await one(pair)
        after = time.time()
        assert promised.primary == "db1"
        truth.writes.clear()
        await asyncio.sleep(0.1)
        await pair.look()
        primary.kill()
        pair.above = None
        standby.promote()
    async with connected(standby.dsn()) as survivor:
        shown = await survivor.fetchval("SELECT max(a) FROM beat")
    first_lost = next(at for number, at in truth.written if number > shown)
    assert promised.lost_seconds is not None
    assert before - first_lost - LATE < promised.lost_seconds < after - first_lost + LATE
    assert promised.lost_bytes
    table = failover_table([promised])
    assert "db2" in table


async def has_beaten(truth: Truth, times: int) -> bool:
    return len(truth.written) >= times


async def one(pair: Pair) -> Readiness:
    """What is said of the standby, with its primary beside it."""
    above, below = await pair.look()
    assert above
    assert below
    [found] = [c for c in candidates([(below, LIMITS)]) if c.candidate == "db2"]
    assert found == readiness_of(below, LIMITS.lost.total_seconds(), LIMITS.lost_bytes)
    return found
