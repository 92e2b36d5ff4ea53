"""Cures are quoted as PostgreSQL itself quotes, and affect only the session that they name."""

import asyncio

import pytest

from alerts.cure import cancel, identifier, literal, regclass, remark, terminate, undone
from tests.fixtures.postgres import Database, Psql
from tests.fixtures.replication import stopped
from tests.fixtures.until import until

HOSTILE = [
    'quote"d',
    "apo'strophe",
    "back\\slash",
    "'; DROP TABLE x; --",
    "two  spaces",
    "käse",
    "🐘",
    "$dollar$",
    "a$b",
    "1st",
    "Upper",
    "with space",
    "_ok1",
    "x" * 63,
    "%s %%",
    "{role}",
]


async def test_names_are_quoted_as_postgresql_quotes_them(database: Database) -> None:
    """Every keyword of every version, and every hostile name, is written as quote_ident does."""
    words = [row["word"] for row in await database.fetch("SELECT word FROM pg_get_keywords()")]
    rows = await database.fetch(
        "SELECT name, quote_ident(name) AS quoted FROM unnest($1::text[]) AS name",
        [*words, *HOSTILE],
    )
    theirs = {row["name"]: row["quoted"] for row in rows}
    ours = {name: identifier(name) for name in theirs}
    # What a later version reserves is quoted on an older one too; that means the same.
    assert {n: q for n, q in ours.items() if q != theirs[n] and q != f'"{n}"'} == {}
    assert {n for n, q in theirs.items() if q.startswith('"') and ours[n] != q} == set()
    assert {n for n in HOSTILE if ours[n] != theirs[n]} == set()


async def test_texts_are_quoted_as_postgresql_quotes_them(database: Database) -> None:
    """A literal is what quote_literal writes, and reads back whatever the settings say."""
    for text in HOSTILE:
        assert literal(text) == await database.fetchval("SELECT quote_literal($1::text)", text)
    for conforming in ("on", "off"):
        await database.execute(
            f"SET standard_conforming_strings = {conforming}; SET escape_string_warning = off"
        )
        for text in HOSTILE:
            assert text == await database.fetchval(f"SELECT {literal(text)}")


def test_a_qualified_name_is_quoted_part_by_part() -> None:
    """A dot inside a name is not the dot between names."""
    assert identifier("public", "a.b") == 'public."a.b"'


def test_advice_stays_a_comment() -> None:
    """A line break in a name cannot turn advice into a statement."""
    assert remark("stop\nDROP TABLE x;\r\n") == "-- stop DROP TABLE x;"


def test_advice_names_the_very_object() -> None:
    """Neither a line break nor two spaces in a name are lost in a statement that advice shows."""
    for name in ("a\nb", "a  b", "a\tb", "a\r\n b", "a\u00a0b", "a\u2028b"):
        for written in (identifier(name), literal(name)):
            assert remark(f"DROP {written};") == f"-- DROP {written};"


async def _identity(database: Database, pid: int) -> tuple[str, str | None]:
    [row] = await database.fetch(
        "SELECT backend_start::text AS began, xact_start::text AS xact"
        " FROM pg_stat_activity WHERE pid = $1",
        pid,
    )
    return row["began"], row["xact"]


async def test_a_stranger_with_the_same_pid_lives(database: Database, psql: Psql) -> None:
    """Neither another session nor another transaction under that pid is touched."""
    session = await database.session()
    await session.execute("BEGIN")
    pid = session.get_server_pid()
    began, xact = await _identity(database, pid)
    earlier = "2020-01-01 00:00:00+00"
    for act in (cancel, terminate):
        assert await psql(database.dsn, act(pid, earlier, xact)) == ""
        assert await psql(database.dsn, act(pid, began, earlier)) == ""
    assert await session.fetchval("SELECT 1") == 1


async def test_the_named_session_ends(database: Database, psql: Psql) -> None:
    """The very session and transaction is hit."""
    session = await database.session()
    await session.execute("BEGIN")
    began, xact = await _identity(database, session.get_server_pid())
    assert await psql(database.dsn, terminate(session.get_server_pid(), began, xact)) == "t\n"


ENDING = """
    SELECT count(*) = 1 FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event = 'BackendTermination'
"""


async def test_a_session_is_gone_when_its_end_was_told(database: Database, psql: Psql) -> None:
    """What is pasted next, such as a VACUUM, finds it gone; so the statement waits."""
    session = await database.session()
    await session.execute("BEGIN")
    pid = session.get_server_pid()
    began, xact = await _identity(database, pid)
    with stopped(pid):
        end = asyncio.ensure_future(psql(database.dsn, terminate(pid, began, xact)))

        async def waits() -> bool:
            [row] = await database.fetch(ENDING)
            return bool(row[0])

        await until(waits, "the statement waits for the end of the session")
    assert await end == "t\n"
    assert await database.fetch("SELECT 1 FROM pg_stat_activity WHERE pid = $1", pid) == []


ODD = (
    "we\x1b[31mird",
    'a\x07"b',
    "c\x85\\d",
    "e\x7f'f",
    "new\nline",
    "tab\there",
    "to\u202eleft",
    "no\u200bwidth",
    "no\u00a0break",
    "line\u2028end",
    "\ufeffmark",
)


async def test_invisible_characters_are_written_visibly_and_mean_the_same(
    database: Database,
) -> None:
    """What is obeyed rather than shown is escaped, in names and in texts."""
    for odd in ODD:
        written = identifier(odd), literal(odd)
        assert all(text.isprintable() for text in written)
        [row] = await database.fetch(f"SELECT {written[1]} AS {written[0]}")
        assert list(row.items()) == [(odd, odd)]


async def test_a_relation_is_found_by_whatever_name(database: Database) -> None:
    """The type regclass reads names by rules of its own; hostile ones are found by them too."""
    for name in (*HOSTILE, *ODD, "select", 'a\x07"b\\'):
        await database.execute(f"CREATE TABLE {identifier('public', name)} ()")
        found = f"SELECT relname FROM pg_class WHERE oid = {regclass('public', name)}"
        assert await database.fetchval(found) == name


@pytest.mark.parametrize(
    ("cure", "left"),
    [
        (("SET lock_timeout = '2s';", "DROP INDEX public.i;", "-- Then."), ["RESET lock_timeout;"]),
        (("SET lock_timeout = 0;", "SELECT 1;", "RESET lock_timeout;"), []),
        (("SET LOCAL lock_timeout = 0;", "-- SET work_mem = '1GB';"), []),
        (("SET a_b = 1;", "SET c = 2;", "RESET a_b;", "SET a_b = 3;"), ["RESET c;", "RESET a_b;"]),
    ],
)
def test_a_cure_leaves_no_setting_behind(cure: tuple[str, ...], left: list[str]) -> None:
    """Each is reset once, after the last statement; advice stays at the end."""
    whole = undone(cure)
    advice = [line for line in cure[-1:] if line.startswith("--")]
    assert [*whole] == [*cure[: len(cure) - len(advice)], *left, *advice]
    assert undone(whole) == whole
