"""Statements that change many rows of one table, with the table, from their texts."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from alerts.query_tokens import Token, name_of, tokens, word_of
from alerts.statements.shape import TableName
from alerts.statements.texts import StatementTexts
from collectors.user_tables import UserTable

TIME_NAMES = ("at", "on", "time", "date", "timestamp", "day", "created", "updated", "ts", "until")
"""Last words of names of columns that hold a time."""
TIME_WORDS = frozenset(
    (
        *("now", "current_date", "current_timestamp", "localtimestamp", "clock_timestamp"),
        *("interval", "date", "timestamp", "timestamptz", "date_trunc"),
    )
)
"""Words beside a column that say that it is compared with a time."""


class TableChange(NamedTuple):
    """An UPDATE or DELETE of one table."""

    kind: str
    """update or delete."""
    table: TableName
    before: str | None
    """The column of a time that is compared with `<`, if there is one."""


def change_of(text: str) -> TableChange | None:
    """Return what a statement changes; None for another kind, or one that can't be told."""
    items = [token for token in tokens(text) if token.kind not in ("space", "comment")]
    if not items or any(item.kind == "doubt" for item in items):
        return None
    words = [word_of(item) for item in items]
    kind = words[0]
    at = {"update": 1, "delete": 2}.get(kind)
    if at is None or (kind == "delete" and words[1:2] != ["from"]):
        return None
    at += words[at : at + 1] == ["only"]
    table = _table(items, words, at)
    return None if table is None else TableChange(kind, table, _before(items, words, at))


def _table(items: Sequence[Token], words: Sequence[str], at: int) -> TableName | None:
    first = name_of(items[at]) if at < len(items) else None
    if first is None:
        return None
    if words[at + 1 : at + 2] != ["."]:
        return TableName(None, first)
    second = name_of(items[at + 2]) if at + 2 < len(items) else None
    return None if second is None else TableName(first, second)


def _before(items: Sequence[Token], words: Sequence[str], start: int) -> str | None:
    """Return the first column that is compared by `<` and is a time by its name or its value."""
    for at in range(start + 1, len(items) - 1):
        name = name_of(items[at - 1])
        if words[at] != "<" or name is None or words[at - 1] in ("<", ">", "="):
            continue
        if words[at + 1] == ">":  # unequal
            continue
        value = words[at + 1 : at + 12]
        ends = [n for n, word in enumerate(value) if word in ("and", "or", "limit", "order")]
        is_time = TIME_WORDS & set(value[: ends[0]] if ends else value)
        if is_time or name.rpartition("_")[2].lower() in TIME_NAMES:
            return name
    return None


def changes(texts: StatementTexts, kind: str) -> Mapping[int, TableChange]:
    """Return the statements of a kind whose texts are known, by query id."""
    found = (
        (query_id, change_of(known.query))
        for query_id, known in texts.known.items()
        if not known.is_cut and known.query.lstrip()[:6].lower() == kind
    )
    return {query_id: change for query_id, change in found if change is not None}


def tables_by_name(rows: Iterable[UserTable]) -> Mapping[tuple[str, str], UserTable | None]:
    """Return tables by database and name; None where schemas have several of that name."""
    found: dict[tuple[str, str], UserTable | None] = {}
    for row in rows:
        key = row.datname, row.relname
        found[key] = None if key in found else row
    return found


def is_in_schema(change: TableChange, table: UserTable) -> bool:
    return change.table.schema in (None, table.schemaname)


def named(found: Mapping[int, TableChange]) -> Iterator[str]:
    """Yield the names of their tables."""
    return (change.table.name for change in found.values())
