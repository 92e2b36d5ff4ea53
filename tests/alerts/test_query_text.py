"""A statement is shown without its values, for every syntax, and wherever it is cut."""

import re

import postgast
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from alerts.query_text import LENGTH, normalised
from alerts.query_tokens import LONGEST, VALUES, tokens

SECRET = "h0nter2"
DIGITS = "31415926535"

kinds = postgast.pg_query_pb2.Token
CONSTANTS = {
    kinds.SCONST,
    kinds.BCONST,
    kinds.XCONST,
    kinds.USCONST,
    kinds.ICONST,
    kinds.FCONST,
    kinds.SQL_COMMENT,
    kinds.C_COMMENT,
}
WORD = re.compile("zq[0-9]+x")

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
statements = st.lists(plain | values, max_size=12).map(lambda parts: " ".join(["SELECT", *parts]))


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
        "SELECT 'O'Brien h0nter2'",
        "SELECT 'Rock 'n' Roll h0nter2'",
        "SELECT $$a$$h0nter2$$b$$",
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
        ("SELECT 'a'AS b,'c'::text FROM t", "SELECT ?AS b,?::text FROM t"),
        ("SELECT 'a'b FROM t", "SELECT ?…"),
        ("SELECT é😀$ FROM x; DO $$y$$; VACUUM x", "SELECT é😀$ FROM x; DO …; VACUUM x"),
        ("(SELECT 1e10, 0x1F, 1_000, -5, .5e-3, 1..10)", "(SELECT ?, ?, ?, -?, ?, ??)"),
        ("ALTER TABLE a ADD b text DEFAULT 'c'", "ALTER TABLE a ADD b text DEFAULT ?"),
        ("create unique index i on t (a)", "create unique index i on t (a)"),
        ("COPY t (a) FROM STDIN", "COPY t (a) FROM STDIN"),
        ("SELECT a FROM t WHERE b = 'cut", "SELECT a FROM t WHERE b = …"),
        (
            "autovacuum: VACUUM public.t (to prevent wraparound)",
            "autovacuum: VACUUM public.t (to prevent wraparound)",
        ),
        ("<insufficient privilege>", "<insufficient privilege>"),
        ('SELECT "Name" FROM x WHERE y = $1', 'SELECT "Name" FROM x WHERE y = $1'),
        ("SELECT 1  -- why\n , 2", "SELECT ? , ?"),
        ("SELECT a FROM t WHERE b IN ($1 /*, ... */)", "SELECT a FROM t WHERE b IN ($1 , …)"),
        (r"SELECT E'a\'b', x", "SELECT ?, x"),
    ],
)
def test_what_is_no_value_can_be_read(statement: str | None, shown: str | None) -> None:
    """Names, keywords and parameters stay; the text is one line."""
    assert shown == normalised(statement)


@pytest.mark.parametrize(
    ("statement", "shown"),
    [
        ("ALTER ROLE app PASSWORD 'h0nter2'", "ALTER ROLE …"),
        ('CREATE USER app PASSWORD "h0nter2"', "CREATE USER …"),
        ("ALTER USER MAPPING FOR a SERVER b OPTIONS (SET c 'h0nter2')", "ALTER USER MAPPING FOR …"),
        ("CREATE SERVER a FOREIGN DATA WRAPPER b OPTIONS (c 'h0nter2')", "CREATE SERVER …"),
        ("CREATE FOREIGN TABLE a () SERVER b OPTIONS (c 'd')", "CREATE FOREIGN TABLE …"),
        ("CREATE SUBSCRIPTION s CONNECTION 'password=h0nter2'", "CREATE SUBSCRIPTION …"),
        ("COPY t FROM PROGRAM 'curl h0nter2'", "COPY …"),
        ("SET app.token = h0nter2", "SET …"),
        ("SET LOCAL app.token TO h0nter2", "SET LOCAL …"),
        ("ALTER DATABASE d SET app.token = h0nter2", "ALTER DATABASE …"),
        ("ALTER SYSTEM SET app.token = h0nter2", "ALTER SYSTEM SET …"),
        ("DO LANGUAGE plpgsql $$h0nter2$$", "DO LANGUAGE …"),
        ("COMMENT ON TABLE t IS 'h0nter2'", "COMMENT ON TABLE …"),
        ("SECURITY LABEL ON ROLE r IS 'h0nter2'", "SECURITY LABEL ON ROLE …"),
        ("EXECUTE p(h0nter2)", "EXECUTE …"),
        ("PREPARE p AS SELECT 'h0nter2'", "PREPARE …"),
        ("NOTIFY c, 'h0nter2'", "NOTIFY …"),
        ("CREATE TRIGGER t AFTER INSERT ON a EXECUTE FUNCTION f(h0nter2)", "CREATE TRIGGER …"),
        ("CREATE OR REPLACE FUNCTION f() SET a = h0nter2", "CREATE OR REPLACE FUNCTION …"),
        ("ALTR ROLE app PASSWORD h0nter2", "…"),
        ("BEGIN; ALTER ROLE app PASSWORD $$h0nter2$$; COMMIT", "BEGIN; ALTER ROLE …; COMMIT"),
    ],
)
def test_what_may_carry_a_secret_is_shown_by_its_first_words(statement: str, shown: str) -> None:
    """Also where the secret is a bare word or, by mistake, a quoted name."""
    assert shown == normalised(statement)


