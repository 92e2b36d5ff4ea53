"""Privileges are probed on a real server, without one probe's defect hiding the others."""

from dataclasses import replace

import pytest

from collectors._base import Capability
from monitor.address import Address
from monitor.postgres.privileges import Privileges
from monitor.postgres.session import Session
from tests.fixtures.postgres import Database

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
