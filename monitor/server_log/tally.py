"""Tally of a log: counts by SQLSTATE, database and user, temporary files and deadlocks."""

import re
from collections import deque
from dataclasses import dataclass, field

from collectors.log_counts import OTHER, LogCount
from collectors.server_log import LogDeadlock
from monitor.server_log.records import Record

MOST = 500
"""Kinds of errors that are counted apart; all others are one."""
DEADLOCKS = 20
FINE = ("00", "01", "02")
"""Classes of SQLSTATE that are no errors."""
LOGIN = "28"
CANCELLED, DEADLOCK, SERIALIZATION = "57014", "40P01", "40001"
DROPPED = "57P04"
"""The database of the session."""
AUTOVACUUM = "autovacuum worker"
UNKNOWN, CONFLICT = "unknown", "recovery_conflict"
CAUSES = {
    "canceling statement due to statement timeout": "statement_timeout",
    "canceling statement due to user request": "user_request",
    "canceling autovacuum task": "autovacuum",
    "canceling authentication due to timeout": "authentication_timeout",
    "canceling statement due to conflict with recovery": CONFLICT,
    "terminating connection due to conflict with recovery": CONFLICT,
}
"""Why a statement was cancelled, by the whole message in English. No other field of a record says
it; so it is unknown where lc_messages is another language."""
NO_CONFLICT = "could not serialize access"
"""How the message of a serialization failure begins that needs no cause."""
PARTY = re.compile(r"Process ([0-9]{1,9}) waits for [^;]{1,200}; blocked by process ([0-9]{1,9})\.")
TEMPORARY = re.compile(r"pgsql_tmp[^,]{0,200}, \w+ ([0-9]{1,18})$")
LOOKED_AT = 4096
"""Characters of a text that are looked at."""
Key = tuple[str, str | None, str | None, str | None]


@dataclass(slots=True)
class Tally:
    """Counts of log records since the daemon began to read."""

    records: int = 0
    temp_files: int = 0
    temp_bytes: int = 0
    autovacuums_cancelled: int = 0
    deadlocks: deque[LogDeadlock] = field(default_factory=lambda: deque(maxlen=DEADLOCKS))
    _counts: dict[Key, tuple[int, float, float]] = field(default_factory=dict)
    """With the times of the first and the last one."""

    def add(self, record: Record, at: float) -> None:
        """Count a record that was read at a time (unix seconds)."""
        self.records += 1
        if record.sqlstate[:2] in FINE:
            if found := TEMPORARY.search(record.message[-LOOKED_AT:]):
                self.temp_files += 1
                self.temp_bytes += int(found[1])
            return
        if record.sqlstate == DEADLOCK and cause_of(record) != CONFLICT:
            self.deadlocks.append(deadlock_of(record, at))
        if record.sqlstate == CANCELLED and record.backend_type == AUTOVACUUM:
            self.autovacuums_cancelled += 1
        self._count(key_of(record), at)

    def _count(self, key: Key, at: float) -> None:
        if key not in self._counts and len(self._counts) >= MOST:
            key = (key[0] if key[0][:2] == "XX" else OTHER, None, None, None)
        count, first, last = self._counts.get(key, (0, at, at))
        self._counts[key] = count + 1, min(first, at), max(last, at)

    def rows(self) -> tuple[LogCount, ...]:
        return tuple(LogCount(*key, *counted) for key, counted in self._counts.items())


def key_of(record: Record) -> Key:
    user = None if record.sqlstate.startswith(LOGIN) else record.user
    database = None if record.sqlstate.startswith(LOGIN) else record.database
    return record.sqlstate, cause_of(record), database, user


def cause_of(record: Record) -> str | None:
    """Return why a statement was cancelled; None for errors that are asked for no cause."""
    if record.sqlstate not in (CANCELLED, SERIALIZATION):
        found = CAUSES.get(record.message)
        return found if found == CONFLICT and record.sqlstate in (DROPPED, DEADLOCK) else None
    if record.sqlstate == CANCELLED and record.backend_type == AUTOVACUUM:
        return "autovacuum"
    if record.sqlstate == SERIALIZATION and record.message.startswith(NO_CONFLICT):
        return None
    return CAUSES.get(record.message, UNKNOWN)


def deadlock_of(record: Record, at: float) -> LogDeadlock:
    named = PARTY.findall(record.detail[:LOOKED_AT])
    pids = {int(pid) for pair in named for pid in pair}
    if record.pid is not None:
        pids.add(record.pid)
    return LogDeadlock(at, record.pid, frozenset(pids))
