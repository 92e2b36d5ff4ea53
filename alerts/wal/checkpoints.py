"""Checkpoints over the last hour: how many, why, and what they cost."""

from dataclasses import dataclass
from datetime import timedelta

from alerts._base import Unjudged
from alerts.history.window import Delta, Window
from alerts.snapshot import Snapshot, Unknown
from alerts.wal.server_settings import needed
from alerts.wal.speed import WRITTEN
from collectors.checkpointer import checkpointer

HOUR = timedelta(hours=1)
CHECKPOINTS = Window(
    checkpointer, HOUR, ("num_timed", "num_requested", "write_milliseconds", "sync_milliseconds")
)


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """Checkpoints of up to an hour; skipped ones of an idle server may be counted as timed."""

    timed: float
    requested: float
    write_seconds: float
    sync_seconds: float
    seconds: float

    @property
    def all(self) -> float:
        return self.timed + self.requested


def checkpoints_of(snapshot: Snapshot) -> tuple[Checkpoints, Unjudged | None]:
    """Return the checkpoints, and why that is not a whole hour yet."""
    counted = snapshot.of(CHECKPOINTS).delta(HOUR).get(())
    if counted is None:
        raise Unknown("checkpoints are not counted")
    grown = counted.increase
    checkpoints = Checkpoints(
        grown["num_timed"],
        grown["num_requested"],
        grown["write_milliseconds"] / 1000,
        grown["sync_milliseconds"] / 1000,
        counted.seconds,
    )
    return checkpoints, _learning(counted)


def _learning(counted: Delta) -> Unjudged | None:
    return (
        None
        if counted.full
        else Unjudged("checkpoints have not been counted for long enough yet", until=counted.until)
    )


def trigger_bytes(snapshot: Snapshot) -> float:
    """Return the WAL after which a checkpoint is requested.

    The next one has to be completed before max_wal_size is reached.
    """
    share = needed(snapshot, "checkpoint_completion_target")
    return needed(snapshot, "max_wal_size") / (1 + share)


def by_size(snapshot: Snapshot, requested: float) -> float:
    """Return how many of the requested checkpoints can have been caused by the volume of WAL.

    A base backup, CREATE DATABASE and the command CHECKPOINT request one too. PostgreSQL counts
    them together, but the volume allows only one for each time that it reaches the trigger.
    """
    written = snapshot.of(WRITTEN).delta(WRITTEN.span).get(())
    if written is None:
        raise Unknown("the volume of WAL is not known")
    return min(requested, written.increase["lsn"] // trigger_bytes(snapshot))
