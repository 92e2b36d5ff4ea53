"""Statement texts for display, with values replaced and secrets left out."""

from collections.abc import Iterator, Sequence
from itertools import dropwhile, takewhile

from alerts.query_tokens import VALUES, Token, tokens


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


LENGTH = 500
REST = "…"
"""Stands for what is not shown."""
SQUASHED = "/*, ... */"
"""What PostgreSQL 18 writes in pg_stat_statements for the rest of a list of values."""
OF_THE_SERVER = frozenset(
    {
        "<insufficient privilege>",
        "<command string not enabled>",
        "<backend information not available>",
        "<FASTPATH> function call",
    }
)
"""What pg_stat_activity says in place of a statement."""
SHOWN = _words("""
    abort analyse analyze autovacuum begin call checkpoint close cluster commit copy deallocate
    declare delete discard drop end explain fetch insert listen lock merge move reassign refresh
    reindex release rollback savepoint select show start table truncate unlisten update vacuum
    values with
    """)
"""First words of statements that are shown with `?` for every value."""
SHOWN_OBJECTS = _words("""
    domain extension index schema sequence statistics table type view
    """)
"""What CREATE and ALTER are shown of. Others may carry a secret, also outside of quotes."""
BEFORE_OBJECT = _words(
    "or replace global local temp temporary unlogged unique recursive materialized"
)
FIRST_WORDS = (
    _words("""
        access aggregate all alter authorization cast collation comment configuration conversion
        create data database default dictionary do event execute family for foreign function grant
        group import label language large load local mapping method notify object on operator parser
        policy prepare privileges procedure publication reset revoke role routine rule search
        security server session set subscription system tablespace template text transaction
        transform trigger user wrapper
        base_backup create_replication_slot drop_replication_slot alter_replication_slot
        identify_system read_replication_slot start_replication timeline_history
        """)
    | BEFORE_OBJECT
    | SHOWN_OBJECTS
    | SHOWN
)
"""Keywords of PostgreSQL: the first of them are shown of all other statements."""
MOST_WORDS = 6


def normalised(statement: str | None, length: int | None = LENGTH) -> str | None:
    """Return the statement on one line, with `?` for every value, cut to a maximum length.

    Statements that may carry a secret (a password, a connection string, the body of a DO) are
    shown by their first words alone, and nothing is shown after a point where the text is cut off
    or where its meaning is not certain.
    """
    if statement is None or statement in OF_THE_SERVER:
        return statement
    line = " ".join(" ".join(map(_shown, _statements(statement))).split())
    return line if length is None or len(line) <= length else line[: length - 1] + REST


def _statements(text: str) -> Iterator[list[Token]]:
    """Yield the statements of a text, each with the semicolon that ends it."""
    one: list[Token] = []
    for token in tokens(text):
        one.append(token)
        if token.text == ";":
            yield one
            one = []
    yield one


def _shown(statement: Sequence[Token]) -> str:
    meant = [token for token in statement if token.kind not in ("space", "comment")]
    if _is_shown(meant):
        return "".join(map(_written, statement))
    known = list(takewhile(lambda token: token.text.lower() in FIRST_WORDS, meant[:MOST_WORDS]))
    rest = "" if len(known) == len(meant) else f" {REST}"
    semicolon = ";" if meant[-1].text == ";" else ""
    return " ".join(token.text for token in known) + rest + semicolon


def _written(token: Token) -> str:
    if token.kind in VALUES:
        return "?"
    if token.kind == "comment":
        return f", {REST}" if token.text == SQUASHED else " "
    return REST if token.kind == "doubt" else token.text


def _is_shown(meant: Sequence[Token]) -> bool:
    words = [token.text.lower() for token in _without_parentheses(meant)]
    if not words or words == [";"] or meant[0].kind == "doubt":
        return True
    if words[0] == "copy":
        return not any(token.text.lower() == "program" for token in meant)
    if words[0] in ("create", "alter"):
        objects = [word for word in words[1:MOST_WORDS] if word not in BEFORE_OBJECT]
        return bool(objects) and objects[0] in SHOWN_OBJECTS
    return words[0] in SHOWN


def _without_parentheses(meant: Sequence[Token]) -> Sequence[Token]:
    """Return the statement from its first word on: a SELECT may begin with parentheses."""
    return list(dropwhile(lambda token: token.text == "(", meant))
