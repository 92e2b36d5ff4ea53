"""Privileges are probed on a real server, without one probe's defect hiding the others."""

from dataclasses import replace

import pytest

from collectors._base import Capability
from collectors._capabilities import READ_ALL_STATS
from monitor.address import Address
from monitor.postgres.privileges import Privileges
from monitor.postgres.session import Session
from tests.fixtures.one_look import watching
from tests.fixtures.postgres import Database, Psql

READ = Capability(
    "read", "pg_catalog.has_schema_privilege('pg_catalog', 'usage')", "GRANT … TO {role}", "it"
)
WRITE = replace(READ, name="write", probe="pg_catalog.has_schema_privilege('pg_catalog', 'create')")
BROKEN = replace(READ, name="broken", probe="no_such_function()")


@pytest.mark.versions(14, 18)
async def test_a_probe_that_is_refused_hides_no_other(database: Database) -> None:
    """Of the broken one nothing is known, and nothing is held to be missing."""
    session = await Session.open(Address.of(database.monitor_dsn, {}), None, 10, 20)
    try:
        known = await Privileges.probe(session, [READ, BROKEN, WRITE], 20)
    finally:
        await session.close()
    assert known.granted == {READ: True, WRITE: False}
    assert known.lacking([BROKEN, READ]) is None
    assert known.lacking([BROKEN, WRITE]) is not None


@pytest.mark.versions(14, 16, 18)
async def test_what_is_granted_and_not_inherited(
    database: Database, psql: Psql, version: int
) -> None:
    """To grant it once more would change nothing: since 16 each grant says whether it counts."""
    await database.execute("drop role if exists shy; create role shy login noinherit")
    how = " with inherit false" if version >= 16 else ""
    await database.execute(f"grant pg_monitor to shy{how}")

    async def grant() -> str | None:
        async with watching(dsn=database.server.dsn(database.name, "shy")) as connection:
            session = await Session.of(connection, 20)
            known = await Privileges.probe(session, [READ_ALL_STATS], 20)
        lacking = known.lacking([READ_ALL_STATS])
        return lacking.grant if lacking else None

    await psql(database.dsn, str(await grant()))
    assert await grant() is None
    await database.execute("revoke pg_monitor from shy")
    assert await grant() == "GRANT pg_monitor TO shy;"
