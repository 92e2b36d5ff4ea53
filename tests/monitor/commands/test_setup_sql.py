"""What `setup-sql` prints makes a role that sees everything, in databases of any name."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest

from collectors._base import Capability, Scope
from collectors._catalogue import all_collectors
from collectors.rounds import rounds
from monitor.postgres import role_sql
from monitor.postgres.role_sql import statements
from tests.fixtures.postgres import PrivateServers, Psql, connected
from tests.fixtures.traps import HOSTILE_PATH, traps

HOSTILE = ("a=b", "new\nline", "quo'te\\", 'Double"Quote', "émoji 🐘")
SIGHT = "select has_column_privilege('watcher', 'pg_catalog.pg_statistic', 'stawidth', 'select')"


def printed(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "monitor", "setup-sql", "--role", "watcher", *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.mark.versions(14, 18)
@pytest.mark.parametrize("named", [False, True])
async def test_every_database_is_granted_in(
    named: bool,
    private_server: PrivateServers,
    psql: Psql,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All that there are, or those that are named; twice does no harm."""
    server = private_server()
    monkeypatch.chdir(tmp_path)
    async with connected(server.dsn()) as admin:
        for name in HOSTILE:
            await admin.execute('create database "{}"'.format(name.replace('"', '""')))
    flags = [flag for name in HOSTILE for flag in ("--database", name)] if named else []
    for _ in range(2):
        await psql(server.dsn(), printed(*flags))
    for name in HOSTILE:
        async with connected(server.dsn(name)) as inside:
            assert await inside.fetchval(SIGHT) is True
    assert left_in(tmp_path) == []


@pytest.mark.versions(14, 18)
@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize("role", ["watcher", "sees@all@@"])
async def test_extensions_are_reached_in_any_schema(
    named: bool, role: str, private_server: PrivateServers, psql: Psql
) -> None:
    """Where nobody else may look; a schema without them is not opened."""
    server = private_server()
    async with connected(server.dsn()) as admin:
        await admin.execute("create database shop")
        async with connected(server.dsn("shop")) as shop:
            await shop.execute(
                'create schema "Ext" create view mine as select 1; create schema own;'
                'create extension pg_stat_statements schema "Ext"'
            )
            await psql(server.dsn(), "\n".join(statements(role, ["shop"] if named else [])))
            reached = "select array(select nspname::text from pg_namespace where nspname in"
            reached += " ('Ext', 'own') and has_schema_privilege($1, oid, 'usage'))"
            assert await shop.fetchval(reached, role) == ["Ext"]
            assert await shop.fetchval(SIGHT.replace("watcher", role)) is True


