"""Safer forms on a real server: what they make is the same constraint."""

import pytest

from alerts.migrations.lock_mode import LockMode
from alerts.migrations.safer import safer
from alerts.migrations.statement import Statement
from alerts.migrations.traced import Held, Relation, Traced
from monitor.migrations.parsing import tree
from tests.fixtures.postgres import Database, Psql, connected

DEFINITION = (
    "SELECT pg_get_constraintdef(c.oid) || ' ' || pg_get_indexdef(c.conindid)"
    " FROM pg_constraint c WHERE c.conname = 'u'"
)


@pytest.mark.versions(14, 18)
@pytest.mark.parametrize(
    ("rest", "since"),
    [
        ("UNIQUE (a) DEFERRABLE INITIALLY DEFERRED", 14),
        ('UNIQUE (a) INCLUDE ("B")', 14),
        ("PRIMARY KEY (a) DEFERRABLE", 14),
        ('UNIQUE NULLS NOT DISTINCT (a, "B") DEFERRABLE', 15),
    ],
)
async def test_a_unique_constraint_in_two_steps(
    database: Database, psql: Psql, rest: str, since: int
) -> None:
    """With all that it says of its index, and of when it is checked."""
    if database.server.binaries.major() < since:
        return
    sql = f"ALTER TABLE orders ADD CONSTRAINT u {rest}"
    parsed = tree(sql)
    orders = Relation("public", "orders")
    held = (Held(orders, LockMode.AccessExclusive),)
    traced = Traced(Statement(1, 1, sql, next(iter(parsed)), parsed), held, rebuilt=(orders,))
    [advice] = [one for one in safer(traced, None) if one.sql]
    async with connected(database.dsn) as connection:
        await connection.execute('CREATE TABLE orders (a int NOT NULL, "B" int)')
        await connection.execute(sql)
        wanted = await connection.fetchval(DEFINITION)
        await connection.execute("ALTER TABLE orders DROP CONSTRAINT u")
        await psql(database.dsn, "\n".join(advice.sql))
        assert await connection.fetchval(DEFINITION) == wanted
