"""The measured lag of a standby against a heartbeat row, in each phase of a link's life.

| phase | where it is made real |
|---|---|
| idle, steady writes, paused (writes, idle), resumed | test_each_phase |
| walreceiver stopped, walsender stopped, link that swallows | test_each_phase, test_links_live.py |
| no receiver (writes, idle), connected again | test_each_phase, test_links_live.py |
| clock of the standby off by an hour | test_each_phase |
| primary killed, promotion, timeline switch, pg_rewind | test_failover_live.py |
| planned switchover, standby fed from an archive | test_quiet_live.py |
| cascade, delayed standby, pg_receivewal | test_replica_lag_live.py |
| base backup, query in the way, synchronous quorum | test_standby_trouble.py |
| inactive slot, slot lost, no sender or slot free | test_slots_live.py |
| disabled subscription, duplicate key | test_logical_live.py |
| archive command that fails, hangs, or keeps nothing | ../wal/test_archive_live.py |
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from alerts.replication.lag import lag_of_receiver
from alerts.replication.measure import lag_of
from alerts.replication.stages import Stage, backlog_of_standby
from alerts.replication.watched import unwatched
from alerts.snapshot import Snapshot
from collectors.replication import Receiver, replication
from collectors.standby_lag import StandbyLag
from collectors.wal_position import wal_position
from collectors.wal_receiver import wal_receiver
from tests.fixtures.replication import Pair, Truth, execute, heartbeat, stopped, value
from tests.fixtures.until import until

LATE = 1.0
"""Seconds that two polls of this test, and a slow machine, may take."""
PHASE = 2.0
"""Seconds of a phase that are compared with the truth."""
SKEW = 3600.0
"""Seconds by which a standby's clock may be off without any effect."""


@asynccontextmanager
async def phase(pair: Pair, truth: Truth, seconds: float = PHASE) -> AsyncIterator[None]:
    """Compare the figures with the truth for a while, at every poll."""
    begun = time.monotonic()
    while time.monotonic() - begun < seconds:
        await compare(pair, truth)
        await asyncio.sleep(0.2)
    yield
    await compare(pair, truth)


async def compare(pair: Pair, truth: Truth) -> StandbyLag:
    """The figures, of both together and of the primary alone, are true to two polls."""
    before = await truth.lag()
    begun = time.monotonic()
    snapshot = await seen(pair)
    after = await truth.lag()
    took = time.monotonic() - begun
    lag = lag_of(snapshot)
    assert lag is not None
    assert lag.lag_seconds is not None, "both are watched"
    least, most = min(before, after) - took - LATE, max(before, after) + took + LATE
    assert least <= lag.lag_seconds <= most
    assert lag_of(by_another_clock(snapshot)) == lag
    assert pair.above
    for receiver in unwatched(replace(pair.above, peers=())):
        seen_above = lag_of_receiver(pair.above, receiver)
        assert lag_of_receiver(pair.above, later_reply(receiver)) == seen_above
        assert seen_above
        assert least <= seen_above.seconds <= most, "seen from the primary alone"
    return lag


async def seen(pair: Pair) -> Snapshot:
    _, below = await pair.look()
    assert below
    return below


def by_another_clock(snapshot: Snapshot) -> Snapshot:
    """The same answers as a standby gives them whose clock is an hour ahead."""
    here, link = snapshot.row(wal_position), snapshot.row(wal_receiver)
    here = replace(here, replayed_xact_seconds=shifted(here.replayed_xact_seconds))
    link = replace(
        link,
        last_msg_receipt_time=shifted(link.last_msg_receipt_time),
        seen=shifted(link.seen),
    )
    answers = {
        **snapshot.answers,
        wal_position: replace(snapshot.answer(wal_position), rows=(here,)),
        wal_receiver: replace(snapshot.answer(wal_receiver), rows=(link,)),
    }
    return replace(snapshot, answers=answers)


def later_reply(receiver: Receiver) -> Receiver:
    return replace(receiver, reply_time=shifted(receiver.reply_time))


def shifted(seconds: float | None) -> float | None:
    return None if seconds is None else seconds + SKEW


async def slow_stage(pair: Pair) -> Stage | None:
    return backlog_of_standby(await seen(pair)).slowest


@pytest.mark.versions(14, 18)
async def test_each_phase(pair: Pair) -> None:
    """Figures are those of the heartbeat, the stage is the one that was blocked."""
    primary, standby = pair.primary.server, pair.standby.server
    async with heartbeat(pair) as truth:
        truth.writes.clear()
        async with phase(pair, truth, 1):
            pass  # idle
        truth.writes.set()
        async with phase(pair, truth):
            pass  # steady writes
        await execute(standby, "SELECT pg_wal_replay_pause()")
        async with phase(pair, truth):
            assert await slow_stage(pair) is Stage.replay
            truth.writes.clear()  # paused, and idle
            await compare(pair, truth)
        await execute(standby, "SELECT pg_wal_replay_resume()")
        await until(lambda: is_level(truth), "everything is replayed")
        async with phase(pair, truth, 1):
            pass  # resumed, and idle
        truth.writes.set()

        receiver = await value(standby, "SELECT pid FROM pg_stat_wal_receiver")
        assert isinstance(receiver, int)
        with stopped(receiver):
            async with phase(pair, truth):
                assert await slow_stage(pair) in (Stage.receive, Stage.send)
            alone = lag_of(replace(await seen(pair), peers=()))
            assert alone
            assert alone.lag_seconds != 0 or await truth.lag() < 30
        await until(lambda: is_level(truth), "everything is replayed")
        # Else the report of it may wait in the sender that is stopped next.
        await until(lambda: is_known_above(pair), "the primary knows it")

        sender = await value(primary, "SELECT pid FROM pg_stat_replication")
        assert isinstance(sender, int)
        with stopped(sender):
            async with phase(pair, truth):
                assert await slow_stage(pair) is Stage.send
        await until(lambda: is_level(truth), "everything is replayed")
        await until(lambda: is_known_above(pair), "the primary knows it")

        await connects_to(pair, pair.link.dsn.replace("port=5432", "port=1"))
        async with phase(pair, truth):
            assert await slow_stage(pair) is Stage.send
            truth.writes.clear()  # no receiver, and idle
            await compare(pair, truth)
        truth.writes.set()
        await connects_to(pair, pair.link.dsn)
        await until(lambda: is_level(truth), "it has connected again")
        async with phase(pair, truth, 1):
            pass

        pair.link.swallows = True
        async with phase(pair, truth):
            assert await slow_stage(pair) is Stage.receive
        pair.link.mend()
        await until(lambda: is_level(truth), "it has connected again")
        async with phase(pair, truth, 1):
            pass
    assert pair.above
    assert [row.application_name for row in pair.above.rows(replication)] == ["db2"]


async def connects_to(pair: Pair, dsn: str) -> None:
    where = f"ALTER SYSTEM SET primary_conninfo = '{dsn}'"
    await execute(pair.standby.server, where, "SELECT pg_reload_conf()")


async def is_level(truth: Truth) -> bool:
    return await truth.lag() < 0.2


async def is_known_above(pair: Pair) -> bool:
    """Whether the primary has been told what the standby has replayed."""
    await seen(pair)
    assert pair.above
    receivers = list(unwatched(replace(pair.above, peers=())))
    lags = [lag_of_receiver(pair.above, receiver) for receiver in receivers]
    return bool(lags) and all(lag and lag.seconds < 0.5 for lag in lags)
