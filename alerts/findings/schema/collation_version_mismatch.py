"""The library that sorts text has changed: indexes in the old order may miss rows."""

from collections.abc import Iterator
from dataclasses import dataclass

from alerts._base import AlertedBy, Evidence, Finding, Outcome, Reach, Severity
from alerts.cure import identifier, remark
from alerts.limits import BaseLimits
from alerts.plural import plural
from alerts.snapshot import Snapshot
from collectors._base import Role
from collectors.changed_collations import ChangedCollation, changed_collations

FEW = 5
"""Number of indexes whose statements are printed."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    """Nothing to set: the versions are equal or they are not."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    for row in snapshot.rows(changed_collations):
        if row.indexes:  # initdb brings hundreds of collations, of which most are never used
            yield evidence(row)


def evidence(row: ChangedCollation) -> Evidence:
    own = not row.collname
    what = (
        f"the collation of the database {row.datname}"
        if own
        else f"the collation {identifier(row.schemaname, row.collname)}"
    )
    unique = f", {row.unique_indexes} of them unique" if row.unique_indexes else ""
    return Evidence(
        subject=row.datname if own else identifier(row.schemaname, row.collname),
        severity=Severity.critical if row.unique_indexes else Severity.warning,
        value=row.indexes,
        message=(
            f"The library of {what} has changed from version {row.recorded} to"
            f" {row.actual or 'none'}: {plural(row.indexes, 'index', 'indexes')}{unique} may be in"
            " the wrong order, miss rows, and admit duplicates."
        ),
        facts={
            "recorded_version": row.recorded,
            "actual_version": row.actual,
            "indexes": row.indexes,
            "unique_indexes": row.unique_indexes,
        },
        cure=cure(row, own=own),
        check=(
            "SELECT collname, collversion, pg_catalog.pg_collation_actual_version(oid)"
            " FROM pg_catalog.pg_collation WHERE collversion IS NOT NULL;"
        ),
        key=f"{row.schemaname}.{row.collname}",
        database=row.datname,
    )


def cure(row: ChangedCollation, *, own: bool) -> tuple[str, ...]:
    """Rebuild first: once the version is refreshed, nothing tells any more that it was needed."""
    refresh = (
        f"ALTER DATABASE {identifier(row.datname)} REFRESH COLLATION VERSION;"
        if own
        else f"ALTER COLLATION {identifier(row.schemaname, row.collname)} REFRESH VERSION;"
    )
    more = row.indexes - len(row.names)
    if row.indexes > FEW or more > 0:
        return (
            remark(f"1. Rebuild {plural(row.indexes, 'index', 'indexes')} one by one, the unique"),
            remark("ones first, CONCURRENTLY; the runbook has the statement that lists them. A"),
            remark("duplicate stops it: delete one of the two rows."),
            remark(f"2. Only then: {refresh}"),
        )
    return (
        remark("Rebuild first. Where a duplicate stops it, delete one of the two rows."),
        *(f"REINDEX INDEX CONCURRENTLY {name};" for name in row.names),
        remark(f"Only when each of them was rebuilt: {refresh}"),
    )


finding = Finding(
    title="Collation changed under its indexes",
    severities=(Severity.warning, Severity.critical),
    reads=(changed_collations,),
    limits=Limits(),
    judge=judge,
    unit="indexes",
    scope=Reach.database,
    on=Role.primary,
    alerted_by=AlertedBy.database,
)
