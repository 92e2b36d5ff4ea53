"""The fast lane queries more often while sessions wait, within its budget."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import cast

import asyncpg
import pytest

from alerts.history.memory import Memory
from alerts.history.recorder import Recorder
from alerts.locks.graph import LockGraph
from collectors._base import Lane
from collectors.activity import Session as Activity
from collectors.activity import activity
from collectors.database_sizes import database_sizes
from collectors.locks import Lock, locks
from monitor.address import Address
from monitor.clock import Clock
from monitor.config.load import load
from monitor.config.model import settings_type
from monitor.config.watch_plan import plans
from monitor.exposition.store import Store
from monitor.fleet import Fleet
from monitor.polling.answers import Answers
from monitor.polling.burst import HURRIED, HURRY, LockBurst
from monitor.polling.glance import REFUSED, Glance, may_find_a_wait
from monitor.polling.lock_queues import GAP, LockTraffic
from monitor.polling.pacing import Pacing
from monitor.polling.round_log import RoundLog
from monitor.postgres.session import Session
from tests.fixtures.daemon import Watch
from tests.fixtures.farm import MONITOR
from tests.fixtures.lock_rows import lock
from tests.fixtures.postgres import Database, PrivateServers, connected
from tests.fixtures.session_rows import OURS, sessions
from tests.fixtures.until import until


@dataclass
class Stopwatch(Clock):
    """A clock that a test turns on."""

    time: float = 1_000.0

    def now(self) -> float:
        return self.time


def lane(clock: Clock, cost: float = 0.0) -> LockBurst:
    pacing = Pacing(dict.fromkeys(Lane, 1.0), 0.01)
    pacing.answered(activity, cost)
    recorder = Recorder()
    return LockBurst(clock, Answers(recorder), recorder, pacing, RoundLog())


def seen(one: LockBurst, rows: list[Lock]) -> None:
    """A look brought these locks."""
    at = one.clock.now()
    one.answers.take(locks, None, rows, at)
    one.round_log.of(activity).asked = one.round_log.of(locks).asked = at


async def looks_of(
    one: LockBurst, rows: list[Lock], monkeypatch: pytest.MonkeyPatch
) -> list[float]:
    """When it looks until the next ordinary round, by the stopwatch, from the ordinary one on."""
    clock, looks = cast(Stopwatch, one.clock), []
    began = clock.time

    async def pass_by(seconds: float) -> None:
        clock.time += seconds

    async def look() -> None:
        looks.append(round(clock.time - began, 3))
        seen(one, rows)

    seen(one, rows)
    monkeypatch.setattr(asyncio, "sleep", pass_by)
    await one.follow(look)
    assert one.round_log.of(activity).asked == began, "the next ordinary round is not put off"
    return looks


WAITING = [lock(1, "relation"), lock(2, "relation", 0.5)]


async def test_four_looks_a_second_while_somebody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ordinary one, and three between it and the next."""
    one = lane(Stopwatch())
    assert await looks_of(one, WAITING, monkeypatch) == [0.25, 0.5, 0.75]
    assert one.interval == HURRIED


async def test_none_between_while_nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """One look a second is enough to see the first waiter."""
    one = lane(Stopwatch())
    assert await looks_of(one, [], monkeypatch) == []
    assert one.interval == 1.0


