"""The conversation under every fault: servers that are absent, hung, full, restarted, promoted."""

import asyncio
import contextlib

import asyncpg
import pytest

from alerts._base import Severity, State
from collectors._base import Role
from collectors.databases import databases
from collectors.user_tables import user_tables
from monitor.demo.launcher import Postgres
from monitor.postgres.errors import QueryFailure
from tests.fixtures.daemon import OURS, SessionCount, Watch, Watched, count_sessions
from tests.fixtures.farm import MONITOR
from tests.fixtures.postgres import PrivateServers, connected
from tests.fixtures.until import until

pytestmark = pytest.mark.versions(14, 18)
BUSY = 60.0
"""Seconds in which a busy machine ends the process of a session that we have left."""


def address(server: Postgres) -> str:
    return server.dsn("postgres", MONITOR)


async def test_a_server_that_is_absent_is_reported_and_taken_up_when_it_comes(
    private_server: PrivateServers, watch: Watch
) -> None:
    """Nobody listens: critical with the cause; then it starts, and is watched without our help."""
    server = private_server(start=False)
    watched = await watch(address(server))
    await until(watched.is_down, "it is known to be absent")
    assert watched.standing is not None
    assert watched.standing.cause == "absent"
    await until(ill(watched, "server_unreachable"), "that is a finding")
    for name in ("idle_in_transaction", "observer_blind"):
        verdict = watched.verdict(name)
        assert verdict.state is State.unknown
        assert verdict.reason.startswith("the server does not answer: ")
    server.start()
    await until(watched.is_up, "it is taken up")
    await until(healthy(watched, "server_unreachable"), "the finding goes")


async def test_a_hung_server_is_reported_and_then_found_well_again(
    private_server: PrivateServers, watch: Watch
) -> None:
    """SIGSTOP of every process: a hung server is no healthy server, and no lost one either."""
    server = private_server()
    watched = await watch(address(server))
    await watched.until_seen()
    server.freeze()
    await until(watched.is_down, "it is known to hang")
    assert watched.standing is not None
    assert watched.standing.cause == "hung"
    await until(ill(watched, "server_unreachable"), "that is a finding")

    async def counts() -> bool:
        return bool(watched.standing and (watched.standing.down_seconds or 0.0) > 1)

    await until(counts, "it is said for how long")
    sessions = watched.server.sessions
    before = sessions.fast.session
    server.thaw()
    await until(watched.is_up, "it answers again")
    assert sessions.fast.session is before


async def test_a_restart_is_recognised_and_old_facts_leave(
    private_server: PrivateServers, watch: Watch
) -> None:
    """While it is away there is no fact of it; afterwards there are fresh ones."""
    server = private_server()
    watched = await watch(address(server))
    await watched.until_seen()
    started = watched.server.identity_tracker.identity
    server.stop()
    await until(watched.is_down, "it is gone")
    await until(lambda: gone(watched), "its facts are gone")
    server.start()
    await until(watched.is_up, "it is back")
    await watched.until_seen()
    assert started is not None
    assert watched.server.identity_tracker.identity is not None
    assert watched.server.identity_tracker.identity.started != started.started


async def test_all_slots_taken_is_seen_from_the_warm_session(
    private_server: PrivateServers, watch: Watch
) -> None:
    """The last slot goes: critical, by the sessions we hold; ours for databases is given back."""
    server = private_server(max_connections=20, superuser_reserved_connections=3)
    watched = await watch(address(server))
    await watched.until_seen()
    crowd = await fill(server)
    await until(ill(watched, "connection_saturation"), "saturation is found")
    await until(critical(watched, "connection_saturation"), "and is critical")
    assert await watched.is_up()
    for one in crowd:
        await one.close()
    await until(healthy(watched, "connection_saturation"), "it is over")


async def test_slots_full_before_the_daemon_starts_is_told_from_a_dead_server(
    private_server: PrivateServers, watch: Watch
) -> None:
    """We never get in: the cause says so."""
    server = private_server(max_connections=8, superuser_reserved_connections=3)
    crowd = await fill(server)
    watched = await watch(address(server))
    await until(watched.is_down, "we are refused")
    assert watched.standing is not None
    assert watched.standing.cause == "slots_full"
    await until(ill(watched, "server_unreachable"), "that is a finding")
    for one in crowd:
        await one.close()
    await until(watched.is_up, "we get in")


async def test_a_promotion_is_seen_through_the_open_session(
    private_server: PrivateServers, watch: Watch
) -> None:
    """A standby becomes the primary: its role changes without a new session."""
    primary = private_server()
    standby = private_server.standby(primary)
    watched = await watch(address(standby))
    await watched.until_seen()
    assert watched.server.node.role is Role.standby
    standby.promote()

    async def is_primary() -> bool:
        return watched.server.node.role is Role.primary

    await until(is_primary, "it is a primary")


async def test_a_primary_killed_under_its_standby_leaves_the_standby_watched(
    private_server: PrivateServers, watch: Watch
) -> None:
    """Kill -9 of one server says nothing about the other."""
    primary = private_server()
    standby = private_server.standby(primary)
    of_primary, of_standby = await watch(address(primary)), await watch(address(standby))
    await of_primary.until_seen()
    await of_standby.until_seen()
    primary.kill()
    await until(of_primary.is_down, "the primary is known to be dead")
    assert await of_standby.is_up()


