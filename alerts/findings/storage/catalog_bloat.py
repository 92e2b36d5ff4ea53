"""A large part of a system catalogue is empty space, which planning may have to read."""

from collections.abc import Iterator
from dataclasses import dataclass

from alerts._base import AlertedBy, Evidence, Finding, Outcome, Reach, Severity, Unjudged
from alerts.bloat import Confidence, Heap, HeapEstimate, NotEvaluated, Obstacle, estimate, heap_of
from alerts.bloat.ceiling import ceiling
from alerts.bloat.cures import duration_of, keeps_rows, release
from alerts.bloat.current import statistics_hidden
from alerts.bloat.waste import WasteLimits
from alerts.cure import equals, identifier, regclass, remark
from alerts.snapshot import Snapshot
from alerts.units import Bytes, Share, bytes_text, share_text
from alerts.vacuum.horizon import CONSULTS, HorizonHolder, holder_of
from collectors._base import Role
from collectors._columns import column, where
from collectors.column_statistics import column_statistics
from collectors.table_layout import TableLayout, table_layout
from collectors.xmin_horizon import xmin_horizon

HOUR = 3600.0
CATALOG = "pg_catalog"
NEVER_ANALYSED = "pg_statistic"
"""PostgreSQL keeps no statistics of the statistics."""


@dataclass(frozen=True, slots=True)
class Limits(WasteLimits):
    min_share: Share = 0.5
    """Share of the catalogue that a rewrite would free."""
    min_bytes: Bytes = 256 * 1024**2
    """Space that a rewrite would free, from which it is reported. Most catalogues have a few
    megabytes."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    layouts = list(catalogs(snapshot, limits))
    wanted = {layout.relid for layout in layouts}
    known = snapshot.rows(column_statistics) if snapshot.has(column_statistics) else ()
    statistics = {(row.datname, row.relid): row for row in where(known, "relid", wanted)}
    for layout in layouts:
        own = statistics.get((layout.datname, layout.relid))
        readable = statistics_hidden(snapshot, layout.datname) is None
        heap = heap_of(layout, own, statistics_readable=readable)
        is_one_state = own is None or own.last_analyze == layout.last_analyze
        yield from judged(layout, heap, snapshot, limits, is_one_state=is_one_state)


def catalogs(snapshot: Snapshot, limits: Limits) -> Iterator[TableLayout]:
    """Return the system catalogues that are large enough to waste that much."""
    rows = snapshot.rows(table_layout)
    names = zip(column(rows, "relid"), column(rows, "schemaname"), strict=True)
    for row in where(rows, "relid", {relid for relid, schema in names if schema == CATALOG}):
        if row.schemaname == CATALOG and row.relpages * row.block_size >= limits.min_bytes:
            yield row


def judged(
    layout: TableLayout, heap: Heap, snapshot: Snapshot, limits: Limits, *, is_one_state: bool
) -> Iterator[Outcome]:
    """`is_one_state`: whether the layout and the column statistics are of the same ANALYZE."""
    size = heap.relpages * heap.block_size
    most = ceiling(heap)
    if most is not None and not limits.reached(most, size, limits.min_bytes):
        return
    found = estimate(heap)
    if isinstance(found, NotEvaluated):
        yield from not_evaluated(layout, found, snapshot)
    elif limits.reached(found.low, size, limits.min_bytes):
        if is_one_state:
            yield evidence(layout, found, snapshot)
        else:
            why = "it was analysed while its layout was read, within one hour again"
            until = snapshot.at + HOUR
            yield Unjudged(why, layout.datname, name(layout), until=until)


def not_evaluated(
    layout: TableLayout, found: NotEvaluated, snapshot: Snapshot
) -> Iterator[Unjudged]:
    if found.needs_grant:
        hidden = statistics_hidden(snapshot, layout.datname)
        grant = hidden.grant if hidden else None
        yield Unjudged(found.reason, layout.datname, name(layout), grant)
    elif layout.relname == NEVER_ANALYSED:
        yield Unjudged("PostgreSQL keeps no statistics of it", layout.datname, name(layout))
    elif found.obstacle is not Obstacle.too_small:
        yield Unjudged(f"{found.reason}; ANALYZE it", layout.datname, name(layout))


def name(layout: TableLayout) -> str:
    return identifier(layout.schemaname, layout.relname)


def evidence(layout: TableLayout, found: HeapEstimate, snapshot: Snapshot) -> Evidence:
    size = layout.relpages * layout.block_size
    holder = holder_of(snapshot, layout.datname, catalog=True) if layout.n_dead_tup else None
    holder = holder if keeps_rows(holder) else None
    sure = found.confidence is Confidence.high
    kept = f" Its dead rows are kept by {holder.text}." if holder else ""
    return Evidence(
        subject=name(layout),
        severity=Severity.warning if sure else Severity.info,
        value=found.bloat_bytes,
        message=(
            f"About {share_text(round(found.bloat_share, 2))} of the system catalogue"
            f" {name(layout)} is dead rows and free space: {bytes_text(found.bloat_bytes)} of"
            f" {bytes_text(size)}.{kept}"
        ),
        facts={
            "size_bytes": size,
            "bloat_bytes": found.bloat_bytes,
            "bloat_share": found.bloat_share,
            "lowest_share": found.low,
            "highest_share": found.high,
            "dead_rows": layout.n_dead_tup,
            "confidence": str(found.confidence),
            "held_by": holder.text if holder else None,
        },
        cure=cure(layout, found, size, holder),
        check=(
            "SELECT relname, pg_catalog.pg_size_pretty(pg_catalog.pg_relation_size(relid)) AS size,"
            " n_live_tup, n_dead_tup, last_autovacuum FROM pg_catalog.pg_stat_sys_tables"
            f" WHERE {equals('relid', regclass(layout.schemaname, layout.relname))};"
        ),
        object=name(layout),
        database=layout.datname,
    )


def cure(
    layout: TableLayout, found: HeapEstimate, size: int, holder: HorizonHolder | None
) -> tuple[str, ...]:
    """Vacuum it; a rewrite stops every session, so it is given as steps."""
    writes = size - found.bloat_bytes
    return (
        *(release(holder) if holder else ()),
        remark("As a superuser: this makes dead rows free for new ones, and blocks no one."),
        f"VACUUM (ANALYZE) {name(layout)};",
        remark("1. Find what makes it grow: temporary tables in a loop, DDL, large objects."),
        remark(
            f"2. Only a rewrite returns {bytes_text(found.bloat_bytes)} to the disk. It blocks all"
            f" sessions that plan a query, for {duration_of(writes)}; in a maintenance window, with"
            " a lock_timeout:"
        ),
        remark(f"VACUUM (FULL, ANALYZE) {name(layout)};"),
    )


finding = Finding(
    title="System catalogue bloat",
    severities=(Severity.info, Severity.warning),
    reads=(table_layout,),
    consults=(column_statistics, xmin_horizon, *CONSULTS),
    limits=Limits(),
    judge=judge,
    unit="bytes",
    scope=Reach.database,
    on=Role.primary,
    alerted_by=AlertedBy.database,
)
