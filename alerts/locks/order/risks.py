"""Learned risks: tables that transactions lock in opposite order, and how sure that is."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from alerts.locks.order.conflict import Party
from alerts.locks.order.tables import Table

LONGEST = 4
"""Tables in a circle; longer ones are rarer than the mistakes in finding them."""


class AdvisoryKey(NamedTuple):
    """An advisory lock, which has a number for a name."""

    database: str
    name: str
    space: int | None = None
    """The first number of a pair; None where there is one only."""
    number: int = 0


class Level(IntEnum):
    """Certainty that two pieces of code will meet in a deadlock one day."""

    both_ways = 2
    """Both orders were seen, each at a wait; whether they concern the same rows is not proved."""
    opposed = 3
    """One transaction waited for a row of another that locks the same tables the other way."""


@dataclass(frozen=True, slots=True)
class Link:
    """A transaction that went from `came_from` to `meets` met one that goes on to `goes_to`."""

    came_from: Table
    meets: Table
    goes_to: Table

    @property
    def tables(self) -> tuple[Table, Table, Table]:
        return self.came_from, self.meets, self.goes_to


@dataclass(frozen=True, slots=True)
class Sighting:
    """Sighting of a risk: both sides, and the row where they met."""

    waiter: Party
    blocker: Party
    table: Table | AdvisoryKey
    """Where they met."""
    ctid: tuple[int, int] | None
    proof: str
    """What tells the order of the blocker, for people."""
    by_waiter: bool = False
    """Whether it is the waiter that goes on to where the other one came from."""


@dataclass(frozen=True, slots=True)
class Risk:
    """Tables or advisory locks in a circle: code goes from each to the next, from the last to the
    first."""

    level: Level
    circle: tuple[Table | AdvisoryKey, ...]
    """It begins with the first by name: the same for a circle wherever it was entered."""
    sightings: tuple[Sighting, ...]
    """One for each conflict that is part of it, newest evidence first."""
    weight: float
    """How often it was seen, old sightings counting for less."""
    first: float
    last: float
    """Unix seconds."""


def canonical(circle: tuple[Table, ...]) -> tuple[Table, ...]:
    """The same circle from its first table on, by name."""
    start = circle.index(min(circle))
    return circle[start:] + circle[:start]


def circles(link: Link, links: dict[tuple[Table, Table], set[Table]]) -> Iterator[list[Link]]:
    """Chains of links, one of them this, that lead back to where they began.

    Each conflict but the last is proved by a conflict: for two tables one link is enough, for
    three it takes two. `links` says for (came_from, meets) where blockers went on to.
    """
    chains = [[link]]
    while chains:
        chain = chains.pop()
        start, end = chain[0].came_from, chain[-1].goes_to
        if end == start:
            yield chain
            continue
        visited = {one.meets for one in chain}
        if end in visited or len(chain) >= LONGEST - 1:
            continue
        chains += [
            [*chain, Link(chain[-1].meets, end, onward)]
            for onward in links.get((chain[-1].meets, end), ())
            if onward not in visited
        ]
