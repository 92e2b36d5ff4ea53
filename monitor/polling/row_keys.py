"""Row keys: reads who holds which rows of contested tables, where their keys were granted, and
which advisory locks, and how transactions go on that others wait for.

It is asked on the third session while sessions wait for these, never waits for a lock on a table,
and takes a small share of the time.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from collectors.activity import Session as Activity
from collectors.activity import activity
from collectors.held_rows import held_rows
from collectors.lock_keys import LockKey, lock_keys
from collectors.locks import Lock, locks
from collectors.open_transactions import open_transactions
from monitor.clock import Clock
from monitor.defects import DEFECTS
from monitor.polling.answers import Answers
from monitor.polling.exposures import Exposed, Wanted, expose, leaves_open, spacing_of
from monitor.polling.held_row_reader import Ctid
from monitor.polling.pacing import Pacing
from monitor.polling.round_log import RoundLog
from monitor.polling.runner import CollectorRunner
from monitor.postgres.errors import ConnectFailure
from monitor.postgres.roaming import RoamingSession
from monitor.postgres.session import Session
from monitor.reading import ReadFailure

SHARE = 0.0075
"""Share of a core of the server that it may take while sessions wait for rows."""
OPEN_SHARE = 0.005
"""The same where only transactions are read."""
CONTESTED = 10.0
"""Seconds for which a table is read after a session was last seen to wait for its rows, and
transactions after one that left open how they go on."""
REFUSED = 60.0
"""Seconds for which a table is left alone that could not be read."""
KEPT_COSTS = 5
FIRST = 0.5
"""Seconds from the first visit to the second, at most."""
UNKNOWN = 0.01
"""Seconds that a visit is taken to cost which brought nothing."""
MOST_TABLES = 4
"""Tables that are read at once."""

Relation = tuple[str, int]
"""Database, empty where it is not known, and OID."""


@dataclass(slots=True)
class ContestedTables:
    """Tables of which sessions have waited for rows just now, and whether for advisory locks."""

    until: dict[Relation, float] = field(default_factory=dict)
    advisory_until: float = 0.0
    open_until: float = 0.0
    """Until then it is read how transactions go on."""

    def wanted(
        self, rows: Sequence[Lock], keys: Sequence[LockKey], now: float
    ) -> list[tuple[LockKey, Sequence[Ctid]]]:
        """Return those of one database whose keys may be read, with the rows that are awaited."""
        contested = rows_awaited(rows)
        self.until = {relation: until for relation, until in self.until.items() if until > now}
        self.until |= dict.fromkeys(contested, now + CONTESTED)
        if any(lock.locktype == "advisory" and not lock.granted for lock in rows):
            self.advisory_until = now + CONTESTED
        chosen = [key for key in keys if not self.until.keys().isdisjoint(_names(key))]
        awaited = [
            next((contested[n] for n in _names(key) if n in contested), None) for key in chosen
        ]
        # Those with sessions that wait now come first; all are of the database of the first.
        order = sorted(zip(chosen, awaited, strict=True), key=lambda one: one[1] is None)
        here: list[tuple[LockKey, Sequence[Ctid]]] = [
            (key, ctids or ()) for key, ctids in order if key.datname == order[0][0].datname
        ]
        return here[:MOST_TABLES]

    def look(
        self,
        rows: Sequence[Lock],
        keys: Sequence[LockKey],
        sessions: Sequence[Activity],
        now: float,
    ) -> Wanted:
        """Return what is worth reading after this look at the locks."""
        wanted = self.wanted(rows, keys, now)
        if leaves_open(rows, {session.pid: session for session in sessions}):
            self.open_until = now + CONTESTED
        return Wanted(wanted, self.advisory_until > now, self.open_until > now)


def _names(key: LockKey) -> tuple[Relation, Relation]:
    """By its database, or where that is not known."""
    return (key.datname, key.relid), ("", key.relid)


@dataclass(slots=True)
class Allowance:
    """Schedule of visits: the least of the last few is what one costs the server."""

    due: float = 0.0
    costs: deque[float] = field(default_factory=lambda: deque(maxlen=KEPT_COSTS))

    def spend(self, work: float, now: float, share: float = SHARE) -> None:
        """Note what a visit took, in seconds."""
        self.due = now + min((*list(self.costs)[1 - KEPT_COSTS :], work)) / share
        if not self.costs:
            # The first includes what PostgreSQL does once for each query.
            self.due = min(self.due, now + FIRST)
        self.costs.append(work)


@dataclass(slots=True)
class RowKeys:
    """Reads for one server, one visit at a time."""

    server: str
    clock: Clock
    answers: Answers
    pacing: Pacing
    round_log: RoundLog
    roaming: RoamingSession
    runner: CollectorRunner
    allowance: Allowance = field(default_factory=Allowance)
    contested: ContestedTables = field(default_factory=ContestedTables)
    refused_until: dict[Relation, float] = field(default_factory=dict)
    _visit: "asyncio.Task[None] | None" = None
    _seen: object = None
    """The look at the locks that was followed last."""

    def follow(self, sibling: Session | None) -> None:
        """Read what the newest look at the locks leads to, beside everything else."""
        look = self.answers.newest.get(locks)
        if look is None or look is self._seen or self.is_busy or self.roaming.is_busy:
            return
        self._seen = look
        now = self.clock.now()
        if now < self.allowance.due or self.pacing.distress:
            return
        known = self.answers.newest.get(activity)
        sessions = known.rows if known else ()
        wanted = self.contested.look(look.rows, self._readable(now), sessions, now)
        if sibling and wanted:
            self._visit = asyncio.create_task(self._read(wanted, spacing_of(sessions), sibling))

    @property
    def is_busy(self) -> bool:
        """Whether a visit is under way."""
        return self._visit is not None and not self._visit.done()

    async def close(self) -> None:
        """End the visit that is under way."""
        if self._visit is not None:
            self._visit.cancel()
            await asyncio.gather(self._visit, return_exceptions=True)

    def _readable(self, now: float) -> list[LockKey]:
        answer = self.answers.newest.get(lock_keys)
        return [
            key
            for key in (answer.rows if answer else ())
            if self.refused_until.get((key.datname, key.relid), now) <= now
        ]

    async def _read(self, wanted: Wanted, spacing: float, sibling: Session) -> None:
        found = Exposed()
        home = self.roaming.session or sibling
        database = wanted.keys[0][0].datname if wanted.keys else home.identity.database
        with DEFECTS.contained("row keys", server=self.server):
            try:
                async with self.roaming.visit(database, sibling) as session:
                    deadline = self.runner.deadline
                    found = await expose(session, wanted, spacing, deadline, self._refuse)
            except (ConnectFailure, ReadFailure):
                return
            finally:
                self.allowance.spend(found.work or UNKNOWN, self.clock.now(), share_of(wanted))
                for cost in found.costs:
                    self.round_log.spend(cost.elapsed, cost.spent, False)
            if found.transactions:
                self.runner.supply(open_transactions, tuple(found.transactions))
            if found.held:
                self.runner.supply(held_rows, tuple(found.held))

    def _refuse(self, key: LockKey) -> None:
        self.refused_until[key.datname, key.relid] = self.clock.now() + REFUSED


def share_of(wanted: Wanted) -> float:
    """Return the share of a core that a visit for this may take."""
    return SHARE if wanted.keys or wanted.advisory else OPEN_SHARE


def rows_awaited(rows: Sequence[Lock]) -> dict[Relation, list[Ctid]]:
    """Return the rows that sessions wait for, by their table.

    A wait for the key that another transaction inserts, or for a row that was changed a moment
    ago, names no row: then it may be in any table that the session writes.
    """
    found: dict[Relation, list[Ctid]] = {}
    waits = {lock.virtualtransaction: lock for lock in rows if not lock.granted}
    for lock in rows:
        if lock.locktype == "tuple" and lock.virtualtransaction in waits:
            waits.pop(lock.virtualtransaction)
            known = found.setdefault((lock.datname or "", lock.relation or 0), [])
            known.append((lock.page or 0, lock.line_pointer or 0))
    for wait in waits.values():
        for oid in wait.writes if wait.locktype == "transactionid" else ():
            found.setdefault(("", oid), [])
    return found
