"""A large part of a table is empty space, which every scan, cache and backup must include."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated

from alerts._base import AlertedBy, Evidence, Finding, Outcome, Reach, Severity, Unjudged
from alerts.bloat import Confidence, Heap, HeapEstimate, NotEvaluated, Obstacle, estimate
from alerts.bloat.ceiling import ceiling
from alerts.bloat.current import HeapState, heap_states, statistics_hidden
from alerts.bloat.estimate import SMALLEST_FILE
from alerts.cure import OLD_TRANSACTIONS, equals, identifier, regclass, remark
from alerts.limits import FIXED, BaseLimits
from alerts.snapshot import Snapshot
from alerts.units import Bytes, Share, bytes_text, share_text
from collectors._base import Role
from collectors.column_statistics import column_statistics
from collectors.database_sizes import database_sizes
from collectors.table_layout import table_layout
from collectors.user_tables import UserTable, user_tables
from collectors.xmin_horizon import xmin_horizon

HOUR = 3600.0
SMALLEST_ROW = 28
SIMULATED = 200
"""Number of tables, the largest first, estimated in one judgement; each takes milliseconds."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    slack = 0.75

    min_share: Share = 0.4
    """Share of the table that a rewrite would free; below 30 % is normal."""
    min_bytes: Bytes = 1024**3
    """Space that a rewrite would free, from which it is reported."""
    min_database_share: Share = 0.1
    """Or this share of its database, for small databases."""
    floor_bytes: Bytes = 10 * 1024**2
    """Minimum space, even in a small database."""
    rewrite_bytes: Annotated[Bytes, FIXED] = 1024**3
    """Size of live data up to which the cure offers VACUUM FULL, which then takes seconds."""

    def news_in(self, database_bytes: int | None) -> float:
        """Return the bytes that must be wasted in a database of that size."""
        if database_bytes is None:
            return self.min_bytes
        return max(self.floor_bytes, min(self.min_bytes, self.min_database_share * database_bytes))


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    needed = news(snapshot, limits)
    suspects: list[HeapState] = []
    for table, state in heap_states(snapshot, lambda table: least_bytes(table) >= needed(table)):
        if state is None:
            yield from without_layout(table, snapshot)
        elif may_be_bloated(state.joined, limits, needed(table)):
            suspects.append(state)
    suspects.sort(key=lambda suspect: suspect.table.relpages, reverse=True)
    for suspect in suspects[:SIMULATED]:
        yield from judged(suspect, snapshot, limits, needed(suspect.table))
    for suspect in suspects[SIMULATED:]:
        yield unjudged(suspect.table, f"the {SIMULATED} largest candidates are estimated first")


def without_layout(table: UserTable, snapshot: Snapshot) -> Iterator[Unjudged]:
    """The layout of small heaps is not read; such a table is large by its TOAST."""
    if table.relkind == "p":
        return
    if table.reltuples >= 0 and table.relpages < SMALLEST_FILE:
        yield unjudged(table, "most of it is TOAST, whose free space is not estimated")
    else:
        why = "its layout will be read within one hour"
        yield unjudged(table, why, until=snapshot.at + HOUR)


def judged(
    suspect: HeapState, snapshot: Snapshot, limits: Limits, needed: float
) -> Iterator[Outcome]:
    """Judge a table that may be bloated, from facts that belong together."""
    table, heap = suspect.table, suspect.joined
    found = estimate(heap)
    if isinstance(found, NotEvaluated):
        yield from not_evaluated(table, found, snapshot)
    elif not reaches(found.high, heap, limits, needed):
        return  # cured, or never bloated
    elif not reaches(found.low, heap, limits, needed):
        if found.confidence is Confidence.low:
            yield unjudged(table, "its statistics are too old to tell; ANALYZE it")
    elif suspect.is_one_state:
        yield evidence(table, heap, found, limits, held_by(snapshot, table))
    else:
        yield from judged_then(suspect, snapshot, limits, needed)


def judged_then(
    suspect: HeapState, snapshot: Snapshot, limits: Limits, needed: float
) -> Iterator[Outcome]:
    """Judge by the facts of the last hour, which agree, where it was analysed since."""
    table, heap = suspect.table, suspect.then
    found = estimate(heap) if heap else None
    if heap and isinstance(found, HeapEstimate) and reaches(found.low, heap, limits, needed):
        yield evidence(table, heap, found, limits, held_by(snapshot, table))
    else:
        why = "it was analysed or rewritten since its layout was read, within one hour again"
        yield unjudged(table, why, until=snapshot.at + HOUR)


def reaches(share: float, heap: Heap, limits: Limits, needed: float) -> bool:
    return share >= limits.min_share and share * file_bytes(heap) >= needed


def held_by(snapshot: Snapshot, table: UserTable) -> str | None:
    """Return who may still see dead rows of its database, the oldest; None if nothing does."""
    rows = snapshot.rows(xmin_horizon) if snapshot.has(xmin_horizon) else ()
    held = [row for row in rows if row.datname in (None, table.datname) and row.xmin_age > 0]
    if not held:
        return None
    oldest = max(held, key=lambda row: row.xmin_age)
    kind = "session with pid" if oldest.holder == "session" else oldest.holder.replace("_", " ")
    return f"{kind} {oldest.name}"


def news(snapshot: Snapshot, limits: Limits) -> Callable[[UserTable], float]:
    """Return the bytes that a table must waste, by the size of its database."""
    rows = snapshot.rows(database_sizes) if snapshot.has(database_sizes) else ()
    needed = {row.datname: limits.news_in(row.size_bytes) for row in rows}
    return lambda table: needed.get(table.datname, limits.news_in(None))


