"""What doctor says of our rights: the whole truth, in every database, with the cure."""

from dataclasses import replace
from typing import Any

import pytest

from alerts._base import State, Unjudged
from alerts.verdicts.verdict import Verdict
from monitor.commands.doctor import examined, in_one_place, missing
from monitor.config.load import load
from monitor.config.model import settings_type
from monitor.look_once import look
from monitor.views.overview import ServerView
from monitor.views.unfinished import is_unfinished
from tests.fixtures.farm import MONITOR
from tests.fixtures.findings import IDLE, NOW
from tests.fixtures.overview import primary
from tests.fixtures.postgres import PrivateServers, Psql, connected


async def seen(dsn: str, **given: Any) -> ServerView:
    flags = {"dsn": dsn, "deadline": "60s", **given}
    [server] = (await look(load(flags, {}, settings_type()), {})).servers
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


BEYOND = """
    CREATE SEQUENCE public.unread AS int; CREATE SEQUENCE public.endless;
    CREATE SCHEMA "Ext"; CREATE EXTENSION pg_stat_statements SCHEMA "Ext";
    CREATE DATABASE closed; ALTER DATABASE closed ALLOW_CONNECTIONS off;
    CREATE DATABASE limited CONNECTION LIMIT 0;
"""


@pytest.mark.versions(14, 18)
async def test_what_cannot_be_read_is_told(private_server: PrivateServers, psql: Psql) -> None:
    """Sequences, an extension out of reach, and databases that take no session."""
    server = private_server(shared_preload_libraries="pg_stat_statements")
    for statement in BEYOND.strip().split(";")[:-1]:
        await psql(server.dsn(), statement)
    view = await seen(server.dsn(user=MONITOR))
    told = "\n".join(examined(view))
    assert "can't read sequences in postgres: 1 sequence in schema public can't be read" in told
    assert "GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO" in told
    assert 'stat_statements: the role has no USAGE on the schema "Ext"' in told
    assert 'GRANT USAGE ON SCHEMA "Ext" TO' in told
    assert "the database closed takes no sessions (datallowconn is off)" in told
    assert "in limited: " in told
    for database, statements in missing(view).items():
        if database != "limited":
            await psql(server.dsn(database or "postgres"), "\n".join(statements))
    cured = "\n".join(examined(await seen(server.dsn(user=MONITOR))))
    assert "has no USAGE" not in cured
    assert "can't read sequences" not in cured
    assert "closed" in cured


@pytest.mark.versions(14, 18)
async def test_an_extension_of_another_database(private_server: PrivateServers, psql: Psql) -> None:
    """The GRANT works there alone, so that database is named with it."""
    server = private_server(shared_preload_libraries="pg_stat_statements")
    await psql(server.dsn(), "CREATE DATABASE yard")
    await psql(server.dsn("yard"), 'CREATE SCHEMA "Ext"')
    await psql(server.dsn("yard"), 'CREATE EXTENSION pg_stat_statements SCHEMA "Ext"')
    view = await seen(server.dsn(user=MONITOR))
    verdict = view.verdicts["query_slow"]
    told = 'USAGE on the schema "Ext" of the extension pg_stat_statements in the database yard'
    assert [told in one.reason for one in verdict.unjudged] == [True]
    [grant] = [s for s in missing(view)["yard"] if "SCHEMA" in s]
    assert grant not in missing(view).get(None, {})
    await psql(server.dsn("yard"), grant)
    assert "has no USAGE" not in "\n".join(examined(await seen(server.dsn(user=MONITOR))))


@pytest.mark.versions(18)
async def test_database_of_the_address_that_is_not_there(private_server: PrivateServers) -> None:
    """It is named, with the reason."""
    server = private_server()
    view = await seen(server.dsn("nowhere", MONITOR))
    assert "nowhere" in "\n".join(examined(view))
    patterns = {"databases": {"include": ["postgres", "shop*", "nonesuch", "template1"]}}
    view = await seen(server.dsn(user=MONITOR), **patterns)
    told = "\n".join(examined(view))
    assert "databases.include names the database nonesuch, which does not exist" in told
    assert "databases.include names the database template1, which is a template" in told
    assert "shop" not in told
    assert {one.database for one in view.unread} >= {"nonesuch", "template1"}


@pytest.mark.versions(17, 18)
async def test_an_extension_that_was_not_updated_is_named(
    private_server: PrivateServers, psql: Psql
) -> None:
    """As after pg_upgrade: its views have the old columns until ALTER EXTENSION … UPDATE."""
    server = private_server(shared_preload_libraries="pg_stat_statements")
    await psql(server.dsn(), "CREATE EXTENSION pg_stat_statements VERSION '1.10';")
    view = await seen(server.dsn(user=MONITOR))
    told = "\n".join(examined(view))
    assert "is of version 1.10, and 1.11 comes with this server" in told
    statements = missing(view)["postgres"]
    assert "ALTER EXTENSION pg_stat_statements UPDATE;" in statements
    await psql(server.dsn(), "\n".join(statements))
    assert "stat_statements" not in "\n".join(
        line for line in examined(await seen(server.dsn(user=MONITOR))) if "can't read" in line
    )


def test_each_statement_is_printed_where_it_works() -> None:
    """A schema is known in its database alone; membership of a role holds everywhere."""
    member, usage = "GRANT pg_monitor TO r;", "GRANT USAGE ON SCHEMA s TO r;"
    found = {None: {member: None, usage: None}, "shop": {usage: None, member: None}}
    assert in_one_place(found) == {None: {member: None}, "shop": {usage: None}}
    assert in_one_place({None: {usage: None}, "a": {}}) == {None: {usage: None}}


def test_what_was_not_asked_in_time_is_not_held_to_be_there() -> None:
    """On a busy machine a look may end before all is asked."""
    late = Unjudged("sequences: not queried yet")
    verdict = Verdict(IDLE, State.unknown, NOW, unjudged=(late,))
    view = replace(primary(), verdicts={IDLE.name: verdict}, unread=())
    assert is_unfinished(view)
    assert any("try again" in line for line in examined(view))
    assert not is_unfinished(replace(view, verdicts={}))
