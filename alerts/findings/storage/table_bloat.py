"""A large part of a table is empty space, which every scan, cache and backup must include."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from alerts._base import (
    AlertedBy,
    Evidence,
    Finding,
    Measured,
    Outcome,
    Reach,
    Severity,
    Unjudged,
)
from alerts.bloat import Confidence, Heap, HeapEstimate, NotEvaluated, Obstacle, estimate
from alerts.bloat.baseline import HeapBaseline
from alerts.bloat.by_baseline import by_baseline
from alerts.bloat.carried import HARDLY
from alerts.bloat.ceiling import ceiling
from alerts.bloat.cures import Rewrite, keeps_rows, release, rewrite
from alerts.bloat.current import HeapState, heap_states, statistics_hidden
from alerts.bloat.estimate import SMALLEST_FILE, Basis
from alerts.bloat.measured import least_pages, of_table
from alerts.bloat.waste import WasteLimits, news
from alerts.cure import equals, identifier, regclass, remark
from alerts.limits import FIXED
from alerts.snapshot import Snapshot
from alerts.units import Bytes, bytes_text, share_text
from alerts.vacuum.horizon import CONSULTS, HorizonHolder, holder_of
from collectors._base import Role
from collectors._columns import column
from collectors.bloat_estimates import bloat_estimates
from collectors.column_statistics import column_statistics
from collectors.database_sizes import database_sizes
from collectors.extensions import extensions
from collectors.table_layout import table_layout
from collectors.user_tables import UserTable, user_tables
from collectors.xmin_horizon import xmin_horizon

HOUR = 3600.0
BLOCK = 8192
SMALLEST_ROW = 28
SIMULATED = 200
"""Number of tables, the largest first, estimated in one judgement; each takes milliseconds."""
BASELINE = HeapBaseline()


@dataclass(frozen=True, slots=True)
class Limits(WasteLimits):
    rewrite_bytes: Annotated[Bytes, FIXED] = 1024**3
    """Size of live data up to which the cure offers VACUUM FULL, which then takes seconds."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    needed = news(snapshot, limits)
    suspects: list[HeapState] = []
    least = least_pages(column(snapshot.rows(user_tables), "relpages"))

    def is_news(table: UserTable) -> bool:
        return least_bytes(table) >= needed(table.datname)

    states = heap_states(snapshot, lambda table: is_news(table) or table.relpages >= least)
    for table, state in states:
        if state is None:
            yield from without_layout(table, snapshot) if is_news(table) else ()
            continue
        if table.relpages >= least:
            yield from measured(state, snapshot)
        if is_news(table) and may_be_bloated(state, limits, needed(table.datname)):
            suspects.append(state)
    suspects.sort(key=lambda suspect: suspect.table.relpages, reverse=True)
    for suspect in suspects[:SIMULATED]:
        yield from judged(suspect, snapshot, limits, needed(suspect.table.datname))
    for suspect in suspects[SIMULATED:]:
        yield unjudged(suspect.table, f"the {SIMULATED} largest candidates are estimated first")


def measured(state: HeapState, snapshot: Snapshot) -> Iterator[Measured]:
    """Tell what is known of a large table, whether or not it is bloated."""
    table, heap = state.table, state.carried.fullest if state.carried else state.joined
    found = estimate(heap) if state.is_one_state else None
    if not state.carried:
        found = by_baseline(heap, snapshot.of(BASELINE).of(table), found) or found
    if isinstance(found, HeapEstimate):
        yield of_table(table.datname, table.schemaname, table.relname, file_bytes(heap), found)


def without_layout(table: UserTable, snapshot: Snapshot) -> Iterator[Unjudged]:
    """The layout of small heaps is not read."""
    if table.relkind != "p" and not (table.reltuples >= 0 and table.relpages < SMALLEST_FILE):
        why = "its layout will be read within one hour"
        yield unjudged(table, why, until=snapshot.at + HOUR)