def least_bytes(table: UserTable) -> int:
    """Return the size of the table, or the minimum size of its rows if it is unknown."""
    if table.table_size_bytes is None:
        return (table.n_live_tup + table.n_dead_tup) * SMALLEST_ROW
    return table.table_size_bytes


def file_bytes(heap: Heap) -> int:
    return heap.relpages * heap.block_size


def may_be_bloated(heap: Heap, limits: Limits, needed: float) -> bool:
    """Return False for tables that are certainly well filled, without an estimate."""
    share = ceiling(heap)
    return share is None or (share >= limits.min_share and share * file_bytes(heap) >= needed)


def not_evaluated(table: UserTable, found: NotEvaluated, snapshot: Snapshot) -> Iterator[Unjudged]:
    if found.needs_grant:
        hidden = statistics_hidden(snapshot, table.datname)
        yield unjudged(table, found.reason, grant=hidden.grant if hidden else None)
    elif found.obstacle is not Obstacle.too_small:
        yield unjudged(table, f"{found.reason}; ANALYZE it")


def unjudged(
    table: UserTable, reason: str, grant: str | None = None, until: float | None = None
) -> Unjudged:
    return Unjudged(reason, table.datname, name(table), grant, until)


def name(table: UserTable) -> str:
    return identifier(table.schemaname, table.relname)


def evidence(
    table: UserTable, heap: Heap, found: HeapEstimate, limits: Limits, holder: str | None
) -> Evidence:
    itself = regclass(table.schemaname, table.relname)
    size, sure = file_bytes(heap), found.confidence is Confidence.high
    return Evidence(
        subject=name(table),
        severity=Severity.warning if sure else Severity.info,
        value=found.bloat_bytes,
        message=(
            f"About {share_text(round(found.bloat_share, 2))} of {name(table)} is dead rows and"
            " free space:"
            f" a rewrite would free {bytes_text(found.bloat_bytes)} of {bytes_text(size)}"
            f"{'' if sure else ' (from statistics that are slightly out of date)'}."
        ),
        facts={
            "size_bytes": size,
            "bloat_bytes": found.bloat_bytes,
            "bloat_share": found.bloat_share,
            "lowest_share": found.low,
            "highest_share": found.high,
            "dead_bytes": found.dead_bytes,
            "free_bytes": found.free_bytes,
            "dead_rows": table.n_dead_tup,
            "row_bytes": found.tuple_bytes,
            "confidence": str(found.confidence),
            "dropped_columns": found.has_dropped_columns,
            "held_by": holder if is_mostly_dead(found) else None,
        },
        cure=(
            remark(f"On the primary, in database {table.datname}. This is an estimate; measure"),
            remark("it with the extension pgstattuple, whose schema \\dx shows:"),
            remark(f"SELECT * FROM SCHEMA.pgstattuple_approx({itself});"),
            *vacuum(table, found),
            *(held(holder) if holder and is_mostly_dead(found) else rewrite(table, found, limits)),
        ),
        check=(
            "SELECT pg_catalog.pg_size_pretty(pg_catalog.pg_table_size(relid)) AS size,"
            " n_live_tup, n_dead_tup, last_vacuum, last_autovacuum, last_analyze, last_autoanalyze"
            f" FROM pg_catalog.pg_stat_user_tables WHERE {equals('relid', itself)};"
        ),
        object=name(table),
        database=table.datname,
    )


def is_mostly_dead(found: HeapEstimate) -> bool:
    return (found.dead_bytes or 0) * 2 >= found.bloat_bytes


def held(holder: str) -> tuple[str, ...]:
    """Offer no rewrite, which would keep the rows as VACUUM does."""
    return (
        remark(f"The {holder} may still see dead rows. While it does, neither VACUUM"),
        remark("nor VACUUM FULL frees them: end it first, then VACUUM again."),
    )


def vacuum(table: UserTable, found: HeapEstimate) -> tuple[str, ...]:
    """Vacuum first, if much of it is dead rows; it blocks no reads or writes."""
    if not is_mostly_dead(found):
        return ()
    return (
        remark("Most of it is dead rows. VACUUM makes their space reusable, and blocks no one;"),
        remark("rows that an open transaction may still see stay, so check for old ones first:"),
        OLD_TRANSACTIONS,
        f"VACUUM (ANALYZE) {name(table)};",
    )


def rewrite(table: UserTable, found: HeapEstimate, limits: Limits) -> tuple[str, ...]:
    """Rewrite the table; the statement is offered only if it takes seconds."""
    live = table.total_bytes - found.bloat_bytes
    advice = [
        remark("New rows of this table can use the space; only a rewrite returns it to the disk."),
        remark("pg_repack and pg_squeeze do that while the table is in use."),
    ]
    if found.has_dropped_columns:
        advice.append(remark("A part is the space of dropped columns, which only a rewrite frees."))
    if live > limits.rewrite_bytes:
        why = f"VACUUM FULL would block all access while it writes {bytes_text(live)}."
        return (*advice, remark(why))
    return (
        *advice,
        remark("VACUUM FULL BLOCKS ALL ACCESS, reads too, while it writes"),
        remark(f"{bytes_text(live)}, and needs that much free disk. It gives up after 2 s of"),
        remark("waiting or 30 s of work, with nothing changed:"),
        "SET lock_timeout = '2s';",
        "SET statement_timeout = '30s';",
        f"VACUUM (FULL, ANALYZE) {name(table)};",
    )


finding = Finding(
    title="Table bloat",
    severities=(Severity.info, Severity.warning),
    reads=(user_tables, table_layout),
    consults=(column_statistics, database_sizes, xmin_horizon),
    limits=Limits(),
    judge=judge,
    unit="bytes",
    scope=Reach.database,
    on=Role.primary,
    alerted_by=AlertedBy.database,
)
