"""Cures of bloat: what keeps dead rows is ended first, and what a rewrite costs is said."""

from dataclasses import dataclass

from alerts.bloat.online_rewrite import online
from alerts.cure import identifier, remark
from alerts.snapshot import Snapshot
from alerts.units import bytes_text, duration_text
from alerts.vacuum.horizon import HolderKind, HorizonHolder

BYTES_PER_SECOND = 50 * 1024**2
"""Speed at which a rewrite is expected to go: that of a modest disk."""
BRIEF = 10.0
"""Seconds; a statement that has run for less is no reason to wait."""


def keeps_rows(holder: HorizonHolder | None) -> bool:
    """Return whether it is more than one of the short statements of a busy server."""
    if holder is None:
        return False
    is_brief = holder.seconds is not None and holder.seconds < BRIEF
    return not (holder.kind is HolderKind.statement and is_brief)


def release(holder: HorizonHolder) -> tuple[str, ...]:
    """Return how the holder is ended, which comes first."""
    elsewhere = holder.datname is not None and holder.kind is HolderKind.prepared_transaction
    where = f", in database {holder.datname}" if elsewhere else ""
    return (remark(f"First end what keeps the dead rows{where}:"), *holder.cure)


def duration_of(work_bytes: float) -> str:
    """Return how long it takes to write that much, for reading."""
    return f"about {duration_text(max(1.0, float(round(work_bytes / BYTES_PER_SECOND))))}"


@dataclass(frozen=True, slots=True)
class Rewrite:
    """A rewrite of a table with its TOAST and indexes."""

    datname: str
    schemaname: str
    relname: str
    frees: int
    writes: int
    has_dropped_columns: bool = False


def rewrite(work: Rewrite, snapshot: Snapshot, largest: int) -> tuple[str, ...]:
    """Return how it is rewritten; the statement is offered only if it takes seconds."""
    dropped = ", also that of dropped columns" if work.has_dropped_columns else ""
    advice = (
        remark(f"Only a rewrite returns space to the disk{dropped}, here"),
        remark(f"{bytes_text(work.frees)}. It needs {bytes_text(work.writes)} of free disk."),
        *online(snapshot, work.datname, work.schemaname, work.relname),
    )
    lock = f"VACUUM FULL blocks all access, reads too, for {duration_of(work.writes)}"
    if work.writes > largest:
        return (*advice, remark(f"{lock}; not in use."))
    return (
        *advice,
        remark(f"{lock}. It gives up"),
        remark("after 2 s of waiting or 30 s of work, with nothing changed:"),
        "SET lock_timeout = '2s';",
        "SET statement_timeout = '30s';",
        f"VACUUM (FULL, ANALYZE) {identifier(work.schemaname, work.relname)};",
    )
