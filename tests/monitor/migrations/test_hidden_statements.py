"""What other roles do: a role that may not see it does not take it for nothing."""

import pytest

from alerts.migrations.lock_mode import LockMode
from alerts.migrations.traced import Relation
from monitor.migrations.live_facts import LiveFacts
from monitor.postgres.session import Session
from tests.fixtures.one_look import watching
from tests.fixtures.postgres import Database

ORDERS = Relation("public", "orders")


@pytest.mark.versions(14, 18)
async def test_what_other_roles_run_is_hidden(database: Database) -> None:
    """Until the role is a member of pg_read_all_stats: nor is the traffic that of its own."""
    role = f"deploy_{database.name}"
    await database.execute("CREATE EXTENSION pg_stat_statements")
    await database.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{database.server.password}'")
    await database.execute("CREATE TABLE orders (id int, note text); ANALYZE orders")
    await database.execute("SELECT note FROM orders WHERE id = 1")
    reader = await database.session()
    await reader.execute("BEGIN; SELECT FROM orders")
    try:
        for is_hidden in (True, False):
            async with watching(dsn=database.server.dsn(database.name, role)) as connection:
                await connection.execute("SELECT 1 AS own")
                facts = LiveFacts(await Session.of(connection, 10.0))
                live = await facts.of("db", [ORDERS], 0.1)
            assert live.texts is not None
            assert any("SELECT note FROM orders" in text for text in live.texts) is not is_hidden
            assert live.texts_hidden is is_hidden
            assert live.sessions_hidden is is_hidden
            table = live.tables[ORDERS]
            assert table.hidden == ((LockMode.AccessShare,) if is_hidden else ())
            assert (table.holder(LockMode.AccessExclusive) is None) is is_hidden
            traffic = table.traffic
            assert traffic is not None
            assert traffic.counted is not is_hidden
            await database.execute(f"GRANT pg_read_all_stats TO {role}")
    finally:
        await database.execute(f"DROP ROLE {role}")
