"""Rows of one table that are locked in no order: batches that meet each other head on.

Whoever waits for a row is behind somebody who has that row; if that one has gone on to another row
of the same table, its direction is known: upwards or downwards. Batches that are sorted all go one
way. What the direction is told by: keys in the statements' own text, or places in the table, which
is only true while rows stay where they were loaded.
"""

from dataclasses import dataclass, replace

from alerts.lock_order.fading import Fading
from alerts.lock_order.meeting import Meeting, Party, Spot
from alerts.lock_order.tables import Table, Tables
from alerts.statement import value_rises

TABLES = 1_000


@dataclass(frozen=True, slots=True)
class Direction:
    table: Table
    kind: int
    """Hash of the statement without its values: each kind of batch has an order of its own."""
    upwards: bool


@dataclass(frozen=True, slots=True)
class Disorder:
    """Batches of one table that go both ways."""

    table: Table
    upwards: float
    downwards: float
    """How often each was seen, old sightings counting for less."""
    parties: tuple[Party, Party]
    first: float
    last: float


@dataclass(slots=True)
class Batches:
    seen: Fading[Direction, Party]

    @classmethod
    def empty(cls) -> "Batches":
        return cls(Fading(2 * TABLES))

    def learn(self, meeting: Meeting, next_spot: Spot | None, tables: Tables, at: float) -> None:
        """`next_spot` is what the blocker itself waits for."""
        here, blocker = meeting.spot, meeting.blocker
        if not here.by_row:
            return
        upwards = value_rises(meeting.waiter.query, blocker.query)
        if upwards is None and next_spot:
            upwards = by_place(here, next_spot, tables)
        if upwards is not None:
            party = Party.of(blocker)
            self.seen.see(Direction(here.table, hash(party.statement), upwards), party, at)

    def disorders(self, least: float, now: float) -> list[Disorder]:
        """Tables where each direction was seen at least so often."""
        found = []
        for direction, up in self.seen.alive(now):
            down = self.seen.get(replace(direction, upwards=False), now)
            if direction.upwards and down:
                weights = up.weight_at(now), down.weight_at(now)
                if min(weights) >= least:
                    parties = up.value, down.value
                    first, last = max(up.first, down.first), max(up.last, down.last)
                    found.append(Disorder(direction.table, *weights, parties, first, last))
        return found


def by_place(has: Spot, wants: Spot, tables: Tables) -> bool | None:
    """Whether the blocker goes upwards, by pages: within a page rows move with every update."""
    known = tables.known.get(has.relation)
    if known is None or not known.is_settled or has.relation != wants.relation:
        return None
    if has.ctid is None or wants.ctid is None or has.ctid[0] == wants.ctid[0]:
        return None
    return wants.ctid[0] > has.ctid[0]
