"""The cure in a message is one line that means what the whole cure means, and never half of it."""

import pytest

from alerts.cure import concurrently, identifier, remark, undone
from alerts.cure_line import ELSEWHERE, TOO_LONG, console_lines, one_line
from tests.fixtures.postgres import Database, Psql

HOSTILE = 'od/*d */ -- "name" 🐘'


def test_advice_alone_is_plain_words() -> None:
    """Where there is nothing to run there are no marks of comments."""
    assert one_line((remark("It is over: nobody"), remark("waits."))) == "It is over: nobody waits."


@pytest.mark.parametrize("shown", ["On db2: SELECT 1; then SELECT 2;", "the server's log", '"x"'])
def test_advice_that_psql_would_run_is_a_comment(shown: str) -> None:
    """Pasted as it is, it runs none of its steps, and leaves no string open."""
    assert one_line((remark("1. Ask."), remark(shown))) == f"/* 1. Ask. {shown} */"


def test_no_advice_hides_a_statement() -> None:
    """Each piece of advice ends before what comes after it."""
    cure = (remark("First"), remark("ask."), "SELECT 1;", remark("Then"), "SELECT 2;")
    assert one_line(cure) == "/* First ask. */ SELECT 1; /* Then */ SELECT 2;"


def test_too_long_is_not_cut() -> None:
    """The advice at the end goes first, then all of it; rather than half a statement is none."""
    cure = ("SELECT 'é';", remark("What lasts: a pooler."))
    assert one_line(cure, longest=20) == "SELECT 'é';"
    assert one_line(cure, longest=12) == "SELECT 'é';"
    assert one_line(cure, longest=11) == TOO_LONG
    assert one_line((remark("Ask."), "SELECT 1; ", "SELECT 2;"), longest=25) == TOO_LONG
    long = (remark("Ask " * 100), "SELECT 1;", remark("Then."))
    assert one_line(long, longest=100) == f"/* {ELSEWHERE} */ SELECT 1;"
    assert one_line((remark("Ask " * 100),), longest=100) == TOO_LONG
    assert TOO_LONG.startswith("--")


@pytest.mark.versions(18)
async def test_psql_takes_the_line(database: Database, psql: Psql) -> None:
    """Pasted as it is, a line with a hostile name does what the statements do."""
    await database.execute(f"CREATE TABLE t (id int); CREATE INDEX {identifier(HOSTILE)} ON t (id)")
    cure = (
        remark(f"Of {identifier(HOSTILE)}:"),
        *undone(concurrently(f"DROP INDEX CONCURRENTLY {identifier(HOSTILE)};", "run it again.")),
    )
    await psql(database.dsn, one_line(cure))
    assert (
        await database.fetchval("SELECT count(*) FROM pg_index WHERE indrelid = 't'::regclass") == 0
    )


def test_a_console_gets_lines() -> None:
    """Advice stays in lines that psql drops; what is too long loses the advice at its end."""
    cure = (remark("Ask."), "RESUME shop;", remark("Then look."))
    assert console_lines(cure) == "-- Ask.\nRESUME shop;\n-- Then look."
    assert console_lines(cure, longest=25) == "-- Ask.\nRESUME shop;"
    assert console_lines(cure, longest=15) == TOO_LONG
    assert console_lines((remark("Ask."),)) == "-- Ask."
