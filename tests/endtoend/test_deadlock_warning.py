"""From two sessions that meet to a warning on the page, by the daemon's own schedule."""

import asyncio
import time

import pytest

from alerts._base import Severity, State
from alerts.locks.order import LOCK_ORDER
from monitor.fleet import view
from monitor.views.overview import Overview
from monitor.web.locks_page import locks_page
from tests.fixtures.daemon import Watch
from tests.fixtures.farm import MONITOR
from tests.fixtures.postgres import PrivateServers, connected
from tests.fixtures.until import until

TABLES = """
    create table stock (id int primary key, n int); insert into stock values (1, 0), (2, 0);
    create table bookings (id int primary key, n int); insert into bookings values (1, 0), (2, 0);
"""


@pytest.mark.versions(14, 16, 18)
async def test_a_pair_that_meets_is_warned_of_without_a_deadlock(
    private_server: PrivateServers, watch: Watch
) -> None:
    """Both statements, on the server's page of locks too; and no deadlock was needed."""
    server = private_server()
    async with connected(server.dsn()) as admin:
        await admin.execute("create database shop")
    async with (
        connected(server.dsn("shop"), application_name="checkout") as forth,
        connected(server.dsn("shop"), application_name="returns") as back,
    ):
        await forth.execute(TABLES)
        watched = await watch(server.dsn(user=MONITOR))
        await watched.until_seen()
        assert watched.verdict("deadlock_risk").state is State.healthy
        await forth.execute("begin")
        await forth.execute("update stock set n = n - 1 where id = 2")
        contest = asyncio.create_task(back.execute("update stock set n = n + 1 where id = 2"))

        named: list[float] = []

        async def contested() -> bool:
            learned = watched.server.answers.recorder.view(LOCK_ORDER, time.time())
            if learned is None or learned.nameless or not learned.graph.waits:
                return False
            named.append(learned.learned_at or 0.0)
            return named[-1] > named[0]  # a look since its name is known

        await until(contested, "it is learned that rows of stock are waited for")
        await forth.execute("commit")
        await contest
        assert watched.verdict("deadlock_risk").state is State.healthy
        await back.execute("begin")
        await back.execute("update bookings set n = n + 1 where id = 1")
        await forth.execute("begin")
        await forth.execute("update stock set n = n - 1 where id = 1")
        waiting = asyncio.create_task(forth.execute("update bookings set n = 5 where id = 1"))

        async def blocked() -> bool:
            learned = watched.server.answers.recorder.view(LOCK_ORDER, time.time())
            return bool(learned and forth.get_server_pid() in learned.graph.waits)

        await until(blocked, "it is seen that forth waits")
        await back.execute("update stock set n = n + 1 where id = 2")

        async def warned() -> bool:
            return watched.verdict("deadlock_risk").severity is Severity.warning

        await until(warned, "it is warned of")
        await back.execute("commit")
        await waiting
        await forth.execute("commit")
        shown = view(watched.server)
        deadlocks = "select sum(deadlocks)::int from pg_stat_database"
        assert await forth.fetchval(deadlocks) == 0
    [subject] = shown.verdicts["deadlock_risk"].subjects
    assert subject.evidence.subject == "public.bookings and public.stock"
    assert subject.evidence.database == "shop"
    assert subject.evidence.facts["waited_application"] == "checkout"
    assert subject.evidence.facts["had_it_application"] == "returns"
    assert shown.queues
    assert shown.queues.most.waiting == 1
    page = locks_page(Overview(at=1.0, servers=(shown,)))
    assert "Locked in opposite order" in page
