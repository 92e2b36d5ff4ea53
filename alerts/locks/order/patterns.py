"""Signal: patterns of code that statements alone show, before any session waits.

Reason: before some deadlocks, locks show nothing. Two transactions that lock a row FOR SHARE and
then update it never wait before they deadlock; workers that take jobs FOR UPDATE without SKIP
LOCKED wait for each other all the time; and an application that updates two tables in one
transaction, and elsewhere the other way round, shows that in its statements before two of them
conflict. Each look at the sessions shows the current or last statement of each open transaction.

Known limits: hints only. Most statements fall between two looks. Whether the shared row is the
row that is updated is not known; nor whether two orders concern the same rows.
"""

import re
from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from alerts.cure import identifier
from alerts.locks.order.conflict import Actor, Party, Transaction, actor_of, transaction_of
from alerts.locks.order.decay import DecayingTable
from alerts.locks.order.target import PART, RowTarget, target_of
from collectors.activity import Session

KEPT = 2_000
TEXTS = 20
"""New statements that are read at one look; the others are read at later ones, if they last."""
OPEN = ("active", "idle in transaction")
SHARES = re.compile(r"\bfor\s+(?:key\s+)?share\b", re.IGNORECASE)
TAKES = re.compile(r"\blimit\b.*\bfor\s+(?:no\s+key\s+)?update\b", re.IGNORECASE | re.DOTALL)

Name = tuple[str | None, str]
"""Database, and table as the statement has it."""


class Pattern(StrEnum):
    upgrade = "FOR SHARE, then UPDATE"
    queue = "a queue without SKIP LOCKED"
    both_orders = "several tables in both orders"


@dataclass(frozen=True, slots=True)
class Habit:
    """Observed pattern of the statements of one application."""

    pattern: Pattern
    actor: Actor
    database: str | None
    tables: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Hint:
    habit: Habit
    party: Party
    """Whose statement it is,"""
    before: Party | None
    """and the one that came before it, or goes the other way."""
    weight: float
    first: float
    last: float


@dataclass(slots=True)
class Course:
    """Observed course of one open transaction."""

    began: float | None
    """Its newest statement."""
    shares: dict[Name, Session] = field(default_factory=dict)
    changes: dict[Name, Session] = field(default_factory=dict)


@dataclass(slots=True)
class Patterns:
    seen: DecayingTable[Habit, tuple[Party, Party | None]] = field(
        default_factory=lambda: DecayingTable(KEPT)
    )
    orders: DecayingTable[Habit, tuple[Party, Party | None]] = field(
        default_factory=lambda: DecayingTable(KEPT)
    )
    """One table before another; a pattern only where the other order was seen as well."""
    courses: OrderedDict[Transaction, Course] = field(default_factory=OrderedDict)
    inserts: DecayingTable[tuple[Actor, Name], None] = field(
        default_factory=lambda: DecayingTable(KEPT)
    )
    """Applications and tables of plain INSERTs."""

    @property
    def version(self) -> int:
        return self.seen.version + self.orders.version

    def learn(self, sessions: Iterable[Session], at: float) -> None:
        read = 0
        for session in sessions:
            if session.state not in OPEN or not session.xact_start_text or session.is_self:
                continue
            course = self._course(session)
            if course.began == session.query_start:
                continue
            if (read := read + 1) > TEXTS:
                break
            course.began = session.query_start
            if target := target_of(session.query):
                self._learn(session, target, course, at)
        while len(self.courses) > KEPT:
            self.courses.popitem(last=False)

    def _course(self, session: Session) -> Course:
        transaction = transaction_of(session)
        course = self.courses.setdefault(transaction, Course(None))
        self.courses.move_to_end(transaction)
        return course

    def _learn(self, session: Session, target: RowTarget, course: Course, at: float) -> None:
        name = session.datname, identifier(*target.name)
        query = session.query or ""
        if target.verb == "insert" and not target.locks_rows:
            self.inserts.see((actor_of(session), name), None, at)
        if target.verb == "select" and not target.never_waits and SHARES.search(query):
            course.shares.setdefault(name, session)
        if not target.locks_rows or SHARES.search(query):
            return
        if target.verb == "select" and TAKES.search(query) and session.wait_event_type == "Lock":
            self._see(self.seen, Pattern.queue, session, (name[1],), None, at)
        if name in course.shares and target.verb != "select":
            before = course.shares[name]
            self._see(self.seen, Pattern.upgrade, session, (name[1],), before, at)
        if name not in course.changes:
            for one, before in course.changes.items():
                pair = one[1], name[1]
                self._see(self.orders, Pattern.both_orders, session, pair, before, at)
            course.changes[name] = session

    def _see(
        self,
        where: DecayingTable[Habit, tuple[Party, Party | None]],
        pattern: Pattern,
        session: Session,
        tables: tuple[str, ...],
        before: Session | None,
        at: float,
    ) -> None:
        parties = Party.of(session), Party.of(before) if before else None
        where.see(Habit(pattern, actor_of(session), session.datname, tables), parties, at)

    def hints(self, now: float) -> Iterator[Hint]:
        for habit, entry in self.seen.alive(now):
            weight = entry.weight_at(now)
            yield Hint(habit, *entry.value, weight, entry.first, entry.last)
        alive = dict(self.orders.alive(now))
        known = {(habit.database, habit.tables): habit for habit in alive}
        for habit, entry in alive.items():
            back = known.get((habit.database, habit.tables[::-1]))
            if back and habit.tables == tuple(sorted(habit.tables)):
                there = alive[back]
                weight = min(entry.weight_at(now), there.weight_at(now))
                first, last = max(entry.first, there.first), max(entry.last, there.last)
                yield Hint(habit, entry.value[0], there.value[0], weight, first, last)

    def inserts_into(self, actor: Actor, database: str, table: str, at: float) -> bool:
        """Whether that application was seen to insert into the table, by its qualified name."""
        names = spellings(table)
        return any(self.inserts.get((actor, (database, name)), at) for name in names)

    def forget(self, dropped: Collection[str]) -> None:
        """Tables that exist no more, by their qualified names."""
        names = {spelling for name in dropped for spelling in spellings(name)}
        for table in (self.seen, self.orders):
            table.forget(lambda habit: not names.isdisjoint(habit.tables))

    def __len__(self) -> int:
        return len(self.seen) + len(self.orders) + len(self.courses) + len(self.inserts)


def spellings(qualified: str) -> tuple[str, ...]:
    """How statements may name a table: with its schema, or without."""
    parts = PART.findall(qualified)
    return qualified, parts[-1]
