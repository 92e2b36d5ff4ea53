"""Proof: tables that transactions lock in opposite order, from conflicts between two of them.

Reason: one conflict can be enough. The waiter came from x to y, and the blocker came from y to x.
The conflict proves that both orders concern the same rows of y; a wait at x, of any session, that
rows of x are contested too. Nothing is concluded from transactions that never conflict: code that
locks rows of its own in opposite order is harmless, and so is code behind a common gate.

Known limits: a table with two kinds of rows, each client's own and shared ones, is contested as a
whole. Whether both sides lock the same rows of x is not known before they deadlock.
"""

from collections import deque
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Any

from alerts.locks.order.advisory_order import AdvisoryOrder
from alerts.locks.order.conflict import Conflict, Scene, actor_of
from alerts.locks.order.decay import DecayingTable, Entry
from alerts.locks.order.exposures import WHILE_WAITING, Question
from alerts.locks.order.footprint import Footprint
from alerts.locks.order.footprint_reader import IDLE, FootprintReader
from alerts.locks.order.patterns import Hint, Pattern, spellings
from alerts.locks.order.risks import AdvisoryKey, Level, Link, Risk, Sighting, canonical, circles
from alerts.locks.order.table_meetings import Meetings
from alerts.locks.order.table_steps import FIRST_VISIT, Step, Steps
from alerts.locks.order.table_successors import Successors
from alerts.locks.order.tables import Table, Tables, advisory, is_advisory
from collectors.activity import Session
from collectors.open_transactions import OpenTransaction

QUESTIONS = 100
UNSURE = 50
MOST_ROWS = 300
"""Locks of a look that is kept: it is there as long as one of its conflicts is unsure."""
PAIRS = 2_000
"""Of tables, for which conflicts are remembered with both statements."""


@dataclass(frozen=True, slots=True)
class Wait:
    """A transaction from one table waited at another, for one that had not used the first."""

    one: Table
    other: Table


@dataclass(slots=True)
class Unsure:
    """A conflict of transactions with tables of which it was not known whether they had rows."""

    scene: Scene
    conflict: Conflict
    waiter: frozenset[Table]
    blocker: frozenset[Table]
    """Tables of which each was known to have rows."""
    at: float
    known: int
    """How much was known then of who changes rows where."""


