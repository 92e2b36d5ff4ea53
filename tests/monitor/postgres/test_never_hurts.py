"""pgvigil waits for no lock of any session, and everything else stays up to date."""

import asyncio

import pytest

from collectors._base import Lane
from monitor.demo.launcher import Postgres
from monitor.fleet import view
from monitor.polling.pacing import PROMPT, STRETCH, WORST
from tests.fixtures.daemon import Watch, Watched
from tests.fixtures.farm import MONITOR
from tests.fixtures.postgres import PrivateServers, connected
from tests.fixtures.until import until

pytestmark = pytest.mark.versions(14, 18)
SCENE = """
    create table part (a int) partition by range (a);
    create table part_1 partition of part for values from (0) to (10);
    create table orders (id int primary key, note text);
    create index on orders (note);
    create materialized view sums as select count(*) from orders;
    insert into orders select n, repeat('x', 10) from generate_series(1, 1000) n;
    analyze orders;
"""
QUEUED = "select count(*) from pg_locks where not granted and mode = 'AccessExclusiveLock'"
TABLES = "orders, part, part_1"
WE_WAIT = """
    select count(*) from pg_locks join pg_stat_activity using (pid)
    where not granted and application_name = 'pgvigil'
"""


async def test_a_table_locked_by_a_sleeping_alter_hides_nothing(
    private_server: PrivateServers, watch: Watch
) -> None:
    """ACCESS EXCLUSIVE is held on every table: each collector goes on bringing new answers."""
    server = private_server()
    async with connected(server.dsn()) as admin, connected(server.dsn()) as sleeper:
        await admin.execute(SCENE)
        watched = await watch(server.dsn("postgres", MONITOR))
        await watched.until_seen()
        await sleeper.execute(f"begin; lock table {TABLES} in access exclusive mode")
        await sleeper.execute("alter table orders add column late int")
        await everything_is_asked_anew(server, watched)


async def test_a_queued_alter_hides_nothing(private_server: PrivateServers, watch: Watch) -> None:
    """ACCESS EXCLUSIVE is only waited for, behind a reader: later sessions queue."""
    server = private_server()
    async with connected(server.dsn()) as admin, connected(server.dsn()) as reader:
        await admin.execute(SCENE)
        watched = await watch(server.dsn("postgres", MONITOR))
        await watched.until_seen()
        await reader.execute("begin; select from orders, part_1")
        async with connected(server.dsn()) as ddl:
            queued = asyncio.create_task(ddl.execute("alter table orders add column late int"))
            await until(lambda: admin.fetchval(QUEUED), "an ALTER is queued")
            await everything_is_asked_anew(server, watched)
            queued.cancel()
            await asyncio.gather(queued, return_exceptions=True)


async def everything_is_asked_anew(server: Postgres, watched: Watched) -> None:
    """What brought something before brings it again, and no session of pgvigil waits."""
    since = watched.server.clock.now()
    entries = {(c, where): e for c, where, e in watched.server.round_log.entries() if e.succeeded}
    assert {"user_tables", "user_indexes", "table_layout"} <= {c.name for c, _ in entries}
    waited = 0

    async def all_fresh() -> bool:
        nonlocal waited
        waited += await eye.fetchval(WE_WAIT)
        return all(e.error is None and (e.succeeded or 0) > since for e in entries.values())

    async with connected(server.dsn()) as eye:
        await until(all_fresh, "everything is known anew")
    assert waited == 0


async def test_a_tiny_budget_stretches_what_is_dear_and_says_so(
    private_server: PrivateServers, watch: Watch
) -> None:
    """A ten-thousandth of the server's time: paces grow, the prompt ones to four times what is
    set, and are published; the slow ones share what is left."""
    server = private_server()
    async with connected(server.dsn()) as admin:
        await admin.execute(SCENE)
    watched = await watch(server.dsn("postgres", MONITOR), budget="0.0001")
    await watched.until_seen()
    pacing = watched.server.pacing

    async def is_stretched() -> bool:
        stretches = pacing.stretches()
        return min(stretches[Lane.fast], stretches[Lane.table]) == STRETCH

    await until(is_stretched, "what is dear is stretched as far as it may be")
    shares = sum(
        cost / pacing.of(collector, part)
        for (collector, part), cost in pacing.costs.items()
        if collector.lane not in PROMPT and pacing.of(collector, part) < WORST
    )
    assert shares <= 0.0001 * 1.01
    asked = [collector for collector, part in pacing.costs if not part]
    stretched = [c for c in asked if pacing.of(c) > 2 * pacing.unstretched(c)]
    assert all(pacing.of(c) <= STRETCH * pacing.unstretched(c) for c in asked if c.lane in PROMPT)
    published = {one.name: one.pace for one in view(watched.server).collectors}
    assert {c.name: pacing.of(c) for c in stretched}.items() <= published.items()
