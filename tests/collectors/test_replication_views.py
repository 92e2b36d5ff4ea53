"""replication, wal_receiver, wal_position: what each role says, and never 0 for unknown."""

from collections.abc import Callable

import pytest

from alerts.history.recorder import Recorder
from alerts.replication.measure import lag_of
from alerts.replication.timeline import TIMELINE
from alerts.snapshot import Snapshot
from collectors._base import AnyCollector
from collectors.replication import replication
from collectors.standby_lag import standby_lag
from collectors.wal_position import wal_position
from collectors.wal_receiver import wal_receiver
from monitor.demo.launcher import Postgres
from tests.fixtures.farm import MONITOR
from tests.fixtures.one_look import look, supplied, watching
from tests.fixtures.postgres import connected
from tests.fixtures.until import until


async def seen(server: Postgres) -> Snapshot:
    async with watching(dsn=server.dsn(user=MONITOR)) as session:
        recorder = Recorder((TIMELINE,))
        snapshot = await look(session, wal_position, wal_receiver, replication, recorder=recorder)
        lag = lag_of(snapshot)
        return supplied(snapshot, standby_lag, [lag] if lag else [])


def values(snapshot: Snapshot, collector: AnyCollector, name: str) -> list[object]:
    metric = next(m for m in collector.metrics if m.name == name)
    return [value for _, value in metric.samples(snapshot.rows(collector)) if value is not None]


async def test_both_ends_of_a_link(
    private_server: Callable[..., Postgres], standby: Callable[..., Postgres]
) -> None:
    """Each end names the other, on every version; positions are the same bytes on both."""
    primary = private_server()
    second = standby(primary, slot="second", cluster_name="a b=c")

    async def streaming() -> bool:
        rows = (await seen(primary)).rows(replication)
        return [row.state for row in rows] == ["streaming"] and bool(rows[0].replay_lsn)

    await until(streaming, "the standby streams")
    below, above = await seen(second), await seen(primary)
    [receiver] = above.rows(replication)
    link, here, there = below.row(wal_receiver), below.row(wal_position), above.row(wal_position)
    assert (receiver.slot_name, receiver.slot_type) == ("second", "physical")
    assert receiver.application_name == link.application_name == "a b=c"
    assert (link.status, link.slot_name, link.has_upstream) == ("streaming", "second", True)
    assert (there.in_recovery, here.in_recovery) == (False, True)
    assert there.timeline == here.timeline == 1
    # The primary was asked after its standby, and may have written in between.
    assert here.replay_lsn is not None
    assert here.lsn is not None
    assert there.lsn is not None
    assert here.replay_lsn <= here.lsn <= there.lsn
    assert values(above, wal_position, "pg_replication_is_replica") == [False]
    assert values(below, wal_position, "pg_replication_is_replica") == [True]
    assert values(below, wal_position, "pg_xlog_position_bytes") == [here.lsn]
    assert values(below, wal_receiver, "pg_stat_wal_receiver_status") == [2]
    assert below.rows(replication) == ()

    async def level() -> bool:
        return values(await seen(second), standby_lag, "pg_replication_lag_seconds") == [0.0]

    await until(level, "what the standby received is replayed")


@pytest.mark.versions(14, 18)
async def test_settings_come_in_seconds(
    private_server: Callable[..., Postgres], standby: Callable[..., Postgres]
) -> None:
    """Whatever the unit in postgresql.conf."""
    second = standby(
        private_server(), recovery_min_apply_delay="1500ms", wal_receiver_timeout="2min"
    )
    link = (await seen(second)).row(wal_receiver)
    assert (link.apply_delay_seconds, link.timeout_seconds) == (1.5, 120.0)
    assert (link.pause_state, link.has_archive) == ("not paused", False)


@pytest.mark.versions(14, 18)
async def test_without_a_receiver_there_is_still_one_row(
    private_server: Callable[..., Postgres], standby: Callable[..., Postgres]
) -> None:
    """A dead link is a fact: one row that says so, and no lag of 0."""
    primary = private_server()
    second = standby(primary)
    primary.kill()

    async def cut() -> bool:
        return (await seen(second)).row(wal_receiver).pid is None

    await until(cut, "the receiver is gone")
    snapshot = await seen(second)
    assert snapshot.row(wal_receiver).seen is None
    assert not snapshot.row(wal_position).receiving
    assert values(snapshot, standby_lag, "pg_replication_lag_seconds") == []
    assert values(snapshot, standby_lag, "pg_stat_wal_receiver_up") == [False]
    assert values(snapshot, wal_receiver, "pg_stat_wal_receiver_latest_end_lsn") == []


@pytest.mark.versions(14, 18)
async def test_a_promoted_standby_is_a_primary_on_a_new_timeline(
    private_server: Callable[..., Postgres], standby: Callable[..., Postgres]
) -> None:
    """The same query says it from one moment to the next; what was on its way doesn't fail."""
    primary = private_server()
    second = standby(primary)
    second.promote()
    snapshot = await seen(second)
    here = snapshot.row(wal_position)
    assert (here.in_recovery, here.timeline, here.replay_lsn) == (False, 2, None)
    assert not snapshot.has(wal_receiver)
    async with connected(second.dsn()) as connection:
        [row] = await connection.fetch(wal_receiver.query(140000) or "")
    assert row["pause_state"] == "not paused"


@pytest.mark.versions(14, 18)
async def test_a_cascade_passes_on_what_it_received(
    private_server: Callable[..., Postgres], standby: Callable[..., Postgres]
) -> None:
    """A standby has no current WAL position to ask for; asking must not fail there."""
    second = standby(private_server())
    third = standby(second)
    async with connected(third.dsn()) as connection:
        assert await connection.fetchval("SELECT pg_is_in_recovery()")

    async def streaming() -> bool:
        rows = (await seen(second)).rows(replication)
        return bool(rows) and rows[0].behind(rows[0].replay_lsn) == 0

    await until(streaming, "the third has everything the second has")
