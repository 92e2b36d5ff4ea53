"""The disks are slow: sessions wait long for each page that they read, or commits for each sync."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from alerts._base import Evidence, Finding, Outcome, Severity, Unjudged
from alerts.cure import ACTIVITY, remark
from alerts.history.window import Delta, Window
from alerts.limits import FIXED, BaseLimits
from alerts.snapshot import Snapshot
from alerts.units import Duration, duration_text
from alerts.wal.server_settings import number_of
from collectors.databases import databases
from collectors.settings import settings
from collectors.stat_wal import stat_wal

WINDOW = timedelta(minutes=10)
READ = Window(databases, WINDOW, ("blks_read", "blk_read_milliseconds"))
SYNCED = Window(stat_wal, WINDOW, ("syncs", "sync_seconds"))
READS, SYNCS = "reads", "WAL syncs"


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    window: Annotated[Duration, FIXED] = WINDOW
    """Window over which is averaged; at most ten minutes."""
    read: Duration = timedelta(milliseconds=20)
    """Mean time to read a page; a hard disk takes 10 ms, a solid state disk less than one."""
    read_least: int = 10_000
    """Minimum number of pages read in the window."""
    sync: Duration = timedelta(milliseconds=50)
    """Mean time to sync WAL, which each commit waits for."""
    sync_least: int = 500
    """Minimum number of syncs in the window."""


@dataclass(frozen=True, slots=True)
class Latency:
    """Operations and the time that they took, in sum."""

    subject: str
    count: float
    seconds: float
    within: float

    @property
    def mean(self) -> float:
        return self.seconds / self.count if self.count else 0.0


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    read, synced = snapshot.of(READ).delta(limits.window), {}
    if snapshot.has(stat_wal):
        synced = snapshot.of(SYNCED).delta(limits.window)
    yield from of(snapshot, READS, "track_io_timing", _read(list(read.values())), limits)
    yield from of(snapshot, SYNCS, "track_wal_io_timing", _synced(list(synced.values())), limits)


def of(
    snapshot: Snapshot, subject: str, timing: str, measured: Latency | None, limits: Limits
) -> Iterator[Outcome]:
    """Judge one kind of operation. Where PostgreSQL measures no times, say so; it is not 0."""
    if not number_of(snapshot, timing):
        yield Unjudged(f"{timing} is off: times are not measured", subject=subject, setting=timing)
    elif measured is None:
        until = snapshot.at + limits.window.total_seconds()
        yield Unjudged(
            "times have not been summed for long enough yet", subject=subject, until=until
        )
    elif _is_slow(measured, limits):
        yield evidence(measured)


def _is_slow(measured: Latency, limits: Limits) -> bool:
    if measured.subject == READS:
        return measured.count >= limits.read_least and (
            measured.mean >= limits.read.total_seconds()
        )
    return measured.count >= limits.sync_least and measured.mean >= limits.sync.total_seconds()


def _read(deltas: list[Delta]) -> Latency | None:
    """Return the reads of all databases; what the kernel has cached makes the mean smaller."""
    if not any(delta.full for delta in deltas):
        return None
    pages = sum(delta.increase["blks_read"] for delta in deltas)
    milliseconds = sum(delta.increase["blk_read_milliseconds"] for delta in deltas)
    return Latency(READS, pages, milliseconds / 1000, max(delta.seconds for delta in deltas))


def _synced(deltas: list[Delta]) -> Latency | None:
    full = [delta for delta in deltas if delta.full]
    if not full:
        return None
    grown = full[0].increase
    return Latency(SYNCS, grown["syncs"], grown["sync_seconds"], full[0].seconds)


def evidence(measured: Latency) -> Evidence:
    reads = measured.subject == READS
    what = "page read" if reads else "sync of WAL"
    whose = "statements" if reads else "commits"
    return Evidence(
        subject=measured.subject,
        severity=Severity.warning,
        value=measured.mean,
        message=(
            f"Each of {measured.count:,.0f} {what}s in {duration_text(round(measured.within))} took"
            f" {duration_text(measured.mean)} on average; {whose} wait for them."
        ).replace("sync of WALs", "syncs of WAL"),
        facts={
            "mean_seconds": measured.mean,
            "operations": measured.count,
            "waited_seconds": measured.seconds,
            "within_seconds": measured.within,
        },
        cure=(
            remark("Look at the disk: its queue, its throughput, and the limits of its provider"),
            remark("(IOPS, throughput, burst credits). See who else uses it: backups, vacuum,"),
            remark("a checkpoint, another machine on the same storage."),
            remark(
                "Fewer reads: statements with the most shared_blks_read, and missing indexes."
                if reads
                else "Fewer syncs: larger transactions, commit_delay; pg_wal on its own disk."
            ),
        ),
        check=(
            "SELECT wait_event_type, wait_event, pg_catalog.count(*) FROM"
            f" {ACTIVITY} WHERE wait_event_type OPERATOR(pg_catalog.=) 'IO' GROUP BY 1, 2;"
        ),
    )


finding = Finding(
    title="Slow disks",
    severities=(Severity.warning,),
    reads=(databases, settings),
    consults=(stat_wal,),
    history=(READ, SYNCED),
    limits=Limits(),
    judge=judge,
    unit="seconds",
)