@pytest.mark.parametrize(
    ("cost", "looks", "interval"),
    [(0.0018, [0.25, 0.5, 0.75], 0.25), (0.0030, [0.4, 0.8], 0.4), (0.0150, [], 2.0)],
)
async def test_dear_looks_are_rarer(
    cost: float, looks: list[float], interval: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three quarters of one percent of the time go into looking, whatever a look costs."""
    one = lane(Stopwatch(), cost)
    assert await looks_of(one, WAITING, monkeypatch) == looks
    assert one.interval == pytest.approx(interval)


async def test_while_it_hurries_the_others_get_less(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks between the rounds are paid for too; in peace their share is free again."""
    clock = Stopwatch()
    one = lane(clock)
    pacing = one.pacing
    pacing.answered(locks, 0.0015)
    pacing.answered(database_sizes, 1.0)
    at_one_a_second = 1.0 / pacing.of(database_sizes)
    await looks_of(one, WAITING, monkeypatch)
    assert 1.0 / pacing.of(database_sizes) == pytest.approx(at_one_a_second - 3 * 0.0015)
    clock.time += HURRY
    await looks_of(one, [], monkeypatch)
    pacing.rests(locks)
    assert 1.0 / pacing.of(database_sizes) == pytest.approx(0.01)


async def test_it_calms_down(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten seconds after the last waiter at the latest, and after two looks at nobody."""
    clock = Stopwatch()
    one = lane(clock)
    await looks_of(one, WAITING, monkeypatch)
    assert await looks_of(one, [], monkeypatch) == [0.25]
    assert await looks_of(one, [], monkeypatch) == []


async def test_in_distress_it_does_not_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that does not answer in time is not asked four times as often."""
    one = lane(Stopwatch())
    one.pacing.timed_out()
    assert await looks_of(one, WAITING, monkeypatch) == []


async def glances_of(
    one: LockBurst, waits: list[bool], monkeypatch: pytest.MonkeyPatch, cost: float = 0.0
) -> tuple[list[float], list[float]]:
    """When it glances until the next ordinary round, and when it looks, by the stopwatch."""
    clock, glances, looks = cast(Stopwatch, one.clock), list[float](), list[float]()
    began = clock.time

    async def pass_by(seconds: float) -> None:
        clock.time += seconds

    async def glance() -> bool:
        glances.append(round(clock.time - began, 3))
        one.glance.costs.append(cost)
        return waits.pop(0)

    async def look() -> None:
        looks.append(round(clock.time - began, 3))
        seen(one, WAITING)

    seen(one, [])
    monkeypatch.setattr(asyncio, "sleep", pass_by)
    await one.follow(look, glance)
    assert one.round_log.of(activity).asked == began, "the next ordinary round is not put off"
    return glances, looks


async def test_a_glance_between_two_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A deadlock lasts a second: who waits by then is looked at, and that goes on as ever."""
    one = lane(Stopwatch())
    assert await glances_of(one, [False], monkeypatch) == ([0.5], [])
    assert await glances_of(one, [True], monkeypatch) == ([0.5], [0.5, 0.75])
    one = lane(Stopwatch())
    one.pacing.timed_out()
    assert await glances_of(one, [], monkeypatch) == ([], []), "in distress there is none"


async def test_no_glance_where_nothing_works(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is idle costs no queries: one at work can't wait for another one."""
    one = lane(Stopwatch())
    ours = [OURS, replace(OURS, pid=2, is_self=False, state="idle", state_seconds=0.2)]
    one.answers.take(activity, None, [*ours, *sessions(40)], 0.0)
    assert await glances_of(one, [], monkeypatch) == ([], [])
    one.answers.take(activity, None, [*ours, *sessions(2, state_seconds=1)], 0.0)
    assert await glances_of(one, [False], monkeypatch) == ([0.5], [])


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (sessions(2), False),
        (sessions(1, xact_seconds=900.0), False),
        (sessions(2, xact_seconds=900.0), True),
        (sessions(2, state_seconds=9.9), True),
        (sessions(2, state_seconds=None), True),
        (sessions(2, backend_type=None, state_seconds=None), True),
        (sessions(2, backend_type="checkpointer", state_seconds=None), False),
        (sessions(2, backend_type="autovacuum worker", xact_seconds=1.0), True),
    ],
)
def test_sessions_at_work(rows: tuple[Activity, ...], expected: bool) -> None:
    """Two that work may meet; what is not told may be work."""
    assert may_find_a_wait((OURS, *rows)) is expected


async def test_dear_glances_are_rarer(monkeypatch: pytest.MonkeyPatch) -> None:
    """They take a small share of the budget, and what they take is not given to others."""
    one = lane(Stopwatch(), cost=0.015)
    assert await glances_of(one, [False] * 3, monkeypatch, 0.0008) == ([0.5, 1.0, 1.5], [])
    assert await glances_of(one, [False], monkeypatch, 0.0008) == ([1.0], [])
    assert one.pacing.glances == pytest.approx(0.0004)
    assert one.pacing.fast_budget == pytest.approx(0.0071)
    one.glance.costs.clear()
    one.glance.costs.append(0.9)
    assert await glances_of(one, [], monkeypatch) == ([], [])


def test_what_was_short_is_not_lost() -> None:
    """The worst of the last minute, and session-seconds that only grow."""
    traffic, crowd = LockTraffic(), LockGraph.of([*WAITING, lock(3, "relation", 0.4)])
    traffic.note(100.0, LockGraph.of(()))
    traffic.note(101.0, crowd)
    traffic.note(101.5, LockGraph.of(()))
    assert (traffic.most.waiting, traffic.most.chain, traffic.most.fan_in) == (2, 3, 2)
    assert traffic.waiting_seconds == pytest.approx(1.0)
    assert traffic.chain_seconds == pytest.approx(1.5)
    traffic.note(162.0, LockGraph.of(()))
    assert traffic.most.waiting == 0
    assert traffic.fan_in_seconds == pytest.approx(1.0)


