"""Rows of one table that are locked in no order: batches that meet each other head on.

Whoever waits for a row is behind somebody who has that row; if that one has gone on to another row
of the same table, its direction is known: upwards or downwards. Batches that are sorted all go one
way. What the direction is told by: keys in the statements' own text, or places in the table, which
is only true while rows stay where they were loaded. So places count where updates are known to
leave rows in place, or once a later look at the table has shown that they did; and only as some of
many, for now and then a row has moved all the same.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass, field, replace

from alerts.locks.order.conflict import Conflict, ContestedRow, Party
from alerts.locks.order.decay import DecayingTable
from alerts.locks.order.keys import key_of
from alerts.locks.order.tables import Relation, Table, Tables
from alerts.locks.order.target import target_of

TABLES = 1_000
PENDING = 1_000
"""Places that wait to be believed."""
SHARE = 0.25
"""Of places, how many must tell the rarer direction: in no order it is about half of them."""


@dataclass(frozen=True, slots=True)
class Direction:
    table: Table
    kind: int
    """Hash of both statements: who returns to a head after its lines goes down with one pair of
    them, and up with another."""
    by_key: bool
    """Told by the keys in the statements, not by places in the table."""
    upwards: bool


@dataclass(frozen=True, slots=True)
class Disorder:
    """Batches of one table that go both ways."""

    table: Table
    upwards: float
    downwards: float
    """How often each was seen, old sightings counting for less."""
    by_key: bool
    """Told by the keys in the statements, not by places in the table."""
    parties: tuple[Party, Party]
    first: float
    last: float


@dataclass(frozen=True, slots=True)
class Pending:
    relation: Relation
    direction: Direction
    party: Party
    at: float


@dataclass(slots=True)
class Batches:
    seen: DecayingTable[Direction, Party] = field(default_factory=lambda: DecayingTable(4 * TABLES))
    pending: deque[Pending] = field(default_factory=lambda: deque(maxlen=PENDING))

    def __len__(self) -> int:
        return len(self.seen) + len(self.pending)

    def learn(
        self, meeting: Conflict, next_spot: ContestedRow | None, tables: Tables, at: float
    ) -> None:
        """`next_spot` is what the blocker itself waits for."""
        here, (waiter, party) = meeting.spot, meeting.parties
        if not here.by_row or meeting.blocker.query is None:
            return
        kind = hash((waiter.statement, party.statement))
        if (upwards := by_key(meeting)) is not None:
            self.seen.see(Direction(here.table, kind, True, upwards), party, at)
        elif has_keys(meeting):
            return  # the same key, or another kind of key; versions of a row have several places
        elif next_spot and (upwards := by_place(here, next_spot, tables)) is not None:
            direction = Direction(here.table, kind, False, upwards)
            if tables.known[here.relation].stays:
                self.seen.see(direction, party, at)
            else:
                self.pending.append(Pending(here.relation, direction, party, at))

    @property
    def in_question(self) -> set[Relation]:
        return {pending.relation for pending in self.pending}

    def believe(self, tables: Tables) -> None:
        """Places of tables that were looked at after the meeting, and still had hardly moved."""
        for pending in [self.pending.popleft() for _ in range(len(self.pending))]:
            known = tables.known.get(pending.relation)
            if known is None or pending.at > tables.as_of:
                self.pending.append(pending)
            elif known.is_settled:
                self.seen.see(pending.direction, pending.party, pending.at)

    def forget(self, dropped: Set[Table]) -> None:
        self.seen.forget(lambda direction: direction.table in dropped)
        kept = [one for one in self.pending if one.direction.table not in dropped]
        self.pending = deque(kept, PENDING)

    def disorders(self, now: float) -> Iterator[Disorder]:
        """Statements of one table that were seen in both directions, however seldom."""
        for direction, up in self.seen.alive(now):
            down = self.seen.get(replace(direction, upwards=False), now)
            if direction.upwards and down:
                yield Disorder(
                    direction.table,
                    up.weight_at(now),
                    down.weight_at(now),
                    direction.by_key,
                    parties=(up.value, down.value),
                    first=max(up.first, down.first),
                    last=max(up.last, down.last),
                )


def chosen(disorders: Iterable[Disorder], least: float, places: float) -> list[Disorder]:
    """Return one for each table where both directions were seen at least so often.

    `least` counts where keys tell the direction, `places` where places do.
    """
    found: dict[Table, Disorder] = {}
    for one in disorders:
        weights = one.upwards, one.downwards
        if min(weights) >= (least if one.by_key else max(places, SHARE * sum(weights))):
            found.setdefault(one.table, one)
    return list(found.values())


def by_key(meeting: Conflict) -> bool | None:
    """Whether the blocker's present key is greater than that of the row it had before."""
    waiter, blocker = meeting.waiter.query, meeting.blocker.query
    targets = target_of(waiter), target_of(blocker)
    if not all(target and target.is_of(meeting.spot.table.name) for target in targets):
        return None
    has, goes_to = key_of(waiter), key_of(blocker)
    return has.rises_to(goes_to) if has and goes_to else None


def has_keys(meeting: Conflict) -> bool:
    key = key_of(meeting.blocker.query)
    return key is not None and bool(key.values)


def by_place(has: ContestedRow, wants: ContestedRow, tables: Tables) -> bool | None:
    """Whether the blocker goes upwards, by pages: within a page rows move with every update."""
    known = tables.known.get(has.relation)
    if known is None or not known.is_settled or has.relation != wants.relation:
        return None
    if has.ctid is None or wants.ctid is None or has.ctid[0] == wants.ctid[0]:
        return None
    return wants.ctid[0] > has.ctid[0]
