"""A large part of an index is empty space, which every scan, cache and backup must include."""

from collections.abc import Iterator
from dataclasses import dataclass

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
from alerts.bloat.btree import BTree, BTreeEstimate, estimate_btree, least_share, most_share
from alerts.bloat.cures import duration_of, keeps_rows, release
from alerts.bloat.current import statistics_hidden
from alerts.bloat.current_btrees import TreeState, tree_states
from alerts.bloat.estimate import SMALLEST_FILE, Confidence, NotEvaluated, Obstacle
from alerts.bloat.measured import least_pages, of_index
from alerts.bloat.rebuilt import Rebuilt
from alerts.bloat.waste import WasteLimits, news
from alerts.cure import concurrently, equals, identifier, literal, remark
from alerts.snapshot import Snapshot
from alerts.units import Bytes, Share, bytes_text, share_text
from alerts.vacuum.horizon import CONSULTS, HorizonHolder, holder_of
from collectors._base import Role
from collectors._columns import column
from collectors.bloat_estimates import bloat_estimates
from collectors.btree_layout import btree_layout
from collectors.column_statistics import column_statistics
from collectors.database_sizes import database_sizes
from collectors.user_indexes import UserIndex, user_indexes
from collectors.user_tables import user_tables
from collectors.xmin_horizon import xmin_horizon

HOUR = 3600.0
SIMULATED = 200
"""Number of indexes, the largest first, estimated in one judgement; each takes milliseconds."""
BLOCK = 8192
SMALLEST_BYTES = SMALLEST_FILE * BLOCK
REBUILT = Rebuilt()
DOUBT = 0.15
"""Share by which deletes may change the size of an entry, as fewer keys are equal."""
MANY_DEAD = 0.2
"""Share of dead rows from which a rebuild would keep too many of their entries."""