def test_what_a_new_collector_needs_is_granted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without another word: of the server once, of databases in each of them."""
    here = Capability("here", "true", "GRANT SELECT ON one TO {role};", "one")
    there = replace(here, grant="GRANT SELECT ON two TO {role};", scope=Scope.database)
    new = replace(rounds, needs=(here, there))
    known = all_collectors()
    monkeypatch.setattr(role_sql, "all_collectors", lambda: {**known, "new": new})
    script = list(statements("watcher", ["shop", "crm"]))
    entered = next(place for place, line in enumerate(script) if "\\connect" in line)
    once, each = (f"GRANT SELECT ON {name} TO watcher;" for name in ("one", "two"))
    assert (script.count(once), script.count(each)) == (1, 2)
    assert script.index(once) < entered < script.index(each)


def left_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


@pytest.mark.versions(14, 18)
@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize("schema", ["public", "evil"])
async def test_the_owner_of_a_database_gets_no_hold_of_it(
    schema: str, named: bool, private_server: PrivateServers, psql: Psql
) -> None:
    """Functions, operators, types and views of others are not reached, whatever leads to them."""
    server = private_server()
    script = printed(*(("--database", "postgres", "--database", "theirs") if named else ()))
    async with connected(server.dsn()) as admin:
        await admin.execute("create database theirs")
    for name in ("postgres", "theirs", "template1"):
        async with connected(server.dsn(name)) as owner:
            await owner.execute(traps(script, schema))
            if schema != "public":
                await owner.execute(f'alter database "{name}" set search_path = {HOSTILE_PATH}')
                await owner.execute(f"alter role postgres set search_path = {HOSTILE_PATH}")
        async with connected(server.dsn(name)) as reader:
            with pytest.raises(asyncpg.RaiseError, match="sprung"):
                await reader.fetch("select format('%s', 'x'::text)")
    await psql(server.dsn("theirs"), script)
    async with connected(server.dsn("theirs")) as inside:
        assert await inside.fetchval(SIGHT.replace("select ", "select pg_catalog.", 1)) is True


@pytest.mark.versions(18)
async def test_no_encoding_turns_a_name_into_an_address(
    private_server: PrivateServers, psql: Psql
) -> None:
    """In SJIS the second byte of ソ is a backslash; the name leads to itself all the same."""
    server = private_server()
    name = "ソ' host=evil.invalid dbname='x"
    async with connected(server.dsn()) as admin:
        for database in ("first", name):
            await admin.execute(f'create database "{database}"')
            await admin.execute(f"alter database \"{database}\" set client_encoding = 'SJIS'")
    await psql(server.dsn("first"), printed("--database", "first", "--database", name))
    async with connected(server.dsn(name), client_encoding="UTF8") as inside:
        assert await inside.fetchval(SIGHT) is True


@pytest.mark.versions(14, 18)
async def test_keys_are_granted_in_a_database_of_any_encoding(
    private_server: PrivateServers, psql: Psql
) -> None:
    """By the name as it is typed, whatever bytes the server has for it."""
    server = private_server()
    for encoding, name in (("utf8", "日本"), ("euc_jp", "日本"), ("latin1", "café")):
        made = f"create database {encoding} encoding '{encoding}' template template0 locale 'C'"
        async with connected(server.dsn()) as admin:
            await admin.execute(made)
        table = f'"{name}"."{name}"'
        async with connected(server.dsn(encoding)) as inside:
            await inside.execute(f'create schema "{name}"')
            await inside.execute(f'create table {table} ("{name}" int primary key)')
            await psql(server.dsn(), printed("--keys-of", table, "--database", encoding))
            granted = "select has_column_privilege('watcher', $1::text::regclass, $2, 'select')"
            assert await inside.fetchval(granted, table, name) is True


@pytest.mark.versions(14, 18)
@pytest.mark.parametrize("named", [False, True])
async def test_the_login_for_plans_can_read_and_nothing_else(
    named: bool, private_server: PrivateServers, psql: Psql
) -> None:
    """In each database, also what is created later; beside a hostile owner, and twice."""
    server = private_server()
    flags = ("--database", "postgres", "--database", "theirs") if named else ()
    script = printed("--plans", *flags, *(("--schema", "it's") if named else ()))
    async with connected(server.dsn()) as admin:
        await admin.execute("create database theirs")
    async with connected(server.dsn("theirs")) as owner:
        await owner.execute(traps(script, "evil"))
        await owner.execute(f"alter database theirs set search_path = {HOSTILE_PATH}")
        await owner.execute(
            'create schema "it\'s"; create table "it\'s".old (id int);'
            "create table public.other (id int)"
        )
    for _ in range(2):
        await psql(server.dsn("theirs"), script)
    async with connected(server.dsn("theirs")) as owner:
        await owner.execute('create table "it\'s".young (id int)')
    async with connected(server.dsn("theirs", "watcher")) as inside:
        await inside.execute("set search_path = pg_catalog")
        for table in ("old", "young"):
            assert await inside.fetch(f'select * from "it\'s".{table}') == []
            with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
                await inside.execute(f'delete from "it\'s".{table}')
        rights = "select has_table_privilege('public.other', $1)"
        assert await inside.fetchval(rights, "select") is not named
        assert await inside.fetchval(rights, "insert, update, delete, truncate") is False
        assert await inside.fetchval("show statement_timeout") == "2s"
