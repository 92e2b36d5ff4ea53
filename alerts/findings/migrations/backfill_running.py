"""A backfill in batches is running: how far it is, how fast, and what it costs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, NamedTuple

from alerts._base import Evidence, Finding, FindingKind, Outcome, Reach, Severity, Unjudged
from alerts.cure import identifier, remark
from alerts.limits import FIXED, BaseLimits
from alerts.snapshot import Snapshot
from alerts.statements.changes import TableChange, changes, is_in_schema, named, tables_by_name
from alerts.statements.history import STATEMENTS
from alerts.statements.load import Load, Ran
from alerts.statements.texts import STATEMENT_TEXTS
from alerts.units import Duration, Share, bytes_text, duration_text, share_text
from collectors._base import Role
from collectors._columns import column, where
from collectors.stat_statements import Statement, stat_statements
from collectors.statement_texts import statement_texts
from collectors.user_tables import UserTable, user_tables

LOOKED_AT = 100
"""Statements, those that change most rows."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    window: Annotated[Duration, FIXED] = timedelta(minutes=15)
    """Time over which rows are counted, at most one hour."""
    batches: Annotated[int, FIXED] = 10
    """Executions within the window; a single large one is backfill_unbatched."""
    batch_rows: Annotated[float, FIXED] = 100.0
    """Rows that each of them changes on average."""
    min_rows: int = 100_000
    """Rows of the table."""
    share: Annotated[Share, FIXED] = 0.005
    """Share of the table that was changed within the window."""
    once: Annotated[float, FIXED] = 1.2
    """Rows of the table, times this, up to which the statement has changed rows since the reset:
    a backfill changes each row once, and a job of every day many times."""
    dead: Share = 0.2
    """Share of dead rows from which it is a warning: vacuum does not keep pace."""


class Backfill(NamedTuple):
    """One that runs."""

    ran: Ran
    table: UserTable
    done: int
    """Rows that the statement has changed since the statistics were reset."""

    @property
    def speed(self) -> float:
        """Rows a second."""
        return self.ran.use.rows / self.ran.seconds

    @property
    def dead_share(self) -> float:
        return self.table.n_dead_tup / max(1, self.table.n_live_tup + self.table.n_dead_tup)


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    load = Load.of(snapshot, limits.window)
    if isinstance(load, Unjudged):
        yield load
        return
    found = changes(load.texts, "update")
    ran = [one for one in load.top("rows", LOOKED_AT) if is_batch(one, found, limits)]
    done = {(row.userid, row.dbid, row.query_id): row.rows for row in _rows(snapshot, ran)}
    tables = _tables(snapshot, {one.key[2]: found[one.key[2]] for one in ran})
    for one in ran:
        change = found[one.key[2]]
        table = tables.get((one.database or "", change.table.name))
        if table is not None and is_in_schema(change, table):
            backfill = Backfill(one, table, done.get(one.key, 0))
            if is_backfill(backfill, limits):
                yield evidence(backfill, limits)


def is_batch(ran: Ran, found: Mapping[int, TableChange], limits: Limits) -> bool:
    is_known = ran.key[2] in found and ran.use.calls >= limits.batches
    return is_known and ran.use.each("rows") >= limits.batch_rows


def _rows(snapshot: Snapshot, ran: list[Ran]) -> Iterator[Statement]:
    return where(snapshot.rows(stat_statements), "query_id", {one.key[2] for one in ran})


def _tables(
    snapshot: Snapshot, found: Mapping[int, TableChange]
) -> Mapping[tuple[str, str], UserTable | None]:
    rows, names = snapshot.rows(user_tables), set(named(found))
    numbers = zip(column(rows, "relid"), column(rows, "relname"), strict=True)
    wanted = {relid for relid, name in numbers if name in names}
    return tables_by_name(where(rows, "relid", wanted))


def is_backfill(one: Backfill, limits: Limits) -> bool:
    """Whether it goes through the table for the first time."""
    rows = one.table.n_live_tup
    is_large = rows >= limits.min_rows and one.ran.use.rows >= limits.share * rows
    return is_large and one.done <= limits.once * rows


def evidence(one: Backfill, limits: Limits) -> Evidence:
    name, use = identifier(one.table.schemaname, one.table.relname), one.ran.use
    left = max(0, one.table.n_live_tup - one.done) / one.speed
    is_late = one.dead_share >= limits.dead
    dead = f"; {share_text(one.dead_share)} of its rows are dead" if is_late else ""
    return Evidence(
        subject=f"{name}, query {one.ran.query_id}",
        severity=Severity.warning if is_late else Severity.info,
        value=use.rows,
        message=(
            f"{one.ran.user} changes rows of {name} in batches: {use.rows:,.0f} rows within"
            f" {duration_text(one.ran.seconds)}, about {one.done:,} of {one.table.n_live_tup:,} so"
            f" far; at that pace all of them take {duration_text(left)} more, at"
            f" {bytes_text(use.wal_bytes / one.ran.seconds)} of WAL a second{dead}."
        ),
        facts={
            "table": name,
            "rows_done": one.done,
            "rows": one.table.n_live_tup,
            "rows_per_second": one.speed,
            "rows_per_batch": use.each("rows"),
            "left_seconds": left,
            "wal_bytes_per_second": use.wal_bytes / one.ran.seconds,
            "dead_rows": one.table.n_dead_tup,
            "statement": one.ran.text,
        },
        cure=(
            remark("If it is meant, let it go on. Longer pauses or smaller batches help where"),
            remark("standbys lag (replica_lag), WAL piles up, or dead rows grow: vacuum must take"),
            remark("them before the next round. When no row is left, count the rows that still"),
            remark("lack the value before the next step, such as NOT NULL by a validated CHECK."),
        ),
        check=(
            "SELECT n_live_tup, n_dead_tup, last_autovacuum"
            " FROM pg_catalog.pg_stat_user_tables WHERE relid OPERATOR(pg_catalog.=)"
            f" {one.table.relid}::pg_catalog.oid;"
        ),
        key=one.ran.identity,
        object=name,
        database=one.ran.database,
    )


finding = Finding(
    title="Backfill in batches running",
    severities=(Severity.info, Severity.warning),
    reads=(stat_statements, user_tables),
    consults=(statement_texts,),
    history=(STATEMENTS, STATEMENT_TEXTS),
    limits=Limits(),
    judge=judge,
    unit="rows",
    scope=Reach.database,
    on=Role.primary,
    kind=FindingKind.review,
)
