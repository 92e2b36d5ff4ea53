"""Pools behind sessions: which connections of a server are those of a watched pooler."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from alerts.cure import remark
from alerts.snapshot import Snapshot
from collectors.pooled_sessions import PooledSession, pooled_sessions

Facts = dict[str, float | int | str | bool | None]


class Numbered(Protocol):
    """A row about a session."""

    @property
    def pid(self) -> int | None: ...


@dataclass(frozen=True, slots=True)
class Pooled:
    """Sessions of which some are connections of watched poolers."""

    sessions: tuple[PooledSession, ...]
    of: int
    """Number of all of them."""

    @classmethod
    def among(cls, snapshot: Snapshot, sessions: Iterable[Numbered]) -> "Pooled":
        """Return those of these sessions that come through a pooler, as far as it is known."""
        pids = [session.pid for session in sessions]
        if not snapshot.has(pooled_sessions):
            return cls((), len(pids))
        known = {row.pid: row for row in snapshot.rows(pooled_sessions)}
        return cls(tuple(known[pid] for pid in pids if pid in known), len(pids))

    @property
    def largest(self) -> tuple[str, int] | None:
        """The pool with the most of them, and how many."""
        counts = Counter(session.pool for session in self.sessions)
        return counts.most_common(1)[0] if counts else None

    @property
    def is_most(self) -> bool:
        """Whether most of the sessions come through poolers."""
        return 2 * len(self.sessions) > self.of

    def sentence(self) -> str:
        """Return a sentence with a space before it; empty where none comes through a pooler."""
        if not self.largest:
            return ""
        pool, most = self.largest
        count = len(self.sessions)
        if self.of == 1:
            return f" It is a connection of pool {pool}{_client(self.sessions[0])}."
        if most == count:
            return f" {count} of these {self.of} are connections of pool {pool}."
        return f" {count} of these {self.of} come through poolers, {most} of them of pool {pool}."

    def facts(self) -> Facts:
        """Return facts for the evidence; none where no session comes through a pooler."""
        if not self.largest:
            return {}
        return {"pooled_connections": len(self.sessions), "largest_pool": self.largest[0]}

    def advice(self) -> tuple[str, ...]:
        """Return what helps against connections of a pooler, as comments."""
        if not self.largest:
            return ()
        return (
            remark(f"Connections of pool {self.largest[0]}: their number is set in pgbouncer.ini"),
            remark("(default_pool_size, pool_size, min_pool_size, server_idle_timeout); `pgvigil"),
            remark("pool` calculates what it needs. A session timeout here would break them."),
        )


def _client(session: PooledSession) -> str:
    if not session.client:
        return ""
    application = f" ({session.application})" if session.application else ""
    where = "on its Unix socket" if session.client == "unix" else f"at {session.client}"
    return f", held by the client {where}{application}"