@dataclass(slots=True)
class TableOrder:
    """Memory of the order of tables on one server."""

    steps: Steps = field(default_factory=Steps)
    waits: DecayingTable[Wait, tuple[Sighting, frozenset[int]]] = field(
        default_factory=lambda: DecayingTable(PAIRS)
    )
    """With the gates that the waiter held each time."""
    links: DecayingTable[Link, Sighting] = field(default_factory=lambda: DecayingTable(PAIRS))
    meetings: Meetings = field(default_factory=Meetings)
    successors: Successors = field(default_factory=Successors)
    contested: DecayingTable[Table, None] = field(default_factory=lambda: DecayingTable(PAIRS))
    """Tables of which a row was waited for."""
    reader: FootprintReader = field(default_factory=FootprintReader)
    advisory: AdvisoryOrder = field(default_factory=AdvisoryOrder)
    questions: deque[Question] = field(default_factory=lambda: deque(maxlen=QUESTIONS))
    """What looks have left open, newest last."""

    unsure: deque[Unsure] = field(default_factory=lambda: deque(maxlen=UNSURE))

    def learn(self, scene: Scene, conflicts: Sequence[Conflict], at: float) -> None:
        known_before = len(self.reader)
        for conflict in conflicts:
            if conflict.contested.by_row:
                self.contested.see(conflict.contested.table, None, at)
                self.reader.learn_wait(scene, conflict, at)
        parties = {one.pid for conflict in conflicts for one in (conflict.waiter, conflict.blocker)}
        parties |= {pid for pid in scene.advisory_waiters if pid in scene.sessions}
        footprints = {
            pid: self.reader.of_scene(scene, scene.sessions[pid], self.steps, at) for pid in parties
        }
        for pid, footprint in footprints.items():
            self.steps.learn(scene.sessions[pid], footprint, at)
            self.meetings.look(scene.sessions[pid], footprint, at)
            self._look_onward(scene, scene.sessions[pid], footprint, at)
        for conflict in conflicts:
            waiter, blocker = footprints[conflict.waiter.pid], footprints[conflict.blocker.pid]
            starts = waiter.rows - {conflict.contested.table}
            self._learn_conflict(scene, conflict, waiter, blocker, starts, at)
            known, touched = (waiter.rows, blocker.rows), (waiter.tables, blocker.tables)
            if known != touched and len(scene.rows) <= MOST_ROWS:
                self.unsure.append(Unsure(scene, conflict, *known, at, known_before))
        rows = {
            pid: {table for table in footprint.rows if not is_advisory(table)}
            for pid, footprint in footprints.items()
        }
        self.advisory.learn(scene, conflicts, rows, at)
        self._reconsider(at)

    def _reconsider(self, at: float) -> None:
        """Learn conflicts of earlier looks once more when it is known who changes rows where."""
        for one in [one for one in self.unsure if one.at < at and one.known != len(self.reader)]:
            scene, conflict, one.known = one.scene, one.conflict, len(self.reader)
            parties = conflict.waiter, conflict.blocker
            scene.tables.learn(
                (lock.datname or session.datname or "", oid)
                for session in parties
                for lock in scene.locks[session.pid]
                for oid in lock.writes
            )
            waiter, blocker = (
                self.reader.of_scene(scene, session, self.steps, one.at) for session in parties
            )
            if (waiter.rows, blocker.rows) == (one.waiter, one.blocker):
                continue
            starts = waiter.rows - {conflict.contested.table}
            if blocker.rows == one.blocker:
                starts -= one.waiter
            for session, footprint in zip(parties, (waiter, blocker), strict=True):
                self.steps.learn(session, footprint, one.at)
            self._learn_conflict(scene, conflict, waiter, blocker, starts, one.at)
            one.waiter, one.blocker = waiter.rows, blocker.rows

    def learn_open(
        self, session: Session, row: OpenTransaction, tables: Tables, at: float
    ) -> Table | None:
        """Learn from an open transaction, between two looks at the locks.

        Returns what its statement is about, if rows of that are contested.
        """
        is_done = row.waits_for is not None or row.state == IDLE
        footprint = self.reader.read([row], session, tables, is_done, self.steps, at)
        self.steps.learn(session, footprint, at)
        self.meetings.look(session, footprint, at)
        self.successors.look(session, footprint, None, self.steps, at)
        for question in self.questions:
            if question.blocker == row.virtualtransaction:
                self._answer(question, session, footprint, at)
        target = footprint.target
        return target if target and self.contested.get(target, at) else None

    def _answer(
        self, question: Question, session: Session, footprint: Footprint, at: float
    ) -> None:
        """The blocker went on, with the awaited row in hand."""
        here = question.here
        for onward in footprint.rows - question.had - {here}:
            if self.steps.went(session, footprint, here, onward, at):
                link = Link(question.came_from, here, onward)
                self.links.see(link, replace(question.sighting, proof=WHILE_WAITING), at)

    def risks(self, now: float) -> list[Risk]:
        """What is dangerous, surest first."""
        found: dict[tuple[Table | AdvisoryKey, ...], Risk] = {
            risk.circle: risk for risk in self._both_ways(now)
        }
        found |= {risk.circle: risk for risk in self._opposed(now)}
        whole = {frozenset(circle) for circle in found}
        found |= {
            risk.circle: risk
            for risk in self.advisory.risks(now)
            if frozenset(map(_whole, risk.circle)) not in whole
        }
        return sorted(found.values(), key=lambda risk: (-risk.level, -risk.weight))

    @property
    def version(self) -> int:
        """Grows whenever risks may have changed."""
        seen = (
            self.waits,
            self.links,
            self.successors.links,
            self.contested,
            self.advisory.steps,
            self.advisory.numbers.moves,
            self.steps.comes_back,
        )
        return (
            sum(table.version for table in seen)
            + self.reader.patterns.version
            + self.meetings.version
        )

    def forget(self, dropped: Set[Table]) -> None:
        """Tables that exist no more, and all that was learned of them."""
        self.steps.forget(dropped)
        self.waits.forget(lambda wait: wait.one in dropped or wait.other in dropped)
        self.links.forget(
            lambda link: not dropped.isdisjoint((link.came_from, link.meets, link.goes_to))
        )
        self.contested.forget(lambda table: table in dropped)
        for known in (
            self.reader,
            self.advisory,
            self.meetings,
            self.successors,
        ):
            known.forget(dropped)

    def __len__(self) -> int:
        """Edges, transactions and statements that are remembered."""
        tables = len(self.waits) + len(self.links) + len(self.successors) + len(self.contested)
        return len(self.steps) + tables + len(self.reader) + len(self.advisory)

    # Learning.

    def hints(self, now: float) -> list[Hint]:
        """Return patterns from statements; for several tables, only with waits for rows."""
        names = {name for table, _ in self.contested.alive(now) for name in spellings(table.name)}
        return [
            hint
            for hint in self.reader.patterns.hints(now)
            if hint.habit.pattern is not Pattern.both_orders or names.issuperset(hint.habit.tables)
        ]

    def _learn_conflict(
        self,
        scene: Scene,
        conflict: Conflict,
        waiter: Footprint,
        blocker: Footprint,
        starts: Set[Table],
        at: float,
    ) -> None:
        """`starts` are tables of which the waiter has rows."""
        here = conflict.contested.table
        if conflict.contested.by_row:
            self._learn_behind(conflict, waiter, blocker, at)
        for start in starts:
            if self.steps.in_order(conflict.waiter, waiter, here, start):
                # It has been here before it went there.
                self.steps.comes_back.see(Step(actor_of(conflict.waiter), start, here), None, at)
                continue
            # Whatever came before: it has rows there, and needs one here.
            self.steps.see(conflict.waiter, waiter, start, here, at)
            self.reader.statements.learn_step(conflict.waiter, start, here, waiter.gates, at)
            if is_advisory(start):
                # Whether the other code uses these keys is shown where it waits for one.
                self.meetings.learn_onward(conflict, start, waiter, at)
                continue
            if conflict.contested.by_row:
                sighting = _sighting(conflict, "")
                self.meetings.learn(conflict, start, waiter, blocker, sighting, at)
            if start not in blocker.tables:
                self._learn_wait(Wait(start, here), conflict, waiter, at)
                if conflict.contested.by_row:
                    self._ask(scene, conflict, start, blocker)
            if conflict.contested.by_row:
                for onward, proof in self._onward(scene, conflict, blocker, at):
                    # Who has been at the start itself is no link between it and a third table.
                    if onward == start or start not in blocker.tables:
                        self.links.see(Link(start, here, onward), _sighting(conflict, proof), at)

    def _learn_behind(
        self, conflict: Conflict, waiter: Footprint, blocker: Footprint, at: float
    ) -> None:
        """The blocker may have come from where the waiter goes to next."""
        here = conflict.contested.table
        for start in blocker.rows - waiter.tables - {here}:
            proof = self.steps.went(conflict.blocker, blocker, start, here, at)
            if proof and not is_advisory(start):
                sighting = replace(_sighting(conflict, proof), by_waiter=True)
                self.successors.expect(conflict, start, waiter, sighting)
                self.meetings.learn_behind(conflict, start, waiter, blocker, sighting, at)

    def _look_onward(self, scene: Scene, session: Session, footprint: Footprint, at: float) -> None:
        contested = scene.next_contested(session)
        waits_at = contested.table if contested and contested.by_row else None
        self.successors.look(session, footprint, waits_at, self.steps, at)

    def _ask(self, scene: Scene, conflict: Conflict, start: Table, blocker: Footprint) -> None:
        """Where the blocker goes on to is seen a moment later."""
        sighting, here = _sighting(conflict, ""), conflict.contested.table
        transaction = scene.locks[conflict.blocker.pid][0].virtualtransaction
        self.questions.append(Question(transaction, start, here, blocker.tables, sighting))

    def _learn_wait(self, wait: Wait, conflict: Conflict, waiter: Footprint, at: float) -> None:
        known = self.waits.get(wait, at)
        gates = waiter.gates & known.value[1] if known else waiter.gates
        self.waits.see(wait, (_sighting(conflict, "a wait each way"), gates), at)

    def _onward(
        self, scene: Scene, conflict: Conflict, blocker: Footprint, at: float
    ) -> Iterator[tuple[Table, str]]:
        """Where the blocker went on to from here, or will."""
        here, session = conflict.contested.table, conflict.blocker
        contested = scene.next_contested(session)
        waits_at = contested.table if contested and contested.by_row else None
        code = set(self.reader.statements.onward(session, here, blocker.gates, at))
        for onward in (blocker.rows | code | ({waits_at} if waits_at else set())) - {here}:
            is_there = onward in blocker.tables or onward == waits_at
            proof = self.steps.went(session, blocker, here, onward, at, waits_at)
            if is_there and proof:
                yield onward, proof
            elif onward in code:
                yield onward, "its statement, and waits of the same statement"

    # Concluding.

    def _opposed(self, now: float) -> Iterator[Risk]:
        alive = {
            link: entry
            for link, entry in (
                *self._proved_later(now),
                *self.successors.links.alive(now),
                *self.links.alive(now),
            )
            if all(self.contested.get(table, now) for table in link.tables)
            and not self._comes_back(link, entry.value, now)
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

    def _comes_back(self, link: Link, seen: Sighting, now: float) -> bool:
        """Whether the blocker may have come here twice, and the row be of the second time."""
        actor = seen.blocker.user, seen.blocker.application
        if seen.by_waiter:
            back = Step(actor, link.meets, link.came_from)
            return self.steps.comes_back.get(back, now) is not None
        step = Step(actor, link.goes_to, link.meets)
        return seen.proof in FIRST_VISIT and self.steps.comes_back.get(step, now) is not None

    def _proved_later(self, now: float) -> Iterator[tuple[Link, Entry[Sighting]]]:
        for link, met, proof in self.meetings.links(self.steps, now):
            sighting = replace(met.value.sighting, proof=proof)
            yield link, Entry(sighting, met.weight, met.first, met.last)

    def _both_ways(self, now: float) -> Iterator[Risk]:
        for wait, there in self.waits.alive(now):
            back = self.waits.get(Wait(wait.other, wait.one), now)
            # An exclusive lock that both of them held each time kept them apart.
            if back and wait.one < wait.other and not there.value[1] & back.value[1]:
                sightings = there.value[0], back.value[0]
                circle = wait.one, wait.other
                yield _risk(Level.both_ways, circle, [there, back], sightings, now)


def _whole(end: Table | AdvisoryKey) -> Table:
    """One advisory lock stands for all of them."""
    return end if isinstance(end, Table) else advisory(end.database)


def _sighting(conflict: Conflict, proof: str) -> Sighting:
    return Sighting(*conflict.parties, conflict.contested.table, conflict.contested.ctid, proof)


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