def test_a_long_statement_is_cut() -> None:
    """No statement fills a page."""
    shown = normalised("SELECT " + "x, " * 10_000) or ""
    assert len(shown) == LENGTH
    assert shown.endswith("…")


LANGUAGE = r"""
' '' " \ $ $a$ $a€$ $😀$ $_1$ $1 E' e' U&' B' x' N' U&" -- /* */ ; ( é 😀 a a$
1 12.5 0x1F 1_0 1e5 1e � SELECT
"""

pieces = st.lists(st.sampled_from([*LANGUAGE.split(), " ", "\n", "\r", "zq"]), max_size=25)


def _numbered(parts: list[str]) -> str:
    """Make each word that is looked for unlike the others."""
    return "".join(f"zq{number}x" if part == "zq" else part for number, part in enumerate(parts))


@given(pieces.map(_numbered), st.integers(0, 100))
@example("$😀$zq1x$😀$", 100)
@example("$a€$zq1x$a€$", 100)
@example("é😀$ 'zq1x'", 100)
@example("-- \r ' \n zq1x '", 100)
@example("'a'\n'zq1x'", 100)
def test_no_constant_of_the_lexer_of_postgresql_survives(text: str, end: int) -> None:
    """Whatever is scanned as a constant or a comment is hidden, also where the text is cut."""
    statement = f"SELECT {text}"
    try:
        scanned = postgast.scan(statement).tokens
    except postgast.PgQueryError:
        return
    whole, cut = normalised(statement, None) or "", normalised(statement[: 7 + end], None) or ""
    octets = statement.encode()
    for token in scanned:
        if token.token in CONSTANTS:
            constant = octets[token.start : token.end].decode()
            for word in WORD.findall(constant):
                assert word not in whole
                assert word not in cut


@given(pieces.map(_numbered))
@example("'a', E'b\\'c', $d$e$d$, 1e5, \"f\", $1 /* g */")
@example("B'\\\"'''")
def test_the_tokens_are_those_of_postgresql(text: str) -> None:
    """Up to the first doubt; so names are not hidden either."""
    statement = f"SELECT {text}"
    try:
        scanned = postgast.scan(statement).tokens
    except postgast.PgQueryError:
        return
    expected = [(token.start, token.end) for token in scanned if token.token in CONSTANTS]
    found, at = [], 0
    for kind, token in tokens(statement):
        length = len(token.encode())
        if kind in VALUES or kind == "comment":
            found.append((at, at + length))
        at += length
    # PostgreSQL has one token of a string that is continued on another line, we have several.
    assert all(any(start <= a and b <= end for start, end in expected) for a, b in found)
    assert all(
        any(start <= a and b <= end for a, b in found) for start, end in expected if end <= at
    )


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT 1e'\\'h0nter2'",
        "SELECT 1a$b$c'h0nter2 $b$ h0nter2'",
        "SELECT 0x1F$b$'h0nter2$b$'",
        "SELECT $1e'\\'h0nter2'",
        "SELECT $\ufffd$ $\ufffd$ h0nter2 $\ufffd$",
        'SELECT a, "cut h0nter2',
        "SELECT \0 h0nter2",
        "SELECT $31415926535",
    ],
)
def test_nothing_is_shown_after_what_versions_or_encodings_read_differently(statement: str) -> None:
    """PostgreSQL 14 reads `1a` as a number and an alias, 15 as an error."""
    shown = normalised(statement) or ""
    assert "h0nter2" not in shown
    assert DIGITS not in shown


@pytest.mark.parametrize(
    "piece", ["9", "'", "/*", "$a", "$a$", "(", "'\\\\", "1_", "E'", ";", '"', "-- "]
)
def test_very_long_texts_are_read_up_to_a_limit(piece: str) -> None:
    """A text of megabytes is cut, and costs no more than one of LONGEST characters."""
    text = "SELECT " + piece * (2_000_000 // len(piece))
    assert sum(len(token.text) for token in tokens(text)) <= LONGEST
    assert len(normalised(text) or "") <= LENGTH
