"""max_wal_size is too small for the busy hours: every day checkpoints come before their time."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from typing import Annotated

from alerts._base import Evidence, Finding, FindingKind, Outcome, Severity, Unjudged
from alerts.cure import remark
from alerts.findings.settings._rows import by_name, hidden
from alerts.limits import FIXED, BaseLimits
from alerts.setting_owner import change
from alerts.snapshot import Snapshot
from alerts.units import Duration, Share, bytes_text, duration_text, share_text
from alerts.wal.checkpoints import trigger_bytes
from alerts.wal.server_settings import AURORA, number_of, writes_own_storage
from collectors._base import Role
from collectors.checkpointer import checkpointer
from collectors.settings import settings
from collectors.stat_wal import stat_wal

NAME = "max_wal_size"
DAY = 86400.0
GIB = 1024**3
PAGE = 8192
CHECK = (
    "SELECT pg_catalog.pg_size_pretty(wal_bytes) AS wal, wal_fpi, stats_reset"
    " FROM pg_catalog.pg_stat_wal;"
)


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    daily: float = 12.0
    """Checkpoints a day that the volume of WAL requested, on average."""
    images: Share = 0.2
    """Share of WAL that is whole pages, which early checkpoints multiply."""
    watched: Annotated[Duration, FIXED] = timedelta(days=7)
    """Age of the counters from which their average is a habit."""


@dataclass(frozen=True, slots=True)
class Habit:
    """Average behaviour of the server since its counters began."""

    early: float
    """Checkpoints that the volume of WAL can have requested;"""
    seconds: float
    """within this time."""
    image_bytes: float
    wal_bytes: float
    written_seconds: float
    """Time within which the WAL was written: both views may be reset for themselves."""

    @property
    def watched(self) -> float:
        """Seconds that both were counted."""
        return min(self.seconds, self.written_seconds)

    @property
    def daily(self) -> float:
        return self.early / self.seconds * DAY

    @property
    def images(self) -> float:
        """Share of whole pages in WAL, before compression."""
        return min(1.0, self.image_bytes / self.wal_bytes) if self.wal_bytes else 0.0


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    own = by_name(snapshot).get(NAME)
    yield from hidden(own)
    if writes_own_storage(snapshot):
        yield Unjudged(AURORA)
        return
    if own is None or own.number is None:
        return
    habit = habit_of(snapshot)
    if habit is None or habit.watched < limits.watched.total_seconds():
        seen = habit.watched if habit else 0.0
        until = snapshot.at - seen + limits.watched.total_seconds()
        yield Unjudged("checkpoints were not counted for long enough yet", until=until)
    elif habit.daily >= limits.daily and habit.images >= limits.images:
        yield evidence(snapshot, own.number, habit)


def habit_of(snapshot: Snapshot) -> Habit | None:
    """Return the averages; None where it is not known since when something is counted.

    A base backup, CREATE DATABASE and CHECKPOINT request checkpoints as well: the volume of WAL
    allows only one for each time that it reaches the trigger.
    """
    done, wal = snapshot.row(checkpointer), snapshot.row(stat_wal)
    if done.stats_reset is None or wal.stats_reset is None:
        return None
    counted, written = snapshot.at - done.stats_reset, snapshot.at - wal.stats_reset
    if counted <= 0 or written <= 0:
        return None
    by_volume = wal.bytes / written * counted // trigger_bytes(snapshot)
    page = number_of(snapshot, "block_size") or PAGE
    early = min(done.num_requested, by_volume)
    return Habit(early, counted, wal.full_page_images * page, wal.bytes, written)


def evidence(snapshot: Snapshot, size: float, habit: Habit) -> Evidence:
    wanted = ceil(2 * size / GIB)
    return Evidence(
        subject=NAME,
        severity=Severity.info,
        value=habit.daily,
        message=(
            f"Over {duration_text(habit.seconds)}, {habit.daily:,.0f} checkpoints a day came early,"
            f" because WAL had reached max_wal_size ({bytes_text(size)}). After each one the first"
            f" change of every page writes all of it: {share_text(habit.images)} of WAL is such"
            " pages."
        ),
        facts={
            "early_checkpoints_per_day": habit.daily,
            "counted_seconds": habit.seconds,
            "full_page_images_share": habit.images,
            "full_page_bytes_per_day": habit.image_bytes / habit.written_seconds * DAY,
            "wal_bytes_per_day": habit.wal_bytes / habit.written_seconds * DAY,
            "max_wal_size_bytes": size,
        },
        cure=(
            remark(f"pg_wal may then grow to {wanted} GiB and more: the disk must have that free."),
            *change(snapshot, NAME, f"'{wanted}GB'"),
            remark("Double it again until checkpoints come by time in the busy hours, too. A"),
            remark("crash recovery takes longer with it."),
        ),
        check=CHECK,
    )


finding = Finding(
    title="max_wal_size too small for the busy hours",
    severities=(Severity.info,),
    reads=(settings, checkpointer, stat_wal),
    limits=Limits(),
    judge=judge,
    unit="checkpoints",
    kind=FindingKind.review,
    on=Role.primary,
)
