"""The opening of a session is charged once: by the CPU time of its process, where we see that."""

import pytest

from monitor.address import Address
from monitor.cpu_time import schedstat
from monitor.demo.launcher import Postgres
from monitor.postgres.session import OPENING, Session
from tests.fixtures.farm import MONITOR
from tests.fixtures.postgres import PrivateServers, connected

STATEMENTS = 10
"""BEGIN, two for its settings, who answers, ours, COMMIT, watching the client, many bytes, and
extensions."""
TRIPS = 12
"""The login is one, and what is prepared takes two."""
ASKED = """
    select calls, query
    from pg_stat_statements join pg_roles on pg_roles.oid = userid
    where rolname = $1
"""


@pytest.mark.versions(14, 18)
async def test_the_first_answer_is_not_charged_with_the_opening(server: Postgres) -> None:
    """What a process used to start is in the opening, and in nothing that is asked then."""
    session = await Session.open(Address.of(server.dsn("postgres", MONITOR), {}), None, 30, 60)
    try:
        [(asked, opening)] = session.aside
        assert asked == OPENING
        assert opening.run is not None
        _, first = await session.ask("select", 60)
        assert first.run is not None
        total, _ = schedstat(f"/proc/{session.identity.pid}/schedstat")
        assert total is not None
        assert 0 < first.run < opening.run
        assert opening.run + first.run <= total
    finally:
        await session.close()


@pytest.mark.versions(14, 17, 18)
async def test_an_opening_asks_for_little(private_server: PrivateServers) -> None:
    """All settings by one statement: a visit of a database opens a session."""
    server = private_server()
    async with connected(server.dsn()) as admin:
        await admin.execute("create extension pg_stat_statements")
        await admin.fetch("select pg_stat_statements_reset()")
        session = await Session.open(Address.of(server.dsn(user=MONITOR), {}), None, 30, 60)
        try:
            assert session.wire.trips <= TRIPS
        finally:
            await session.close()
        asked = await admin.fetch(ASKED, MONITOR)
        assert sum(row["calls"] for row in asked) <= STATEMENTS, [row["query"] for row in asked]
