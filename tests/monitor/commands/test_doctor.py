"""What doctor says of our rights: the whole truth, in every database, with the cure."""

import pytest

from monitor.commands.doctor import examined, missing
from monitor.config.load import load
from monitor.config.model import settings_type
from monitor.look_once import look
from monitor.views.overview import ServerView
from tests.fixtures.farm import MONITOR
from tests.fixtures.postgres import PrivateServers, Psql, connected


async def seen(dsn: str) -> ServerView:
    [server] = (await look(load({"dsn": dsn}, {}, settings_type()), {})).servers
    return server


@pytest.mark.versions(18)
async def test_a_grant_is_missed_before_a_table_needs_it(
    private_server: PrivateServers, psql: Psql
) -> None:
    """Each database without it is named although it is empty; pasted, nothing is missing."""
    server = private_server()
    async with connected(server.dsn()) as admin:
        await admin.execute('CREATE DATABASE "o""dd"')
    grants = missing(await seen(server.dsn(user=MONITOR)))
    assert set(grants) == {"postgres", 'o"dd'}
    for database, statements in grants.items():
        assert database is not None
        await psql(server.dsn(database), "\n".join(statements))
    cured = await seen(server.dsn(user=MONITOR))
    assert missing(cured) == {}
    assert "  nothing is missing" in examined(cured)
