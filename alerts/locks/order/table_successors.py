"""Evidence: conflicts whose waiter goes on to where its blocker came from.

Reason: such a conflict says as much as one whose blocker goes on to where the waiter came from. The
blocker had rows of x before it came to y: its locks prove it, or an earlier look. The waiter has
not been at x when it waits for a row of y. If it is at x later in the same transaction, it goes the
other way. No common gate keeps these two apart, because the waiter would wait there and not for the
row.

Known limits: whether both use the same rows of x is not known, as everywhere (`table_order`). What
the waiter does after its wait is seen only if a query comes before its transaction ends; else waits
of its kind tell (`table_meetings`).
"""

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field, replace

from alerts.locks.order.conflict import Conflict, Transaction, transaction_of
from alerts.locks.order.decay import DecayingTable
from alerts.locks.order.footprint import Footprint
from alerts.locks.order.risks import Link, Sighting
from alerts.locks.order.table_steps import Steps
from alerts.locks.order.tables import Table
from collectors.activity import Session

EXPECTED = 200
PAIRS = 2_000
NEXT = "and where the one that waited went then"


@dataclass(frozen=True, slots=True)
class Expected:
    """A transaction waits here for one that came from another table, where it has not been."""

    waiter: Transaction
    came_from: Table
    here: Table
    had: frozenset[Table]
    """Tables that the waiter had used by then."""
    sighting: Sighting


@dataclass(slots=True)
class Successors:
    expected: deque[Expected] = field(default_factory=lambda: deque(maxlen=EXPECTED))
    links: DecayingTable[Link, Sighting] = field(default_factory=lambda: DecayingTable(PAIRS))

    def __len__(self) -> int:
        return len(self.links)

    def forget(self, dropped: Collection[Table]) -> None:
        self.links.forget(lambda link: any(table in dropped for table in link.tables))

    def expect(
        self, conflict: Conflict, came_from: Table, waiter: Footprint, sighting: Sighting
    ) -> None:
        """The blocker came from that table; the waiter has not been there."""
        here, transaction = conflict.contested.table, transaction_of(conflict.waiter)
        one = Expected(transaction, came_from, here, waiter.tables, sighting)
        if _what(one) not in map(_what, self.expected):
            self.expected.append(one)

    def look(
        self,
        session: Session,
        footprint: Footprint,
        waits_at: Table | None,
        steps: Steps,
        at: float,
    ) -> None:
        """Learn where a transaction is by now, and where it waits for a row."""
        transaction = transaction_of(session)
        for one in self.expected:
            if one.waiter != transaction:
                continue
            for onward in (
                (footprint.rows | ({waits_at} if waits_at else set())) - one.had - {one.here}
            ):
                if onward == waits_at or not steps.skips_locked(session, onward, at):
                    proof = f"{one.sighting.proof}, {NEXT}"
                    link = Link(one.came_from, one.here, onward)
                    self.links.see(link, replace(one.sighting, proof=proof), at)


def _what(one: Expected) -> tuple[Transaction, Table, Table]:
    return one.waiter, one.came_from, one.here
