"""Learns in which order transactions lock tables, from looks at who waits for whom.

One meeting can be enough: who waits came from x to y, and the one it waits for came from y to x.
That they met proves that both orders concern the same rows; that their locks are ordered proves
that it was no coincidence. Nothing is concluded from transactions that never met: code that uses
rows of its own in opposite order is harmless, and so is code behind a common gate.
"""

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from alerts.locks.order.conflict import Actor, Conflict, Scene, actor_of
from alerts.locks.order.decay import DecayingTable, Entry
from alerts.locks.order.footprint import Footprint, footprint_of
from alerts.locks.order.risks import Level, Link, Risk, Sighting, canonical, circles
from alerts.locks.order.table_steps import ACTORS, Steps
from alerts.locks.order.tables import Table
from alerts.locks.order.target import target_of
from collectors.activity import Session

PAIRS = 2_000
"""Of tables, for which meetings are remembered with both statements."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Who came from one table waited at another, for somebody who had not been at the first."""

    one: Table
    other: Table


@dataclass(slots=True)
class Orders:
    """What is remembered of one server."""

    steps: Steps = field(default_factory=Steps)
    waits: DecayingTable[Wait, tuple[Sighting, frozenset[int]]] = field(
        default_factory=lambda: DecayingTable(PAIRS)
    )
    """With the gates that whoever waited held each time."""
    links: DecayingTable[Link, Sighting] = field(default_factory=lambda: DecayingTable(PAIRS))
    explicit: DecayingTable[tuple[Actor, Table], None] = field(
        default_factory=lambda: DecayingTable(ACTORS)
    )
    """Who locks rows by statements that leave no lock to tell it by, and where."""

    def learn(self, scene: Scene, meetings: Sequence[Conflict], at: float) -> None:
        parties = {one.pid for meeting in meetings for one in (meeting.waiter, meeting.blocker)}
        footprints = {pid: self._footprint(scene, scene.sessions[pid], at) for pid in parties}
        for pid, footprint in footprints.items():
            self.steps.learn(scene.sessions[pid], footprint, at)
        for meeting in meetings:
            waiter, blocker = footprints[meeting.waiter.pid], footprints[meeting.blocker.pid]
            self._learn_meeting(meeting, waiter, blocker, at)

    def risks(self, now: float) -> list[Risk]:
        """What is dangerous, surest first."""
        found = {risk.circle: risk for risk in self._both_ways(now)}
        found |= {risk.circle: risk for risk in self._opposed(now)}
        return sorted(found.values(), key=lambda risk: (-risk.level, -risk.weight))

    def forget(self, dropped: Set[Table]) -> None:
        """Tables that exist no more, and all that was learned of them."""
        self.steps.forget(dropped)
        self.waits.forget(lambda wait: wait.one in dropped or wait.other in dropped)
        self.links.forget(
            lambda link: not dropped.isdisjoint((link.came_from, link.meets, link.goes_to))
        )
        self.explicit.forget(lambda known: known[1] in dropped)

    def __len__(self) -> int:
        """Edges, transactions and statements that are remembered."""
        return len(self.steps) + len(self.waits) + len(self.links) + len(self.explicit)

    # Learning.

    def _footprint(self, scene: Scene, session: Session, at: float) -> Footprint:
        actor, target = actor_of(session), target_of(session.query)

        def locks_rows_of(table: Table) -> bool:
            return self.explicit.get((actor, table), at) is not None

        footprint = footprint_of(scene.locks[session.pid], session, scene.tables, locks_rows_of)
        if (
            footprint.target
            and target
            and (
                target.leaves_no_trace
                or (target.locks_rows and scene.tables.is_bare(footprint.target))
            )
        ):
            self.explicit.see((actor, footprint.target), None, at)
        if footprint.target and target and target.never_waits:
            self.steps.skips.see((actor, footprint.target), None, at)
        return footprint

    def _learn_meeting(
        self, meeting: Conflict, waiter: Footprint, blocker: Footprint, at: float
    ) -> None:
        here = meeting.spot.table
        for start in waiter.rows - {here}:
            if self.steps.in_order(meeting.waiter, waiter, here, start):
                continue  # it has been here before it went there
            # Whatever came before: it has rows there, and needs one here.
            self.steps.see(meeting.waiter, waiter, start, here, at)
            if start not in blocker.tables:
                self._learn_wait(Wait(start, here), meeting, waiter, at)
            if meeting.spot.by_row:
                for onward, proof in self._onward(meeting, blocker, at):
                    # Who has been at the start itself is no link between it and a third table.
                    if onward == start or start not in blocker.tables:
                        self.links.see(Link(start, here, onward), _sighting(meeting, proof), at)

    def _learn_wait(self, wait: Wait, meeting: Conflict, waiter: Footprint, at: float) -> None:
        known = self.waits.get(wait, at)
        gates = waiter.gates & known.value[1] if known else waiter.gates
        self.waits.see(wait, (_sighting(meeting, "a wait each way"), gates), at)

    def _onward(
        self, meeting: Conflict, blocker: Footprint, at: float
    ) -> Iterator[tuple[Table, str]]:
        """Where the blocker went on to from here."""
        here = meeting.spot.table
        for onward in blocker.rows - {here}:
            if proof := self.steps.went(meeting.blocker, blocker, here, onward, at):
                yield onward, proof

    # Concluding.

    def _opposed(self, now: float) -> Iterator[Risk]:
        alive = dict(self.links.alive(now))
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

    def _both_ways(self, now: float) -> Iterator[Risk]:
        for wait, there in self.waits.alive(now):
            back = self.waits.get(Wait(wait.other, wait.one), now)
            # What both of them held each time, and nobody else beside them, kept them apart.
            if back and wait.one < wait.other and not there.value[1] & back.value[1]:
                sightings = there.value[0], back.value[0]
                circle = wait.one, wait.other
                yield _risk(Level.both_ways, circle, [there, back], sightings, now)


def _sighting(meeting: Conflict, proof: str) -> Sighting:
    return Sighting(*meeting.parties, meeting.spot.table, meeting.spot.ctid, proof)


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
