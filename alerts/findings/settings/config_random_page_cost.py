"""The planner takes random reads to be slow, but they are measured to be fast."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import Annotated

from alerts._base import Evidence, Finding, FindingKind, Outcome, Severity, Unjudged
from alerts.findings.settings._rows import by_name, hidden
from alerts.history.window import CounterWindow, Window
from alerts.limits import FIXED, BaseLimits
from alerts.setting_owner import change
from alerts.snapshot import Snapshot
from alerts.units import Duration, duration_text
from collectors.settings import settings
from collectors.stat_io import stat_io

OF_A_DISK = 4.0
"""The built-in value: reading a page elsewhere costs four times as much as the next one."""
OF_AN_SSD = "1.1"
MILLISECOND = 0.001
WATCHED = 0.95
"""Share of the hour that must have been seen."""
HOUR = timedelta(hours=1)
READS = Window(stat_io, HOUR, ("reads", "read_seconds"))
OF_CLIENTS = ("client backend", "relation", "normal")
"""The row that counts reads of single pages, by sessions of clients."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    fast: Annotated[Duration, FIXED] = timedelta(milliseconds=1)
    """Mean time of a random read up to which the storage is no disk."""
    reads: int = 10_000
    """Minimum number of measured reads within an hour."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    known = by_name(snapshot)
    cost, timing = known.get("random_page_cost"), known.get("track_io_timing")
    yield from hidden(cost, timing)
    if cost is None or cost.number is None or cost.number < OF_A_DISK:
        return
    if timing is None or timing.setting != "on":
        yield Unjudged("reads are not timed (track_io_timing is off)", subject="random_page_cost")
        return
    snapshot.rows(stat_io)
    window = snapshot.of(READS).windows.get(OF_CLIENTS)
    reads, seconds = measured(window) if window else (0.0, 0.0)
    if reads >= limits.reads:
        if seconds / reads <= limits.fast.total_seconds():
            yield evidence(snapshot, cost.number, round(reads), seconds / reads)
    elif window is None or snapshot.at - window.samples[0].at < WATCHED * HOUR.total_seconds():
        begun = window.samples[0].at if window else snapshot.at
        why = "reads have not been timed for an hour yet"
        yield Unjudged(why, subject="random_page_cost", until=begun + HOUR.total_seconds())


def measured(window: CounterWindow) -> tuple[float, float]:
    """Return the reads that were timed, and their seconds.

    Those before timing was switched on are counted without a time: what counts is between two
    answers of which the time has grown, and has grown before the first of them too.
    """
    reads = seconds = 0.0
    was_timed = False
    for old, new in pairwise(window.samples):
        more, time = (b - a for a, b in zip(old.values, new.values, strict=True))
        if time > 0 and was_timed:
            reads, seconds = reads + more, seconds + time
        was_timed = time > 0 or (was_timed and not more)
    return reads, seconds


def evidence(snapshot: Snapshot, cost: float, reads: int, mean: float) -> Evidence:
    return Evidence(
        subject="random_page_cost",
        severity=Severity.info,
        value=mean,
        message=(
            f"random_page_cost is {cost:g}, as for a disk, but {reads:,} reads within an hour took"
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
    history=(READS,),
)
