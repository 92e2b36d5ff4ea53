"""Crowding: paces of all servers are stretched alike while the event loop has no time to spare."""

from collections.abc import Iterable

import pytest

from collectors._base import Collector, Lane
from collectors.activity import activity
from monitor.crowding import AFTER, EASY, FULL, Crowding
from monitor.demo.launcher import Postgres
from monitor.heartbeat import Shares
from monitor.polling.pacing import STRETCH, WAITED_FOR, Pacing
from tests.fixtures.daemon import Watch
from tests.fixtures.farm import MONITOR

LANES = {Lane.fast: 1.0, Lane.normal: 15.0, Lane.table: 30.0, Lane.slow: 300.0, Lane.daily: 3600.0}


def after(shares: Iterable[float | None]) -> Crowding:
    crowding = Crowding()
    for number, share in enumerate(shares):
        crowding.look(share, 10.0 * number)
    return crowding


@pytest.mark.parametrize("shares", [[FULL] * 30, [0.99] * (AFTER - 1), [0.99, 0.99, 0.5] * 9])
def test_a_loop_with_time_to_spare_or_at_its_start_stretches_nothing(shares: list[float]) -> None:
    crowding = after(shares)
    assert (crowding.factor, crowding.seconds(1000.0)) == (1.0, None)


def test_an_unknown_share_stretches_nothing() -> None:
    """Without the counters of the kernel nothing is known of a lack of time."""
    assert after([None] * 30).factor == 1.0


def test_a_full_loop_stretches_more_and_more_up_to_the_most() -> None:
    factors = [after([0.95] * looks).factor for looks in range(AFTER - 1, 20)]
    assert factors == sorted(factors)
    assert factors[0] == 1.0 < factors[1] < factors[-1] == STRETCH
    assert after([0.95] * 20).seconds(300.0) == 300.0 - 10.0 * (AFTER - 1)


def test_it_settles_between_full_and_easy() -> None:
    """Twice the work that a core does, half of which is done at the paces."""
    crowding, share = Crowding(), 1.0
    for look in range(60):
        share = min(1.0, 0.2 + 1.2 / crowding.factor)
        crowding.look(share, 10.0 * look)
    assert EASY <= share <= FULL
    assert crowding.factor > 2


def test_the_paces_come_back_once_the_servers_are_fewer() -> None:
    crowding = after([0.95] * 20)
    for look in range(30):
        crowding.look(0.3, 200.0 + 10.0 * look)
    assert (crowding.factor, crowding.seconds(1000.0)) == (1.0, None)


def test_prompt_lanes_are_stretched_and_no_cost_of_the_server_is_blamed() -> None:
    pacing = Pacing(LANES, 0.01)
    asked = {lane: Collector(row=Shares, lane=lane, sql={140000: "select"}) for lane in Lane}
    pacing.crowded(2.5)
    assert {lane: pacing.of(one) for lane, one in asked.items()} == {
        Lane.fast: 2.5,
        Lane.normal: 37.5,
        Lane.table: 75.0,
        Lane.slow: 300.0,
        Lane.daily: 3600.0,
    }
    assert all(pacing.ordinary(one) == pacing.of(one) for one in asked.values())
    assert pacing.unstretched(asked[Lane.fast]) == 1.0


def test_a_lane_is_never_stretched_further_by_both_reasons() -> None:
    """Neither four times a pace nor 3 s while a session waits are exceeded."""
    pacing, fast = (
        Pacing(LANES, 0.01),
        Collector(row=Shares, lane=Lane.fast, sql={140000: "select"}),
    )
    pacing.answered(fast, 60.0)
    pacing.crowded(STRETCH)
    assert pacing.of(fast) == STRETCH
    pacing.asks_between({fast: 0.25})
    assert pacing.of(fast) == WAITED_FOR


@pytest.mark.versions(18)
async def test_a_crowded_loop_asks_a_real_server_more_rarely(
    server: Postgres, watch: Watch
) -> None:
    watched = await watch(server.dsn(user=MONITOR), **{"paces.fast": "1s"})
    fleet = watched.fleet
    fleet.heart.stop()
    fleet.heart.shares = Shares(run=0.95)
    for _ in range(AFTER + 5):
        await fleet.spare_the_loop()
    [monitor] = fleet.servers.values()
    assert monitor.pacing.of(activity) == STRETCH
    fleet.heart.shares = Shares(run=0.2)
    for _ in range(30):
        await fleet.spare_the_loop()
    assert monitor.pacing.of(activity) == 1.0
