"""pg_stat_database and pg_database as one row for each database."""

from dataclasses import fields
from typing import Any

import pytest

from collectors.databases import Database as Row
from collectors.databases import databases
from tests.fixtures.one_look import look, watching
from tests.fixtures.postgres import Database
from tests.fixtures.until import until

NAME = "o'd\"d 🐘\n"


async def rows(database: Database) -> dict[str, Row]:
    async with watching(dsn=database.monitor_dsn) as session:
        return {row.datname: row for row in (await look(session, databases)).rows(databases)}


async def test_every_database_is_a_row(database: Database) -> None:
    """Templates, those that take no sessions, and those with hostile names."""
    quoted = '"' + NAME.replace('"', '""') + '"'
    await database.execute(f"CREATE DATABASE {quoted} CONNECTION LIMIT 7")
    try:
        found = await rows(database)
    finally:
        await database.execute(f"DROP DATABASE {quoted}")
    assert found[NAME].connection_limit == 7
    assert not found["template0"].allows_connections
    assert found["template1"].is_template
    assert found[database.name].connection_limit == -1
    assert found[database.name].frozen_xid_age >= 0


async def test_counters_grow(database: Database) -> None:
    """What is done in a database is counted in its row."""
    await database.execute("CREATE TABLE t AS SELECT FROM generate_series(1, 1234)")

    async def counted() -> bool:
        await database.execute("SELECT 1")  # on 14 a session tells when it next does something
        return ((await rows(database))[database.name].tup_inserted or 0) >= 1234

    await until(counted, "the rows are counted")


async def test_a_reset_changes_the_epoch(database: Database) -> None:
    """A comparison of counters needs it."""
    before = (await rows(database))[database.name].stats_reset
    await database.execute("SELECT pg_stat_reset()")

    async def reset() -> bool:
        return (await rows(database))[database.name].stats_reset not in (None, before)

    await until(reset, "the reset is known")


def test_one_unknown_column_loses_no_other() -> None:
    """Without statistics the facts of pg_database are samples all the same."""
    nothing: dict[str, Any] = dict.fromkeys(f.name for f in fields(Row))
    row = Row(**nothing | {"oid": 1, "datname": "d", "connection_limit": -1, "deadlocks": 3})
    known = {
        metric.name
        for metric in databases.metrics
        for _, value in metric.samples([row])
        if value is not None
    }
    of_deadlocks = {
        "pg_stat_database_deadlocks",
        "pg_stat_database_deadlocks_total",
        "postgresql_errors_total",
    }
    assert known == {*of_deadlocks, "pg_database_connection_limit"}


@pytest.mark.versions(14, 18)
async def test_checksum_failures_are_not_zero_where_nobody_checks(
    database: Database, version: int
) -> None:
    """None is "not checked", as initdb did it before 18; 0 would be "all is well"."""
    failures = (await rows(database))[database.name].checksum_failures
    assert failures == (0 if version >= 18 else None)
