"""Shape of a statement: its table, its filters and its OFFSET, as far as its tokens are certain.

Only plain statements have one: a single level, without WITH, UNION or a query inside. What is cut
off, or could be read in two ways, has none. That needs no parser, and no memory for one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from alerts.query_tokens import Token, name_of, tokens, word_of
from alerts.statements.conditions import Wrapped, conditions, equal_columns, wrapped_columns


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


END = _words("""
    where group having window order limit offset fetch for returning set union intersect except ;
""")
"""Words that end a list of tables, at the top level."""
END_OF_FILTER = END - {"where", "set"}
JOINS = _words("natural inner left right full outer cross join")
NO_ALIAS = END | JOINS | _words("on using tablesample")
INSIDE = _words("select with union intersect except lateral merge")
"""A statement with more of these than its first word is not plain."""
AFTER_WITH = _words("time ties ordinality")
"""Words after a WITH that begins no query: TIMESTAMP WITH TIME ZONE."""


class TableName(NamedTuple):
    """A table as a statement names it."""

    schema: str | None
    name: str


@dataclass(frozen=True, slots=True)
class StatementShape:
    """Certain facts about a statement."""

    kind: str
    """select, update or delete."""
    tables: tuple[TableName, ...]
    """Without those of FROM in an UPDATE, and not all of USING in a DELETE."""
    aliases: tuple[str, ...]
    """The name before the columns of each table."""
    has_others: bool
    """Whether an UPDATE or DELETE also reads other tables."""
    is_filtered: bool
    has_offset: bool
    equal: tuple[str, ...]
    """Columns that are compared with a value by `=`, all of which must hold."""
    wrapped: tuple[Wrapped, ...]

    @property
    def is_alone(self) -> bool:
        """Whether its columns are all of one table."""
        return len(self.tables) == 1 and not self.has_others

    def table_of(self, qualifier: str) -> TableName | None:
        """Return the table whose columns have that name before them, if it is one of these."""
        named = zip(self.tables, self.aliases, strict=True)
        found = {table for table, alias in named if alias == qualifier}
        return found.pop() if len(found) == 1 else None


def shape_of(text: str) -> StatementShape | None:
    """Return the shape of a statement; None where it is not certain or not plain."""
    items = [token for token in tokens(text) if token.kind not in ("space", "comment")]
    if not items or any(item.kind == "doubt" for item in items):
        return None
    words = [word_of(item) for item in items]
    kind = words[0]
    inside = sum(_is_inside(words, at) for at in range(len(words))) - (kind == "select")
    if kind not in ("select", "update", "delete") or inside:
        return None
    depths = list(_depths(words))
    start = _tables_start(kind, words, depths)
    found = _tables(items, words, depths, start) if start is not None else None
    if found is None:
        return None
    tables, end = found
    first, last = _filter(words, depths, end)
    certain = [(items[at:to], words[at:to]) for at, to in conditions(words, first, last)]
    return StatementShape(
        kind,
        tuple(table for table, _ in tables),
        tuple(alias for _, alias in tables),
        _has_others(kind, words, depths, end),
        last > first,
        _at_top("offset", words, depths, end) is not None,
        tuple(column for part in certain for column in equal_columns(*part)),
        tuple(wrapped for part in certain for wrapped in wrapped_columns(*part)),
    )


def _is_inside(words: Sequence[str], at: int) -> bool:
    """Whether a word there begins a query, or joins two."""
    is_other = words[at] == "with" and not AFTER_WITH.isdisjoint(words[at + 1 : at + 2])
    return words[at] in INSIDE and not is_other


def _depths(words: Sequence[str]) -> Iterator[int]:
    depth = 0
    for word in words:
        depth -= word in (")", "]")
        yield depth
        depth += word in ("(", "[")


def _at_top(word: str, words: Sequence[str], depths: Sequence[int], start: int) -> int | None:
    places = range(start, len(words))
    return next((at for at in places if words[at] == word and depths[at] == 0), None)


def _tables_start(kind: str, words: Sequence[str], depths: Sequence[int]) -> int | None:
    """Return where the tables begin."""
    return 1 if kind == "update" else _after_from(words, depths)


def _after_from(words: Sequence[str], depths: Sequence[int]) -> int | None:
    """Return what follows FROM; `IS DISTINCT FROM` is another one."""
    at = _at_top("from", words, depths, 0)
    while at is not None and words[at - 1] == "distinct":
        at = _at_top("from", words, depths, at + 1)
    return None if at is None else at + 1


def _has_others(kind: str, words: Sequence[str], depths: Sequence[int], end: int) -> bool:
    """Whether tables are read beside those that are written; `end` is where these end."""
    if kind == "update":
        return _after_from(words, depths) is not None
    return kind == "delete" and "using" in words[:end]


def _tables(
    items: Sequence[Token], words: Sequence[str], depths: Sequence[int], at: int
) -> tuple[list[tuple[TableName, str]], int] | None:
    """Return the tables with their aliases, and where their list ends.

    None where something else is among them.
    """
    tables = list[tuple[TableName, str]]()
    while True:
        at += at < len(words) and words[at] == "only"
        first = name_of(items[at]) if at < len(items) else None
        if first is None or words[at] in END:
            return None
        schema, at = None, at + 1
        if at + 1 < len(items) and words[at] == ".":
            schema, first, at = first, name_of(items[at + 1]), at + 2
        if first is None or (at < len(words) and words[at] in ("(", ".", "tablesample")):
            return None
        tables.append((TableName(schema, first), _alias(items, words, at) or first))
        while at < len(words) and not (depths[at] == 0 and _ends_reference(words, at)):
            at += 1
        if at >= len(words) or words[at] in END:
            return tables, at
        while at < len(words) and words[at] in JOINS:
            at += 1
        at += at < len(words) and words[at] == ","


def _alias(items: Sequence[Token], words: Sequence[str], at: int) -> str | None:
    """Return the alias of a table whose name ends there."""
    at += words[at : at + 1] == ["*"]
    at += words[at : at + 1] == ["as"]
    return name_of(items[at]) if at < len(items) and words[at] not in NO_ALIAS else None


def _ends_reference(words: Sequence[str], at: int) -> bool:
    word = words[at]
    is_call = word in JOINS and at + 1 < len(words) and words[at + 1] == "("
    return word == "," or word in END or (word in JOINS and not is_call)


def _filter(words: Sequence[str], depths: Sequence[int], start: int) -> tuple[int, int]:
    """Return where the conditions of WHERE begin and end; twice the same where there are none."""
    at = _at_top("where", words, depths, start)
    if at is None:
        return start, start
    places = range(at + 1, len(words))
    ends = (one for one in places if depths[one] == 0 and words[one] in END_OF_FILTER)
    return at + 1, next(ends, len(words))
