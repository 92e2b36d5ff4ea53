"""Lock store: all observations about the locks of one server, updated by each query."""

from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, field

from alerts.locks.graph import Holder, LockGraph, node_of
from alerts.locks.order.captures import Captures
from alerts.locks.order.conflict import Conflict, Party, Scene, Transaction, transaction_of
from alerts.locks.order.exposures import at_that_time, by_exposure, locks_of
from alerts.locks.order.held_order import HeldOrder, RowWait
from alerts.locks.order.risks import AdvisoryKey, Level, Risk
from alerts.locks.order.row_order import Disorder, RowOrder
from alerts.locks.order.table_order import TableOrder
from alerts.locks.order.tables import Relation, Tables, is_advisory
from collectors._base import Answer, AnyAnswer, AnyCollector
from collectors.activity import Session, activity
from collectors.held_rows import HeldRow, held_rows
from collectors.locks import Lock, locks
from collectors.open_transactions import OpenTransaction, open_transactions
from collectors.sequences import sequences
from collectors.user_indexes import user_indexes
from collectors.user_tables import user_tables

NAMING = (user_tables, user_indexes, sequences)
OF_ONE, IN_ALL = 10, 100
"""Number of waiters of the same blocker, and of all, that are used for learning from one query."""


@dataclass(slots=True)
class LockStore:
    tables: Tables = field(default_factory=Tables)
    table_order: TableOrder = field(default_factory=TableOrder)
    row_order: RowOrder = field(default_factory=RowOrder)
    held_order: HeldOrder = field(default_factory=HeldOrder)
    captures: Captures = field(default_factory=Captures)
    sessions: dict[Holder, Session] = field(default_factory=dict)
    graph: LockGraph = field(default_factory=lambda: LockGraph.of(()))
    learned_at: float | None = None
    """When it last learned something; None: it has seen no lock yet."""
    rows: Sequence[Lock] = ()
    """The newest look, of which the graph is made,"""
    row_waits: Sequence[RowWait] = ()
    """and who waits there for which row."""
    pairs: set[tuple[Transaction, Transaction]] = field(default_factory=set)
    """Waiters and blockers since the newest look."""

    def take(self, collector: AnyCollector, answer: AnyAnswer) -> None:
        """Learn from an answer, if it is one of those that concern locks."""
        if collector in NAMING:
            if dropped := self.tables.take(collector, answer):
                self.table_order.forget(dropped)
                self.row_order.forget(dropped)
                self.held_order.forget(dropped)
        elif collector is activity:
            self.sessions = {session.pid: session for session in answer.rows}
            self.table_order.reader.patterns.learn(answer.rows, answer.at)
        elif collector is locks:
            self._learn(answer)
        elif collector is held_rows:
            self._learn_held(answer)
        elif collector is open_transactions:
            self._learn_open(answer)

    @property
    def size(self) -> int:
        orders = len(self.table_order) + len(self.row_order) + len(self.held_order)
        return orders + len(self.captures.kept)

    @property
    def version(self) -> int:
        """Grows whenever risks or disorders may have changed."""
        return self.table_order.version + self.row_order.version + self.held_order.version

    def risks(self, now: float) -> list[Risk]:
        """What is dangerous, surest first; each proof of advisory locks once."""
        found = self.table_order.risks(now)
        proved = {
            end.database
            for risk in found
            if risk.level is Level.opposed
            for end in risk.circle
            if isinstance(end, AdvisoryKey)
        }
        more = [one for one in self.held_order.risks(now) if one.circle[0].database not in proved]
        covered = {one.circle[0].database for one in more}
        hints = (one for one in found if one.level is Level.both_ways)
        gone = [one for one in hints if _is_covered(one, covered)]
        kept = [one for one in found if one not in gone]
        return sorted([*kept, *more], key=lambda risk: (-risk.level, -risk.weight))

    def disorders(self, now: float) -> list[Disorder]:
        """One of each table: what its held rows tell, where that is more."""
        found = {disorder.table: disorder for disorder in self.row_order.disorders(now)}
        for disorder in self.held_order.disorders(now):
            known = found.get(disorder.table)
            if known is None or disorder.is_proved or not known.is_proved:
                found[disorder.table] = disorder
        return list(found.values())

    def _learn(self, answer: Answer[Lock]) -> None:
        rows, at = answer.rows, answer.at
        self.graph, self.rows, self.learned_at = LockGraph.of(rows), rows, at
        self.tables.learn(self._relations(rows))
        scene = Scene(rows, self.graph, self.sessions, self.tables)
        self.captures.learn(scene, at)
        conflicts = list(scene.conflicts(OF_ONE, IN_ALL))
        self.pairs = {_pair(conflict) for conflict in conflicts}
        self.row_waits = list(_row_waits(scene, conflicts))
        self.table_order.learn(scene, conflicts, at)
        for conflict in conflicts:
            self.row_order.learn(conflict, scene.next_contested(conflict.blocker), at)

    def _learn_held(self, answer: Answer[HeldRow]) -> None:
        """Who held which rows just after the newest look at the locks."""
        pids = {row.pid for row in answer.rows}
        known = {pid: session for pid in pids if (session := self.sessions.get(pid))}
        parties = {pid: Party.of(session) for pid, session in known.items()}
        self.held_order.learn(answer.rows, self.row_waits, parties, self.tables, answer.at)

    def _learn_open(self, answer: Answer[OpenTransaction]) -> None:
        """How transactions went on just after the newest look at the locks."""
        self.tables.learn(
            (row.datname, oid) for row in answer.rows if row.datname for oid in row.writes
        )
        for rows in by_exposure(answer.rows):
            seen = at_that_time(rows, self.sessions)
            for session, row in seen.values():
                table = self.table_order.learn_open(session, row, self.tables, answer.at)
                if table:
                    self.row_order.learn_statement(session, table, answer.at)
            sessions = {pid: session for pid, (session, _) in seen.items()}
            found = list(locks_of(row for _, row in seen.values()))
            if found:
                self._learn_waits(found, sessions, answer.at)

    def _learn_waits(
        self, rows: Sequence[Lock], sessions: dict[Holder, Session], at: float
    ) -> None:
        """Each wait counts once, however often it is seen between two looks at the locks."""
        scene = Scene(rows, LockGraph.of(rows), sessions, self.tables)
        conflicts = [one for one in scene.conflicts(OF_ONE, IN_ALL) if _pair(one) not in self.pairs]
        self.pairs |= {_pair(one) for one in conflicts}
        self.table_order.learn(scene, conflicts, at)
        for conflict in conflicts:
            self.row_order.learn(conflict, scene.next_contested(conflict.blocker), at)

    def _relations(self, rows: Iterable[Lock]) -> Iterator[Relation]:
        for lock in rows:
            session = self.sessions.get(node_of(lock))
            database = lock.datname or (session.datname if session else None)
            if database:
                yield from ((database, oid) for oid in lock.writes or ())
                if lock.relation:
                    yield database, lock.relation


def _pair(conflict: Conflict) -> tuple[Transaction, Transaction]:
    return transaction_of(conflict.waiter), transaction_of(conflict.blocker)


def _is_covered(risk: Risk, databases: Set[str]) -> bool:
    """Whether it is a hint about advisory locks of these databases."""
    return all(isinstance(end, AdvisoryKey) and end.database in databases for end in risk.circle)


def _row_waits(scene: Scene, conflicts: Iterable[Conflict]) -> Iterator[RowWait]:
    for conflict in conflicts:
        here = conflict.contested
        waiter, blocker = (
            scene.locks[session.pid][0].virtualtransaction
            for session in (conflict.waiter, conflict.blocker)
        )
        if here.ctid is not None:
            yield RowWait(here.relation, here.ctid, waiter, blocker)
        elif is_advisory(here.table):
            wanted = scene.graph.waits[conflict.waiter.pid][0]
            key = f"{wanted.classid} {wanted.objid} {wanted.objsubid}"
            yield RowWait((here.table.database, None), key, waiter, blocker)
        elif here.by_row:
            yield RowWait(here.relation, None, waiter, blocker)
