"""The traps that printed statements are tested with do spring."""

import pytest

from tests.fixtures.postgres import Database, Psql

UNSAFE = [
    "SELECT now();",
    "SELECT 1 = 1;",
    "SELECT count(*) FROM pg_catalog.pg_class;",
    "SELECT pg_terminate_backend(0);",
    "SELECT pid FROM pg_stat_activity;",
    "SELECT 'pg_catalog.pg_class'::regclass;",
    "SELECT pid FROM pg_catalog.pg_stat_activity WHERE pid = 1;",
    "SELECT pg_relation_size('pg_catalog.pg_class'::pg_catalog.regclass);",
    "SELECT pg_get_indexdef('pg_catalog.pg_class_oid_index'::pg_catalog.regclass);",
]


@pytest.mark.versions(14, 18)
async def test_each_kind_of_name_is_a_trap(database: Database, paste: Psql) -> None:
    """Functions, operators, views and types; and what says its schema steps over them."""
    for statement in UNSAFE:
        with pytest.raises(AssertionError, match="psql failed"):
            await paste(database.dsn, statement)
    assert await paste(database.dsn, "SELECT 1 OPERATOR(pg_catalog.=) 1;") == "t\n"
    assert await database.fetchval("SELECT to_regnamespace('evil') IS NULL")
