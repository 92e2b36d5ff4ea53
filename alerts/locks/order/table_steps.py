"""Evidence: from which table to which a transaction goes, by itself and by its application.

Reason: the order is proved by the slots of locks, by two looks at one transaction, or by its own
wait, because no session waits for its own row. Otherwise its statement shows where it is now, and
waits of the same application show that code goes from the one table to the other.

Known limits: code that returns to a table for another row looks as if it came there for the first
time, unless slots or an earlier look show the first visit.
"""

from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass, field

from alerts.locks.order.conflict import Actor, Transaction, actor_of, transaction_of
from alerts.locks.order.decay import DecayingTable
from alerts.locks.order.footprint import Footprint
from alerts.locks.order.tables import Table
from collectors.activity import Session

EDGES = 10_000
ACTORS = 2_000
"""Applications and tables for which SKIP LOCKED is remembered."""
TRANSACTIONS = 2_000
"""Number of stored observations; earlier ones of the same transaction show its order."""
LOOKS = 4
MANY = 30
"""Tables of one transaction, from which it is a batch: how it goes on from each to each of the
others would take seconds to see, and put out all that is known of others."""
BY_SLOTS = "the order of its locks"
BY_LOOKS = "two looks at the same transaction"
FIRST_VISIT = (BY_SLOTS, BY_LOOKS)
"""Proofs of where a transaction came first; it may have come there again."""


@dataclass(frozen=True, slots=True)
class Step:
    """A transaction was seen to go from one table to another."""

    actor: Actor
    one: Table
    other: Table


@dataclass(slots=True)
class Steps:
    seen: DecayingTable[Step, frozenset[int]] = field(default_factory=lambda: DecayingTable(EDGES))
    """With the gates that were held each time."""
    past: OrderedDict[Transaction, list[Footprint]] = field(default_factory=OrderedDict)
    """Earlier looks at transactions, as far as they differ."""

    skips: DecayingTable[tuple[Actor, Table], None] = field(
        default_factory=lambda: DecayingTable(ACTORS)
    )
    """Applications that take only free rows there, and so never wait."""

    returns: DecayingTable[Step, None] = field(default_factory=lambda: DecayingTable(EDGES))
    """Applications that return from one table to another: their statement there may be about a
    row that they hold already."""

    comes_back: DecayingTable[Step, None] = field(default_factory=lambda: DecayingTable(EDGES))
    """Applications that return from one table to another for a row that they do not hold yet: that
    they came to the other first says nothing of that row."""

    def __len__(self) -> int:
        returns = len(self.returns) + len(self.comes_back)
        return len(self.seen) + len(self.past) + len(self.skips) + returns

    def learn(self, session: Session, footprint: Footprint, at: float) -> None:
        """All that is proved by what one transaction holds now, and held before."""
        self._remember(transaction_of(session), footprint)
        if len(footprint.rows) > MANY:
            return
        for other in footprint.rows:
            if self.skips_locked(session, other, at):
                continue
            for one in footprint.rows - {other}:
                if self.in_order(session, footprint, one, other):
                    self.see(session, footprint, one, other, at)
                    if footprint.target == one:
                        self.returns.see(Step(actor_of(session), other, one), None, at)

    def see(
        self, session: Session, footprint: Footprint, one: Table, other: Table, at: float
    ) -> None:
        step = Step(actor_of(session), one, other)
        gates = self.seen.get(step, at)
        self.seen.see(step, footprint.gates & gates.value if gates else footprint.gates, at)

    def forget(self, dropped: Collection[Table]) -> None:
        self.seen.forget(lambda step: step.one in dropped or step.other in dropped)
        self.skips.forget(lambda skip: skip[1] in dropped)
        for returns in (self.returns, self.comes_back):
            returns.forget(lambda step: step.one in dropped or step.other in dropped)

    def in_order(self, session: Session, footprint: Footprint, one: Table, other: Table) -> bool:
        return footprint.came_first(one, other) or self._seen_before(session, one, other)

    def went(
        self,
        session: Session,
        footprint: Footprint,
        one: Table,
        other: Table,
        at: float,
        waits_at: Table | None = None,
    ) -> str | None:
        """What proves that it went from one table to the other; None where nothing does.

        `waits_at` is the table of the row that it waits for itself.
        """
        if self.in_order(session, footprint, other, one):
            return None
        if waits_at == other:
            return "its own wait"
        if not self.skips_locked(session, other, at):
            if footprint.came_first(one, other):
                return BY_SLOTS
            if self._seen_before(session, one, other):
                return BY_LOOKS
        # A wait proves an order: no transaction waits for its own row.
        if footprint.target == other and self._is_known(session, footprint, one, other, at):
            return "its statement, and waits of the same application"
        return None

    def _is_known(
        self, session: Session, footprint: Footprint, one: Table, other: Table, at: float
    ) -> bool:
        """Whether its application goes that way, and not only behind a gate that it holds too."""
        step = Step(actor_of(session), one, other)
        known = self.seen.get(step, at)
        if known is None or known.value & footprint.gates:
            return False
        return self.returns.get(step, at) is None

    def skips_locked(self, session: Session, table: Table, at: float) -> bool:
        """Whether its application takes only free rows there."""
        return self.skips.get((actor_of(session), table), at) is not None

    def _seen_before(self, session: Session, one: Table, other: Table) -> bool:
        """Whether an earlier look at the same transaction had one of them, and not the other."""
        return any(
            one in earlier.rows and other not in earlier.tables
            for earlier in self.past.get(transaction_of(session), ())
        )

    def _remember(self, transaction: Transaction, footprint: Footprint) -> None:
        earlier = self.past.setdefault(transaction, [])
        self.past.move_to_end(transaction)
        if not earlier or earlier[-1].tables != footprint.tables:
            earlier.append(footprint)
            del earlier[:-LOOKS]
        while len(self.past) > TRANSACTIONS:
            self.past.popitem(last=False)
