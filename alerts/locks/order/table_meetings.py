"""Evidence: conflicts whose blocker is not yet known to go on to where the waiter came from.

Reason: a conflict and the proof of the blocker's order seldom come in one look. A conflict is
kept with what the blocker had locked. Waits show, earlier or later, where code goes on from there:
all transactions that run one function go the same way; and so do transactions of one application
that have locked exactly the same tables. A wait proves it, because no session waits for its own
row. A function also shows its order by what it has locked: with one table alone, with both, and
never with the other alone. So a conflict of yesterday is proved by a wait of today.

Known limits: an application that goes two ways after the same tables, one of them with rows that
no other session uses, is taken for one. A function with branches, or whose argument
selects the table, has no order here as soon as it was seen to go both ways.
"""

from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, field

from alerts.locks.order.conflict import Actor, Conflict, actor_of
from alerts.locks.order.decay import DecayingTable, Entry
from alerts.locks.order.footprint import Footprint, aim
from alerts.locks.order.risks import Link, Sighting
from alerts.locks.order.statement_tables import Code, code_of, is_whole
from alerts.locks.order.table_steps import Step, Steps
from alerts.locks.order.tables import Table
from alerts.locks.order.target import target_of
from collectors.activity import Session

KEPT = 2_000
OFTEN = 1.5
"""Sightings of a function with one table alone, and with both, that show its order."""
NOTHING: frozenset[Table] = frozenset()
Where = tuple[Actor, Code | None, frozenset[Table], Table]
SAME_CODE = "waits of the same function"
SAME_TABLES = "waits of the same application after the same tables"
LAST = "its statement, and waits of the same application"


@dataclass(frozen=True, slots=True)
class Kind:
    """Description of a transaction that met another: others of its kind go on alike."""

    actor: Actor
    code: Code | None
    """If one statement is all that it does."""
    locked: frozenset[Table]
    last: Table | None
    """Of its current or last statement."""


@dataclass(frozen=True, slots=True)
class Meeting:
    """A transaction that had locked rows of one table met another one of that kind here."""

    came_from: Table
    here: Table
    other: Kind
    by_waiter: bool = False
    """Whether the one of that kind waited for the first, and not the first for that."""


@dataclass(frozen=True, slots=True)
class Onward:
    """A transaction that had locked these tables waited at another, by its own wait."""

    actor: Actor
    code: Code | None
    """None: whatever its statement was."""
    locked: frozenset[Table]
    """Empty where the code says enough."""
    one: Table
    other: Table


@dataclass(frozen=True, slots=True)
class State:
    """Tables in which transactions of one function were seen to have locked rows."""

    actor: Actor
    code: Code
    locked: frozenset[Table]


@dataclass(frozen=True, slots=True)
class Met:
    """Evidence of a meeting, and the gates that each of the two held each time."""

    sighting: Sighting
    gates: frozenset[int]
    """Of the one that came from another table,"""
    other_gates: frozenset[int]
    """and of the one that it met."""


