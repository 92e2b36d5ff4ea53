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

from alerts.locks.order.advisory_order import AdvisoryOrder
from alerts.locks.order.conflict import Conflict, Scene, actor_of
from alerts.locks.order.exposures import WHILE_WAITING, Question
from alerts.locks.order.footprint import Footprint
from alerts.locks.order.footprint_reader import IDLE, FootprintReader
from alerts.locks.order.patterns import Hint, Pattern, spellings
from alerts.locks.order.risks import AdvisoryKey, Link, Risk, Sighting
from alerts.locks.order.table_evidence import TableEvidence, Wait
from alerts.locks.order.table_steps import Step, Steps
from alerts.locks.order.tables import Table, Tables, advisory, is_advisory
from collectors.activity import Session
from collectors.open_transactions import OpenTransaction

QUESTIONS = 100
UNSURE = 50
PAIRS = 3_000
"""Tables of two transactions, each with each, from which one of them is a batch over many tables:
it would take seconds to follow all ways that it may go."""
MOST_ROWS, MOST_TABLES = 300, 100
"""Locks of a look that is kept: it is there as long as one of its conflicts is unsure; and tables
of its two transactions, which are read anew each time."""


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
    evidence: TableEvidence = field(default_factory=TableEvidence)
    reader: FootprintReader = field(default_factory=FootprintReader)
    advisory: AdvisoryOrder = field(default_factory=AdvisoryOrder)
    questions: deque[Question] = field(default_factory=lambda: deque(maxlen=QUESTIONS))
    """What looks have left open, newest last."""

    unsure: deque[Unsure] = field(default_factory=lambda: deque(maxlen=UNSURE))

    def learn(self, scene: Scene, conflicts: Sequence[Conflict], at: float) -> None:
        known_before = len(self.reader)
        for conflict in conflicts:
            if conflict.contested.by_row:
                self.evidence.contested.see(conflict.contested.table, None, at)
                self.reader.learn_wait(scene, conflict, at)
        parties = {one.pid for conflict in conflicts for one in (conflict.waiter, conflict.blocker)}
        parties |= {pid for pid in scene.advisory_waiters if pid in scene.sessions}
        footprints = {
            pid: self.reader.of_scene(scene, scene.sessions[pid], self.steps, at) for pid in parties
        }
        for pid, footprint in footprints.items():
            self.steps.learn(scene.sessions[pid], footprint, at)
            self.evidence.meetings.look(scene.sessions[pid], footprint, at)
            self._look_onward(scene, scene.sessions[pid], footprint, at)
        for conflict in conflicts:
            waiter, blocker = footprints[conflict.waiter.pid], footprints[conflict.blocker.pid]
            starts = waiter.rows - {conflict.contested.table}
            self._learn_conflict(scene, conflict, waiter, blocker, starts, at)
            known, touched = (waiter.rows, blocker.rows), (waiter.tables, blocker.tables)
            is_short = len(scene.rows) <= MOST_ROWS and sum(map(len, touched)) <= MOST_TABLES
            if known != touched and is_short:
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
        self.evidence.meetings.look(session, footprint, at)
        self.evidence.successors.look(session, footprint, None, self.steps, at)
        for question in self.questions:
            if question.blocker == row.virtualtransaction:
                self._answer(question, session, footprint, at)
        target = footprint.target
        return target if target and self.evidence.contested.get(target, at) else None

    def _answer(
        self, question: Question, session: Session, footprint: Footprint, at: float
    ) -> None:
        """The blocker went on, with the awaited row in hand."""
        here = question.here
        for onward in footprint.rows - question.had - {here}:
            if self.steps.went(session, footprint, here, onward, at):
                link = Link(question.came_from, here, onward)
                self.evidence.links.see(link, replace(question.sighting, proof=WHILE_WAITING), at)

    def risks(self, now: float) -> list[Risk]:
        """What is dangerous, surest first."""
        found: dict[tuple[Table | AdvisoryKey, ...], Risk] = {
            risk.circle: risk for risk in self.evidence.both_ways(now)
        }
        found |= {risk.circle: risk for risk in self.evidence.opposed(self.steps, now)}
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
        advisory = self.advisory.steps.version + self.advisory.numbers.moves.version
        known = self.steps.comes_back.version + self.reader.patterns.version
        return self.evidence.version + advisory + known

    def forget(self, dropped: Set[Table]) -> None:
        """Tables that exist no more, and all that was learned of them."""
        for known in (self.steps, self.evidence, self.reader, self.advisory):
            known.forget(dropped)

    def __len__(self) -> int:
        """Edges, transactions and statements that are remembered."""
        return len(self.steps) + len(self.evidence) + len(self.reader) + len(self.advisory)

    # Learning.

    def hints(self, now: float) -> list[Hint]:
        """Return patterns from statements; for several tables, only with waits for rows."""
        names = {
            name
            for table, _ in self.evidence.contested.alive(now)
            for name in spellings(table.name)
        }
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
        if len(starts) * (len(waiter.tables) + len(blocker.tables)) > PAIRS:
            return
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
                self.evidence.meetings.learn_onward(conflict, start, waiter, at)
                continue
            if conflict.contested.by_row:
                sighting = _sighting(conflict, "")
                self.evidence.meetings.learn(conflict, start, waiter, blocker, sighting, at)
            if start not in blocker.tables:
                sighting = _sighting(conflict, "a wait each way")
                self.evidence.learn_wait(Wait(start, here), sighting, waiter.gates, at)
                if conflict.contested.by_row:
                    self._ask(scene, conflict, start, blocker)
            if conflict.contested.by_row:
                for onward, proof in self._onward(scene, conflict, blocker, at):
                    # Who has been at the start itself is no link between it and a third table.
                    if onward == start or start not in blocker.tables:
                        link, seen = Link(start, here, onward), _sighting(conflict, proof)
                        self.evidence.links.see(link, seen, at)

    def _learn_behind(
        self, conflict: Conflict, waiter: Footprint, blocker: Footprint, at: float
    ) -> None:
        """The blocker may have come from where the waiter goes to next."""
        here = conflict.contested.table
        for start in blocker.rows - waiter.tables - {here}:
            proof = self.steps.went(conflict.blocker, blocker, start, here, at)
            if proof and not is_advisory(start):
                sighting = replace(_sighting(conflict, proof), by_waiter=True)
                self.evidence.successors.expect(conflict, start, waiter, sighting)
                self.evidence.meetings.learn_behind(conflict, start, waiter, blocker, sighting, at)

    def _look_onward(self, scene: Scene, session: Session, footprint: Footprint, at: float) -> None:
        contested = scene.next_contested(session)
        waits_at = contested.table if contested and contested.by_row else None
        self.evidence.successors.look(session, footprint, waits_at, self.steps, at)

    def _ask(self, scene: Scene, conflict: Conflict, start: Table, blocker: Footprint) -> None:
        """Where the blocker goes on to is seen a moment later."""
        sighting, here = _sighting(conflict, ""), conflict.contested.table
        transaction = scene.locks[conflict.blocker.pid][0].virtualtransaction
        self.questions.append(Question(transaction, start, here, blocker.tables, sighting))

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


def _whole(end: Table | AdvisoryKey) -> Table:
    """One advisory lock stands for all of them."""
    return end if isinstance(end, Table) else advisory(end.database)


def _sighting(conflict: Conflict, proof: str) -> Sighting:
    return Sighting(*conflict.parties, conflict.contested.table, conflict.contested.ctid, proof)