def judged(
    suspect: HeapState, snapshot: Snapshot, limits: Limits, needed: float
) -> Iterator[Outcome]:
    """Judge a table that may be bloated, from facts that belong together."""
    table, heap = suspect.table, suspect.joined
    found = estimate(heap)
    learned = by_baseline(heap, snapshot.of(BASELINE).of(table), found)
    if learned and reaches(learned.low, heap, limits, needed):
        yield evidence(table, heap, learned, limits, snapshot)
    elif learned and is_well(learned, table, heap, limits, needed):
        return
    elif isinstance(found, HeapEstimate) and reaches(found.low, heap, limits, needed):
        if suspect.is_one_state:
            yield evidence(table, heap, found, limits, snapshot)
        else:
            yield from judged_then(suspect, snapshot, limits, needed)
    elif suspect.carried and suspect.is_one_state:
        yield from judged_now(suspect, found, snapshot, limits, needed)
    else:
        yield from not_reached(table, heap, found, snapshot, limits, needed)


def judged_now(
    suspect: HeapState,
    then: HeapEstimate | NotEvaluated,
    snapshot: Snapshot,
    limits: Limits,
    needed: float,
) -> Iterator[Outcome]:
    """Judge with what was deleted since the last vacuum, which is no free space yet."""
    assert suspect.carried
    table, heap = suspect.table, suspect.carried.fullest
    sure, at_most = estimate(heap), estimate(suspect.carried.emptiest)
    if isinstance(sure, HeapEstimate) and reaches(sure.low, heap, limits, needed):
        yield evidence(table, heap, sure, limits, snapshot, waits_for_vacuum=True)
    elif isinstance(at_most, HeapEstimate) and reaches(at_most.low, heap, limits, needed):
        yield unjudged(table, "many of its rows were deleted or updated since the last vacuum")
    else:
        yield from not_reached(table, suspect.joined, then, snapshot, limits, needed)


def not_reached(
    table: UserTable,
    heap: Heap,
    found: HeapEstimate | NotEvaluated,
    snapshot: Snapshot,
    limits: Limits,
    needed: float,
) -> Iterator[Outcome]:
    """Say what hides whether it is bloated; nothing if it is not."""
    if isinstance(found, NotEvaluated):
        yield from not_evaluated(table, found, snapshot)
    elif found.is_outdated and reaches(found.high, heap, limits, needed):
        yield unjudged(table, "its statistics are too old to tell; ANALYZE it")


def judged_then(
    suspect: HeapState, snapshot: Snapshot, limits: Limits, needed: float
) -> Iterator[Outcome]:
    """Judge by the facts of the last hour, which agree, where it was analysed since."""
    table, heap = suspect.table, suspect.then
    found = estimate(heap) if heap else None
    if heap and isinstance(found, HeapEstimate) and reaches(found.low, heap, limits, needed):
        yield evidence(table, heap, found, limits, snapshot)
    else:
        why = "it was analysed or rewritten since its layout was read, within one hour again"
        yield unjudged(table, why, until=snapshot.at + HOUR)


def is_well(
    learned: HeapEstimate, table: UserTable, heap: Heap, limits: Limits, needed: float
) -> bool:
    """Return whether its rows take about what they took after a rewrite, and few have died."""
    if learned.basis is not Basis.rewrite or reaches(learned.high, heap, limits, needed):
        return False
    return table.n_dead_tup < HARDLY * (table.reltuples + table.n_dead_tup)


def reaches(share: float, heap: Heap, limits: Limits, needed: float) -> bool:
    return limits.reached(share, file_bytes(heap), needed)


def least_bytes(table: UserTable) -> int:
    """Return the size of the heap, or the minimum size of its rows if it is unknown."""
    if table.table_size_bytes is None:
        return (table.n_live_tup + table.n_dead_tup) * SMALLEST_ROW
    return table.relpages * BLOCK


def file_bytes(heap: Heap) -> int:
    return heap.relpages * heap.block_size


def may_be_bloated(state: HeapState, limits: Limits, needed: float) -> bool:
    """Return False for tables that are certainly well filled, without an estimate."""
    heap = state.carried.emptiest if state.carried else state.joined
    share = ceiling(heap)
    return share is None or reaches(share, heap, limits, needed)


def not_evaluated(table: UserTable, found: NotEvaluated, snapshot: Snapshot) -> Iterator[Unjudged]:
    if found.needs_grant:
        hidden = statistics_hidden(snapshot, table.datname)
        yield unjudged(table, found.reason, grant=hidden.grant if hidden else None)
    elif found.obstacle is not Obstacle.too_small:
        yield unjudged(table, f"{found.reason}; ANALYZE it")