def test_scrapes_that_are_far_apart_miss_nothing() -> None:
    """The worst is remembered for two of their intervals, and taken away by none of them."""
    one = lane(Stopwatch())
    one.remember(240.0)
    one.traffic.note(100.0, LockGraph.of(WAITING))
    one.traffic.note(330.0, LockGraph.of(()))
    assert [one.traffic.most.waiting for _ in range(2)] == [1, 1]
    one.remember(30.0)
    one.traffic.note(331.0, LockGraph.of(()))
    assert one.traffic.most.waiting == 0


def test_looks_that_are_far_apart_are_counted_in_full() -> None:
    """A stretched pace is no gap: what the last look showed is all that is known until the next."""
    traffic, crowd = LockTraffic(), LockGraph.of(WAITING)
    traffic.note(100.0, crowd, apart=8.0)
    traffic.note(108.0, crowd, apart=8.0)
    assert traffic.waiting_seconds == pytest.approx(8.0)


def test_time_in_which_nobody_looked_is_nobodys() -> None:
    """A server that did not answer for an hour did not wait for an hour."""
    traffic, crowd = LockTraffic(), LockGraph.of(WAITING)
    traffic.note(100.0, crowd)
    traffic.note(3700.0, crowd)
    assert traffic.waiting_seconds == pytest.approx(GAP)


@pytest.mark.versions(14, 18)
async def test_the_first_look_of_a_session_is_no_measure(database: Database) -> None:
    """The server plans the query and reads its catalogue then: what follows is far cheaper."""
    fleet = Fleet(Clock(), Memory(), Store())
    await fleet.follow(plans(load({"dsn": database.monitor_dsn}, {}, settings_type()), {}))
    [server] = fleet.servers.values()
    try:
        await server.round(Lane.fast)
        assert activity in server.answers.newest
        assert (activity, False) not in server.pacing.costs
        server.round_log.forget_times()
        await server.round(Lane.fast)
        assert (activity, False) in server.pacing.costs
    finally:
        await fleet.close()


@pytest.mark.versions(18)
async def test_a_slow_first_answer_does_not_make_looks_cheap(database: Database) -> None:
    """No answer takes less than the way there and back: what was measured once is put right."""
    session = await Session.open(Address.of(database.monitor_dsn, {}), None, 10, 20)
    try:
        session.link.round_trip = 60.0
        await session.fetch("select 1", 20)
        assert session.link.round_trip < 60
    finally:
        await session.close()


@pytest.mark.versions(18)
async def test_a_glance_that_fails_is_no_wait(database: Database) -> None:
    """It is not tried again for a while; a session that is lost is left to the next round."""
    clock = Stopwatch()
    glance = Glance(clock, RoundLog())
    session = await Session.open(Address.of(database.monitor_dsn, {}), None, 10, 20)
    try:
        await session.connection.execute("begin")
        with suppress(asyncpg.PostgresError):
            await session.connection.execute("select 1 / 0")
        assert not await glance.sees_a_wait(session, 20)
        assert (glance.between(1.0, 1.0), glance.cost) == (0, 0.0)
        clock.time += REFUSED
        assert glance.between(1.0, 1.0) == 1
    finally:
        await session.close()


@pytest.mark.versions(14, 18)
async def test_a_real_wait_is_looked_at_often_and_counted(
    private_server: PrivateServers, watch: Watch
) -> None:
    """Beside the ordinary schedule, on the session of the fast lane; then it calms down."""
    server = private_server()
    watched = await watch(server.dsn(user=MONITOR))
    await watched.until_seen()
    one = watched.server.burst

    async def glance() -> bool:
        assert watched.server.sessions.any
        return await one.glance.sees_a_wait(watched.server.sessions.any, 20)

    assert not await glance(), "sessions that sleep wait for no lock"
    async with connected(server.dsn()) as holder, connected(server.dsn()) as waiter:
        await holder.execute("create table t ()")
        await holder.execute("begin; lock table t")
        waiting = asyncio.create_task(waiter.execute("select from t"))

        async def hurries() -> bool:
            return one.interval < 1 and one.traffic.most.waiting == 1

        await until(hurries, "somebody is seen to wait")
        taken = one.traffic.recent[-1][0]

        async def looked_between() -> bool:
            """Closer together than the schedule itself ever comes."""
            times = [at for at, _ in one.traffic.recent if at >= taken]
            return any(later - at < 0.7 for at, later in pairwise(times))

        await until(looked_between, "it is looked at between the ordinary rounds")
        assert await glance()
        await holder.execute("commit")
        await waiting

        async def is_calm() -> bool:
            return one.interval == 1.0

        await until(is_calm, "it has calmed down")
        assert not await glance()
    assert one.glance.costs, "what it takes is known"
    assert one.traffic.waiting_seconds > 0