async def test_a_database_can_be_dropped_under_us(
    private_server: PrivateServers, watch: Watch
) -> None:
    """DROP DATABASE works beside us, and what was known of the database leaves."""
    server = private_server()
    async with connected(server.dsn()) as admin:
        await admin.execute("create database shop")
        async with connected(server.dsn("shop")) as shop:
            await shop.execute("create table t (id int)")
        watched = await watch(address(server))
        await watched.until_seen()

        async def knows_shop() -> bool:
            answer = watched.server.answers.newest.get(user_tables)
            return any(row.datname == "shop" for row in (answer.rows if answer else ()))

        async def forgot_shop() -> bool:
            return not await knows_shop()

        async def drops() -> bool:
            try:
                await admin.execute("drop database shop")
            except asyncpg.ObjectInUseError:
                return False
            return True

        await until(knows_shop, "the table is known")
        await until(drops, "the database can be dropped")
        await until(forgot_shop, "it is forgotten")
    assert databases in watched.server.answers.newest
    assert "shop" not in watched.server.databases.names


async def test_an_address_that_names_no_database_is_told(
    private_server: PrivateServers, watch: Watch
) -> None:
    """All others are watched as ever, and the one that somebody meant is not called well."""
    server = private_server()
    watched = await watch(server.dsn("nonesuch", user=MONITOR))
    await watched.until_seen()
    verdict = watched.verdict("index_unused")
    assert verdict.state is State.unknown
    [unjudged] = [one for one in verdict.unjudged if one.database == "nonesuch"]
    assert unjudged.reason == "the address names the database nonesuch, which does not exist"


async def test_there_are_never_more_than_three_sessions(
    private_server: PrivateServers, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted every 10 ms: over many databases, renewals, probes, and a restart."""
    monkeypatch.setattr("monitor.postgres.session.GRACE", BUSY)
    monkeypatch.setattr("monitor.postgres.standing.LIFE", 0.5)
    monkeypatch.setattr("monitor.polling.slot_probe.PROBE", 0.0)
    server = private_server()
    async with connected(server.dsn()) as admin:
        for name in ("a", "b", "c"):
            await admin.execute(f"create database {name}")
    count = SessionCount()
    counting = asyncio.create_task(count_sessions(server.dsn(), count))
    watched = await watch(address(server))
    await watched.until_seen()
    first = watched.server.sessions.fast.session

    async def renewed() -> bool:
        session = watched.server.sessions.fast.session
        return session is not None and session is not first

    await until(renewed, "a standing session is renewed")
    server.restart()
    await until(watched.is_up, "it is back")
    await watched.until_seen()
    counting.cancel()
    await asyncio.wait([counting])
    assert count.looks > 50
    assert 2 <= count.most <= 3


async def test_nothing_of_ours_is_left_when_we_stop(
    private_server: PrivateServers, watch: Watch
) -> None:
    """Stopped, we hold no session, and one that is still being used is lost, which is no defect."""
    server = private_server()
    watched = await watch(address(server))
    await watched.until_seen()
    session = watched.server.sessions.any
    assert session is not None
    watched.schedule.stop()
    await watched.fleet.close()
    async with connected(server.dsn()) as admin:

        async def none_left() -> bool:
            return bool(await admin.fetchval(OURS) == 0)

        await until(none_left, "no session of ours is left")
    with pytest.raises(QueryFailure, match="connection is closed"):
        await session.fetch("select 1", 1.0)
    assert session.lost


async def fill(server: Postgres) -> "list[asyncpg.Connection[asyncpg.Record]]":
    """Ordinary sessions until no more is given."""
    async with connected(server.dsn()) as admin:
        await admin.execute("create role crowd login")
    crowd = []
    with contextlib.suppress(asyncpg.TooManyConnectionsError):
        while True:
            crowd.append(await asyncpg.connect(server.dsn("postgres", "crowd")))
    return crowd


async def gone(watched: Watched) -> bool:
    return not any(collector.sql for collector in watched.server.answers.newest)


def ill(watched: Watched, finding: str):  # type: ignore[no-untyped-def]
    return state_is(watched, finding, State.ill)


def healthy(watched: Watched, finding: str):  # type: ignore[no-untyped-def]
    return state_is(watched, finding, State.healthy)


def state_is(watched: Watched, finding: str, state: State):  # type: ignore[no-untyped-def]
    async def ask() -> bool:
        return watched.verdict(finding).state is state

    return ask


def critical(watched: Watched, finding: str):  # type: ignore[no-untyped-def]
    async def ask() -> bool:
        return watched.verdict(finding).severity is Severity.critical

    return ask


async def test_a_session_that_hangs_for_long_is_given_up_and_replaced(
    private_server: PrivateServers, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Past the deadline the session is dropped; when the server answers, a new one is opened."""
    monkeypatch.setattr("monitor.config.watch_plan.HUNG", 2.0)
    server = private_server()
    watched = await watch(address(server), deadline="1s")
    await watched.until_seen()
    first = watched.server.sessions.fast.session
    count = SessionCount()
    server.freeze()

    async def given_up() -> bool:
        return watched.server.sessions.fast.session is not first

    await until(given_up, "the silent session is given up")
    assert await watched.is_down()
    server.thaw()
    counting = asyncio.create_task(count_sessions(server.dsn(), count))
    await until(watched.is_up, "a new session answers")
    await watched.until_seen()
    counting.cancel()
    await asyncio.wait([counting])
    assert count.most <= 3
