"""Lock scene: the lock graph with names of its sessions and of contested objects."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from alerts.client_name import session_name
from alerts.cure import identifier
from alerts.locks.graph import Holder, LockGraph, node_of
from alerts.locks.order import LOCK_ORDER
from alerts.locks.order.target import target_of
from alerts.locks.parties import row_text
from alerts.snapshot import Snapshot
from collectors._columns import where
from collectors.activity import Session, activity
from collectors.locks import Lock, locks
from collectors.user_tables import user_tables

WRITES = ("insert", "update", "merge")
"""Statements that can wait for a key that another transaction has inserted."""


@dataclass(frozen=True, slots=True)
class LockWait:
    node: Holder
    seconds: float
    lock: Lock


@dataclass(frozen=True, slots=True)
class LockScene:
    """The locks of one query, and their sessions."""

    graph: LockGraph
    sessions: Mapping[Holder, Session]
    locks: dict[Holder, list[Lock]]
    relations: dict[tuple[str | None, int], str]
    """Qualified names by database and OID, for relations of other databases."""

    @classmethod
    def of(cls, snapshot: Snapshot) -> "LockScene":
        rows = snapshot.rows(locks)
        by_node: dict[Holder, list[Lock]] = {}
        for lock in rows:
            by_node.setdefault(node_of(lock), []).append(lock)
        sessions: Mapping[Holder, Session] = snapshot.answer(activity).by("pid")
        graph = graph_of(snapshot)
        return cls(graph, sessions, by_node, _names(snapshot, rows))

    def waits(self, nodes: Iterable[Holder]) -> list[LockWait]:
        """Return the seconds that each has waited, longest first; 0 when a wait just began."""
        found = [
            LockWait(node, lock.waited_seconds or 0.0, lock)
            for node in nodes
            for lock in self.graph.waits.get(node, ())[:1]
        ]
        return sorted(found, key=lambda wait: wait.seconds, reverse=True)

    def relation(self, lock: Lock) -> str | None:
        """Return the table or index of a lock; for a wait on a transaction, the row's table."""
        about = self._about(lock)
        if about.relation is None:
            return self._by_statement(lock)
        if about.schemaname and about.relname:
            return identifier(about.schemaname, about.relname)
        return self.relations.get(
            (about.datname, about.relation), f"relation {about.relation} (name not known yet)"
        )

    def row(self, lock: Lock) -> str | None:
        """Return the awaited row as relation and ctid; None if the wait is not about a row."""
        about = self._about(lock)
        if about.locktype != "tuple":
            return None
        return row_text(self.relation(about), (about.page or 0, about.line_pointer or 0))

    def _about(self, lock: Lock) -> Lock:
        """Return the tuple lock of a session that waits for a transaction: it names the row."""
        if lock.locktype != "transactionid":
            return lock
        rows = (own for own in self.locks[node_of(lock)] if own.locktype == "tuple")
        return next(rows, lock)

    def _by_statement(self, lock: Lock) -> str | None:
        """Describe a wait for an uncommitted new key, which has no row yet, by its statement."""
        session = self.sessions.get(node_of(lock))
        target = target_of(session.query) if session else None
        if lock.locktype != "transactionid" or not session or not target:
            return None
        if target.verb not in WRITES:
            return None
        names = (self.relations.get((session.datname, oid)) for oid in lock.writes or ())
        known = (name for name in names if name and target.is_of(name))
        return next(known, identifier(*target.name))

    def database(self, node: Holder) -> str | None:
        """Return the database; that of a prepared transaction comes from its victims."""
        session = self.sessions.get(node)
        if session and session.datname:
            return session.datname
        return next((lock.datname for lock in self.locks.get(node, ()) if lock.datname), None)

    def identity(self, node: Holder) -> str:
        """Return what tells it from others over time: a pid may be used again."""
        session = self.sessions.get(node)
        return session.key if session else str(node)

    def roots(self) -> dict[Holder, Holder]:
        """Return the root of each waiter; of several, the one with the most victims."""
        victims = {root: self.graph.victims_of(root) for root in self.graph.roots}
        by_crowd = sorted(victims, key=lambda root: len(victims[root]))
        return {waiter: root for root in by_crowd for waiter in victims[root]}

    def place(self, node: Holder) -> str:
        """` in shop`, to be put behind a name; nothing where the database is not known."""
        database = self.database(node)
        return f" in {database}" if database else ""

    def who(self, node: Holder) -> str:
        """Return user and application, or the name of a prepared transaction."""
        session = self.sessions.get(node)
        if session and session.usename:
            return session_name(session.usename, session.application_name)
        if session:
            return session.backend_type or "a server process"
        gid = next((lock.gid for lock in self.locks.get(node, ()) if lock.gid), None)
        return f"prepared transaction {gid}" if gid else "a session that has just ended"


def graph_of(snapshot: Snapshot) -> LockGraph:
    """Return the graph of the newest locks, which the lock store has already built."""
    rows, learned = snapshot.rows(locks), snapshot.histories.get(LOCK_ORDER)
    return learned.graph if learned and learned.rows is rows else LockGraph.of(rows)


def _names(snapshot: Snapshot, rows: Iterable[Lock]) -> dict[tuple[str | None, int], str]:
    nameless: set[int] = set()
    for row in rows:
        if row.relation and not row.relname:
            nameless.add(row.relation)
        if row.locktype == "transactionid" and not row.granted:
            nameless.update(row.writes or ())
    if not nameless or not snapshot.has(user_tables):
        return {}
    return {
        (table.datname, table.relid): identifier(table.schemaname, table.relname)
        for table in where(snapshot.rows(user_tables), "relid", nameless)
    }
