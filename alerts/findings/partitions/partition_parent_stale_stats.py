"""A partitioned table was never analysed as a whole, or long ago: autovacuum never does that."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

from alerts._base import Evidence, Finding, FindingKind, Outcome, Reach, Severity
from alerts.cure import remark
from alerts.limits import BaseLimits, Slack
from alerts.partitions.tree import Partitioned, leaves_of, partitioned_tables
from alerts.plural import plural
from alerts.snapshot import Snapshot
from collectors._base import Role
from collectors.partitions import Partition, partitions

SINCE_ONLY = 180000
"""The version from which a parent can be analysed without its partitions."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    rows: Annotated[int, Slack(0.75)] = 100_000
    """Rows of all partitions from which a wrong plan is slow."""
    grown: Annotated[float, Slack(0.75)] = 2.0
    """Rows now, as a multiple of those at its last ANALYZE."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    leaves = leaves_of(snapshot)
    for table in partitioned_tables(snapshot):
        own = table.table
        if own.parent_relid is not None:
            continue
        rows = rows_of(leaves[own.datname, own.relid])
        is_new = own.reltuples < 0
        if rows >= limits.rows and (is_new or rows > limits.grown * own.reltuples):
            yield evidence(snapshot, table, rows)


def rows_of(leaves: Sequence[Partition]) -> int:
    return int(sum(max(one.n_live_tup, one.reltuples, 0) for one in leaves))


def evidence(snapshot: Snapshot, table: Partitioned, rows: int) -> Evidence:
    own = table.table
    if own.reltuples < 0:
        since = "was never analysed as a whole"
    else:
        since = f"had about {plural(int(own.reltuples), 'row')} when it was analysed last"
    return Evidence(
        subject=table.name,
        severity=Severity.warning,
        value=rows,
        message=(
            f"{table.name} has about {plural(rows, 'row')} and {since}: autovacuum analyses its"
            " partitions only, and joins of the whole table are planned without its statistics."
        ),
        facts={
            "rows": rows,
            "rows_at_analyze": own.reltuples if own.reltuples >= 0 else None,
            "partitions": len(table.partitions),
        },
        cure=cure(snapshot, table),
        check=(
            "SELECT relname, last_analyze FROM pg_catalog.pg_stat_user_tables"
            f" WHERE relid OPERATOR(pg_catalog.=) {own.relid}::pg_catalog.oid;"
        ),
        object=table.name,
        database=own.datname,
    )


def cure(snapshot: Snapshot, table: Partitioned) -> tuple[str, ...]:
    has_only = (snapshot.node.version or 0) >= SINCE_ONLY
    what = f"ONLY {table.name}" if has_only else table.name
    reads = "a sample of all partitions" if has_only else "samples, and analyses each partition too"
    return (
        remark(f"It reads {reads}, and blocks no reads or writes; let a job repeat it:"),
        f"ANALYZE (SKIP_LOCKED) {what};",
    )


finding = Finding(
    title="Partitioned table not analysed",
    severities=(Severity.warning,),
    reads=(partitions,),
    limits=Limits(),
    judge=judge,
    unit="rows",
    kind=FindingKind.review,
    scope=Reach.database,
    on=Role.primary,
)
