"""Sizes of databases: those that may be read, and no error for the others."""

from collectors.database_sizes import database_sizes
from tests.fixtures.one_look import look, watching
from tests.fixtures.postgres import Database


async def sizes(database: Database, user: str | None = None) -> dict[str, int | None]:
    address = {"user": user} if user else {}
    async with watching(dsn=database.monitor_dsn, **address) as session:
        rows = (await look(session, database_sizes)).rows(database_sizes)
    return {row.datname: row.size_bytes for row in rows}


async def test_sizes_are_those_that_postgresql_tells(database: Database) -> None:
    """Also of databases that take no sessions."""
    found = await sizes(database)
    told = await database.fetchval("SELECT pg_database_size(current_database())")
    assert found[database.name] == told
    assert found["template0"]


async def test_a_closed_database_loses_only_its_own_size(database: Database) -> None:
    """Without the right to read all statistics, and without CONNECT, it is not known."""
    role = f"plain_{database.name}"
    other = f"closed_{database.name}"
    await database.execute(f"CREATE ROLE {role} LOGIN")
    await database.execute(f"CREATE DATABASE {other}")
    await database.execute(f"REVOKE CONNECT ON DATABASE {other} FROM PUBLIC")
    try:
        found = await sizes(database, role)
    finally:
        await database.execute(f"DROP DATABASE {other}")
        await database.execute(f"DROP ROLE {role}")
    assert found[other] is None
    assert found[database.name]
