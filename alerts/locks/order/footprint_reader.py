"""Signal: footprints of transactions, read with what their statements and applications tell.

Reason: the locks alone don't show everywhere whether rows were changed (`footprint`). Statements
of the same text, applications that were seen to change rows of a table, and inserts tell.
"""

from collections.abc import Sequence, Set
from dataclasses import dataclass, field

from alerts.locks.order.conflict import Actor, Conflict, Scene, actor_of
from alerts.locks.order.footprint import Footprint, Holdings, TableHabits, footprint_of
from alerts.locks.order.patterns import Patterns
from alerts.locks.order.row_writers import CHANGES, RowWriters
from alerts.locks.order.statement_tables import StatementTables
from alerts.locks.order.table_steps import Steps
from alerts.locks.order.tables import Table, Tables
from alerts.locks.order.target import target_of
from collectors.activity import Session

IDLE = "idle in transaction"


@dataclass(slots=True)
class FootprintReader:
    """Reader of footprints on one server."""

    writers: RowWriters = field(default_factory=RowWriters)
    statements: StatementTables = field(default_factory=StatementTables)
    patterns: Patterns = field(default_factory=Patterns)

    def __len__(self) -> int:
        """How much is known of who changes rows where."""
        return len(self.writers) + len(self.statements)

    def forget(self, dropped: Set[Table]) -> None:
        self.writers.forget(dropped)
        self.statements.forget(dropped)
        self.patterns.forget({table.name for table in dropped})

    def learn_wait(self, scene: Scene, conflict: Conflict, at: float) -> None:
        """Learn from a wait for a row what the waiter does there."""
        contested, waiter = conflict.contested, conflict.waiter
        # ON CONFLICT waits without joining the queue of a row.
        self.statements.learn(waiter, contested.table, contested.mode in (None, *CHANGES), at)
        actor = actor_of(waiter)
        self.writers.learn_wait(actor, contested.table, contested.mode, at)
        if any(contested.relation[1] in one.unchanged for one in scene.locks[waiter.pid]):
            self.writers.learn_select(actor, contested.table, contested.mode, at)

    def of_scene(self, scene: Scene, session: Session, steps: Steps, at: float) -> Footprint:
        """Read the footprint of a session of a look at the locks."""
        locks, is_done = scene.locks[session.pid], _is_done(scene, session)
        return self.read(locks, session, scene.tables, is_done, steps, at)

    def read(
        self,
        locks: Sequence[Holdings],
        session: Session,
        tables: Tables,
        is_done: bool,
        steps: Steps,
        at: float,
    ) -> Footprint:
        """Read the footprint that locks show, and learn from the statement.

        `is_done`: whether its statement has all its locks on tables and indexes.
        """
        actor, target = actor_of(session), target_of(session.query)
        told = self.statements.table_of(session)
        footprint = footprint_of(locks, session, tables, self._habits(actor, session, at), told)
        table = footprint.target
        if table and target and target.is_of(table.name):
            self.writers.learn_statement(actor, target, table, tables.is_bare(table), at)
            if target.changes_rows and table not in footprint.indexed and is_done:
                self.writers.learn_scan(actor, table, at)
            if target.never_waits:
                steps.skips.see((actor, table), None, at)
        return footprint

    def _habits(self, actor: Actor, session: Session, at: float) -> TableHabits:
        return TableHabits(
            explicit=lambda table: (
                self._by_statements(actor, table, at) or self.statements.changes(session, table, at)
            ),
            writes_unseen=lambda table: self._by_waits(actor, table, at),
            scans=lambda table: self._by_scans(actor, table, at),
            selects=lambda table: self.writers.by_its_selects(actor, table, at),
        )

    def _by_statements(self, actor: Actor, table: Table, at: float) -> bool:
        known = self.writers.by_its_statements(actor, table, at)
        return known and not self._inserts(actor, table, at)

    def _by_waits(self, actor: Actor, table: Table, at: float) -> bool:
        known = self.writers.by_its_waits(actor, table, at)
        return known and not self._inserts(actor, table, at)

    def _by_scans(self, actor: Actor, table: Table, at: float) -> bool:
        known = self.writers.by_its_scans(actor, table, at)
        return known and not self._inserts(actor, table, at)

    def _inserts(self, actor: Actor, table: Table, at: float) -> bool:
        return self.patterns.inserts_into(actor, table.database, table.name, at)


def _is_done(scene: Scene, session: Session) -> bool:
    return session.pid in scene.graph.waits or session.state == IDLE
