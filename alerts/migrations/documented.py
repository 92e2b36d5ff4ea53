"""Statements that commit by themselves: what PostgreSQL's documentation says that they lock.

A trace can't show it, because the locks are gone when the statement has ended.
"""

from typing import NamedTuple

from alerts.migrations.lock_mode import LockMode
from alerts.migrations.statement import Statement


class Documented(NamedTuple):
    """Documented effects of a statement on each table that it names."""

    mode: LockMode
    rewrites: bool = False
    builds: bool = False
    scans: bool = False


MILD = LockMode.ShareUpdateExclusive
BY_NODE = {
    "IndexStmt": Documented(MILD, builds=True),
    "ReindexStmt": Documented(MILD, builds=True),
    "DropStmt": Documented(MILD),
    "AlterTableStmt": Documented(MILD),
}
FULL = Documented(LockMode.AccessExclusive, rewrites=True, builds=True, scans=True)


def documented(statement: Statement) -> Documented | None:
    """Return what is known of it; None where nothing is, or no table is named."""
    if not statement.tables:
        return None
    if statement.node == "VacuumStmt":
        options = {
            part.get("DefElem", {}).get("defname") for part in statement.body.get("options", ())
        }
        return FULL if "full" in options else Documented(MILD, scans=True)
    return BY_NODE.get(statement.node) if statement.is_concurrent else None
