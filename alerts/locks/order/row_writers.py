"""Signal: the applications that lock rows of a table, if their locks on it don't show that.

Reason: an UPDATE leaves a lock on an index of its table, an INSERT does not; that distinguishes
them. But a cached plan that scans a small table leaves none either, nor does any change of a
table without an index; and SELECT … FOR UPDATE leaves the same locks as a foreign key check. Two
things show it anyway: the statement, and a wait. A session that waited for a row of a table to
change it does change rows of it; if its lock on the table allows no change, it selects them FOR
UPDATE, and others of its application with such a lock do so too, unless the table has triggers.

Known limits: this is known by application, not by transaction. So waits count only for tables
that are small enough to be scanned, and neither for tables that the application inserts into nor
for tables that grow.
"""

from collections.abc import Collection
from dataclasses import dataclass, field

from alerts.locks.order.conflict import Actor
from alerts.locks.order.decay import DecayingTable
from alerts.locks.order.tables import Table
from alerts.locks.order.target import RowTarget

ACTORS = 2_000
CHANGES = ("ExclusiveLock", "AccessExclusiveLock")
"""Modes in which the queue of a row is joined to change it or to take it FOR UPDATE; a check of a
foreign key and FOR SHARE join it in weaker ones."""

Where = tuple[Actor, Table]


@dataclass(slots=True)
class RowWriters:
    by_statement: DecayingTable[Where, None] = field(default_factory=lambda: DecayingTable(ACTORS))
    by_scan: DecayingTable[Where, None] = field(default_factory=lambda: DecayingTable(ACTORS))
    by_wait: DecayingTable[Where, None] = field(default_factory=lambda: DecayingTable(ACTORS))
    by_select: DecayingTable[Where, None] = field(default_factory=lambda: DecayingTable(ACTORS))

    def learn_statement(
        self, actor: Actor, target: RowTarget, table: Table, is_bare: bool, at: float
    ) -> None:
        if target.leaves_no_trace or (target.locks_rows and is_bare):
            self.by_statement.see((actor, table), None, at)

    def learn_scan(self, actor: Actor, table: Table, at: float) -> None:
        """A statement of theirs changed rows there, and left no lock on an index."""
        self.by_scan.see((actor, table), None, at)

    def learn_wait(self, actor: Actor, table: Table, mode: str | None, at: float) -> None:
        if mode in CHANGES:
            self.by_wait.see((actor, table), None, at)

    def learn_select(self, actor: Actor, table: Table, mode: str | None, at: float) -> None:
        """A transaction of theirs that has written nothing there waits for a row."""
        if mode in CHANGES:
            self.by_select.see((actor, table), None, at)

    def by_its_statements(self, actor: Actor, table: Table, at: float) -> bool:
        """Whether any lock of theirs on that table may stand for rows that were locked."""
        return self.by_statement.get((actor, table), at) is not None

    def by_its_scans(self, actor: Actor, table: Table, at: float) -> bool:
        """Whether they were seen to change rows there without an index."""
        return self.by_scan.get((actor, table), at) is not None

    def by_its_waits(self, actor: Actor, table: Table, at: float) -> bool:
        """Whether a lock of theirs that allows changes stands for rows that were changed."""
        return self.by_wait.get((actor, table), at) is not None

    def by_its_selects(self, actor: Actor, table: Table, at: float) -> bool:
        """Whether they were seen to take rows there by SELECT … FOR UPDATE."""
        return self.by_select.get((actor, table), at) is not None

    def forget(self, dropped: Collection[Table]) -> None:
        for known in (self.by_statement, self.by_scan, self.by_wait, self.by_select):
            known.forget(lambda where: where[1] in dropped)

    def __len__(self) -> int:
        statements = len(self.by_statement) + len(self.by_select)
        return statements + len(self.by_scan) + len(self.by_wait)
