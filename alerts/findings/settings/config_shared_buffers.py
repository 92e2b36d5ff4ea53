"""shared_buffers is the built-in default, and pages are read again and again."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from alerts._base import Evidence, Finding, FindingKind, Outcome, Severity, Unjudged
from alerts.cure import remark
from alerts.findings.settings._rows import by_name, hidden, origin
from alerts.history.window import Window
from alerts.limits import FIXED, BaseLimits, Slack
from alerts.setting_owner import change
from alerts.snapshot import Snapshot
from alerts.units import Bytes, Share, bytes_text, duration_text, share_text
from collectors.databases import databases
from collectors.settings import Setting, settings

HOUR = timedelta(hours=1)
PAGES = Window(databases, HOUR, ("blks_read", "blks_hit", "blk_read_milliseconds"))
PAGE = 8192


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    size: Annotated[Bytes, FIXED] = 128 << 20
    """What initdb sets; any other value was chosen."""
    read: Bytes = 8 << 30
    """Read within an hour, from the disk or from the cache of the operating system."""
    share: Annotated[Share, Slack(0.8)] = 0.05
    """Pages that had to be read, as a share of all that were asked for."""


@dataclass(frozen=True, slots=True)
class Reads:
    """Page accesses of all databases."""

    read: float
    hit: float
    read_seconds: float
    seconds: float

    @property
    def share(self) -> float:
        return self.read / max(1.0, self.read + self.hit)


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    own = by_name(snapshot).get("shared_buffers")
    yield from hidden(own)
    if own is None or own.number is None or own.number > limits.size:
        return
    known = snapshot.of(PAGES).delta(HOUR).values()
    columns = ("blks_read", "blks_hit", "blk_read_milliseconds")
    read, hit, milliseconds = (sum(one.increase[name] for one in known) for name in columns)
    seconds = max((one.seconds for one in known), default=0.0)
    reads = Reads(read, hit, milliseconds / 1000, seconds)
    if reads.read * PAGE >= limits.read and reads.share >= limits.share:
        yield evidence(snapshot, own, reads)
    elif not any(one.full for one in known):
        until = min((one.until for one in known), default=snapshot.at + HOUR.total_seconds())
        yield Unjudged("page reads have not been counted for an hour yet", until=until)


def evidence(snapshot: Snapshot, own: Setting, reads: Reads) -> Evidence:
    size = own.number or 0.0
    waited = f" and took {duration_text(reads.read_seconds)}" if reads.read_seconds else ""
    return Evidence(
        subject="shared_buffers",
        severity=Severity.info,
        value=reads.read * PAGE,
        message=(
            f"shared_buffers is {bytes_text(size)} ({origin(own)}): in"
            f" {duration_text(reads.seconds)}, {bytes_text(reads.read * PAGE)} had to be read into"
            f" it, {share_text(reads.share)} of all page accesses{waited}."
        ),
        facts={
            "read_bytes": reads.read * PAGE,
            "read_share": reads.share,
            "read_seconds": reads.read_seconds or None,
            "shared_buffers_bytes": size,
            "within_seconds": reads.seconds,
        },
        cure=(
            remark(
                "A quarter of the memory that the server has for itself is usual; how much that is"
                " can't be seen from here, so this is the least step:"
            ),
            *change(snapshot, "shared_buffers", f"'{2 * int(size) >> 20}MB'"),
        ),
        check="SELECT datname, blks_read, blks_hit FROM pg_catalog.pg_stat_database;",
    )


finding = Finding(
    title="shared_buffers never sized",
    severities=(Severity.info,),
    reads=(settings, databases),
    limits=Limits(),
    judge=judge,
    unit="bytes",
    kind=FindingKind.review,
    history=(PAGES,),
)