@dataclass(slots=True)
class Meetings:
    seen: DecayingTable[Meeting, Met] = field(default_factory=lambda: DecayingTable(KEPT))
    onward: DecayingTable[Onward, frozenset[int]] = field(
        default_factory=lambda: DecayingTable(4 * KEPT)
    )
    """With the gates that were held each time."""
    states: DecayingTable[State, None] = field(default_factory=lambda: DecayingTable(KEPT))

    @property
    def version(self) -> int:
        return self.seen.version + self.onward.version + self.states.version

    def __len__(self) -> int:
        return len(self.seen) + len(self.onward) + len(self.states)

    def forget(self, dropped: Set[Table]) -> None:
        self.seen.forget(
            lambda met: not dropped.isdisjoint((met.came_from, met.here, *met.other.locked))
        )
        self.onward.forget(
            lambda step: not dropped.isdisjoint((step.one, step.other, *step.locked))
        )
        self.states.forget(lambda state: not dropped.isdisjoint(state.locked))

    def look(self, session: Session, footprint: Footprint, at: float) -> None:
        """Learn what a function has locked by now."""
        if footprint.rows and (code := _code(session, footprint)):
            self.states.see(State(actor_of(session), code, footprint.rows), None, at)

    def learn(
        self,
        conflict: Conflict,
        came_from: Table,
        waiter: Footprint,
        blocker: Footprint,
        sighting: Sighting,
        at: float,
    ) -> None:
        """The waiter has locked rows of `came_from`, whatever else it did, and waits here."""
        here = conflict.contested.table
        self.learn_onward(conflict, came_from, waiter, at)
        meeting = Meeting(came_from, here, _kind(conflict.blocker, blocker))
        self._see(meeting, Met(sighting, waiter.gates, blocker.gates), at)

    def learn_behind(
        self,
        conflict: Conflict,
        came_from: Table,
        waiter: Footprint,
        blocker: Footprint,
        sighting: Sighting,
        at: float,
    ) -> None:
        """The blocker came here from `came_from`, where the waiter has not been."""
        kind = _kind(conflict.waiter, waiter)
        meeting = Meeting(came_from, conflict.contested.table, kind, by_waiter=True)
        self._see(meeting, Met(sighting, blocker.gates, waiter.gates), at)

    def _see(self, meeting: Meeting, met: Met, at: float) -> None:
        known = self.seen.get(meeting, at)
        if known:
            gates, other_gates = known.value.gates, known.value.other_gates
            met = Met(met.sighting, met.gates & gates, met.other_gates & other_gates)
        self.seen.see(meeting, met, at)

    def learn_onward(self, conflict: Conflict, one: Table, footprint: Footprint, at: float) -> None:
        session, other = conflict.waiter, conflict.contested.table
        actor, named = actor_of(session), _named(session, footprint)
        before = footprint.tables - {other} - ({named} if named != one else set())
        steps = [Onward(actor, None, frozenset(before), one, other)]
        if code := _code(session, footprint):
            steps.append(Onward(actor, code, frozenset(), one, other))
        for step in steps:
            known = self.onward.get(step, at)
            gates = footprint.gates & known.value if known else footprint.gates
            self.onward.see(step, gates, at)

    def links(self, steps: Steps, now: float) -> Iterator[tuple[Link, Entry[Met], str]]:
        """Yield what is proved by now, each with its proof."""
        ways = self._ways(now)
        for meeting, met in self.seen.alive(now):
            who, start, here = meeting.other, meeting.came_from, meeting.here
            gates = met.value.gates
            found = dict(ways.after_the_same(who, here, gates))
            found |= dict(ways.of_the_same_code(who, here, gates))
            if who.last == start and start not in found:
                step = Step(who.actor, here, start)
                known = steps.seen.get(step, now)
                apart = known is None or known.value & met.value.other_gates
                if not apart and steps.returns.get(step, now) is None:
                    found[start] = LAST
            for other, proof in found.items():
                if other == start or start not in who.locked:
                    yield Link(start, here, other), met, proof

    def _ways(self, now: float) -> "Ways":
        ways = Ways()
        for step, entry in self.onward.alive(now):
            key = step.actor, step.code, step.locked, step.one
            ways.by_wait.setdefault(key, {})[step.other] = entry.value
        for state, seen in self.states.alive(now):
            known = ways.states.setdefault((state.actor, state.code), [])
            known.append((state.locked, seen.weight_at(now)))
        return ways


@dataclass(slots=True)
class Ways:
    """Ways that code takes on from each table, as of one time."""

    by_wait: dict[Where, dict[Table, frozenset[int]]] = field(default_factory=dict)
    """With the gates that were held each time."""
    states: dict[tuple[Actor, Code], list[tuple[frozenset[Table], float]]] = field(
        default_factory=dict
    )

    def after_the_same(
        self, who: Kind, here: Table, gates: frozenset[int]
    ) -> Iterable[tuple[Table, str]]:
        if who.code is None:
            alike = self.by_wait.get((who.actor, None, who.locked, here), {})
            for other, held in alike.items():
                if other not in who.locked and not held & gates:
                    yield other, SAME_TABLES

    def of_the_same_code(
        self, who: Kind, here: Table, gates: frozenset[int]
    ) -> Iterable[tuple[Table, str]]:
        if who.code is None:
            return
        onward = self.by_wait.get((who.actor, who.code, NOTHING, here), {})
        for other, held in onward.items():
            back = self.by_wait.get((who.actor, who.code, NOTHING, other), {})
            if here not in back and not held & gates:
                yield other, SAME_CODE
        states = self.states.get((who.actor, who.code), [])
        for other in frozenset[Table]().union(*(locked for locked, _ in states)) - {here}:
            back = self.by_wait.get((who.actor, who.code, NOTHING, other), {})
            if here not in back and _comes_later(other, here, states):
                yield other, SAME_CODE


def _comes_later(
    other: Table, here: Table, states: Sequence[tuple[frozenset[Table], float]]
) -> bool:
    alone = sum(weight for locked, weight in states if here in locked and other not in locked)
    both = sum(weight for locked, weight in states if here in locked and other in locked)
    never = not any(other in locked and here not in locked for locked, _ in states)
    return never and min(alone, both) >= OFTEN


def _kind(session: Session, footprint: Footprint) -> Kind:
    code, last = _code(session, footprint), _named(session, footprint)
    return Kind(actor_of(session), code, footprint.tables, last)


def _code(session: Session, footprint: Footprint) -> Code | None:
    """The text of a statement that is a whole transaction of unknown tables, such as a function."""
    if session.state != "active" or not is_whole(session) or _named(session, footprint):
        return None
    return code_of(session)


def _named(session: Session, footprint: Footprint) -> Table | None:
    """The table that the statement itself names."""
    return aim(target_of(session.query), footprint.tables)
