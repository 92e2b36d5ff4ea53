"""The lock graph with names: which sessions its nodes are, and what they fight about."""

from collections.abc import Iterable
from dataclasses import dataclass

from alerts.cure import identifier
from alerts.lock_graph import LockGraph, Node, node_of
from alerts.snapshot import Snapshot
from collectors._columns import where
from collectors.activity import Session, activity
from collectors.locks import Lock, locks
from collectors.user_tables import user_tables


@dataclass(frozen=True, slots=True)
class Wait:
    node: Node
    seconds: float
    lock: Lock


@dataclass(frozen=True, slots=True)
class LockScene:
    """One look at all locks, and at the sessions behind them."""

    graph: LockGraph
    sessions: dict[Node, Session]
    locks: dict[Node, list[Lock]]
    relations: dict[tuple[str | None, int], str]
    """Qualified names by database and OID, for what the session that asked could not name."""

    @classmethod
    def of(cls, snapshot: Snapshot) -> "LockScene":
        rows = snapshot.rows(locks)
        by_node: dict[Node, list[Lock]] = {}
        for lock in rows:
            by_node.setdefault(node_of(lock), []).append(lock)
        sessions: dict[Node, Session] = {row.pid: row for row in snapshot.rows(activity)}
        graph = snapshot.recollection.lock_book.graph_of(rows)
        return cls(graph, sessions, by_node, _names(snapshot, rows))

    def waits(self, nodes: Iterable[Node]) -> list[Wait]:
        """How long each of them has waited, longest first; 0 in the instant it begins."""
        found = [
            Wait(node, lock.waited_seconds or 0.0, lock)
            for node in nodes
            for lock in self.graph.waits.get(node, ())[:1]
        ]
        return sorted(found, key=lambda wait: wait.seconds, reverse=True)

    def relation(self, lock: Lock) -> str | None:
        """The table or index it is about; a wait for a row is a wait for whoever changed it."""
        if lock.relation is None and lock.locktype == "transactionid":
            rows = (own for own in self.locks[node_of(lock)] if own.locktype == "tuple")
            lock = next(rows, lock)
        if lock.relation is None:
            return None
        if lock.schemaname and lock.relname:
            return identifier(lock.schemaname, lock.relname)
        return self.relations.get((lock.datname, lock.relation), f"relation {lock.relation}")

    def database(self, node: Node) -> str | None:
        """Often unknown of a prepared transaction, where its victims tell."""
        session = self.sessions.get(node)
        if session and session.datname:
            return session.datname
        return next((lock.datname for lock in self.locks.get(node, ()) if lock.datname), None)

    def who(self, node: Node) -> str:
        """As people call it: user and application, or the name of a prepared transaction."""
        session = self.sessions.get(node)
        if session and session.usename:
            return f"{session.usename} ({session.application_name or 'no application name'})"
        if session:
            return session.backend_type or "a server process"
        gid = next((lock.gid for lock in self.locks.get(node, ()) if lock.gid), None)
        return f"prepared transaction {gid}" if gid else "a session that has just ended"


def _names(snapshot: Snapshot, rows: Iterable[Lock]) -> dict[tuple[str | None, int], str]:
    nameless = {(r.datname, r.relation) for r in rows if r.relation and not r.relname}
    if not nameless or not snapshot.has(user_tables):
        return {}
    oids = {oid for _, oid in nameless}
    return {
        (table.datname, table.relid): identifier(table.schemaname, table.relname)
        for table in where(snapshot.rows(user_tables), "relid", oids)
    }
