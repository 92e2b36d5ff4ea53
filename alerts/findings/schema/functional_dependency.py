"""A column that another column determines, which is no key: a fact that is stored in many rows."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from alerts._base import Evidence, Finding, FindingKind, Outcome, Reach, Severity, Unjudged
from alerts.cure import identifier, literal, plain_ddl, remark
from alerts.limits import BaseLimits
from alerts.snapshot import Snapshot
from alerts.units import Share, share_text
from collectors._base import Role
from collectors._columns import where
from collectors.column_statistics import column_statistics
from collectors.dependency_statistics import dependency_statistics
from collectors.functional_dependencies import FunctionalDependency, functional_dependencies

SAMPLE = 30_000
"""Rows that ANALYZE reads with the default statistics target."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    min_degree: Share = 0.99
    """Share of the rows of the sample in which the one column determined the other."""
    min_values: int = 10
    """Minimum number of values of the dependent column: a nearly constant one depends on all."""
    min_group: int = 10
    """Minimum number of rows of the sample for each value of the other column: a nearly unique
    one determines all."""
    max_nulls: Share = 0.5
    """Share of NULL in the dependent column, from which it is nearly constant."""


class Spread(NamedTuple):
    """Spread of values in one column, from the last ANALYZE."""

    nulls: float
    values: float


Spreads = Mapping[tuple[str, int, int], Spread]
"""By database, table and number of the column."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    """Without such statistics there is nothing to read, and no right is missed."""
    wanted = {row.datname for row in snapshot.rows(dependency_statistics)}
    if not wanted:
        return
    for database, absence in snapshot.answer(functional_dependencies).missing.items():
        if database in wanted:
            yield Unjudged(absence.reason, database, grant=absence.grant)
    rows = [
        row for row in snapshot.rows(functional_dependencies) if row.degree >= limits.min_degree
    ]
    spreads = spreads_of(snapshot, rows)
    told = [row for row in rows if is_dependency(row, spreads, limits)]
    pairs = {(row.datname, row.relid, row.determinant, row.dependent) for row in told}
    for row in told:
        is_mutual = (row.datname, row.relid, row.dependent, row.determinant) in pairs
        if not is_mutual or row.determinant_attnum < row.dependent_attnum:
            yield evidence(row)


def spreads_of(snapshot: Snapshot, rows: list[FunctionalDependency]) -> Spreads:
    sizes = {(row.datname, row.relid): row.rows for row in rows}
    found: dict[tuple[str, int, int], Spread] = {}
    for one in where(snapshot.rows(column_statistics), "relid", {row.relid for row in rows}):
        size = sizes.get((one.datname, one.relid), 0.0)
        for attnum, nulls, values in zip(
            one.staattnum, one.stanullfrac, one.stadistinct, strict=True
        ):
            known = values if values >= 0 else -values * size
            found[one.datname, one.relid, attnum] = Spread(nulls, known)
    return found


def is_dependency(row: FunctionalDependency, spreads: Spreads, limits: Limits) -> bool:
    """Whether it says more than that one of the two is nearly unique, or nearly constant."""
    one = spreads.get((row.datname, row.relid, row.determinant_attnum))
    other = spreads.get((row.datname, row.relid, row.dependent_attnum))
    if one is None or other is None:
        return False
    is_repeated = one.values * limits.min_group <= min(row.rows, SAMPLE)
    is_varied = other.values >= limits.min_values and other.nulls <= limits.max_nulls
    return is_repeated and is_varied


def evidence(row: FunctionalDependency) -> Evidence:
    table = identifier(row.schemaname, row.relname)
    one, other = identifier(row.determinant), identifier(row.dependent)
    what = "a part of a key" if row.is_in_key else "no key"
    why = literal(f"Copied with {row.determinant} on purpose: …")
    return Evidence(
        subject=f"{table}.{other}",
        severity=Severity.info,
        value=row.degree,
        message=(
            f"In {table}, {one} determines {other} in {share_text(row.degree)} of the rows that"
            f" ANALYZE read, and {one} is {what}: the same fact is stored in many rows, which can"
            " come to differ."
        ),
        facts={
            "determined_by": row.determinant,
            "degree": row.degree,
            "normal_form": "2NF" if row.is_in_key else "3NF",
            "refers_to": row.refers_to,
            "statistics": row.stxname,
            "rows": row.rows,
        },
        cure=(
            remark("If it is repeated on purpose, such as to keep what was true then, say why:"),
            *plain_ddl(f"COMMENT ON COLUMN {table}.{other} IS {why};"),
            remark(f"Else: 1. see in which rows one {one} has several {other} (the check below);"),
            remark(f"2. keep it once, in a table whose key is {one}; 3. read it from there;"),
            remark("4. drop the column in a later release."),
        ),
        check=(
            f"SELECT {one}, pg_catalog.count(DISTINCT {other}) FROM {table}"
            " GROUP BY 1 ORDER BY 2 DESC LIMIT 20;"
        ),
        object=table,
        database=row.datname,
        accepted=row.comment,
    )


finding = Finding(
    title="Column that another column determines",
    severities=(Severity.info,),
    reads=(dependency_statistics, column_statistics),
    consults=(functional_dependencies,),
    details=(column_statistics,),
    limits=Limits(),
    judge=judge,
    unit="ratio",
    scope=Reach.database,
    on=Role.primary,
    kind=FindingKind.review,
)
