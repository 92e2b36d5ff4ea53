"""The directory of WAL is much larger than max_wal_size; one thing keeps the files in it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from alerts._base import Evidence, Finding, Outcome, Severity, Unjudged
from alerts.cure import remark
from alerts.limits import BaseLimits
from alerts.snapshot import Snapshot
from alerts.units import Bytes, bytes_text
from alerts.wal.archive_queue import POSITIONS
from alerts.wal.retention import Keeper, Retained, retained_by
from alerts.wal.server_settings import needed
from alerts.wal.speed import WRITTEN, growth_text
from collectors.archiver import archiver
from collectors.last_checkpoint import last_checkpoint
from collectors.replication_slots import replication_slots
from collectors.settings import settings
from collectors.wal_directory import WalDirectory, wal_directory
from collectors.wal_position import wal_position

SUBJECT = "pg_wal"
KEEPERS = (archiver, last_checkpoint, replication_slots, wal_position)


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    times: float = 2.0
    """Size of pg_wal as a multiple of max_wal_size; it passes max_wal_size itself in a burst."""
    least: Bytes = 2 * 1024**3
    """Minimum size that is reported."""
    explained: float = 0.5
    """Share of the size that something must keep to be named as its reason."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    row, allowed = snapshot.row(wal_directory), needed(snapshot, "max_wal_size")
    if row.size_bytes < max(limits.least, limits.times * allowed):
        return
    kept = retained_by(snapshot)
    reason = next((one for one in kept if one.bytes >= limits.explained * row.size_bytes), None)
    if reason:
        yield evidence(snapshot, row, allowed, reason, kept)
    elif blind := [c.name for c in KEEPERS if not snapshot.has(c)]:
        yield Unjudged(f"what keeps it is not known without {' and '.join(blind)}", subject=SUBJECT)
    # Else it is left from a burst of writes, and the next checkpoints recycle it.


def evidence(
    snapshot: Snapshot,
    row: WalDirectory,
    allowed: float,
    reason: Retained,
    kept: tuple[Retained, ...],
) -> Evidence:
    by_choice = reason.keeper is Keeper.keep_size
    return Evidence(
        subject=SUBJECT,
        severity=Severity.info if by_choice else Severity.warning,
        value=row.size_bytes,
        message=(
            f"pg_wal holds {bytes_text(row.size_bytes)}; max_wal_size is {bytes_text(allowed)}:"
            f" {_why(reason)}.{growth_text(snapshot)}"
        ),
        facts={
            "size_bytes": row.size_bytes,
            "max_wal_size_bytes": allowed,
            "reason": reason.keeper.value,
            "kept_by": reason.name,
            **{f"kept_by_{_word(one)}_bytes": one.bytes for one in reversed(kept)},
        },
        cure=_cure(reason),
        check=("SELECT pg_catalog.count(*), pg_catalog.sum(size) FROM pg_catalog.pg_ls_waldir();"),
    )


def _word(one: Retained) -> str:
    return one.keeper.value.replace(" ", "_")


def _why(reason: Retained) -> str:
    kept = bytes_text(reason.bytes)
    return {
        Keeper.slot: f"the slot {reason.name} keeps {kept}",
        Keeper.archive: f"{kept} wait to be archived",
        Keeper.keep_size: f"wal_keep_size asks for {kept}",
        Keeper.checkpoint: f"{kept} were written since the last completed checkpoint",
    }[reason.keeper]


def _cure(reason: Retained) -> tuple[str, ...]:
    """Return the way to the cure of what keeps it: the files themselves are never deleted."""
    way = {
        Keeper.slot: f"See slot_wal_retained: start the consumer of {reason.name}",
        Keeper.archive: "See archive_failing and archive_stalled: repair archiving",
        Keeper.keep_size: "Lower wal_keep_size if no standby without a slot needs that much",
        Keeper.checkpoint: "See checkpoint_overdue: find out why the checkpoint does not complete",
    }
    return (
        remark(f"{way[reason.keeper]}."),
        remark("Never delete files from pg_wal by hand: the server could not start again."),
    )


finding = Finding(
    title="WAL directory too large",
    severities=(Severity.info, Severity.warning),
    reads=(wal_directory, settings),
    consults=KEEPERS,
    history=(POSITIONS, WRITTEN),
    limits=Limits(),
    judge=judge,
    unit="bytes",
    hold=timedelta(minutes=10),
    because=("archive_failing", "archive_stalled", "checkpoint_overdue", "slot_wal_retained"),
)