def unjudged(
    table: UserTable, reason: str, grant: str | None = None, until: float | None = None
) -> Unjudged:
    file = table.relfilenode
    return Unjudged(reason, table.datname, name(table), grant, until, relfilenode=file)


def name(table: UserTable) -> str:
    return identifier(table.schemaname, table.relname)


def evidence(
    table: UserTable,
    heap: Heap,
    found: HeapEstimate,
    limits: Limits,
    snapshot: Snapshot,
    *,
    waits_for_vacuum: bool = False,
) -> Evidence:
    itself = regclass(table.schemaname, table.relname)
    size, sure = file_bytes(heap), found.confidence is Confidence.high
    is_dead = waits_for_vacuum or is_mostly_dead(found)
    holder = holder_of(snapshot, table.datname) if is_dead else None
    holder = holder if keeps_rows(holder) else None
    return Evidence(
        subject=name(table),
        severity=Severity.warning if sure and not waits_for_vacuum else Severity.info,
        value=found.bloat_bytes,
        message=message(table, found, size, holder, waits_for_vacuum=waits_for_vacuum),
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
            "compared_with": str(found.basis),
            "dropped_columns": found.has_dropped_columns,
            "waits_for_vacuum": waits_for_vacuum,
            "held_by": holder.text if holder else None,
        },
        cure=cure(table, found, holder, limits, snapshot, is_dead=is_dead),
        check=(
            "SELECT pg_catalog.pg_size_pretty(pg_catalog.pg_table_size(relid)) AS size,"
            " n_live_tup, n_dead_tup, last_vacuum, last_autovacuum, last_analyze, last_autoanalyze"
            f" FROM pg_catalog.pg_stat_user_tables WHERE {equals('relid', itself)};"
        ),
        object=name(table),
        database=table.datname,
        relfilenode=table.relfilenode,
    )


def message(
    table: UserTable,
    found: HeapEstimate,
    size: int,
    holder: HorizonHolder | None,
    *,
    waits_for_vacuum: bool,
) -> str:
    least = "At least" if found.basis is Basis.best else "About"
    about = f"{least} {share_text(round(found.bloat_share, 2))} of {name(table)} is dead rows"
    rough = "" if found.confidence is Confidence.high else " (a rough estimate)"
    freed = f"{bytes_text(found.bloat_bytes)} of {bytes_text(size)}"
    if waits_for_vacuum:
        said = f"{about} that vacuum has not removed yet: {freed}{rough}."
    else:
        said = f"{about} and free space: a rewrite would free {freed}{rough}."
    return f"{said} They are kept for {holder.text}." if holder else said


def is_mostly_dead(found: HeapEstimate) -> bool:
    return (found.dead_bytes or 0) * 2 >= found.bloat_bytes


def cure(
    table: UserTable,
    found: HeapEstimate,
    holder: HorizonHolder | None,
    limits: Limits,
    snapshot: Snapshot,
    *,
    is_dead: bool,
) -> tuple[str, ...]:
    """Return what frees the space: nothing that would keep what a holder still needs."""
    if holder:
        return (*release(holder), remark("Then remove them:"), *vacuum(table))
    if is_dead:
        makes = "VACUUM makes the space of dead rows free for new rows, and blocks no one:"
        return (remark(makes), *vacuum(table), *rewritten(table, found, limits, snapshot))
    return rewritten(table, found, limits, snapshot)


def vacuum(table: UserTable) -> tuple[str, ...]:
    return (f"VACUUM (ANALYZE) {name(table)};",)


def rewritten(
    table: UserTable, found: HeapEstimate, limits: Limits, snapshot: Snapshot
) -> tuple[str, ...]:
    work = Rewrite(
        table.datname,
        table.schemaname,
        table.relname,
        frees=found.bloat_bytes,
        writes=max(0, table.total_bytes - found.bloat_bytes),
        has_dropped_columns=found.has_dropped_columns,
    )
    return rewrite(work, snapshot, limits.rewrite_bytes)


finding = Finding(
    title="Table bloat",
    severities=(Severity.info, Severity.warning),
    reads=(user_tables, table_layout),
    consults=(column_statistics, database_sizes, extensions, xmin_horizon, *CONSULTS),
    measures=bloat_estimates,
    history=(BASELINE,),
    limits=Limits(),
    judge=judge,
    unit="bytes",
    scope=Reach.database,
    on=Role.primary,
    alerted_by=AlertedBy.database,
)
