"""The longest waits of schema changes for a lock, by role and database, as a kind of history."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from alerts.history.kind import History
from alerts.history.memory import Memory, Namespace
from alerts.query_text import normalised
from collectors._base import AnyAnswer, AnyCollector
from collectors.activity import Session, activity
from collectors.locks import Lock, locks

STRONG = ("ShareLock", "ShareRowExclusiveLock", "AccessExclusiveLock")
"""Lock modes of schema changes behind which the traffic of a table queues."""
WORDS = ("alter ", "create ", "drop ", "truncate ", "comment ", "reindex ", "cluster ", "vacuum ")
LEAST = 0.1
"""Seconds; shorter waits are not remembered."""
MOST = 200
"""Pairs of role and database that are remembered; the oldest go first."""
Who = tuple[str, str]
"""A role and a database."""


class DdlWait(NamedTuple):
    """The longest wait of one role's schema changes."""

    seconds: float
    at: float
    """When it was seen last (unix seconds)."""
    relation: str
    statement: str | None
    application: str


@dataclass(frozen=True, slots=True)
class DdlWaits(History[Mapping[Who, DdlWait]]):
    """Since the daemon knows this server."""

    @property
    def collectors(self) -> tuple[AnyCollector, ...]:
        return locks, activity

    def recorder(self, memory: Memory, namespace: Namespace) -> "DdlWaitRecorder":
        return DdlWaitRecorder()


DDL_WAITS = DdlWaits()


class DdlWaitRecorder:
    """Keeps the longest of each; in RAM alone, as sessions are the server's."""

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        self._sessions: dict[int, Session] = {}
        self._waits: Mapping[Who, DdlWait] = MappingProxyType({})

    def learn(self, collector: AnyCollector, answer: AnyAnswer) -> None:
        if collector is activity:
            self._sessions = {row.pid: row for row in answer.rows if is_ddl(row)}
        elif self._sessions:
            for row in answer.rows:
                if is_wait(row):
                    self._note(row, answer.at)

    def _note(self, row: Lock, at: float) -> None:
        session = self._sessions.get(row.pid or 0)
        if session is None or session.xact_start_text != row.xact_start_text:
            return
        who, seconds = (session.usename or "", session.datname or ""), row.waited_seconds or 0.0
        known = self._waits.get(who)
        if known is None or known.seconds <= seconds:
            place = ".".join(filter(None, (row.schemaname, row.relname)))
            statement = normalised(session.query)
            new = DdlWait(seconds, at, place, statement, session.application_name or "")
        else:
            new = known._replace(at=at)
        kept = {one: wait for one, wait in self._waits.items() if one != who}
        self._waits = MappingProxyType(dict([*kept.items(), (who, new)][-MOST:]))

    def view(self, at: float) -> Mapping[Who, DdlWait]:
        return self._waits


def is_ddl(session: Session) -> bool:
    """Whether a client's session executes a statement that changes a schema."""
    is_client = session.backend_type == "client backend" and not session.is_self
    is_at_work = session.state == "active" and session.usename and session.datname
    return bool(
        is_client and is_at_work and (session.query or "").lstrip().lower().startswith(WORDS)
    )


def is_wait(row: Lock) -> bool:
    is_of_table = row.locktype == "relation" and row.mode in STRONG
    return not row.granted and is_of_table and (row.waited_seconds or 0.0) >= LEAST
