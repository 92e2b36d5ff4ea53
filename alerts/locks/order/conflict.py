"""Lock conflicts: waiters and blockers, with what their transactions have done before."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from sys import intern

from alerts.client_name import client_text
from alerts.locks.graph import Holder, LockGraph, Queue, node_of
from alerts.locks.graph import conflicts as excludes
from alerts.locks.order.tables import Relation, Table, Tables, advisory
from alerts.locks.order.target import target_of
from alerts.query_text import normalised
from collectors.activity import Session
from collectors.locks import Lock

Actor = tuple[str | None, str | None]
"""User and application."""
Transaction = tuple[int, str | None, str | None]
"""Pid, start of the session, start of the transaction."""

MOST = 10_000
"""Conflicts of one query: no limit."""


@dataclass(frozen=True, slots=True)
class Party:
    """One side of a conflict, for messages."""

    pid: int
    user: str | None
    application: str | None
    client: str | None
    query_id: int | None
    statement: str | None
    """The statement, with literals replaced."""

    @classmethod
    def of(cls, session: Session) -> "Party":
        return cls(
            session.pid,
            session.usename,
            session.application_name,
            client_text(session.client_addr, session.backend_type),
            session.query_id,
            shown(session.query),
        )


@lru_cache(maxsize=512)
def shown(query: str | None) -> str | None:
    """A statement without its values; sessions that wait are seen again at the next look."""
    statement = normalised(query)
    return intern(statement) if statement else statement


@dataclass(frozen=True, slots=True)
class ContestedRow:
    """The awaited row if it is known, otherwise the table."""

    table: Table
    relation: Relation
    ctid: tuple[int, int] | None
    by_row: bool
    """Whether a row is contested, not the whole table."""
    mode: str | None = None
    """In which the queue of the row was joined; None where it was not."""


@dataclass(frozen=True, slots=True)
class Conflict:
    waiter: Session
    blocker: Session
    """Without a statement where it has gone on to another one just now."""
    contested: ContestedRow
    parties: tuple[Party, Party]
    """For people, who know the blocker by a statement that was its last a moment ago."""


@dataclass(slots=True)
class Scene:
    """The locks of one query, prepared for learning."""

    rows: Sequence[Lock]
    graph: LockGraph
    everybody: dict[Holder, Session]
    tables: Tables
    sessions: dict[Holder, Session] = field(init=False)
    """Those who were in the same transaction before and after the look at the locks; without
    their statement where it was not the same."""
    locks: dict[Holder, list[Lock]] = field(init=False)
    queues: dict[int, Queue] = field(init=False)
    """Queues by the identity of the awaited lock."""

    def __post_init__(self) -> None:
        self.locks = {}
        for lock in self.rows:
            self.locks.setdefault(node_of(lock), []).append(lock)
        after = {lock.pid: lock for lock in self.rows}
        self.sessions = {
            node: session if held.query_start == session.query_start else _silent(session)
            for node in self.locks
            if (session := self.everybody.get(node))
            and (held := after.get(session.pid))
            and held.xact_start_text == session.xact_start_text
        }
        self.queues = {
            id(lock): queue
            for queue in self.graph.queues
            for lock in (*queue.waiting, *queue.arriving)
        }

    def conflicts(self, of_one: int = MOST, in_all: int = MOST) -> Iterator[Conflict]:
        """Yield sessions that wait for a named object, with each of their blockers.

        The arguments limit how many are of one blocker, and how many there are in all.
        """
        had: Counter[int] = Counter()
        for node, waits in self.graph.waits.items():
            waiter = self.sessions.get(node)
            if waiter is None or waiter.query is None:
                continue
            blockers = [self.sessions[one] for one in self.holders(node) if one in self.sessions]
            others = [one for one in blockers if one.pid != waiter.pid and had[one.pid] < of_one]
            contested = self.awaited(node, waits[0]) if others else None
            for blocker in others if contested else ():
                had[blocker.pid] += 1
                if had.total() > in_all:
                    return
                assert contested is not None
                parties = Party.of(waiter), Party.of(self.everybody[blocker.pid])
                yield Conflict(waiter, blocker, contested, parties)

    @property
    def advisory_waiters(self) -> list[int]:
        """Return the pids of sessions that wait for an advisory lock."""
        waiters = (node for node, waits in self.graph.waits.items() if _is_advisory(waits[0]))
        return [node for node in waiters if isinstance(node, int)]

    def holders(self, node: Holder) -> set[Holder]:
        """Return the holders of the awaited lock; in the queue of a row, the holder of the row."""
        found: set[Holder] = set()
        for lock in self.graph.waits.get(node, ()):
            for holder in self._granted(lock):
                if lock.locktype == "tuple":
                    found |= {n for w in self.graph.waits.get(holder, ()) for n in self._granted(w)}
                else:
                    found.add(holder)
        return found - {node}

    def held_up_by(self, node: Holder) -> set[Holder]:
        """Return the holders of the awaited lock, without other waiters."""
        waits = self.graph.waits.get(node, ())
        return {holder for lock in waits for holder in self._granted(lock)} - {node}

    def next_contested(self, session: Session) -> ContestedRow | None:
        """Return what that session waits for itself."""
        waits = self.graph.waits.get(session.pid)
        return self.awaited(session.pid, waits[0]) if waits else None

    def _granted(self, wanted: Lock) -> Iterator[Holder]:
        for lock in self.queues[id(wanted)].granted:
            if excludes(wanted.mode, lock.mode):
                yield node_of(lock)

    def awaited(self, node: Holder, wanted: Lock) -> ContestedRow | None:
        """Return the contested row or table, or the advisory locks as a table."""
        if _is_advisory(wanted) and wanted.mode == "ExclusiveLock":
            table = advisory(wanted.datname)
            return ContestedRow(table, (table.database, 0), None, by_row=True)
        return self.contested(node, wanted)

    def contested(self, node: Holder, wanted: Lock) -> ContestedRow | None:
        """Return the contested row or table; None if the table is unknown."""
        if wanted.locktype in ("transactionid", "tuple"):
            row = self.row_lock(node, wanted)
            if row:
                return self._of(row, by_row=True)
            return self._by_statement(node) or self._by_both(node, wanted)
        return self._of(wanted, by_row=False) if wanted.locktype == "relation" else None

    def row_lock(self, node: Holder, wanted: Lock) -> Lock | None:
        """Return the lock that names the row: the wait itself, or its tuple lock."""
        if wanted.locktype == "tuple":
            return wanted
        return next((own for own in self.locks[node] if own.locktype == "tuple"), None)

    def _of(self, lock: Lock, by_row: bool) -> ContestedRow | None:
        table = self.tables.table(lock.datname, lock.relation)
        if table is None or lock.datname is None or lock.relation is None:
            return None
        ctid = (lock.page or 0, lock.line_pointer or 0) if by_row else None
        mode = lock.mode if lock.locktype == "tuple" else None
        return ContestedRow(table, (lock.datname, lock.relation), ctid, by_row, mode)

    def _by_statement(self, node: Holder) -> ContestedRow | None:
        """Find the table by the statement: a session whose row was changed in between waits for the
        next change without a tuple lock, and so does ON CONFLICT. An INSERT may wait in a trigger,
        for another table."""
        session = self.sessions.get(node)
        target = target_of(session.query) if session else None
        if session is None or target is None or not target.locks_rows:
            return None
        for lock in self.locks[node]:
            for oid in lock.writes or ():
                table = self.tables.table(session.datname, oid)
                if table and target.is_of(table.name):
                    return ContestedRow(table, (table.database, oid), None, by_row=True)
        return None

    def _by_both(self, node: Holder, wanted: Lock) -> ContestedRow | None:
        """Find the table by the footprints: a waiter wants a row or key that the other transaction
        has changed, so if both have used only one common table, it is that one."""
        common = self._touched(node)
        for holder in self._granted(wanted):
            common &= self._touched(holder)
        if len(common) != 1:
            return None
        database, oid = common.pop()
        table = self.tables.table(database, oid)
        return ContestedRow(table, (database, oid), None, by_row=True) if table else None

    def _touched(self, node: Holder) -> set[Relation]:
        session = self.everybody.get(node)
        database = (session.datname if session else None) or ""
        relations = {(database, oid) for lock in self.locks[node] for oid in lock.writes or ()}
        return {relation for relation in relations if self.tables.table(*relation)}


def _is_advisory(lock: Lock) -> bool:
    return lock.locktype == "advisory"


def _silent(session: Session) -> Session:
    return replace(session, query=None)


def transaction_of(session: Session) -> Transaction:
    return session.pid, session.backend_start_text, session.xact_start_text


def actor_of(session: Session) -> Actor:
    return session.usename, session.application_name
