"""Conflicts with recovery, by what was in the way."""

from collectors.database_conflicts import database_conflicts
from tests.fixtures.one_look import look, watching
from tests.fixtures.postgres import Database


async def test_every_database_has_its_conflicts(database: Database, version: int) -> None:
    """Zero on a primary; slots are counted from 16 on, and not zero before."""
    async with watching(dsn=database.monitor_dsn) as session:
        rows = (await look(session, database_conflicts)).rows(database_conflicts)
    [row] = [row for row in rows if row.datname == database.name]
    assert (row.confl_lock, row.confl_snapshot) == (0, 0)
    assert row.confl_active_logicalslot == (0 if version >= 16 else None)


def test_names_are_the_well_known_ones() -> None:
    """With the types that they are known by."""
    types = {metric.name: metric.type for metric in database_conflicts.metrics}
    assert types["pg_stat_database_conflicts_confl_deadlock"] == "counter"
    assert types["pg_stat_database_conflicts_confl_active_logicalslot"] == "untyped"
    assert len(types) == 6
