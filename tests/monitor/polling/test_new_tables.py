"""Tables created between two walks are named as soon as a session waits for a lock on them."""

import asyncio

import pytest

from collectors.user_tables import user_tables
from tests.fixtures.daemon import Watch
from tests.fixtures.farm import MONITOR
from tests.fixtures.postgres import PrivateServers, connected
from tests.fixtures.until import until


@pytest.mark.versions(14, 18)
async def test_a_new_table_has_its_name_before_its_turn(
    private_server: PrivateServers, watch: Watch
) -> None:
    """Without a look at every table in between, however rare these are."""
    server = private_server()
    async with connected(server.dsn()) as admin:
        await admin.execute("create database shop")
        async with connected(server.dsn("shop")) as shop:
            await shop.execute("create table oldtimer (id int)")
    watched = await watch(server.dsn(user=MONITOR), **{"paces.table": "1h"})

    async def known(name: str) -> bool:
        snapshot = watched.server.snapshot()
        return snapshot.has(user_tables) and name in {r.relname for r in snapshot.rows(user_tables)}

    await until(lambda: known("oldtimer"), "the first walk was there")
    async with (
        connected(server.dsn("shop")) as holder,
        connected(server.dsn("shop")) as waiter,
    ):
        await holder.execute("create table newcomer (id int)")
        await holder.execute("begin; lock table newcomer")
        waiting = asyncio.create_task(waiter.execute("select from newcomer"))

        await until(lambda: known("newcomer"), "the table is known")
        await holder.execute("commit")
        await waiting

    async def nothing_is_missing() -> bool:
        return not watched.server.agenda.unnamed()

    await until(nothing_is_missing, "nothing else waits for a name")
