"""Signal: what one transaction has done to tables so far, as far as its locks show.

Reason: row locks that are held are not visible. But each statement keeps its lock on the table
until the transaction ends, and on an index if it looked for rows to change; an INSERT keeps none
there. The slots of these locks show in which order the transaction came to the tables.

A slot is taken again when a statement ends and closes the indexes that it wrote. So a table that
was locked inside of such a statement, by a trigger or a foreign key, may seem to come after a table
that was locked later. Slots are an order only where nothing came before: of two tables alone, or
from the first of all.

Known limits: a cached plan that scans a small table keeps no lock on an index either. From
PostgreSQL 18 on, slots are in groups, and show an order only within one.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from alerts.locks.order.tables import Known, Table, Tables, advisory
from alerts.locks.order.target import RowTarget, target_of
from collectors.activity import Session

Slot = tuple[int, int]
"""Slot group and position: comparable within a group."""


class Holdings(Protocol):
    """Locks that a transaction holds."""

    @property
    def virtualtransaction(self) -> str: ...
    @property
    def datname(self) -> str | None: ...
    @property
    def writes(self) -> Sequence[int]: ...
    @property
    def slots(self) -> Sequence[int]: ...
    @property
    def unchanged(self) -> Sequence[int]: ...
    @property
    def gates(self) -> Sequence[int]: ...
    @property
    def keys(self) -> Sequence[int]: ...


@dataclass(frozen=True, slots=True)
class Footprint:
    tables: frozenset[Table]
    """Tables in which it has inserted, changed or locked rows, also for a foreign key."""
    rows: frozenset[Table]
    """Tables in which it has changed or locked existing rows."""
    indexed: frozenset[Table]
    """Those of them where a lock on an index shows that it looked for rows."""
    slots: dict[Table, tuple[Slot, ...]]
    gates: frozenset[int]
    target: Table | None
    """Of its current or last statement."""

    def came_first(self, one: Table, other: Table) -> bool:
        """Return True if its locks prove that it wrote one table before the other."""
        alone = self.tables == {one, other}
        return (alone or self._is_first(one)) and self._in_order(one, other) is True

    def _is_first(self, one: Table) -> bool:
        """Whether all are in one group of slots, and it has the first of them."""
        slots = [slot for of in self.slots.values() for slot in of]
        if not slots:
            return False
        return (slots[0][0], 0) in self.slots.get(one, ()) and len({g for g, _ in slots}) == 1

    def _in_order(self, one: Table, other: Table) -> bool | None:
        found = {
            position < later
            for group, position in self.slots.get(one, ())
            for other_group, later in self.slots.get(other, ())
            if group == other_group
        }
        return found.pop() if len(found) == 1 else None


@dataclass(frozen=True, slots=True)
class TableHabits:
    """Kinds of statements that are known of a transaction, by table.

    Some statements leave the same locks as harmless ones do: SELECT … FOR UPDATE those of a check
    of a foreign key; a prepared ON CONFLICT DO UPDATE, or any change where no index is used, those
    of an INSERT.
    """

    explicit: Callable[[Table], bool]
    """Whether its kind is known to do that there."""
    writes_unseen: Callable[[Table], bool] = lambda _: False
    """Whether it changes rows of a table that may be read from end to end."""
    scans: Callable[[Table], bool] = lambda _: False
    """Whether it was seen to read the table from end to end."""
    selects: Callable[[Table], bool] = lambda _: False
    """Whether it takes rows by SELECT … FOR UPDATE, where that can be told from a foreign key."""

    def change_rows(self, known: Known, changed: bool) -> bool:
        """Whether a lock on that table or index stands for rows that were changed or locked.

        `changed`: the lock is one that changes of rows take.
        """
        table = known.table
        if self.explicit(table):
            return True
        if not changed:
            return not known.has_triggers and self.selects(table)
        if known.is_scanned and self.writes_unseen(table):
            return True
        return self.scans(table) and not known.grows


@dataclass(slots=True)
class _Tracks:
    """Tables of a footprint, while its locks are read."""

    touched: set[Table] = field(default_factory=set)
    rows: set[Table] = field(default_factory=set)
    indexed: set[Table] = field(default_factory=set)
    slots: dict[Table, list[Slot]] = field(default_factory=dict)

    def add(self, known: Known, slot: Slot, changed: bool, changes_rows: bool) -> None:
        """Add one lock."""
        table, (group, _) = known.table, slot
        self.touched.add(table)
        if known.is_index and changed:
            self.indexed.add(table)
        if changes_rows:
            self.rows.add(table)
        if group >= 0:
            self.slots.setdefault(table, []).append(slot)


def footprint_of(
    locks: Iterable[Holdings],
    session: Session | None,
    tables: Tables,
    habits: TableHabits,
    told: Table | None = None,
) -> Footprint:
    """From all that was seen of one transaction.

    `told` is the table of its statement as waits have taught it.
    """
    inserted = _inserted(locks := tuple(locks), session, tables)
    tracks, gates = _Tracks(), set[int]()
    for lock in _one_of_each(locks):
        gates.update(lock.gates or ())
        if lock.keys and session:
            tracks.touched.add(advisory(session.datname))
            tracks.rows.add(advisory(session.datname))
        unchanged = set(lock.unchanged or ())
        for oid, known, slot in _tables_and_indexes(lock, session, tables):
            changed = oid not in unchanged
            is_new = known.table in inserted
            tracks.add(known, slot, changed, not is_new and habits.change_rows(known, changed))
    target = target_of(session.query) if session else None
    own = told if told in tracks.touched else aim(target, tracks.touched)
    if own and target and target.locks_rows and target.is_of(own.name):
        tracks.rows.add(own)
    return Footprint(
        frozenset(tracks.touched),
        frozenset(tracks.rows | tracks.indexed),
        frozenset(tracks.indexed),
        {table: tuple(of) for table, of in tracks.slots.items()},
        frozenset(gates),
        own,
    )


def _tables_and_indexes(
    lock: Holdings, session: Session | None, tables: Tables
) -> Iterator[tuple[int, Known, Slot]]:
    """Yield the tables and indexes that are locked, each with its oid and slot."""
    database = lock.datname or (session.datname if session else None) or ""
    for position, (oid, group) in enumerate(zip(lock.writes or (), lock.slots or (), strict=True)):
        known = tables.known.get((database, oid))
        if known and not known.is_sequence:
            yield oid, known, (group, position)


def _inserted(locks: Iterable[Holdings], session: Session | None, tables: Tables) -> set[Table]:
    """Tables that have given it numbers for new rows."""
    found: set[Table] = set()
    for lock in _one_of_each(locks):
        database = lock.datname or (session.datname if session else None) or ""
        known = (tables.known.get((database, oid)) for oid in lock.writes or ())
        found.update(one.table for one in known if one and one.is_sequence)
    return found


def aim(target: RowTarget | None, among: Iterable[Table]) -> Table | None:
    """Which of these tables the statement names; None where that is not sure."""
    found = [table for table in among if target and target.is_of(table.name)]
    return found[0] if len(found) == 1 else None


def _one_of_each(locks: Iterable[Holdings]) -> Iterable[Holdings]:
    """All locks of a transaction carry the same lists; parallel workers have transactions too."""
    return {lock.virtualtransaction: lock for lock in locks}.values()
