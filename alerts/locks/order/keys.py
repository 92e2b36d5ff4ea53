"""The key by which a statement looks for its row, as far as its text tells.

Known limits: a statement about several rows (a list, a range, alternatives) has no key here. Which
of them it has, and which it waits for, its text does not tell.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

from alerts.query_tokens import VALUES, Token, tokens

WHOLE = re.compile(r"[0-9]+")
OPERATOR = frozenset("+-*/<>=~!@#%^&|?")
AFTER = {"for", "returning", "order", "limit", ";"}
"""What a condition ends with."""
SEVERAL = {"or", "any", "all", "some", "between", "like", "ilike", "similar", "select"}
"""Words by which a condition fits several rows,"""
COMPARISON = re.compile(r"(?!<>)[<>~@&]|!~")
"""and operators, such as those of ranges, patterns and arrays."""


@dataclass(frozen=True, slots=True)
class Key:
    """Key by which rows are looked up; a column that is set is no key."""

    kind: str
    """Without the values: only keys of one kind can be compared."""
    values: tuple[str, ...]
    """As they are written."""

    def rises_to(self, other: "Key") -> bool | None:
        """Whether the other is greater; None unless they differ in one value alone."""
        if self.kind != other.kind or len(self.values) != len(other.values):
            return None
        pairs = zip(self.values, other.values, strict=True)
        differing = [pair for pair in pairs if pair[0] != pair[1]]
        return _rises(*differing[0]) if len(differing) == 1 else None


def _rises(one: str, other: str) -> bool | None:
    """None where it depends on who sorts: as numbers, by code or by the alphabet."""
    first, second = one.strip("'"), other.strip("'")
    if WHOLE.fullmatch(first) and WHOLE.fullmatch(second):
        return _size(second) > _size(first)
    if not (one.startswith("'") and other.startswith("'")):
        return None
    rises = second > first
    return rises if rises == (second.casefold() > first.casefold()) else None


def _size(digits: str) -> tuple[int, str]:
    """What numbers are ordered by: Python makes no integer of more than 4,300 digits."""
    significant = digits.lstrip("0")
    return len(significant), significant


@lru_cache(maxsize=1024)
def key_of(statement: str | None) -> Key | None:
    """By its WHERE, or of an INSERT of one row by the column of its ON CONFLICT."""
    meant = [one for one in tokens(statement or "") if one.kind not in ("space", "comment")]
    words = [text.lower() for _, text in meant]
    if "where" in words:
        condition = _condition(meant[words.index("where") :])
        return None if _fits_several(condition) else _key(condition)
    if words[:1] == ["insert"] and "values" in words and "conflict" in words:
        return _conflicting(meant, words.index("values"), words.index("conflict"))
    return None


def _conflicting(meant: Sequence[Token], values: int, conflict: int) -> Key | None:
    """INSERT INTO t (…, key, …) VALUES (…, 7, …) ON CONFLICT (key) …"""
    columns, rows, keys = map(_lists, (meant[:values], meant[values:conflict], meant[conflict:]))
    if not (columns and keys and len(rows) == 1):
        return None
    [row], [key, *more] = rows, keys[0]
    if more or key not in columns[0] or len(row) != len(columns[0]):
        return None
    return _key([*key, *row[columns[0].index(key)]])


def _condition(meant: Sequence[Token]) -> Sequence[Token]:
    """Without what follows it: rows are looked up alike whatever becomes of them."""
    ends = (n for n, (_, text) in enumerate(meant) if text.lower() in AFTER)
    return meant[: next(ends, len(meant))]


def _fits_several(condition: Sequence[Token]) -> bool:
    words = [text.lower() for _, text in condition]
    if not SEVERAL.isdisjoint(words) or any(map(COMPARISON.match, _operators(condition))):
        return True
    lists = (_lists(condition[n:]) for n, word in enumerate(words) if word == "in")
    return any(len(found[0]) > 1 for found in lists if found)


def _operators(meant: Iterable[Token]) -> Iterator[str]:
    """Signs that follow each other, parentheses and commas apart."""
    for is_operator, run in groupby(meant, key=lambda token: token.text in OPERATOR):
        if is_operator:
            yield "".join(text for _, text in run)


def _key(meant: Sequence[Token]) -> Key:
    kind = " ".join("?" if kind in VALUES else text for kind, text in meant)
    return Key(kind, tuple(text for kind, text in meant if kind in VALUES))


def _lists(meant: Sequence[Token]) -> list[list[list[Token]]]:
    """What stands in each pair of parentheses, separated by commas."""
    lists: list[list[list[Token]]] = []
    depth = 0
    for kind, text in meant:
        depth -= text == ")"
        if depth == 0 and text == "(":
            lists.append([[]])
        elif depth == 1 and text == ",":
            lists[-1].append([])
        elif depth >= 1:
            lists[-1][-1].append(Token(kind, text))
        depth += text == "("
    return lists
