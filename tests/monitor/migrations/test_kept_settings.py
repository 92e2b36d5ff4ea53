"""Settings that a session has to have when it takes the place of another."""

import pytest

from monitor.migrations.kept_settings import KeptSettings
from monitor.migrations.parsing import parsed
from monitor.migrations.script import pieces


def after(script: str, *, aborted: bool = False) -> tuple[list[str], list[str]]:
    """What is kept of the session and of its block; `aborted` is the last statement's."""
    kept = KeptSettings()
    *first, last = parsed(list(pieces(script)))
    for statement in first:
        kept.take(statement)
    kept.take(last, aborted=aborted)
    return list(kept.session), [one.text for one in kept.block]


@pytest.mark.parametrize(
    ("script", "session", "block"),
    [
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
    ],
)
def test_what_is_kept(script: str, session: list[str], block: list[str]) -> None:
    """What a rollback undoes is not, and what is local ends with its transaction."""
    assert after(script) == (session, block)


def test_a_commit_after_a_failure_rolls_back() -> None:
    """Its settings were never there."""
    assert after("SET a.b = 1; BEGIN; SET a.b = 2; COMMIT", aborted=True) == (["SET a.b = 1"], [])


def test_settings_that_can_not_be_made_again() -> None:
    """The transaction and its savepoints can."""
    kept = KeptSettings()
    for statement in parsed(list(pieces("BEGIN; SET ROLE gone; SAVEPOINT s"))):
        kept.take(statement)
    kept.forget_block()
    assert [one.text for one in kept.block] == ["BEGIN", "SAVEPOINT s"]
    kept.end()
    assert kept.block == []
