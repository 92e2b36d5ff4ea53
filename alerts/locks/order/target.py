"""Table whose rows a statement is about to lock, by its first words."""

import re
from dataclasses import dataclass
from functools import lru_cache

from alerts.cure import identifier
from alerts.query_text import normalised

NAME = r'(?:"(?:[^"]|"")+"|[A-Za-z_\x80-\uffff][\w$\x80-\uffff]*)'
TARGET = re.compile(
    rf"""
    (?P<verb> update | delete \s+ from | insert \s+ into | merge \s+ into | lock (?:\s+ table)?
        | select \b .*? \b from )
    \s+ (?:only \s+)? (?P<name> {NAME} (?:\s*\.\s*{NAME})? )
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
INSIDE = re.compile(
    rf"""
    \( \s* (?P<verb> update | delete \s+ from ) \s+
    (?:only \s+)? (?P<name> {NAME} (?:\s*\.\s*{NAME})? )
    """,
    re.VERBOSE | re.IGNORECASE,
)
WRITES = re.compile(r"\b(?:update|delete|insert|merge)\b", re.IGNORECASE)
"""Also in FOR UPDATE and DO UPDATE."""
PART = re.compile(NAME)
FOR_ROWS = re.compile(r"\bfor\s+(?:no\s+key\s+)?(?:update|share)\b", re.IGNORECASE)
NEVER_WAITS = re.compile(r"\b(?:skip\s+locked|nowait)\b", re.IGNORECASE)
UPSERT = re.compile(r"\bdo\s+update\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class RowTarget:
    name: tuple[str, ...]
    """Schema, where it was written, and table: as they are called, without quotes."""
    verb: str
    never_waits: bool
    """It takes what is free: SKIP LOCKED, or gives up: NOWAIT."""
    locks_rows: bool
    """It changes or locks rows that are there already, and waits for them if it must: no plain
    INSERT, no plain SELECT, no SKIP LOCKED."""

    @property
    def changes_rows(self) -> bool:
        """It changes rows that are there already, and no others."""
        return self.verb in ("update", "delete")

    @property
    def leaves_no_trace(self) -> bool:
        """It locks rows, and its locks on table and indexes need not show that."""
        return self.locks_rows and self.verb in ("select", "insert", "merge")

    def is_of(self, qualified: str) -> bool:
        """Whether it may be that table; an unqualified name is of any schema."""
        name = _written(self.name)
        return qualified == name or (len(self.name) == 1 and qualified.endswith("." + name))


@lru_cache(maxsize=4096)
def _written(name: tuple[str, ...]) -> str:
    return identifier(*name)


@lru_cache(maxsize=4096)
def target_of(statement: str | None) -> RowTarget | None:
    """None where the first words don't tell: functions, DDL, WITH that changes several tables."""
    text = normalised(statement, None)
    match = _match(text.lstrip("( ")) if text else None
    if match is None or text is None:
        return None
    verb = match["verb"].split()[0].lower()
    rest = text[match.end() :]
    never_waits = verb == "select" and bool(NEVER_WAITS.search(rest))
    locks_rows = (
        bool(FOR_ROWS.search(rest)) and not never_waits
        if verb == "select"
        else bool(UPSERT.search(rest))
        if verb == "insert"
        else verb != "lock"
    )
    return RowTarget(
        tuple(map(_unquoted, PART.findall(match["name"]))), verb, never_waits, locks_rows
    )


def _match(text: str) -> re.Match[str] | None:
    if not text[:5].lower().startswith("with "):
        return TARGET.match(text)
    return INSIDE.search(text) if len(WRITES.findall(text)) == 1 else None


def _unquoted(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name.lower()
