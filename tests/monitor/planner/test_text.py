"""Texts that the planner is not asked about, and what a text may call."""

import pytest

from alerts.statements.texts import KnownText
from monitor.planner.explain import search_path
from monitor.planner.text import CUT, NO_QUERY, UNCLEAR, WRITES, names, obstacle


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("select 1", None),
        ("/* a */ WITH x AS (SELECT 1) TABLE x", None),
        ('select "update" from t', None),
        ("select * from t for update", WRITES),
        ("select * from t for key share", WRITES),
        ("with x as (delete from t returning a) select * from x", WRITES),
        ("select 1 into other", WRITES),
        ("insert into t values ($1)", WRITES),
        ("update t set a = $1", WRITES),
        ("vacuum t", NO_QUERY),
        ("", NO_QUERY),
        ("select 'torn", UNCLEAR),
        ('select U&"\\0065vil"($1)', UNCLEAR),
        (f"select {'a' * 64}($1)", UNCLEAR),
    ],
)
def test_obstacles(query: str, why: str | None) -> None:
    assert obstacle(KnownText(query, False, query)) == why
    assert obstacle(KnownText(query, True, query)) == CUT


def test_names_and_operators() -> None:
    """However they are written; a letter beyond ASCII is folded by some servers."""
    found = names('select Evil /* ( */ ($1), "Odd Name"(t.x), É($2) from t where a <+> $3 and b=$4')
    assert found.called == ("evil", "Odd Name", "É", "é")
    assert {"t", "x", "a", "b", "evil"} <= {*found.words}
    assert found.signs == ("<+>", "=")


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ('"$user", public', ["app", "public"]),
        ("evil, pg_catalog", ["evil"]),
        ('"a,b", C', ["a,b", "c"]),
        ('"qu""ote"', ['qu"ote']),
        ("", []),
    ],
)
def test_search_path_of_a_role(written: str, path: list[str]) -> None:
    """What the server has built in comes first, wherever a user has put it."""
    assert search_path(written, "app") == path
