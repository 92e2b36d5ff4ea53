"""Cures of bloat: what keeps dead rows is ended first, and what a rewrite costs is said."""

from alerts.cure import remark
from alerts.units import duration_text
from alerts.vacuum.horizon import HolderKind, HorizonHolder

BYTES_PER_SECOND = 50 * 1024**2
"""Speed at which a rewrite is expected to go: that of a modest disk."""
BRIEF = 10.0
"""Seconds; a statement that has run for less is no reason to wait."""


RESET = ("RESET lock_timeout;", "RESET statement_timeout;")


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
