"""Hypotheses that the size of a file refutes, whatever the column statistics say."""

from collections.abc import Iterable, Iterator

from collectors.user_tables import UserTable

MISCOUNTED = 0.05
"""Tolerance between counters and estimates, as a share of the rows."""
Need = tuple[float, float]
"""Pages that a rewrite would fill, as a share of the file, and how plausible that is."""


def rows_made(table: UserTable) -> float | None:
    """Return the rows and versions of rows ever put into a table; None if not all were counted.

    They were if those inserted, less those deleted, are its rows.
    """
    left = table.n_tup_ins - table.n_tup_del
    if table.reltuples <= 0 or abs(left - table.reltuples) > MISCOUNTED * table.reltuples:
        return None
    return float(table.n_tup_ins + table.n_tup_upd)


def index_entries_made(table: UserTable) -> float | None:
    """Return the entries ever put into each index of a table; None if not all were counted."""
    made = rows_made(table)
    return None if made is None else made - table.n_tup_hot_upd


def share_left(rows: float, made: float | None) -> float:
    """Return the rows left, as a share of all that were put in: 0 if that is not known.

    A file is as long as all of them needed, or shorter where space was used again. So those that
    are left need at least this share of it.
    """
    return min(1.0, rows / made) if made else 0.0


def possible(needs: Iterable[Need], least: float, most: float) -> Iterator[Need]:
    """Yield the needs that a file can have."""
    for need, weight in needs:
        if least <= need <= most:
            yield need, weight
