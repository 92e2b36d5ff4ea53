"""Names that a statement uses: what it says of the columns of a table, and whether it says it all.

It errs on one side. A name anywhere in a statement counts as used; and of a table that a statement
may read as a whole (`*`, a row as a value, COPY) nothing is said.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from sys import intern

from alerts.query_tokens import Token, name_of, tokens, word_of


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


READ = _words("select insert update delete with values declare prepare explain (")
"""First words of statements whose columns are told by their tokens."""
DEFINES = _words("""
    alter analyze begin checkpoint close cluster comment commit deallocate discard drop end fetch
    grant listen load lock move notify reassign refresh reindex release reset revoke rollback
    savepoint security set show start truncate unlisten vacuum
""")
"""First words of statements that use no column: a column that is added is not used by that."""
BEFORE_TABLE = _words("from join into update only using of")
AFTER_TABLE = _words("""
    where group having window order limit offset fetch for returning set union intersect except
    natural inner left right full outer cross join on using tablesample values default select
    overriding when table with and or
""")
"""Words that follow a table and are no alias of it."""
NO_TABLE = AFTER_TABLE | {"only", "lateral", "skip", "nowait"}
"""Words that are no table, although they stand behind FROM, UPDATE and the like."""
FROM_QUERY = _words("select with table values execute (")
"""Words after AS with which a table is made from a query; `(` alone may be an expression."""
WHOLE = _words("natural merge")
"""Words of statements that may use columns without naming them."""
ENDS_OF_LIST = _words(
    ", ) ; from into where union except intersect limit order group on fetch offset for"
)
BEFORE_LIST = _words("select . all distinct returning ,")
PLAIN_NAME = re.compile(r'"((?:[^"]|"")+)"|([^\W\d][\w$]*)')
HIDDEN = re.compile(r'[uU]&"|_to_xml', re.IGNORECASE)
"""Names that are spelled otherwise, and functions that take the name of a table as a value."""


@dataclass(frozen=True, slots=True)
class StatementNames:
    """Names in one statement."""

    words: tuple[str, ...] = ()
    """All that may be a name, folded as PostgreSQL folds it."""
    tables: frozenset[str] = frozenset()
    """Those that stand where a table stands."""
    whole: frozenset[str] = frozenset()
    """Tables of which it may use columns that it does not name,"""
    is_whole: bool = False
    """or may do so of every table that it names;"""
    is_hidden: bool = False
    """or may use any table at all."""

    def is_clear_about(self, table: str) -> bool:
        """Whether it names each column of that table that it uses."""
        doubtful = self.is_whole or table in self.whole or table not in self.tables
        return not doubtful


NOTHING = StatementNames()


def names_of(text: str) -> StatementNames:
    """Return what a statement names; one that can't be read may use all that it names."""
    if HIDDEN.search(text):
        return StatementNames(is_hidden=True)
    items = [token for token in tokens(text) if token.kind not in ("space", "comment")]
    if not items:
        return NOTHING
    words = [word_of(item) for item in items]
    if words[0] in DEFINES or (words[0] == "create" and not _is_made_from_query(words)):
        return NOTHING
    is_read = words[0] in READ or words[0] == "create"
    if not is_read or items[-1].kind == "doubt" or _uses_all(words):
        return _unread(text, words[0])
    return _read(items, words)


def _is_made_from_query(words: Sequence[str]) -> bool:
    """Whether CREATE TABLE or CREATE MATERIALIZED VIEW executes a query once."""
    if not {"table", "materialized"} & set(words[1:4]):
        return False
    ends = (at + 1 for at, word in enumerate(words[:-1]) if word == "as")
    return any(words[at] in FROM_QUERY - {"("} or _opens_query(words, at) for at in ends)


def _opens_query(words: Sequence[str], at: int) -> bool:
    while at < len(words) and words[at] == "(":
        at += 1
    return 0 < at < len(words) and words[at - 1] == "(" and words[at] in FROM_QUERY


def _unread(text: str, first: str) -> StatementNames:
    """Return every word of it, also those inside of strings; it may use all of each table."""
    if first == "do" and "execute" in text.lower():
        return StatementNames(is_hidden=True)
    every = (quoted.replace('""', '"') or plain for quoted, plain in PLAIN_NAME.findall(text))
    found = {name for one in every for name in (one, one.lower())}
    return StatementNames(_kept(found), is_whole=True)


def _kept(names: set[str]) -> tuple[str, ...]:
    """Return them as one string each, however many statements have them."""
    return tuple(intern(str(name)) for name in names)


def _uses_all(words: Sequence[str]) -> bool:
    return not WHOLE.isdisjoint(words) or any(_is_star(words, at) for at in range(len(words)))


def _is_star(words: Sequence[str], at: int) -> bool:
    """Whether it is the `*` of a list of columns: not of count(*), and not of a product."""
    if words[at] != "*":
        return False
    before = words[at - 1] if at else ""
    after = words[at + 1] if at + 1 < len(words) else ";"
    return (before, after) != ("(", ")") and (before in BEFORE_LIST or after in ENDS_OF_LIST)


def _read(items: Sequence[Token], words: Sequence[str]) -> StatementNames:
    names = [name_of(item) for item in items]
    placed = dict(_placed(names, words))
    tables = {name for at in placed if (name := names[at]) is not None}
    known = {*placed, *placed.values()}
    rows = {name for at, name in enumerate(names) if at not in known and _is_row(words, at)}
    whole = {
        names[at]
        for at, alias in placed.items()
        if names[at] in rows
        or (alias is not None and names[alias] in rows)
        or _is_unlisted(words, at, alias)
    }
    return StatementNames(
        _kept({name for name in names if name is not None}),
        frozenset(_kept(tables)),
        frozenset(_kept({name for name in whole if name is not None})),
    )


def _placed(names: Sequence[str | None], words: Sequence[str]) -> Iterator[tuple[int, int | None]]:
    """Yield where tables stand, and where the alias of each does."""
    for at, name in enumerate(names):
        first = at - 2 if at >= 2 and words[at - 1] == "." else at
        is_place = first > 0 and words[first - 1] in BEFORE_TABLE and words[at] not in NO_TABLE
        if name is not None and is_place and _is_row(words, at):
            yield at, _alias(names, words, at + 1)


def _alias(names: Sequence[str | None], words: Sequence[str], at: int) -> int | None:
    at += at < len(words) and words[at] == "as"
    if at < len(names) and names[at] is not None and words[at] not in AFTER_TABLE:
        return at
    return None


def _is_row(words: Sequence[str], at: int) -> bool:
    """Whether a table or its alias stands there as a value, not before the dot of a column."""
    return at + 1 >= len(words) or words[at + 1] != "."


def _is_unlisted(words: Sequence[str], at: int, alias: int | None) -> bool:
    """Whether rows are inserted without a list of columns, or an alias renames the columns."""
    last = at if alias is None else alias
    follows = words[last + 1] if last + 1 < len(words) else ";"
    first = at - 2 if words[at - 1] == "." else at
    if words[first - 1] == "into":
        return follows not in ("(", "default")
    return alias is not None and follows == "("
