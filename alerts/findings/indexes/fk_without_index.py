"""Without an index on a foreign key, each delete of a parent row reads the whole child table."""

from collections.abc import Iterator
from dataclasses import dataclass

from alerts._base import Evidence, Finding, FindingKind, Outcome, Reach, Severity
from alerts.findings.indexes._foreign_key import ForeignKey, foreign_keys
from alerts.limits import BaseLimits
from alerts.plural import plural
from alerts.snapshot import Snapshot
from collectors._base import Role
from collectors.unindexed_foreign_keys import unindexed_foreign_keys


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    lookup_rows: int = 20
    """A parent that is never changed and has at most this number of rows is a list of values, such
    as states; an index on a column with so few values serves no query..."""
    lookup_child_rows: int = 10_000
    """...if the child has at least this number of rows."""
    warn_rows: int = 10_000
    """Rows of the child from which it is a warning, if rows of the parent are deleted."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    for key in foreign_keys(snapshot.rows(unindexed_foreign_keys)):
        if not is_lookup(key, limits):
            yield evidence(key, limits)


def is_lookup(key: ForeignKey, limits: Limits) -> bool:
    first = key.first
    few = 0 < first.parent_rows <= limits.lookup_rows
    changed = first.parent_deletes + first.parent_updates > 0
    return few and not changed and key.rows >= limits.lookup_child_rows


def evidence(key: ForeignKey, limits: Limits) -> Evidence:
    deletes = key.first.parent_deletes
    costs = deletes > 0 and key.rows >= limits.warn_rows
    rows = f" ({plural(round(key.rows), 'row')})" if key.rows else ""
    so_far = f"; {plural(deletes, 'row was', 'rows were')} deleted so far" if deletes else ""
    return Evidence(
        subject=key.name,
        severity=Severity.warning if costs else Severity.info,
        value=key.rows,
        message=(
            f"No index begins with {key.columns} of {key.table}, which refers to {key.parent}:"
            f" each delete there, and each change of its key, reads all of {key.table}{rows},"
            f" as do joins from there{so_far}."
        ),
        facts={
            "table": key.table,
            "columns": key.columns,
            "refers_to": key.parent,
            "rows": key.rows,
            "parent_deletes": deletes,
            "parent_updates": key.first.parent_updates,
            "parts": len(key.parts),
        },
        cure=key.cure(),
        check=key.check(),
        object=key.table,
        database=key.first.datname,
    )


finding = Finding(
    title="Foreign key without an index",
    severities=(Severity.info, Severity.warning),
    reads=(unindexed_foreign_keys,),
    limits=Limits(),
    judge=judge,
    unit="rows",
    scope=Reach.database,
    on=Role.primary,
    kind=FindingKind.review,
)
