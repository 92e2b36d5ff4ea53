"""Row keys: reads who holds which rows of contested tables, where their keys were granted.

It is asked on the third session while sessions wait for rows, never waits for a lock on a table,
and takes a small share of the time.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from collectors.held_rows import HeldRow, held_rows
from collectors.lock_keys import LockKey, lock_keys
from collectors.locks import Lock, locks
from monitor.clock import Clock
from monitor.defects import DEFECTS
from monitor.polling.answers import Answers
from monitor.polling.held_row_reader import Ctid, read_held
from monitor.polling.pacing import Pacing
from monitor.polling.round_log import RoundLog
from monitor.polling.runner import CollectorRunner
from monitor.postgres.errors import ConnectFailure
from monitor.postgres.roaming import RoamingSession
from monitor.postgres.session import Session
from monitor.reading import ReadFailure

SHARE = 0.005
"""Share of the time that it may take on the server."""
CONTESTED = 10.0
"""Seconds for which a table is read after a session was last seen to wait for its rows."""
REFUSED = 60.0
"""Seconds for which a table is left alone that could not be read."""
MOST_TABLES = 4
"""Tables that are read at once."""

Contested = Mapping[tuple[str, int], Sequence[Ctid]]
"""By database and OID, the rows that sessions wait for."""


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
    due: float = 0.0
    contested_until: dict[tuple[str, int], float] = field(default_factory=dict)
    refused_until: dict[tuple[str, int], float] = field(default_factory=dict)
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
        if now < self.due or self.pacing.distress:
            return
        if wanted := self._wanted(look.rows, now):
            self._visit = asyncio.create_task(self._read(wanted, sibling))

    @property
    def is_busy(self) -> bool:
        """Whether a visit is under way."""
        return self._visit is not None and not self._visit.done()

    async def close(self) -> None:
        """End the visit that is under way."""
        if self._visit is not None:
            self._visit.cancel()
            await asyncio.gather(self._visit, return_exceptions=True)

    def _wanted(self, rows: Sequence[Lock], now: float) -> list[tuple[LockKey, Sequence[Ctid]]]:
        """Return tables of one database: those with sessions that wait, or have waited just now."""
        answer = self.answers.newest.get(lock_keys)
        if answer is None or not len(answer.rows):
            return []
        contested = rows_awaited(rows)
        self.contested_until = {
            relation: until for relation, until in self.contested_until.items() if until > now
        } | dict.fromkeys(contested, now + CONTESTED)
        known = {(key.datname, key.relid): key for key in answer.rows}
        chosen = [
            known[relation]
            for relation in (*contested, *self.contested_until)
            if relation in known and self.refused_until.get(relation, now) <= now
        ]
        here = dict.fromkeys(key for key in chosen if key.datname == chosen[0].datname)
        return [(key, contested.get((key.datname, key.relid), ())) for key in [*here][:MOST_TABLES]]

    async def _read(
        self, wanted: Sequence[tuple[LockKey, Sequence[Ctid]]], sibling: Session | None
    ) -> None:
        rows: list[HeldRow] = []
        with DEFECTS.contained("row keys", server=self.server):
            try:
                async with self.roaming.visit(wanted[0][0].datname, sibling) as session:
                    for key, awaited in wanted:
                        rows += await self._of(session, key, awaited)
            except (ConnectFailure, ReadFailure):
                return
            if rows:
                self.runner.supply(held_rows, tuple(rows))

    async def _of(
        self, session: Session, key: LockKey, awaited: Sequence[Ctid]
    ) -> Sequence[HeldRow]:
        try:
            found = await read_held(session, key, awaited, self.runner.deadline)
        except ReadFailure as failure:
            if failure.lost:
                raise
            self.refused_until[key.datname, key.relid] = self.clock.now() + REFUSED
            return ()
        for cost in found.costs:
            self.round_log.spend(cost.elapsed, cost.work, False)
        self.due = max(self.due, self.clock.now()) + found.work / SHARE
        return found.rows


def rows_awaited(rows: Sequence[Lock]) -> dict[tuple[str, int], list[Ctid]]:
    """Return the rows that sessions wait for, by database and OID of their table."""
    found: dict[tuple[str, int], list[Ctid]] = {}
    for relation, ctid in _awaited(rows):
        known = found.setdefault(relation, [])
        if ctid not in known:
            known.append(ctid)
    return found


def _awaited(rows: Sequence[Lock]) -> Iterator[tuple[tuple[str, int], Ctid]]:
    waiters = {lock.virtualtransaction for lock in rows if not lock.granted}
    for lock in rows:
        awaited = lock.locktype == "tuple" and lock.virtualtransaction in waiters
        if awaited and lock.datname and lock.relation:
            yield (lock.datname, lock.relation), (lock.page or 0, lock.line_pointer or 0)
