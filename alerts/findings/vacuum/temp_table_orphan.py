"""Temporary tables whose session has crashed: they hold back the freezing of their database."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from alerts._base import Evidence, Finding, FindingKind, Outcome, Reach, Severity, Unjudged
from alerts.cure import identifier, remark
from alerts.limits import BaseLimits, Slack
from alerts.plural import plural
from alerts.snapshot import Snapshot
from alerts.units import Bytes, bytes_text
from collectors._base import Role
from collectors.temp_schemas import TempSchema, temp_schemas


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    transactions: Annotated[int, Slack(0.9)] = 10_000_000
    """Age of the oldest table, in transactions, from which it is listed."""
    least_bytes: Bytes = 100 * 1024**2
    """Or the size of all of them, which may not be known."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    for row in snapshot.rows(temp_schemas):
        if (row.xid_age or 0) >= limits.transactions or row.bytes >= limits.least_bytes:
            if row.in_use is None:
                why = "before 16 PostgreSQL does not tell whether their session is there"
                yield Unjudged(why, row.datname, row.schemaname)
            elif not row.in_use:
                yield evidence(row)


def evidence(row: TempSchema) -> Evidence:
    schema = identifier(row.schemaname)
    were = "was" if row.relations == 1 else "were"
    return Evidence(
        subject=schema,
        severity=Severity.info,
        value=row.xid_age or 0,
        message=(
            f"{plural(row.relations, 'temporary relation')} in {schema} of {row.datname}"
            f" ({bytes_text(row.bytes)}) {were} left behind by a session that crashed; the"
            f" oldest is {row.xid_age or 0:,} transactions old."
        ),
        facts={
            "relations": row.relations,
            "bytes": row.bytes,
            "age_transactions": row.xid_age,
            "first_table": row.relname,
        },
        cure=(
            remark("Autovacuum drops such tables when it comes to this database, so first see"),
            remark("why it does not: autovacuum_disabled, autovacuum_workers_saturated."),
            remark("By hand, as a superuser: make sure that no session uses that schema, then"),
            remark(f"look at each of its tables and drop it by name, such as {first(row)}."),
        ),
        check=(
            "SELECT c.relname, c.relpages, pg_catalog.age(c.relfrozenxid)"
            " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n"
            " ON n.oid OPERATOR(pg_catalog.=) c.relnamespace"
            f" WHERE n.nspname OPERATOR(pg_catalog.=) '{row.schemaname}';"
        ),
        database=row.datname,
    )


def first(row: TempSchema) -> str:
    return identifier(row.schemaname, row.relname) if row.relname else identifier(row.schemaname)


finding = Finding(
    title="Orphaned temporary tables",
    severities=(Severity.info,),
    reads=(temp_schemas,),
    limits=Limits(),
    judge=judge,
    unit="transactions",
    kind=FindingKind.review,
    scope=Reach.database,
    on=Role.primary,
    hold=timedelta(hours=1),
)
