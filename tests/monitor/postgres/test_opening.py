"""The opening of a session is charged once: by the CPU time of its process, where we see that."""

import pytest

from monitor.address import Address
from monitor.cpu_time import schedstat
from monitor.demo.launcher import Postgres
from monitor.postgres.session import OPENING, Session
from tests.fixtures.farm import MONITOR


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
