"""Columns and tables that recent statements still name, and that a migration takes away."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from alerts.migrations.advice import Advice, Level
from alerts.migrations.live import LiveServer
from alerts.migrations.statement import Statement
from alerts.migrations.traced import Traced
from alerts.query_text import normalised

EXPAND = (
    "Add the new name first, let the application use it, and take the old one away in a later"
    " release."
)
EXAMPLE = 100
"""Characters of a statement that is named."""
WORD = re.compile(r'"((?:[^"]|"")+)"|([^\W\d][\w$]*)')


class Taken(NamedTuple):
    """A name that will not be there any more."""

    table: str
    column: str | None
    how: str
    """dropped or renamed."""


def taken(statement: Statement) -> Iterator[Taken]:
    """Yield what the statement takes away from the application."""
    body = statement.body
    for action in statement.actions:
        if action.kind == "AT_DropColumn" and action.column:
            yield Taken(statement.tables[0].name, action.column, "dropped")
    if statement.node == "RenameStmt" and body.get("relation"):
        table = body["relation"].get("relname", "")
        if body.get("renameType") == "OBJECT_COLUMN":
            yield Taken(table, body.get("subname"), "renamed")
        elif body.get("renameType") in ("OBJECT_TABLE", "OBJECT_VIEW"):
            yield Taken(table, None, "renamed")
    if statement.node == "DropStmt" and body.get("removeType") in (
        "OBJECT_TABLE",
        "OBJECT_VIEW",
        "OBJECT_MATVIEW",
    ):
        for name in statement.tables:
            yield Taken(name.name, None, "dropped")


def still_named(traced: Traced, live: LiveServer | None) -> Iterator[Advice]:
    """Yield the names that are taken away, and whether recent statements name them."""
    if live is None or traced.created or traced.failure:
        return
    for gone in taken(traced.statement):
        what = f"{gone.table}.{gone.column}" if gone.column else gone.table
        if live.texts is None:
            yield Advice(
                f"Not known: whether statements still name {what}; pg_stat_statements is not read."
                f" {EXPAND}",
                level=Level.caution,
            )
            continue
        naming = [text for text in live.texts if _names(text, gone)]
        if naming:
            example = normalised(naming[0], EXAMPLE)
            yield Advice(
                f"{what} is {gone.how}, but recent statements name it, such as: {example}."
                f" {EXPAND}",
                level=Level.danger,
            )
        elif live.texts_hidden:
            yield Advice(
                f"Not known: whether statements of other roles still name {what}; they are hidden"
                f" from a role that is not a member of pg_read_all_stats. {EXPAND}",
                level=Level.caution,
            )
        else:
            yield Advice(
                f"No statement in pg_stat_statements names {what}; SELECT *, functions and evicted"
                " statements would not show."
            )


def _names(text: str, gone: Taken) -> bool:
    words = {(quoted or plain.lower()) for quoted, plain in WORD.findall(text)}
    return gone.table in words and (gone.column is None or gone.column in words)
