"""Expressions of a plan, read as columns and how they are compared; values are never kept."""

from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import NamedTuple

from alerts.query_tokens import Token, tokens
from collectors.plans import Comparison

SIGNS = frozenset("+-*/<>=~!@#%^&|`?")
RANGES = frozenset({"<", ">", "<=", ">="})
SWAPPED = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}
PLAIN_CASTS = frozenset({"text", "numeric", "bpchar", "character", "varying"})
"""Types to which a column is cast without another meaning of its index."""


class Column(NamedTuple):
    """A column as an expression names it."""

    alias: str
    """Of its table; empty where it is not named."""
    name: str


class Compared(NamedTuple):
    """One comparison of a column."""

    column: Column
    comparison: Comparison
    others: tuple[Column, ...]
    """Columns on the other side."""


def compared(expression: str) -> tuple[list[Compared], int]:
    """Return the comparisons that must all hold, and the number of conditions that are none."""
    found, unread = list[Compared](), 0
    for clause in _clauses(_meant(expression)):
        read = _read(clause)
        found += read
        unread += not read
    return found, unread


def columns(expression: str) -> list[Column]:
    """Return the columns that an expression names."""
    return list(_columns(_meant(expression)))


def column(expression: str) -> Column | None:
    """Return the column that an expression is; None where it is more than that."""
    return _column(_bare(_meant(expression)))


def sort_column(expression: str) -> Column | None:
    """Return the column by which a sort key sorts upwards; None for any other key."""
    items = _meant(expression)
    words = [item.text.lower() for item in items]
    return None if {"desc", "collate", "using", "nulls"} & {*words} else _column(_bare(items))


def _meant(expression: str) -> list[Token]:
    return [one for one in tokens(expression) if one.kind not in ("space", "comment")]


def _depths(items: Sequence[Token]) -> list[int]:
    depths, depth = [], 0
    for item in items:
        depth -= item.text in (")", "]")
        depths.append(depth)
        depth += item.text in ("(", "[")
    return depths


def _bare(items: list[Token]) -> list[Token]:
    """Return it without the parentheses around all of it."""
    while len(items) > 2 and items[0].text == "(" and items[-1].text == ")":
        if 0 in _depths(items)[1:-1]:
            break
        items = items[1:-1]
    return items


def _clauses(items: list[Token]) -> Iterator[list[Token]]:
    """Yield what AND connects at the top."""
    items = _bare(items)
    if not items or items[-1].kind == "doubt":
        return
    depths = _depths(items)
    ends = [
        at
        for at, item in enumerate(items)
        if depths[at] == 0 and item.kind == "word" and item.text.lower() == "and"
    ]
    if not ends:
        yield items
        return
    for start, end in zip([-1, *ends], [*ends, len(items)], strict=True):
        yield from _clauses(items[start + 1 : end])


def _read(items: list[Token]) -> list[Compared]:
    words = [item.text.lower() for item in items]
    if words[-2:] == ["is", "null"] and (of := _column(_bare(items[:-2]))):
        return [Compared(of, Comparison.null, ())]
    depths = _depths(items)
    places = [at for at, item in enumerate(items) if depths[at] == 0 and item.text in SIGNS]
    if not places or places != list(range(places[0], places[-1] + 1)):
        return []
    sign = "".join(items[at].text for at in places)
    left, right = items[: places[0]], items[places[-1] + 1 :]
    return [*_sides(left, sign, right), *_sides(right, SWAPPED.get(sign, sign), left)]


def _sides(own: list[Token], sign: str, other: list[Token]) -> Iterator[Compared]:
    """Yield the comparison of one side, if it is a column that the other does not name."""
    of = _column(_bare(own))
    others = tuple(_columns(other))
    if of is not None and all(one.alias != of.alias for one in others):
        yield Compared(of, _kind(sign, other), others)


def _kind(sign: str, other: Sequence[Token]) -> Comparison:
    if sign in RANGES:
        return Comparison.range
    first = other[0].text.lower() if other else ""
    if sign != "=" or first == "all":
        return Comparison.other
    return Comparison.listed if first == "any" else Comparison.equal


def _column(items: list[Token]) -> Column | None:
    items = _uncast(items)
    if len(items) == 3 and items[1].text == ".":
        alias, name = name_of(items[0]), name_of(items[2])
        return None if alias is None or name is None else Column(alias, name)
    if len(items) == 1 and items[0].kind in ("word", "name"):
        name = name_of(items[0])
        return None if name is None or name in ("true", "false", "null") else Column("", name)
    return None


def _uncast(items: list[Token]) -> list[Token]:
    """Return it without a cast that does not change its meaning."""
    depths = _depths(items)
    for at in range(len(items) - 1):
        if depths[at] == 0 and items[at].text == items[at + 1].text == ":":
            rest = list(takewhile(lambda item: item.kind == "word", items[at + 2 :]))
            is_plain = len(rest) == len(items) - at - 2
            if is_plain and {item.text.lower() for item in rest} <= PLAIN_CASTS:
                return _bare(items[:at])
    return items


def _columns(items: Sequence[Token]) -> Iterator[Column]:
    for at in range(len(items) - 2):
        if items[at + 1].text == "." and (at == 0 or items[at - 1].text != "."):
            alias, name = name_of(items[at]), name_of(items[at + 2])
            is_call = at + 3 < len(items) and items[at + 3].text == "("
            if alias is not None and name is not None and not is_call:
                yield Column(alias, name)


def name_of(token: Token) -> str | None:
    """Return the name that a token is, without quotes; None for anything else."""
    if token.kind == "word":
        return token.text.lower()
    if token.kind == "name" and token.text.startswith('"'):
        return token.text[1:-1].replace('""', '"')
    return None
