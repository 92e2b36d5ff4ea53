"""A live server that gives its schema, and then does not answer in time."""

from typing import Any

import pytest

from monitor.address import Address
from monitor.config.servers import DatabaseChoice, WatchedServer
from monitor.migrations.check import Wanted, checked
from monitor.migrations.live_facts import LiveFacts
from monitor.postgres.errors import QueryFailure
from tests.fixtures.postgres import Database


@pytest.mark.versions(18)
async def test_what_was_traced_is_told(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The locks are known, sizes and traffic are not, and a note says why."""

    async def late(*_: Any) -> None:
        raise QueryFailure("no answer within the deadline")

    monkeypatch.setattr(LiveFacts, "of", late)
    await database.execute("create table orders (id int)")
    address = Address.of(database.dsn, {})
    server = WatchedServer("live", address, None, DatabaseChoice(), database.name)
    verdict = await checked(Wanted("ALTER TABLE orders ADD COLUMN x int", server))
    [one] = verdict.verdicts
    assert one.kind == "instant"
    assert "did not tell sizes and traffic: no answer within the deadline" in verdict.note
