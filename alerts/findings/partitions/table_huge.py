"""A table that is not partitioned is very large and grows: upkeep takes longer and longer."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from alerts._base import Evidence, Finding, FindingKind, Outcome, Reach, Severity, Unjudged
from alerts.cure import identifier, regclass, remark
from alerts.limits import BaseLimits
from alerts.runway.size_trends import TABLE_SIZES, table_key
from alerts.runway.trends import Trend
from alerts.snapshot import Snapshot
from alerts.units import Bytes, Duration, bytes_text, duration_text
from collectors._base import Role
from collectors._columns import column
from collectors.user_tables import UserTable, user_tables

A_MONTH = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    size: Bytes = 100 << 30
    """Size with indexes, from which vacuum and a restore of one table take hours."""
    doubled: Duration = timedelta(days=1095)
    """Time within which it doubles at its present pace; a slower one is no reason to rebuild it."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    trends = snapshot.of(TABLE_SIZES)
    rows = snapshot.rows(user_tables)
    heaps, indexes = column(rows, "table_size_bytes"), column(rows, "index_size_bytes")
    for number, (heap, index) in enumerate(zip(heaps, indexes, strict=True)):
        if (heap or 0) + index >= limits.size:
            row = rows[number]
            if row.relkind == "r" and row.root_relid is None:
                yield from judged(row, trends, limits)


def judged(row: UserTable, trends: Mapping[str, Trend], limits: Limits) -> Iterator[Outcome]:
    name = identifier(row.schemaname, row.relname)
    trend = trends.get(table_key(row.datname, row.relid))
    if trend is None or trend.rate is None:
        until = trend.known_at if trend else None
        yield Unjudged("its growth is not known yet", row.datname, name, until=until)
    elif trend.rate.mid > 0:
        doubled = row.total_bytes / trend.rate.mid
        if doubled <= limits.doubled.total_seconds():
            yield evidence(row, name, trend.rate.mid, doubled)


def evidence(row: UserTable, name: str, rate: float, doubled: float) -> Evidence:
    month = rate * A_MONTH.total_seconds()
    return Evidence(
        subject=name,
        severity=Severity.info,
        value=row.total_bytes,
        message=(
            f"{name} is not partitioned, has {bytes_text(row.total_bytes)} and grows by"
            f" {bytes_text(month)} a month; it doubles in {duration_text(doubled)}. Each vacuum,"
            " index build and rewrite of it takes as long as all of its rows need."
        ),
        facts={
            "size_bytes": row.total_bytes,
            "growth_per_month_bytes": month,
            "doubles_in_seconds": doubled,
            "rows": row.reltuples if row.reltuples >= 0 else None,
        },
        cure=(
            remark(
                "1. If rows are read by time and dropped by time, partition it by that time; a key"
                " must then contain the column."
            ),
            remark(
                "2. Make the partitioned table beside it, attach this one as the partition of all"
                " rows until now (a validated CHECK first, so that ATTACH reads nothing), and"
                " swap the names in one short transaction."
            ),
            remark("3. If rows can be dropped instead, agree on a retention first."),
        ),
        check=(
            "SELECT pg_catalog.pg_size_pretty(pg_catalog.pg_total_relation_size("
            f"{regclass(row.schemaname, row.relname)}));"
        ),
        object=name,
        database=row.datname,
    )


finding = Finding(
    title="Very large table without partitions",
    severities=(Severity.info,),
    reads=(user_tables,),
    limits=Limits(),
    judge=judge,
    unit="bytes",
    history=(TABLE_SIZES,),
    kind=FindingKind.review,
    scope=Reach.database,
    on=Role.primary,
)
