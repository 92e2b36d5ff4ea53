"""Reads of a statement: its tables at every level, and where it names their columns.

It also reads joins, WITH and queries inside of others, of which a shape says nothing. So it tells
less: that a column is named somewhere else than in a list of columns, not what is compared how.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from alerts.query_tokens import Token, name_of, tokens, word_of
from alerts.statements.keys import is_own_key
from alerts.statements.shape import TableName


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


MANY = 4
"""Columns of a list that an application writes for every statement, from which the name of one of
them says nothing."""
WRITES = _words("insert delete merge")
ENDS_OF_TABLES = _words("where group having window order limit offset fetch for on using")
ENDS_OF_QUERY = _words("union intersect except")
NO_ALIAS = (
    ENDS_OF_TABLES | ENDS_OF_QUERY | _words("inner left right full outer cross join tablesample")
)
BEFORE_ITEM = _words("select , distinct all")
AFTER_ITEM = _words(", from as ) ;")
BEGINS_OPERATOR = _words("< > ! :")
"""Signs before a `=` that make another operator of it."""
CONTINUES = _words("is isnull notnull in between like ilike similar and or at collate over")
"""Words after a column with which an expression goes on."""


class Reading(NamedTuple):
    """A table that a statement reads."""

    table: TableName
    alias: str
    """The name before its columns."""


class Mention(NamedTuple):
    """A name in a statement that may be a column."""

    qualifier: str | None
    name: str
    is_item: bool
    """Whether it is a whole item of a list of columns."""
    is_equal: bool
    """Whether a condition compares it by `=` or IN: not a range, a sort or a result."""


@dataclass(frozen=True, slots=True)
class StatementReads:
    """Tables that a statement reads, and names that may be their columns."""

    readings: tuple[Reading, ...]
    mentions: tuple[Mention, ...]
    shared: frozenset[str] = frozenset()
    """Columns of USING, which tables on both sides have."""

    def of(self, table: str) -> tuple[Reading, ...]:
        return tuple(reading for reading in self.readings if reading.table.name == table)

    def regards(self, table: str, column: str) -> bool:
        """Whether it names that column, other than in a list of many columns."""
        return any(
            mention.name == column and not (mention.is_item and self._is_one_of_many(mention))
            for mention in self._about(table)
        )

    def is_by_key(self, table: str) -> bool:
        """Whether it asks for values of a column of that table which is its key by its name.

        A list may be read in parts by its key (`id > $1 ORDER BY id`): that asks for all rows.
        """
        about = self._about(table, certain=True)
        asked = {mention.name for mention in about if mention.is_equal}
        return any(is_own_key(name, table) for name in asked | self.shared)

    def _about(self, table: str, certain: bool = False) -> Iterator[Mention]:
        """Yield the names that may be columns of a table; only of that one, if certain."""
        own = {reading.alias for reading in self.of(table)}
        others = {reading.alias for reading in self.readings} - own
        for mention in self.mentions:
            if mention.qualifier is None:
                is_about = not (certain and others)
            else:
                is_about = mention.qualifier in own or (
                    not certain and mention.qualifier not in others
                )
            if is_about:
                yield mention

    def _is_one_of_many(self, mention: Mention) -> bool:
        listed = {m.name for m in self.mentions if m.is_item and m.qualifier == mention.qualifier}
        return len(listed) >= MANY


@lru_cache(maxsize=500)
def reads_of(text: str) -> StatementReads | None:
    """Return what a statement reads; None where it writes or is not certain."""
    items = [token for token in tokens(text) if token.kind not in ("space", "comment")]
    if not items or items[-1].kind == "doubt":
        return None
    words = [word_of(item) for item in items]
    if words[0] not in ("select", "with", "(") or "natural" in words or _writes(words):
        return None
    walk = _Walk(items, words)
    walk.run()
    made = dict.fromkeys(one for one in walk.readings if one.table not in walk.queries)
    return StatementReads(tuple(made), tuple(walk.mentions), frozenset(walk.shared))


def _writes(words: Sequence[str]) -> bool:
    return not WRITES.isdisjoint(words) or any(
        word == "update" and words[at - 1] not in ("for", "key") for at, word in enumerate(words)
    )


@dataclass
class _Level:
    """What stands between two parentheses."""

    clause: str
    """list, tables, using or rest."""
    is_query: bool
    expects: bool = False
    """Whether a table comes next."""
    is_condition: bool = False
    """Whether it is part of WHERE, ON or HAVING."""


@dataclass
class _Walk:
    """The way through the tokens of a statement."""

    items: Sequence[Token]
    words: Sequence[str]
    readings: list[Reading] = field(default_factory=list)
    mentions: list[Mention] = field(default_factory=list)
    queries: set[TableName] = field(default_factory=set)
    """Names that WITH gives to queries."""
    shared: set[str] = field(default_factory=set)
    levels: list[_Level] = field(default_factory=lambda: [_Level("rest", True)])

    def run(self) -> None:
        at = 0
        while at < len(self.items):
            at = self._step(at)

    def _step(self, at: int) -> int:
        """Read what stands there, and return where to go on."""
        word, level = self.words[at], self.levels[-1]
        if word == "(":
            self._open(at)
        elif word == ")":
            self._close()
        elif word == "select":
            level.clause, level.is_query, level.is_condition = "list", True, False
        elif word == "from" and level.is_query and self._word(at - 1) != "distinct":
            level.clause, level.expects = "tables", True
        elif word in ENDS_OF_TABLES or word in ENDS_OF_QUERY:
            is_join = word in ("on", "using") and level.clause == "tables"
            level.clause, level.expects = "tables" if is_join else "rest", False
            level.is_condition = word in ("where", "having") or (word == "on" and is_join)
        elif level.clause == "tables" and word in ("join", ","):
            level.expects = True
        elif level.expects and word not in ("only", "lateral"):
            return self._table(at)
        elif level.clause == "using" and (name := name_of(self.items[at])) is not None:
            self.shared.add(name)
        elif name_of(self.items[at]) is not None:
            return self._name(at)
        return at + 1

    def _open(self, at: int) -> None:
        level, inside = self.levels[-1], self._word(at + 1)
        if inside in ("select", "with", "values", "("):
            name = name_of(self.items[at - 2]) if self._word(at - 1) == "as" and at > 1 else None
            if self._word(at - 1) == "materialized":
                back = at - 4 if self._word(at - 2) == "not" else at - 3
                name = name_of(self.items[back]) if back >= 0 else None
            if name is not None:
                self.queries.add(TableName(None, name))
        is_joined = level.expects and inside not in ("select", "with", "values")
        level.expects = False
        clause = "tables" if is_joined else "using" if self._word(at - 1) == "using" else "rest"
        is_query = is_joined or inside == "with"
        self.levels.append(_Level(clause, is_query, is_joined, level.is_condition))

    def _close(self) -> None:
        if len(self.levels) > 1:
            self.levels.pop()

    def _table(self, at: int) -> int:
        """Read a table with its alias."""
        self.levels[-1].expects = False
        schema, name, at = None, name_of(self.items[at]), at + 1
        if name is None:
            return at
        if self._word(at) == "." and at + 1 < len(self.items):
            schema, name, at = name, name_of(self.items[at + 1]), at + 2
        if name is None or self._word(at) == "(":
            return at  # a function
        at += self._word(at) == "*"
        alias, after = name, at + (self._word(at) == "as")
        if after < len(self.items) and self.words[after] not in NO_ALIAS:
            given = name_of(self.items[after])
            alias, at = (given, after + 1) if given is not None else (name, at)
        self.readings.append(Reading(TableName(schema, name), alias))
        return at

    def _name(self, at: int) -> int:
        """Read a name, perhaps with the table before it."""
        first, qualifier = at, None
        while self._word(at + 1) == "." and at + 2 < len(self.items):
            qualifier, at = name_of(self.items[at]), at + 2
        name, after, before = name_of(self.items[at]), self._word(at + 1), self._word(first - 1)
        is_alias = before == "as" and self.levels[-1].clause == "list"
        if name is not None and after != "(" and not is_alias:
            is_item = self.levels[-1].clause == "list" and before in BEFORE_ITEM
            is_item = is_item and (after in AFTER_ITEM or self._is_alias(at + 1))
            is_equal = self.levels[-1].is_condition and self._is_equal(first, at)
            self.mentions.append(Mention(qualifier, name, is_item, is_equal))
        return at + 1

    def _is_equal(self, first: int, last: int) -> bool:
        """Whether a name that begins and ends there stands beside `=` or before IN."""
        after, before = self._word(last + 1), self._word(first - 1)
        if after == "=":
            return self._word(last + 2) != ">"  # the name of an argument
        return after == "in" or (before == "=" and self._word(first - 2) not in BEGINS_OPERATOR)

    def _word(self, at: int) -> str:
        return self.words[at] if 0 <= at < len(self.words) else ""

    def _is_alias(self, at: int) -> bool:
        is_name = at < len(self.items) and name_of(self.items[at]) is not None
        return is_name and self._word(at) not in CONTINUES
