"""Settings that a session has to have when it takes the place of another."""

from itertools import islice

import pytest

from alerts.migrations.statement import Statement
from monitor.migrations.kept_settings import KeptSettings
from monitor.migrations.parsing import parsed
from monitor.migrations.script import pieces

SET = "SELECT pg_catalog.set_config('a.b', '1', false)"
SET_LOCAL = "SELECT set_config('a.b', '1', true), set_config('a.c', '1', 't'::bool)"
SET_BOTH = "SELECT set_config('a.c', current_setting('a.b'), true), set_config('a.b', '2', 'f')"
SET_OTHERWISE = "SELECT set_config('A.b', '1', false) AS x"
WITH_MORE = "set_config('a.b', other(), false); SELECT set_config(x.a, x.b, false) FROM x"


CASES: list[tuple[str, list[str], list[str]]] = [
    ("SET a.b = 1; SET a.c = 1; SET a.b = 1", ["SET a.c = 1", "SET a.b = 1"], []),
    ("SET LOCAL a.b = 1; SET TRANSACTION READ ONLY; SHOW a.b", [], []),
    ("SET a.b = 1; DISCARD TEMP; RESET a.c", ["SET a.b = 1", "RESET a.c"], []),
    ("SET a.b = 1; DISCARD ALL", [], []),
    ("BEGIN READ ONLY; SET a.b = 1; BEGIN", [], ["BEGIN READ ONLY", "SET a.b = 1"]),
    ("BEGIN; SET a.b = 1; SET LOCAL a.c = 1; COMMIT", ["SET a.b = 1"], []),
    ("START TRANSACTION; SET TRANSACTION READ ONLY; SET a.b = 1; END", ["SET a.b = 1"], []),
    ("SET a.b = 1; BEGIN; SET a.b = 2; ABORT", ["SET a.b = 1"], []),
    ("BEGIN; SET a.b = 1; SAVEPOINT s; COMMIT AND CHAIN", ["SET a.b = 1"], ["BEGIN"]),
    ("BEGIN; SET a.b = 1; ROLLBACK AND CHAIN", [], ["BEGIN"]),
    ("SAVEPOINT s; BEGIN; ROLLBACK TO s; RELEASE s", [], ["BEGIN"]),
    (f"{SET}; BEGIN; {SET_LOCAL}; {SET_BOTH}; COMMIT", [SET, SET_BOTH], []),
    (f"{SET_LOCAL}; SELECT 1, 2; SELECT; {SET} FROM t; SELECT {WITH_MORE}", [], []),
    (f"BEGIN; {SET_LOCAL}", [], ["BEGIN", SET_LOCAL]),
    (f"{SET}; {SET}; DISCARD ALL; {SET_OTHERWISE}", [SET_OTHERWISE], []),
    (
        "BEGIN; SAVEPOINT s; SET a.b = 1; SAVEPOINT s; SET a.c = 1; ROLLBACK TO s",
        [],
        ["BEGIN", "SAVEPOINT s", "SET a.b = 1", "SAVEPOINT s"],
    ),
    (
        "BEGIN; SAVEPOINT s; SET a.b = 1; SAVEPOINT t; SET a.c = 1; RELEASE s; SET a.d = 1",
        [],
        ["BEGIN", "SET a.b = 1", "SET a.c = 1", "SET a.d = 1"],
    ),
]


@pytest.fixture(scope="module")
def read() -> dict[str, list[Statement]]:
    """The statements of every script, all parsed at once: each time starts a process."""
    cut = {script: list(pieces(script)) for script, _, _ in CASES}
    found = iter(parsed([piece for script in cut.values() for piece in script]))
    return {script: list(islice(found, len(one))) for script, one in cut.items()}


def after(statements: list[Statement], *, aborted: bool = False) -> tuple[list[str], list[str]]:
    """What is kept of the session and of its block; `aborted` is the last statement's."""
    kept = KeptSettings()
    *first, last = statements
    for statement in first:
        kept.take(statement)
    kept.take(last, aborted=aborted)
    return list(kept.session), [one.text for one in kept.block]


@pytest.mark.parametrize(("script", "session", "block"), CASES)
def test_what_is_kept(
    read: dict[str, list[Statement]], script: str, session: list[str], block: list[str]
) -> None:
    """What a rollback undoes is not, and what is local ends with its transaction."""
    assert after(read[script]) == (session, block)


def test_a_commit_after_a_failure_rolls_back() -> None:
    """Its settings were never there."""
    statements = parsed(list(pieces("SET a.b = 1; BEGIN; SET a.b = 2; COMMIT")))
    assert after(statements, aborted=True) == (["SET a.b = 1"], [])


def test_settings_that_can_not_be_made_again() -> None:
    """The transaction and its savepoints can."""
    kept = KeptSettings()
    for statement in parsed(list(pieces("BEGIN; SET ROLE gone; SAVEPOINT s"))):
        kept.take(statement)
    kept.forget_block()
    assert [one.text for one in kept.block] == ["BEGIN", "SAVEPOINT s"]
    kept.end()
    assert kept.block == []
