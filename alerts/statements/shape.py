"""Shape of a statement: its table, its filters and its OFFSET, as far as its tokens are certain.

Only plain statements have one: a single level, without WITH, UNION or a query inside. What is cut
off, or could be read in two ways, has none. That needs no parser, and no memory for one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from alerts.query_tokens import Token, tokens


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


END = _words("""
    where group having window order limit offset fetch for returning set union intersect except ;
""")
"""Words that end a list of tables, at the top level."""
END_OF_FILTER = END - {"where", "set"}
JOINS = _words("natural inner left right full outer cross join")
INSIDE = _words("select with union intersect except lateral merge")
"""A statement with more of these than its first word is not plain."""
NO_FUNCTIONS = _words("""
    in any all some exists values and or not on using between like ilike is as where when then else
    case row array
""")
"""Words before a parenthesis that call nothing."""
NO_COLUMNS = _words("from null true false interval")
COMPARES = _words("= < > like ilike in between")
VALUES = frozenset({"param", "string", "number", "dollar"})


class TableName(NamedTuple):
    """A table as a statement names it."""

    schema: str | None
    name: str


class Wrapped(NamedTuple):
    """A column that is compared inside of a function or after a cast, so no plain index helps."""

    function: str
    """Or the type of the cast."""
    column: str
    is_cast: bool
    alone: bool
    """Whether the column is its only argument."""


@dataclass(frozen=True, slots=True)
class StatementShape:
    """Certain facts about a statement."""

    kind: str
    """select, update or delete."""
    tables: tuple[TableName, ...]
    is_filtered: bool
    has_offset: bool
    equal: tuple[str, ...]
    """Columns that are compared with a value by `=`, all of which must hold."""
    wrapped: tuple[Wrapped, ...]


def shape_of(text: str) -> StatementShape | None:
    """Return the shape of a statement; None where it is not certain or not plain."""
    items = [token for token in tokens(text) if token.kind not in ("space", "comment")]
    if not items or any(item.kind == "doubt" for item in items):
        return None
    words = [word_of(item) for item in items]
    kind = words[0]
    inside = sum(word in INSIDE for word in words) - (kind == "select")
    if kind not in ("select", "update", "delete") or inside:
        return None
    depths = list(_depths(words))
    start = _tables_start(kind, words, depths)
    found = _tables(items, words, depths, start) if start is not None else None
    if found is None:
        return None
    tables, end = found
    first, last = _filter(words, depths, end)
    conditions = words[first:last]
    is_plain = not {"or", "not", "case"} & set(conditions)
    return StatementShape(
        kind,
        tables,
        last > first,
        _at_top("offset", words, depths, end) is not None,
        tuple(_equal(items[first:last], conditions)) if is_plain else (),
        tuple(_wrapped(items[first:last], conditions)) if is_plain else (),
    )


def word_of(item: Token) -> str:
    """Return a word or a sign in small letters; empty for another token."""
    return item.text.lower() if item.kind in ("word", "sign") else ""


def name_of(item: Token) -> str | None:
    """Return the name that a token stands for, folded as PostgreSQL folds it."""
    if item.kind == "word":
        return item.text.lower()
    if item.kind == "name" and item.text.startswith('"'):
        return item.text[1:-1].replace('""', '"')
    return None


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
    """Return where the tables begin; `IS DISTINCT FROM` does not begin them."""
    if kind == "update":
        return 1
    at = _at_top("from", words, depths, 0)
    while at is not None and words[at - 1] == "distinct":
        at = _at_top("from", words, depths, at + 1)
    return None if at is None else at + 1


def _tables(
    items: Sequence[Token], words: Sequence[str], depths: Sequence[int], at: int
) -> tuple[tuple[TableName, ...], int] | None:
    """Return the tables, and where their list ends; None where something else is among them."""
    tables = list[TableName]()
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
        tables.append(TableName(schema, first))
        while at < len(words) and not (depths[at] == 0 and _ends_reference(words, at)):
            at += 1
        if at >= len(words) or words[at] in END:
            return tuple(tables), at
        while at < len(words) and words[at] in JOINS:
            at += 1
        at += at < len(words) and words[at] == ","


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


def _equal(items: Sequence[Token], words: Sequence[str]) -> Iterator[str]:
    for at in range(1, len(items) - 1):
        name = name_of(items[at - 1])
        is_value = items[at + 1].kind in VALUES
        is_column = name is not None and words[at - 1] not in NO_COLUMNS
        is_whole = at + 2 >= len(items) or words[at + 2] in ("and", "", ")", ":")
        if words[at] == "=" and is_column and is_value and is_whole and name is not None:
            if at >= 2 and words[at - 2] in ("<", ">", "=", ":", "+", "-", "*", "/"):
                continue
            yield name


def _wrapped(items: Sequence[Token], words: Sequence[str]) -> Iterator[Wrapped]:
    for at in range(1, len(items)):
        if words[at] == "(" and items[at - 1].kind == "word":
            end = _closing(words, at)
            function = words[at - 1]
            if end and function not in NO_FUNCTIONS and _compares(words, end + 1):
                first = at + 2 if function == "extract" else at + 1
                columns = _columns(items[first:end], words[first:end])
                if len(columns) == 1:
                    yield Wrapped(function, columns[0], False, _is_path(words, at, end))
        elif words[at - 1] == words[at] == ":" and at >= 2 and at + 2 < len(items):
            name = name_of(items[at - 2])
            is_type = items[at + 1].kind == "word" and _compares(words, at + 2)
            if name is not None and is_type and items[at - 2].kind in ("word", "name"):
                yield Wrapped(words[at + 1], name, True, True)


def _is_path(words: Sequence[str], start: int, end: int) -> bool:
    """Whether parentheses contain one column and nothing else, perhaps with its table."""
    return end - start == 2 or (end - start == 4 and words[start + 2] == ".")


def _closing(words: Sequence[str], at: int) -> int | None:
    """Return where a parenthesis is closed; None where another one is opened before."""
    for place in range(at + 1, len(words)):
        if words[place] == "(":
            return None
        if words[place] == ")":
            return place
    return None


def _compares(words: Sequence[str], at: int) -> bool:
    return at < len(words) and words[at] in COMPARES


def _columns(items: Sequence[Token], words: Sequence[str]) -> list[str]:
    """Return the columns that are named, without the tables before them."""
    found = list[str]()
    for at, item in enumerate(items):
        name = name_of(item)
        is_table = at + 1 < len(words) and words[at + 1] == "."
        is_type = at > 0 and words[at - 1] == ":"
        if name is not None and words[at] not in NO_COLUMNS and not is_table and not is_type:
            found.append(name)
    return found
