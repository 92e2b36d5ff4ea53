"""Long work: statements and tools that run for hours on purpose, and have findings of their own."""

from itertools import islice
from typing import Protocol

from alerts.query_tokens import tokens
from collectors.activity import Session

MAINTENANCE = frozenset(
    {
        "alter",
        "analyse",
        "analyze",
        "autovacuum",
        "base_backup",
        "call",
        "checkpoint",
        "cluster",
        "copy",
        "create",
        "do",
        "reindex",
        "refresh",
        "restore",
        "start_replication",
        "vacuum",
        "wait",
    }
)
"""First words of statements that may run for hours: builds, maintenance, copies, procedures."""
TOOLS = (
    "barman",
    "debezium",
    "pg_basebackup",
    "pg_dump",
    "pg_dumpall",
    "pg_receivewal",
    "pg_repack",
    "pg_restore",
    "pg_squeeze",
    "pgbackrest",
    "pgcopydb",
    "reindexdb",
    "vacuumdb",
    "wal-g",
)
"""Application names of tools that copy or rebuild whole databases."""
WORDS = 200
"""Tokens that are looked at before the first word: comments of an ORM stand in front."""


class Named(Protocol):
    """A row about a session."""

    @property
    def application_name(self) -> str | None: ...


def is_on_purpose(session: Session) -> bool:
    """Whether a tool or a maintenance command is at work, for which hours are no surprise."""
    return is_tool(session) or first_word(session.query) in MAINTENANCE


def is_tool(session: Named) -> bool:
    """Whether it belongs to a tool that copies or rebuilds whole databases."""
    return (session.application_name or "").lower().startswith(TOOLS)


def first_word(statement: str | None) -> str | None:
    """Return the first word of a statement, in lower case; None where there is none."""
    for token in islice(tokens(statement or ""), WORDS):
        if token.kind == "word":
            return token.text.lower()
        if token.kind not in ("space", "comment") and token.text != "(":
            return None
    return None
