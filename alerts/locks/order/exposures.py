"""Evidence: how open transactions go on, from several queries within milliseconds.

Reason: a look at the locks shows a blocker at one moment only. If the waiter came from x to y, and
the blocker has y but not yet x, the next milliseconds show whether it goes on to x. That proves
both orders: the blocker had the awaited row before it came to x, and the waiter has rows of x. The
same queries show how all other open transactions go on, also those that never wait, and who waits
for whom: each of them is a look of its own.

Known limits: whether both use the same rows of x is not known, as everywhere (`table_order`). A
transaction without a transaction id, which has neither changed nor locked a row, is not seen; nor
is one whose next statement comes later than the last of these queries.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from alerts.locks.graph import Holder
from alerts.locks.order.risks import Sighting
from alerts.locks.order.tables import Table
from collectors.activity import Session
from collectors.locks import Lock
from collectors.open_transactions import OpenTransaction

LOCK_FIELDS = [field.name for field in fields(Lock)]
WHILE_WAITING = "queries while the other one waited"


@dataclass(frozen=True, slots=True)
class Question:
    """A transaction that has locked rows of `came_from` waits for a row here."""

    blocker: str
    """As pg_locks calls it: virtualtransaction."""
    came_from: Table
    here: Table
    had: frozenset[Table]
    """Tables that the blocker had used by then."""
    sighting: Sighting


def by_exposure(rows: Iterable[OpenTransaction]) -> list[list[OpenTransaction]]:
    """Return the rows of each query, the first of them first."""
    found: dict[int, list[OpenTransaction]] = {}
    for row in rows:
        found.setdefault(row.exposure, []).append(row)
    return [found[exposure] for exposure in sorted(found)]


def locks_of(rows: Iterable[OpenTransaction]) -> Iterator[Lock]:
    """Yield what a look at the locks would have shown of waits for transactions."""
    open_now = {row.xid: row for row in rows}
    for row in open_now.values():
        blocker = open_now.get(row.waits_for) if row.waits_for is not None else None
        if blocker is None:
            continue
        yield _lock(row, transactionid=row.waits_for, mode="ShareLock", granted=False)
        yield _lock(blocker, transactionid=row.waits_for)
        if row.relation is not None:
            yield _lock(
                row,
                locktype="tuple",
                mode=row.mode or "ExclusiveLock",
                relation=row.relation,
                page=row.page,
                line_pointer=row.line_pointer,
            )


def _lock(row: OpenTransaction, **given: Any) -> Lock:
    known: dict[str, Any] = {
        "pid": row.pid,
        "virtualtransaction": row.virtualtransaction,
        "locktype": "transactionid",
        "mode": "ExclusiveLock",
        "granted": True,
        "fastpath": False,
        "datname": row.datname,
        "query_start": row.query_start,
        "xact_start_text": row.xact_start_text,
        "writes": row.writes,
        "slots": row.slots,
        "unchanged": row.unchanged,
        "gates": row.gates,
        "keys": row.keys,
        "key_numbers": row.key_numbers,
    }
    return Lock(**{**dict.fromkeys(LOCK_FIELDS), **known, **given})


def at_that_time(
    rows: Iterable[OpenTransaction], sessions: Mapping[Holder, Session]
) -> dict[Holder, tuple[Session, OpenTransaction]]:
    """Return the sessions of one query, those that the newest look at sessions has shown."""
    found: dict[Holder, tuple[Session, OpenTransaction]] = {}
    for row in rows:
        known = sessions.get(row.pid)
        if known is not None and known.backend_start_text == row.backend_start_text:
            found[row.pid] = _session(known, row), row
    return found


def _session(known: Session, row: OpenTransaction) -> Session:
    """The session as it was at that query."""
    return replace(
        known,
        xact_start_text=row.xact_start_text,
        xact_seconds=row.xact_seconds,
        query_seconds=row.query_seconds,
        query_start=row.query_start,
        state=row.state,
        wait_event_type=row.wait_event_type,
        query=row.query,
    )
