"""A heap as it is now, carried forward from its last vacuum or analyze by its counters.

What was deleted since then is free space after the next vacuum, though pg_class counts it as rows.
What was updated has another version of each row in the file, which pg_class knows nothing of.
"""

from dataclasses import dataclass, replace
from math import ceil

from alerts.bloat.estimate import rows_that_fit
from alerts.bloat.heap import Heap
from collectors.user_tables import UserTable

HARDLY = 0.1
"""Share of dead rows below which they are not worth a calculation."""
TOGETHER = 60.0
"""Seconds between a vacuum and an analyze of the same visit."""


@dataclass(frozen=True, slots=True)
class Carried:
    """The same heap as full, and as empty, as it can be now."""

    fullest: Heap
    emptiest: Heap


def carried(heap: Heap, table: UserTable) -> Carried | None:
    """Return the heap as it is now; None if hardly a row died, or its counters can't tell.

    The counters since ANALYZE don't tell inserts, updates and deletes apart; the sums since the
    statistics began are bounds for each.
    """
    changed, rows, dead = heap.n_mod_since_analyze, heap.reltuples, table.n_dead_tup
    if changed is None or rows < 0 or dead < HARDLY * (rows + dead):
        return None
    if not _counts_since_vacuum(table) or not all(column.is_known for column in heap.columns):
        return None
    inserted = min(table.n_tup_ins, table.n_ins_since_vacuum, changed)
    updated = min(table.n_tup_upd, changed)
    deleted = min(table.n_tup_del, dead, changed)
    surely_deleted = min(deleted, max(0, changed - updated - inserted))
    # A HOT update may have used the space of the version before it.
    surely_added = max(0, changed - deleted - inserted - table.n_tup_hot_upd)
    # Deletes leave the widths of the other rows as they were.
    unknown = (changed - surely_deleted) / max(rows, 1.0)
    fit = rows_that_fit(heap)
    full = max(heap.relpages, ceil((rows + surely_added) / fit))
    grown = heap.relpages + ceil((updated + inserted) / fit)
    return Carried(
        fullest=_with(heap, rows + inserted - surely_deleted, full, unknown),
        emptiest=_with(heap, max(0.0, rows - deleted), grown, unknown),
    )


def _with(heap: Heap, rows: float, pages: int, changed_share: float) -> Heap:
    changed = round(changed_share * rows)
    return replace(heap, reltuples=rows, relpages=pages, n_mod_since_analyze=changed)


def _counts_since_vacuum(table: UserTable) -> bool:
    """Return whether no vacuum has counted the rows anew since ANALYZE began to count changes."""
    vacuums = filter(None, (table.last_vacuum, table.last_autovacuum))
    last, analyzed = max(vacuums, default=None), table.analyzed
    return last is None or (analyzed is not None and last <= analyzed + TOGETHER)
