"""A large part of a table's TOAST, where its long values are, is empty space."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from typing import Annotated

from alerts._base import AlertedBy, Evidence, Finding, Outcome, Reach, Severity, Unjudged
from alerts.bloat.cures import Rewrite, keeps_rows, release, rewrite
from alerts.bloat.estimate import SMALLEST_FILE
from alerts.bloat.waste import WasteLimits, news
from alerts.cure import equals, identifier, regclass, remark
from alerts.limits import FIXED
from alerts.snapshot import Snapshot
from alerts.units import Bytes, bytes_text, share_text
from alerts.vacuum.horizon import CONSULTS, HorizonHolder, holder_of
from collectors._base import Role
from collectors._columns import column, where
from collectors.database_sizes import database_sizes
from collectors.extensions import extensions
from collectors.user_tables import UserTable, user_tables
from collectors.xmin_horizon import xmin_horizon

BLOCK = 8192
CHUNKS_ON_A_PAGE = 4
"""Parts of long values, of 2 kB each; the last part of each value is shorter."""


@dataclass(frozen=True, slots=True)
class Limits(WasteLimits):
    rewrite_bytes: Annotated[Bytes, FIXED] = 1024**3
    """Size of live data up to which the cure offers VACUUM FULL, which then takes seconds."""


@dataclass(frozen=True, slots=True)
class Toast:
    """TOAST of a table, and how much of it is surely empty."""

    table: UserTable
    pages: int
    empty: float
    """Share of the file, as last vacuumed or analysed: at least."""
    grown_pages: int
    """Its size with what was inserted since: nothing was reused before the next vacuum."""
    with_dead: float
    """Share of that which is empty or was deleted since."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    needed = news(snapshot, limits)
    for table in large(snapshot, limits.least_bytes):
        pages, enough = table.toast_relpages or 0, needed(table.datname)
        if pages < SMALLEST_FILE or pages * BLOCK < enough:
            continue
        toast = toast_of(table, pages)
        if toast is None:
            yield unjudged(table, "its TOAST was never vacuumed; VACUUM the table")
        elif limits.reached(toast.empty, toast.pages * BLOCK, enough):
            yield evidence(toast, toast.empty, snapshot, limits)
        elif limits.reached(toast.with_dead, toast.grown_pages * BLOCK, enough):
            yield evidence(toast, toast.with_dead, snapshot, limits, waits_for_vacuum=True)


def large(snapshot: Snapshot, least_bytes: float) -> Iterator[UserTable]:
    rows = snapshot.rows(user_tables)
    sizes = zip(column(rows, "relid"), column(rows, "toast_relpages"), strict=True)
    return iter(
        where(rows, "relid", {oid for oid, size in sizes if (size or 0) * BLOCK >= least_bytes})
    )


def toast_of(table: UserTable, pages: int) -> Toast | None:
    chunks = table.toast_reltuples
    if chunks is None or chunks < 0:
        return None
    put_in = chunks + (table.toast_n_ins or 0)
    left = max(0.0, put_in - (table.toast_n_dead_tup or 0))
    grown = max(pages, ceil(put_in / max(CHUNKS_ON_A_PAGE, chunks / pages)))
    return Toast(table, pages, empty_share(chunks, pages), grown, empty_share(left, grown))


def empty_share(chunks: float, pages: int) -> float:
    """Return the share that a rewrite would free if all parts were of full length, or more."""
    return max(0.0, 1.0 - ceil(chunks / CHUNKS_ON_A_PAGE) / pages)


def unjudged(table: UserTable, reason: str) -> Unjudged:
    return Unjudged(reason, table.datname, name(table), relfilenode=table.relfilenode)


def name(table: UserTable) -> str:
    return identifier(table.schemaname, table.relname)


def evidence(
    toast: Toast,
    share: float,
    snapshot: Snapshot,
    limits: Limits,
    *,
    waits_for_vacuum: bool = False,
) -> Evidence:
    table = toast.table
    size = (toast.grown_pages if waits_for_vacuum else toast.pages) * BLOCK
    freed = round(share * size)
    holder = holder_of(snapshot, table.datname) if table.toast_n_dead_tup else None
    holder = holder if keeps_rows(holder) else None
    what = "deleted and not vacuumed yet" if waits_for_vacuum else "empty"
    kept = f" What was deleted is kept by {holder.text}." if holder else ""
    return Evidence(
        subject=name(table),
        severity=Severity.info if waits_for_vacuum else Severity.warning,
        value=freed,
        message=(
            f"At least {share_text(round(share, 2))} of the TOAST of {name(table)}, where its long"
            f" values are, is {what}: {bytes_text(freed)} of {bytes_text(size)}.{kept}"
        ),
        facts={
            "size_bytes": size,
            "bloat_bytes": freed,
            "bloat_share": share,
            "lowest_share": share,
            "chunks": table.toast_reltuples,
            "dead_chunks": table.toast_n_dead_tup,
            "waits_for_vacuum": waits_for_vacuum,
            "held_by": holder.text if holder else None,
        },
        cure=cure(toast, freed, holder, snapshot, limits, waits_for_vacuum=waits_for_vacuum),
        check=(
            "SELECT t.relname, pg_catalog.pg_size_pretty(pg_catalog.pg_relation_size(t.oid))"
            " AS size, pg_catalog.pg_stat_get_dead_tuples(t.oid) AS dead"
            " FROM pg_catalog.pg_class c"
            " JOIN pg_catalog.pg_class t ON t.oid OPERATOR(pg_catalog.=) c.reltoastrelid"
            f" WHERE {equals('c.oid', regclass(table.schemaname, table.relname))};"
        ),
        object=name(table),
        database=table.datname,
        relfilenode=table.relfilenode,
    )


def cure(
    toast: Toast,
    freed: int,
    holder: HorizonHolder | None,
    snapshot: Snapshot,
    limits: Limits,
    *,
    waits_for_vacuum: bool,
) -> tuple[str, ...]:
    table = toast.table
    vacuum = f"VACUUM {name(table)};"
    if holder:
        return (*release(holder), remark("Then remove them:"), vacuum)
    writes = max(0, table.total_bytes - freed)
    work = Rewrite(table.datname, table.schemaname, table.relname, freed, writes)
    first = (remark("VACUUM makes it free for new values:"), vacuum) if waits_for_vacuum else ()
    return (*first, *rewrite(work, snapshot, limits.rewrite_bytes))


finding = Finding(
    title="TOAST bloat",
    severities=(Severity.info, Severity.warning),
    reads=(user_tables,),
    consults=(database_sizes, extensions, xmin_horizon, *CONSULTS),
    limits=Limits(),
    judge=judge,
    unit="bytes",
    scope=Reach.database,
    on=Role.primary,
    alerted_by=AlertedBy.database,
)
