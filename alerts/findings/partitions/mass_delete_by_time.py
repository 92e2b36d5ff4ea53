"""Old rows are deleted in masses by their time, where dropping a partition would do."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from alerts._base import Evidence, Finding, FindingKind, Outcome, Reach, Severity, Unjudged
from alerts.cure import identifier, remark
from alerts.limits import FIXED, BaseLimits
from alerts.snapshot import Snapshot
from alerts.statements.changes import TableChange, changes, is_in_schema, named, tables_by_name
from alerts.statements.texts import STATEMENT_TEXTS, StatementTexts
from alerts.units import Bytes, Duration, Share, bytes_text, share_text
from collectors._base import Role
from collectors._columns import column, where
from collectors.stat_statements import Statement, stat_statements
from collectors.statement_texts import statement_texts
from collectors.user_tables import UserTable, user_tables

DAY = 86400.0


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    daily_rows: int = 100_000
    """Rows that the statement deletes a day, on average since the statistics were reset."""
    daily_share: Share = 0.002
    """Share of the table's rows that these are: a five-hundredth is a retention of 500 days."""
    of_deletes: Share = 0.5
    """Share of all rows that are deleted from the table."""
    size: Bytes = 1024**3
    """Minimum size of the table with its indexes; a smaller one is cleaned quickly."""
    watched: Annotated[Duration, FIXED] = timedelta(days=1)
    """Minimum age of the statistics."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    texts, rows = snapshot.of(STATEMENT_TEXTS), snapshot.rows(stat_statements)
    found = {one: change for one, change in changes(texts, "delete").items() if change.before}
    names = set(named(found))
    tables = snapshot.rows(user_tables)
    numbers = zip(column(tables, "relid"), column(tables, "relname"), strict=True)
    wanted = {relid for relid, name in numbers if name in names}
    known = tables_by_name(where(tables, "relid", wanted)) if wanted else {}
    for row in where(rows, "query_id", set(found)) if found else ():
        change = found[row.query_id]
        table = known.get((row.datname or "", change.table.name))
        if table is None or not is_large(table, limits) or not is_in_schema(change, table):
            continue
        yield from of_statement(snapshot, row, change, table, texts, limits)


def is_large(table: UserTable, limits: Limits) -> bool:
    """Whether it is worth partitions, and has none."""
    is_whole = table.relkind == "r" and table.root_relid is None
    return is_whole and table.total_bytes >= limits.size


def of_statement(
    snapshot: Snapshot,
    row: Statement,
    change: TableChange,
    table: UserTable,
    texts: StatementTexts,
    limits: Limits,
) -> Iterator[Outcome]:
    begun = max(filter(None, (row.stats_reset, row.stats_since)), default=None)
    if begun is None:
        return
    name, seconds = identifier(table.schemaname, table.relname), snapshot.at - begun
    if seconds < limits.watched.total_seconds():
        until = begun + limits.watched.total_seconds()
        yield Unjudged(
            "statements were not counted for long enough yet", row.datname, name, until=until
        )
        return
    daily, alive = row.rows / seconds * DAY, max(table.n_live_tup, 1)
    is_most = row.rows >= limits.of_deletes * table.n_tup_del
    if daily >= limits.daily_rows and daily >= limits.daily_share * alive and is_most:
        yield evidence(row, change, table, texts, daily)


def evidence(
    row: Statement, change: TableChange, table: UserTable, texts: StatementTexts, daily: float
) -> Evidence:
    name, by = identifier(table.schemaname, table.relname), identifier(change.before or "")
    share = daily / max(table.n_live_tup, 1)
    return Evidence(
        subject=name,
        severity=Severity.info,
        value=daily,
        message=(
            f"{row.usename} deletes {daily:,.0f} rows a day from {name}"
            f" ({bytes_text(table.total_bytes)}) by {by}, {share_text(share)} of its rows: each is"
            " written to WAL, leaves a dead row, and entries in every index. With partitions by"
            f" {by}, dropping the oldest would do, in an instant."
        ),
        facts={
            "deleted_rows_per_day": daily,
            "rows": table.n_live_tup,
            "size_bytes": table.total_bytes,
            "column": by,
            "statement": texts.shown(row.query_id),
            "wal_bytes": row.wal_bytes,
            "calls": row.calls,
        },
        cure=(
            remark(f"1. Make a table like {name}, partitioned by ranges of {by}, with partitions"),
            remark("made ahead; its primary key must contain that column."),
            remark(f"2. Attach {name} to it as the partition of all rows until now: a validated"),
            remark("CHECK first, so that ATTACH reads nothing; swap the names in one transaction."),
            remark("3. Instead of the DELETE, let the job DETACH PARTITION … CONCURRENTLY, then"),
            remark("DROP TABLE. Until then: delete in batches, each with a commit."),
        ),
        check=(
            "SELECT n_tup_del, n_dead_tup, last_autovacuum FROM pg_catalog.pg_stat_user_tables"
            f" WHERE relid OPERATOR(pg_catalog.=) {table.relid}::pg_catalog.oid;"
        ),
        key=f"{table.relid}/{row.userid}/{row.query_id}",
        object=name,
        database=row.datname,
    )


finding = Finding(
    title="Mass deletion by time",
    severities=(Severity.info,),
    reads=(stat_statements, user_tables),
    consults=(statement_texts,),
    history=(STATEMENT_TEXTS,),
    limits=Limits(),
    judge=judge,
    unit="rows",
    scope=Reach.database,
    on=Role.primary,
    kind=FindingKind.review,
)
