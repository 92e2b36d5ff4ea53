"""Evidence: waits and conflicts between tables, and the circles that they make.

A wait each way is a hint. Conflicts that lead round in a circle are a proof (`table_order`).
"""

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Any

from alerts.locks.order.decay import DecayingTable, Entry
from alerts.locks.order.risks import Level, Link, Risk, Sighting, canonical, circles
from alerts.locks.order.table_meetings import Meetings
from alerts.locks.order.table_steps import FIRST_VISIT, Step, Steps
from alerts.locks.order.table_successors import Successors
from alerts.locks.order.tables import Table

PAIRS = 2_000
"""Of tables, for which conflicts are remembered with both statements."""


@dataclass(frozen=True, slots=True)
class Wait:
    """A transaction from one table waited at another, for one that had not used the first."""

    one: Table
    other: Table


@dataclass(slots=True)
class TableEvidence:
    """Evidence of opposite orders on one server."""

    waits: DecayingTable[Wait, tuple[Sighting, frozenset[int]]] = field(
        default_factory=lambda: DecayingTable(PAIRS)
    )
    """With the gates that the waiter held each time."""
    links: DecayingTable[Link, Sighting] = field(default_factory=lambda: DecayingTable(PAIRS))
    meetings: Meetings = field(default_factory=Meetings)
    successors: Successors = field(default_factory=Successors)
    contested: DecayingTable[Table, None] = field(default_factory=lambda: DecayingTable(PAIRS))
    """Tables of which a row was waited for."""

    @property
    def version(self) -> int:
        """Grows whenever risks may have changed."""
        seen = (self.waits, self.links, self.successors.links, self.contested)
        return sum(table.version for table in seen) + self.meetings.version

    def __len__(self) -> int:
        """Pairs of tables and chains of them that are remembered."""
        return len(self.waits) + len(self.links) + len(self.successors) + len(self.contested)

    def forget(self, dropped: Set[Table]) -> None:
        self.waits.forget(lambda wait: wait.one in dropped or wait.other in dropped)
        self.links.forget(
            lambda link: not dropped.isdisjoint((link.came_from, link.meets, link.goes_to))
        )
        self.contested.forget(lambda table: table in dropped)
        self.meetings.forget(dropped)
        self.successors.forget(dropped)

    def learn_wait(self, wait: Wait, sighting: Sighting, gates: frozenset[int], at: float) -> None:
        """Learn a wait at the other table, and the gates that the waiter held."""
        known = self.waits.get(wait, at)
        self.waits.see(wait, (sighting, gates & known.value[1] if known else gates), at)

    def opposed(self, steps: Steps, now: float) -> Iterator[Risk]:
        """Yield circles in which a conflict and what goes on from it contradict each other."""
        alive = {
            link: entry
            for link, entry in (
                *self._proved_later(steps, now),
                *self.successors.links.alive(now),
                *self.links.alive(now),
            )
            if all(self.contested.get(table, now) for table in link.tables)
            and not self._comes_back(link, entry.value, steps, now)
        }
        onward: dict[tuple[Table, Table], set[Table]] = {}
        for link in alive:
            onward.setdefault((link.came_from, link.meets), set()).add(link.goes_to)
        found: dict[tuple[Table, ...], Risk] = {}
        for link in alive:
            for chain in circles(link, onward):
                circle = canonical((link.came_from, *(one.meets for one in chain)))
                entries = [alive[one] for one in chain]
                sightings = tuple(entry.value for entry in entries)
                risk = _risk(Level.opposed, circle, entries, sightings, now)
                if circle not in found or found[circle].weight < risk.weight:
                    found[circle] = risk
        yield from found.values()

    def _comes_back(self, link: Link, seen: Sighting, steps: Steps, now: float) -> bool:
        """Whether the blocker may have come here twice, and the row be of the second time."""
        actor = seen.blocker.user, seen.blocker.application
        if seen.by_waiter:
            back = Step(actor, link.meets, link.came_from)
            return steps.comes_back.get(back, now) is not None
        step = Step(actor, link.goes_to, link.meets)
        return seen.proof in FIRST_VISIT and steps.comes_back.get(step, now) is not None

    def _proved_later(self, steps: Steps, now: float) -> Iterator[tuple[Link, Entry[Sighting]]]:
        for link, met, proof in self.meetings.links(steps, now):
            sighting = replace(met.value.sighting, proof=proof)
            yield link, Entry(sighting, met.weight, met.first, met.last)

    def both_ways(self, now: float) -> Iterator[Risk]:
        """Yield pairs of tables with waits each way."""
        for wait, there in self.waits.alive(now):
            back = self.waits.get(Wait(wait.other, wait.one), now)
            # An exclusive lock that both of them held each time kept them apart.
            if back and wait.one < wait.other and not there.value[1] & back.value[1]:
                sightings = there.value[0], back.value[0]
                circle = wait.one, wait.other
                yield _risk(Level.both_ways, circle, [there, back], sightings, now)


def _risk(
    level: Level,
    circle: tuple[Table, ...],
    entries: Sequence[Entry[Any]],
    sightings: tuple[Sighting, ...],
    now: float,
) -> Risk:
    return Risk(
        level,
        circle,
        sightings,
        weight=min(entry.weight_at(now) for entry in entries),
        first=max(entry.first for entry in entries),
        last=max(entry.last for entry in entries),
    )
