"""The longest waits of schema changes for a lock, by role and database, as a kind of history."""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from alerts.history.keys import parsed_key
from alerts.history.kind import SingleHistory
from alerts.history.memory import Json, Memory, Namespace
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
"""Pairs of role and database that are remembered; the oldest go first,"""
FORGOTTEN = 30 * 86400.0
"""and those of which no wait was seen for that number of seconds."""
ROOM = "ddl_waits"
Who = tuple[str, str]
"""A role and a database."""


class DdlWait(NamedTuple):
    """The longest wait of one role's schema changes."""

    seconds: float
    at: float
    """When it was seen last (unix seconds)."""
    relation: str
    statement: str | None
    """Without values."""
    application: str

    @classmethod
    def unpack(cls, stored: Json) -> "DdlWait | None":
        """Read it as it was put, or as it came out of the state file; None of anything else."""
        match stored:
            case DdlWait():
                return stored
            case [
                int() | float() as seconds,
                int() | float() as at,
                str(relation),
                (str() | None) as statement,
                str(application),
            ]:
                return cls(seconds, at, relation, statement, application)
            case _:
                return None


class DdlWaits(SingleHistory[Mapping[Who, DdlWait]]):
    """Since the daemon knows this server."""

    @property
    def collectors(self) -> tuple[AnyCollector, ...]:
        return locks, activity

    def recorder(self, memory: Memory, namespace: Namespace) -> "DdlWaitRecorder":
        return DdlWaitRecorder(memory, namespace.of(ROOM))


DDL_WAITS = DdlWaits()


class DdlWaitRecorder:
    """Keeps the longest of each in memory; the sessions are the server's, and end with it."""

    def __init__(self, memory: Memory, namespace: Namespace) -> None:
        self.memory, self.namespace = memory, namespace
        known = ((_who(key), DdlWait.unpack(value)) for key, value in memory.items(namespace))
        found = [(who, wait) for who, wait in known if who and wait]
        found.sort(key=lambda one: one[1].at)
        self._waits: Mapping[Who, DdlWait] = MappingProxyType(dict(found))
        self._sessions: dict[int, Session] = {}

    def restart(self) -> None:
        """Forget the sessions; that a role waits without a limit outlives them."""
        self._sessions = {}

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
        kept = {
            one: wait
            for one, wait in self._waits.items()
            if one != who and at - wait.at <= FORGOTTEN
        }
        self._keep(dict([*kept.items(), (who, new)][-MOST:]))

    def _keep(self, waits: Mapping[Who, DdlWait]) -> None:
        changes: dict[str, Json] = {json.dumps(who): None for who in self._waits.keys() - waits}
        changes |= {json.dumps(who): wait for who, wait in waits.items()}
        self.memory.update(self.namespace, changes)
        self._waits = MappingProxyType(dict(waits))

    def view(self, at: float) -> Mapping[Who, DdlWait]:
        return self._waits


def _who(key: str) -> Who | None:
    match parsed_key(key):
        case (str(role), str(database)):
            return role, database
        case _:
            return None


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
