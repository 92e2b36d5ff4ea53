"""A script is cut as psql cuts it, whatever it contains."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.migrations.script import pieces


def cut(script: str) -> list[str]:
    return [piece.text for piece in pieces(script)]


@pytest.mark.parametrize(
    "one",
    [
        "select 'a;b'",
        "select E'a\\';b'",
        'select ";" from t',
        "select $$a;b$$",
        "select $q$ $$;$$ $q$",
        "select 1 /* ; /* ; */ ; */",
        "create rule r as on insert to t do (select 1; select 2)",
        "create function f() returns int begin atomic select case 1 when 1 then 2 end; end",
        "create or replace procedure p() begin atomic select 1; select 2; end",
    ],
)
def test_a_semicolon_inside(one: str) -> None:
    assert cut(f"select 0; {one}; select 2") == ["select 0", one, "select 2"]


def test_lines_for_psql() -> None:
    """They end with the line; those that end a statement run it."""
    found = list(pieces("\\set x 1\nselect 1\n\\gexec\nselect '\\! no'\\g\n\\! rm -rf /\nselect 2"))
    assert [(piece.line, piece.text, piece.is_psql) for piece in found] == [
        (1, "\\set x 1", True),
        (2, "select 1", False),
        (4, "select '\\! no'", False),
        (5, "\\! rm -rf /", True),
        (6, "select 2", False),
    ]
    assert found[1].follows == "gexec"


def test_rows_of_copy_are_no_statements() -> None:
    assert cut("copy t from stdin;\ndrop table t;\n\\.\nselect 1;") == [
        "copy t from stdin",
        "select 1",
    ]
    assert cut("copy t from stdin;\nno end; of rows") == ["copy t from stdin"]


def test_transaction_blocks_are_statements() -> None:
    assert cut("begin; alter table t add x int; end; select 1") == [
        "begin",
        "alter table t add x int",
        "end",
        "select 1",
    ]


@given(st.text(alphabet="a'\"$;()\\/*-\n \x01é", max_size=60))
def test_anything_is_cut(script: str) -> None:
    """It always comes to an end, and every line number is of the script."""
    for piece in pieces(script):
        assert 1 <= piece.line <= script.count("\n") + 1
        assert piece.text.strip()
