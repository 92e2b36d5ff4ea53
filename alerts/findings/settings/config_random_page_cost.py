"""The planner takes random reads to be slow, but they are measured to be fast."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from alerts._base import Evidence, Finding, FindingKind, Outcome, Severity, Unjudged
from alerts.findings.settings._rows import by_name, hidden
from alerts.limits import FIXED, BaseLimits
from alerts.setting_owner import change
from alerts.snapshot import Snapshot
from alerts.units import Duration, duration_text
from collectors.settings import settings
from collectors.stat_io import Io, stat_io

OF_A_DISK = 4.0
"""The built-in value: reading a page elsewhere costs four times as much as the next one."""
OF_AN_SSD = "1.1"
MILLISECOND = 0.001


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    fast: Annotated[Duration, FIXED] = timedelta(milliseconds=1)
    """Mean time of a random read up to which the storage is no disk."""
    reads: int = 10_000
    """Minimum number of measured reads."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    known = by_name(snapshot)
    cost, timing = known.get("random_page_cost"), known.get("track_io_timing")
    yield from hidden(cost, timing)
    if cost is None or cost.number is None or cost.number < OF_A_DISK:
        return
    measured = [row for row in snapshot.rows(stat_io) if is_random(row)]
    reads = sum(row.reads or 0 for row in measured)
    seconds = sum(row.read_seconds or 0.0 for row in measured)
    if timing is None or timing.setting != "on" or not seconds:
        yield Unjudged("reads are not timed (track_io_timing is off)", subject="random_page_cost")
    elif reads >= limits.reads and seconds / reads <= limits.fast.total_seconds():
        yield evidence(snapshot, cost.number, reads, seconds / reads)


def is_random(row: Io) -> bool:
    """Whether it counts reads of single pages, by sessions of clients."""
    kind = row.backend_type, row.object, row.context
    return kind == ("client backend", "relation", "normal")


def evidence(snapshot: Snapshot, cost: float, reads: int, mean: float) -> Evidence:
    return Evidence(
        subject="random_page_cost",
        severity=Severity.info,
        value=mean,
        message=(
            f"random_page_cost is {cost:g}, as for a disk, but {reads:,} reads took"
            f" {duration_text(mean) if mean >= MILLISECOND else 'less than 1 ms'} each: the planner"
            " avoids indexes that would be faster."
        ),
        facts={"reads": reads, "mean_read_seconds": mean, "random_page_cost": cost},
        cure=change(snapshot, "random_page_cost", OF_AN_SSD),
        check=(
            "SELECT backend_type, object, context, reads, read_time FROM pg_catalog.pg_stat_io"
            " WHERE reads IS NOT NULL;"
        ),
    )


finding = Finding(
    title="Planner costs of a disk",
    severities=(Severity.info,),
    reads=(settings, stat_io),
    limits=Limits(),
    judge=judge,
    unit="seconds",
    kind=FindingKind.review,
)
