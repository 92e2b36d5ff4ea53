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

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from alerts.locks.order.tables import Table, Tables, advisory
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


def footprint_of(
    locks: Iterable[Holdings],
    session: Session | None,
    tables: Tables,
    explicit: Callable[[Table], bool],
    writes_unseen: Callable[[Table], bool] = lambda _: False,
    scans: Callable[[Table], bool] = lambda _: False,
    selects: Callable[[Table], bool] = lambda _: False,
    told: Table | None = None,
) -> Footprint:
    """From all that was seen of one transaction.

    Some statements leave the same locks as harmless ones do: SELECT … FOR UPDATE those of a check
    of a foreign key; a prepared ON CONFLICT DO UPDATE, or any change where no index is used, those
    of an INSERT. `explicit` says of a table whether its kind is known to do that there, and
    `writes_unseen` whether it changes rows of a table that may be read from end to end, `scans`
    whether it was seen to do so, and `selects` whether it takes rows by SELECT … FOR UPDATE, where
    that can be told from a foreign key. `told` is the table of its statement as waits have taught
    it.
    """
    touched: set[Table] = set()
    rows: set[Table] = set()
    indexed: set[Table] = set()
    slots: dict[Table, list[Slot]] = {}
    inserted = _inserted(locks := tuple(locks), session, tables)
    gates: set[int] = set()
    for lock in _one_of_each(locks):
        gates.update(lock.gates or ())
        if lock.keys and session:
            touched.add(advisory(session.datname))
            rows.add(advisory(session.datname))
        unchanged = set(lock.unchanged or ())
        database = lock.datname or (session.datname if session else None) or ""
        for position, (oid, group) in enumerate(
            zip(lock.writes or (), lock.slots or (), strict=True)
        ):
            known = tables.known.get((database, oid))
            if known and not known.is_sequence:
                touched.add(known.table)
                changed = oid not in unchanged
                unseen = (known.is_scanned and writes_unseen(known.table)) or (
                    scans(known.table) and not known.grows
                )
                if known.is_index and changed:
                    indexed.add(known.table)
                selected = not changed and not known.has_triggers and selects(known.table)
                if known.table not in inserted and (
                    explicit(known.table) or selected or (changed and unseen)
                ):
                    rows.add(known.table)
                if group >= 0:
                    slots.setdefault(known.table, []).append((group, position))
    target = target_of(session.query) if session else None
    own = told if told in touched else aim(target, touched)
    if own and target and target.locks_rows and target.is_of(own.name):
        rows.add(own)
    return Footprint(
        frozenset(touched),
        frozenset(rows | indexed),
        frozenset(indexed),
        {table: tuple(of) for table, of in slots.items()},
        frozenset(gates),
        own,
    )


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
