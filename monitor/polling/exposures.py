"""Exposures: what open transactions hold, read several times within milliseconds.

What a transaction holds in one of them, and did not hold in the one before, came later.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from alerts.locks.order.keys import key_of
from alerts.locks.order.statement_tables import is_whole
from collectors.activity import Session as Activity
from collectors.held_rows import HeldRow
from collectors.lock_keys import LockKey
from collectors.locks import Lock
from collectors.open_transactions import OpenTransaction
from monitor.polling.held_row_reader import Ctid, is_small, read_advisory, read_held
from monitor.polling.transaction_reader import read_open
from monitor.postgres.session import Session
from monitor.reading import Cost, ReadFailure

EXPOSURES = 5
SHORTEST, LONGEST = 0.004, 0.05
"""Seconds between two exposures."""
YOUNG = 10.0
"""Seconds of a transaction that says something about how quick the others are."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Reads that are worth their cost after one look at the locks."""

    keys: Sequence[tuple[LockKey, Sequence[Ctid]]] = ()
    """Tables whose keys may be read, each with the rows that are awaited."""
    advisory: bool = False
    transactions: bool = False

    def __bool__(self) -> bool:
        return bool(self.keys) or self.advisory or self.transactions


@dataclass(slots=True)
class Exposed:
    """Result of those reads, with their cost."""

    held: list[HeldRow] = field(default_factory=list)
    transactions: list[OpenTransaction] = field(default_factory=list)
    costs: list[Cost] = field(default_factory=list)

    @property
    def work(self) -> float:
        """Seconds of the server, as far as they are known."""
        return sum(cost.spent for cost in self.costs)


async def expose(
    session: Session,
    wanted: Wanted,
    spacing: float,
    deadline: float,
    refused: Callable[[LockKey], None],
) -> Exposed:
    """Read it all several times. Raises ReadFailure; a table that can't be read is `refused`."""
    found, left_out = Exposed(), set[int]()
    for exposure in range(EXPOSURES):
        await asyncio.sleep(spacing if exposure else 0.0)
        if wanted.transactions:
            rows, cost = await read_open(session, exposure, deadline)
            found.transactions += rows
            found.costs.append(cost)
        for key, awaited in wanted.keys:
            if key.relid in left_out or (exposure and not is_small(key)):
                continue
            try:
                held = await read_held(session, key, awaited, exposure, deadline)
            except ReadFailure as failure:
                if failure.lost:
                    raise
                left_out.add(key.relid)
                refused(key)
                continue
            found.held += held.rows
            found.costs += held.costs
        if wanted.advisory:
            held = await read_advisory(session, exposure, deadline)
            found.held += held.rows
            found.costs += held.costs
    return found


def spacing_of(sessions: Iterable[Activity]) -> float:
    """Return the seconds between two exposures: shorter than from one lock to the next.

    Transactions are on average in the middle of what they do.
    """
    ages = [
        one.xact_seconds
        for one in sessions
        if one.state in ("active", "idle in transaction")
        and one.xact_seconds is not None
        and one.xact_seconds < YOUNG
        and one.wait_event_type != "Lock"
        and not one.is_self
    ]
    return min(LONGEST, max(SHORTEST, 0.6 * median(ages))) if ages else SHORTEST


def leaves_open(rows: Sequence[Lock], sessions: Mapping[int, Activity]) -> bool:
    """Whether what a blocker does next says more than this look at the locks.

    That is so if the waiter has written a table that the blocker has not, or if it is about one
    of several rows that are named in the text of statements.
    """
    holders: dict[int, list[Lock]] = {}
    for lock in rows:
        if lock.granted and lock.locktype == "transactionid" and lock.transactionid is not None:
            holders.setdefault(lock.transactionid, []).append(lock)
    for wait in rows:
        if wait.granted or wait.locktype != "transactionid" or wait.transactionid is None:
            continue
        blockers = holders.get(wait.transactionid, ())
        if any(not set(wait.writes) <= set(blocker.writes) for blocker in blockers):
            return True
        session = sessions.get(wait.pid or 0)
        if session and not is_whole(session) and (key := key_of(session.query)) and key.values:
            return True
    return False
