"""Definition of an index: columns and order, which tell when another one can do its work."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from collectors.index_layout import IndexLayout

INVERTED = 3
"""Both flags of a direction, descending and nulls first, are the other way round."""


class KeyPart(NamedTuple):
    """One key column, or expression, and how its values are compared."""

    holds: str
    """Number of the column, or the expression as stored."""
    opclass: str
    collation: str


def same_work(index: IndexLayout) -> tuple[object, ...]:
    """Return what two indexes must share so that each can replace the other for any query."""
    own_options = () if index.amname == "btree" else tuple(sorted(index.reloptions or ()))
    return (
        index.datname,
        index.relid,
        index.amname,
        index.indkey,
        index.indnkeyatts,
        index.indclass,
        index.indcollation,
        index.indoption,
        index.indexprs,
        index.indpred,
        index.opclass_options,
        own_options,
    )


def is_bound(index: IndexLayout) -> bool:
    """Return True if something besides queries needs exactly this index."""
    marks = index.is_replica_identity or index.is_clustered
    named = index.backs_constraint or index.is_referenced
    return named or marks or index.is_of_extension or index.is_partition


def rank(index: IndexLayout) -> tuple[bool, bool, bool, int, int]:
    """Sort first which of several is kept: what is needed for more, then the more used one."""
    unlike = not index.backs_constraint, not index.is_unique, not is_bound(index)
    return (*unlike, -index.idx_scan, index.indexrelid)


@dataclass(frozen=True)
class Definition:
    """The parts of a B-tree index that decide what it can serve."""

    index: IndexLayout

    @cached_property
    def attnums(self) -> list[str]:
        return self.index.indkey.split()

    @cached_property
    def keys(self) -> tuple[KeyPart, ...]:
        """The key columns in order; shorter where an expression is too long to be known."""
        expressions = iter(stored_nodes(self.index.indexprs or ""))
        count = self.index.indnkeyatts
        held = (next(expressions, "") if n == "0" else n for n in self.attnums[:count])
        parts = zip(held, self.index.indclass.split(), self.index.indcollation.split(), strict=True)
        return tuple(KeyPart(*part) for part in parts)

    @cached_property
    def directions(self) -> tuple[int, ...]:
        return tuple(map(int, self.index.indoption.split()))

    @cached_property
    def included(self) -> frozenset[str]:
        return frozenset(self.attnums[self.index.indnkeyatts :])

    def is_covered_by(self, other: "Definition") -> bool:
        """Return True if the other index serves each scan that this one serves, in its order."""
        count = len(self.keys)
        return (
            self.index.indpred == other.index.indpred
            and self.keys == other.keys[:count]
            and all(key.holds for key in self.keys)
            and _same_order(self.directions, other.directions[:count])
            and self.included <= other.included | {key.holds for key in other.keys}
        )


def _same_order(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """A backward scan serves the order in which each direction is inverted."""
    return one == other or one == tuple(flags ^ INVERTED for flags in other)


def stored_nodes(text: str) -> Iterator[str]:
    """Yield the nodes of a stored list, `({A …} {B …})`; none of a hash."""
    depth, start, position = 0, 0, 0
    while position < len(text):
        character = text[position]
        if character == "\\":
            position += 1
        elif character == "{":
            start = position if depth == 0 else start
            depth += 1
        elif character == "}":
            depth -= 1
            if depth == 0:
                yield text[start : position + 1]
        position += 1
