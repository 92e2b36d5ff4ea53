"""A statement is shown without anybody's values, however it is written and wherever it is cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.query_text import LENGTH, normalised

SECRET = "h0nter2"
DIGITS = "31415926535"

inside = st.text("ab '\"\\$-/*;\n%é", max_size=8)


def _quoted(before: str, after: str) -> str:
    return "'" + f"{before}{SECRET}{after}".replace("'", "''") + "'"


def _escaped(before: str, after: str) -> str:
    text = f"{before}{SECRET}{after}".replace("\\", "\\\\").replace("'", "\\'")
    return f"E'{text}'"


def _dollar(before: str, after: str) -> str:
    return f"$tag${before}{SECRET}{after}$tag$"


def _nested_comment(before: str, after: str) -> str:
    text = f"{before}/* {SECRET} */{after}".replace("\\", "")
    return f"/* {text.count('/*') and '/* inner */'} {SECRET} */"


def _line_comment(before: str, after: str) -> str:
    return f"-- {before}{SECRET}{after}".replace("\n", " ") + "\n"


def _number(before: str, after: str) -> str:
    return f"-{DIGITS}.5e{len(before)}"


values = st.builds(
    lambda make, before, after: make(before, after),
    st.sampled_from([_quoted, _escaped, _dollar, _nested_comment, _line_comment, _number]),
    inside,
    inside,
)
plain = st.sampled_from(["SELECT", "x", "=", "$1", '"Odd "" name"', "::int", "(", ",", "AND"])
statements = st.lists(plain | values, max_size=12).map(" ".join)


@given(statements)
def test_no_value_survives(statement: str) -> None:
    """Strings, dollar quotes, numbers and comments are gone, whatever stands in and around them."""
    shown = normalised(statement) or ""
    assert SECRET not in shown
    assert DIGITS not in shown


@given(statements, st.integers(0, 200))
def test_no_value_survives_where_the_server_cut_the_text(statement: str, end: int) -> None:
    """Texts end after track_activity_query_size bytes, also in the middle of a value."""
    shown = normalised(statement[:end]) or ""
    assert SECRET not in shown
    assert DIGITS not in shown


@pytest.mark.parametrize(
    "statement",
    [
        r"SELECT 'C:\' || 'h0nter2'",
        r"SELECT 'it\'s', 'h0nter2'",
        r"SELECT E'cut h0nter2\ "[:-1],
        r"SELECT 'cut h0nter2\ "[:-1],
        "SELECT /* a /* b */ h0nter2 */ 1",
        "SELECT $$h0nter2",
    ],
)
def test_where_the_end_of_a_value_is_not_certain_too_much_is_hidden(statement: str) -> None:
    """Whether a backslash escapes is a setting of the server: both readings are safe."""
    assert "h0nter2" not in (normalised(statement) or "")


@pytest.mark.parametrize(
    ("statement", "shown"),
    [
        (None, None),
        ("", ""),
        (
            "UPDATE orders SET note = 'it''s', total = 12.50 WHERE id = 7",
            "UPDATE orders SET note = ?, total = ? WHERE id = ?",
        ),
        ("SELECT t1.c2 FROM t1", "SELECT t1.c2 FROM t1"),
        ('SELECT "Name" FROM x WHERE y = $1', 'SELECT "Name" FROM x WHERE y = $1'),
        ("SELECT 1  -- why\n , 2", "SELECT ? , ?"),
        (r"SELECT E'a\'b', x", "SELECT ?, x"),
    ],
)
def test_what_is_no_value_can_be_read(statement: str | None, shown: str | None) -> None:
    """Names, keywords and parameters stay; the text is one line."""
    assert shown == normalised(statement)


def test_a_long_statement_is_cut() -> None:
    """No statement fills a page."""
    shown = normalised("SELECT " + "x, " * 10_000) or ""
    assert len(shown) == LENGTH
    assert shown.endswith("…")