@dataclass(frozen=True, slots=True)
class Limits(WasteLimits):
    min_share: Share = 0.5
    """Share of the index that a rebuild would free; about 30 % is normal where keys come in no
    order, and comes back soon."""
    min_bytes: Bytes = 256 * 1024**2
    """Space that a rebuild would free, from which it is reported."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    needed = news(snapshot, limits)
    simulated = 0
    sizes = column(snapshot.rows(user_indexes), "size_bytes")
    least = least_pages(size // BLOCK for size in sizes) * BLOCK
    for state in tree_states(snapshot, min(least, limits.least_bytes)):
        index, enough = state.index, needed(state.index.datname)
        if index.size_bytes >= least:
            yield from measured(state)
        if index.size_bytes < max(enough, SMALLEST_BYTES):
            continue
        if state.tree is None or state.without_dead is None:
            why = "its layout will be read within one hour"
            yield unjudged(index, why, until=snapshot.at + HOUR)
        elif not limits.reached(most_share(state.without_dead), index.size_bytes, enough):
            continue  # whatever its keys are
        elif simulated >= SIMULATED:
            yield unjudged(index, f"the {SIMULATED} largest candidates are estimated first")
        else:
            simulated += 1
            yield from judged(state, state.tree, snapshot, limits, enough)


def measured(state: TreeState) -> Iterator[Measured]:
    """Tell what is known of a large index, whether or not it is bloated."""
    found = estimate_btree(state.tree) if state.tree and state.is_one_state else None
    if isinstance(found, BTreeEstimate):
        yield of_index(state.index, found)


def judged(
    state: TreeState, tree: BTree, snapshot: Snapshot, limits: Limits, needed: float
) -> Iterator[Outcome]:
    index = state.index
    found = estimate_btree(tree)
    since_rebuilt = snapshot.of(REBUILT).empty_share(index)
    if since_rebuilt is not None and since_rebuilt < limits.min_share - DOUBT:
        return  # whatever the statistics tell: it was rebuilt, and is not that empty again
    if isinstance(found, NotEvaluated):
        yield from not_evaluated(state, tree, found, snapshot, limits, needed)
    elif limits.reached(found.low, index.size_bytes, needed):
        if state.is_one_state:
            yield evidence(state, found, snapshot)
        else:
            why = "its table was analysed since its layout was read, within one hour again"
            yield unjudged(index, why, until=snapshot.at + HOUR)
    elif hides_dead(state, limits, needed):
        yield unjudged(index, "vacuum has not removed the entries of many dead rows yet")


def hides_dead(state: TreeState, limits: Limits, needed: float) -> bool:
    """Return whether it is bloated once the entries of dead rows are removed."""
    if state.without_dead is None or not state.table.n_dead_tup:
        return False
    found = estimate_btree(state.without_dead)
    size = state.index.size_bytes
    return isinstance(found, BTreeEstimate) and limits.reached(found.low, size, needed)


def not_evaluated(
    state: TreeState,
    tree: BTree,
    found: NotEvaluated,
    snapshot: Snapshot,
    limits: Limits,
    needed: float,
) -> Iterator[Outcome]:
    """Judge by the longest possible entries, which need no statistics; else say what is missing."""
    index, least = state.index, least_share(tree)
    if found.obstacle is Obstacle.never_counted:
        yield unjudged(index, f"{found.reason}; ANALYZE its table")
    elif limits.reached(least, index.size_bytes, needed):
        size = index.size_bytes
        known = BTreeEstimate(least, least, 1.0, round(least * size), Confidence.high)
        yield evidence(state, known, snapshot)
    elif found.needs_grant:
        hidden = statistics_hidden(snapshot, index.datname)
        yield unjudged(index, found.reason, grant=hidden.grant if hidden else None)
    elif found.obstacle is not Obstacle.too_small:
        yield unjudged(index, f"{found.reason}; ANALYZE its table")


def unjudged(
    index: UserIndex, reason: str, grant: str | None = None, until: float | None = None
) -> Unjudged:
    file = index.relfilenode
    return Unjudged(reason, index.datname, name(index), grant, until, relfilenode=file)


def name(index: UserIndex) -> str:
    return identifier(index.schemaname, index.indexrelname)


def evidence(state: TreeState, found: BTreeEstimate, snapshot: Snapshot) -> Evidence:
    index, table = state.index, state.table
    sure = found.confidence is Confidence.high
    holder = holder_of(snapshot, index.datname) if has_many_dead(state) else None
    holder = holder if keeps_rows(holder) else None
    about = "At least" if found.high >= 1.0 else "About"
    kept = f" Many dead rows in it are kept by {holder.text}." if holder else ""
    return Evidence(
        subject=name(index),
        severity=Severity.warning if sure else Severity.info,
        value=found.bloat_bytes,
        message=(
            f"{about} {share_text(round(found.bloat_share, 2))} of the index {name(index)} is"
            f" empty: a rebuild would free {bytes_text(found.bloat_bytes)} of"
            f" {bytes_text(index.size_bytes)}"
            f"{'' if sure else ' (a rough estimate)'}.{kept}"
        ),
        facts={
            "table": identifier(index.schemaname, index.relname),
            "size_bytes": index.size_bytes,
            "bloat_bytes": found.bloat_bytes,
            "bloat_share": found.bloat_share,
            "lowest_share": found.low,
            "highest_share": min(1.0, found.high),
            "entries": index.reltuples,
            "dead_rows": table.n_dead_tup,
            "confidence": str(found.confidence),
            "held_by": holder.text if holder else None,
        },
        cure=cure(state, found, holder),
        check=(
            "SELECT pg_catalog.pg_size_pretty(pg_catalog.pg_relation_size(c.oid)) AS size,"
            " c.reltuples AS entries FROM pg_catalog.pg_class c"
            " JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace"
            f" WHERE {equals('n.nspname', literal(index.schemaname))}"
            f" AND {equals('c.relname', literal(index.indexrelname))};"
        ),
        object=name(index),
        database=index.datname,
        relfilenode=index.relfilenode,
    )


def has_many_dead(state: TreeState) -> bool:
    rows = max(1.0, state.table.reltuples)
    return state.table.n_dead_tup >= MANY_DEAD * (rows + state.table.n_dead_tup)


def cure(state: TreeState, found: BTreeEstimate, holder: HorizonHolder | None) -> tuple[str, ...]:
    index = state.index
    rest = index.size_bytes - found.bloat_bytes
    if index.is_exclusion:
        return (remark("REINDEX can't rebuild the index of an exclusion constraint in use."),)
    return (
        *(release(holder) if holder else ()),
        *vacuum(state),
        remark(
            f"A rebuild frees {bytes_text(found.bloat_bytes)}, blocks no reads or writes, needs"
            f" {bytes_text(rest)} of disk, and takes {duration_of(work(state, rest))}."
        ),
        *concurrently(
            f"REINDEX INDEX CONCURRENTLY {name(index)};",
            "an invalid index, whose name ends in _ccnew, is left; drop that, and repeat.",
        ),
    )


def work(state: TreeState, rest: float) -> float:
    return rest + (state.table.table_size_bytes or 0)


def vacuum(state: TreeState) -> tuple[str, ...]:
    """Return a vacuum where many entries are of dead rows, which a rebuild would keep."""
    if not has_many_dead(state):
        return ()
    table = identifier(state.table.schemaname, state.table.relname)
    return (
        remark("Many of its rows are dead; remove them first, or a rebuild keeps their entries:"),
        f"VACUUM {table};",
    )


finding = Finding(
    title="Index bloat",
    severities=(Severity.info, Severity.warning),
    reads=(user_indexes, user_tables, btree_layout),
    consults=(column_statistics, database_sizes, xmin_horizon, *CONSULTS),
    measures=bloat_estimates,
    history=(REBUILT,),
    limits=Limits(),
    judge=judge,
    unit="bytes",
    scope=Reach.database,
    on=Role.primary,
    alerted_by=AlertedBy.database,
)
