"""Sorts and hashes that work_mem has no room for go to temporary files, each hour."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from alerts._base import Evidence, Finding, FindingKind, Outcome, Severity, Unjudged
from alerts.cure import remark
from alerts.findings.settings._rows import by_name, hidden
from alerts.history.window import Window
from alerts.limits import FIXED, BaseLimits
from alerts.setting_owner import change
from alerts.snapshot import Snapshot
from alerts.units import Bytes, bytes_text, duration_text
from collectors.databases import databases
from collectors.settings import settings

HOUR = timedelta(hours=1)
SPILLED = Window(databases, HOUR, ("temp_files", "temp_bytes"))
MEGABYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    written: Bytes = 1 << 30
    """Temporary files within an hour; less is cheaper than the memory would be."""
    files: int = 100
    """Number of them: a few belong to reports, which can raise work_mem for themselves."""
    mean: Annotated[Bytes, FIXED] = 64 << 20
    """Mean size up to which memory can take their place: work_mem is per sort and session."""


@dataclass(frozen=True, slots=True)
class Spilled:
    """Temporary files of all databases."""

    files: float
    bytes: float
    seconds: float
    worst: str
    """The database with the most."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    own = by_name(snapshot).get("work_mem")
    yield from hidden(own)
    spilled, learning = spilled_of(snapshot)
    if own is None or own.number is None:
        return
    if spilled and spilled.bytes >= limits.written and spilled.files >= limits.files:
        if spilled.bytes / spilled.files <= limits.mean:
            yield evidence(snapshot, own.number, spilled)
    elif learning:
        yield learning


def spilled_of(snapshot: Snapshot) -> tuple[Spilled | None, Unjudged | None]:
    """Return the files of up to an hour, and why that is not a whole hour yet."""
    known = snapshot.of(SPILLED).delta(HOUR)
    if not known:
        return None, Unjudged("temporary files are not counted")
    worst = max(known, key=lambda key: known[key].increase["temp_bytes"])
    spilled = Spilled(
        sum(one.increase["temp_files"] for one in known.values()),
        sum(one.increase["temp_bytes"] for one in known.values()),
        max(one.seconds for one in known.values()),
        str(worst[0]),
    )
    if any(one.full for one in known.values()):
        return spilled, None
    until = min(one.until for one in known.values())
    return spilled, Unjudged("temporary files have not been counted for an hour yet", until=until)


def evidence(snapshot: Snapshot, work_mem: float, spilled: Spilled) -> Evidence:
    mean = spilled.bytes / spilled.files
    wanted = enough(mean, work_mem)
    return Evidence(
        subject="work_mem",
        severity=Severity.info,
        value=spilled.bytes,
        message=(
            f"{bytes_text(spilled.bytes)} went to {spilled.files:,.0f} temporary files in"
            f" {duration_text(spilled.seconds)}, most in {spilled.worst}: sorts and hashes of"
            f" about {bytes_text(mean)} each have no room in work_mem ({bytes_text(work_mem)})."
        ),
        facts={
            "temp_bytes": spilled.bytes,
            "temp_files": spilled.files,
            "mean_file_bytes": mean,
            "work_mem_bytes": work_mem,
            "within_seconds": spilled.seconds,
            "database": spilled.worst,
        },
        cure=(
            remark(
                "Raise it for the role or the statement that needs it: ALTER ROLE, or SET LOCAL"
                " in its transaction. Each sort and hash of each session may take that much."
            ),
            remark("For all, where memory for it is free in every session at once:"),
            *change(snapshot, "work_mem", f"'{wanted // MEGABYTE}MB'"),
        ),
        check="SELECT datname, temp_files, temp_bytes FROM pg_catalog.pg_stat_database;",
    )


def enough(mean: float, work_mem: float) -> int:
    """Return a power of two of megabytes; in memory, a sort needs about twice its file."""
    wanted = MEGABYTE
    while wanted < 2 * mean or wanted <= work_mem:
        wanted *= 2
    return wanted


finding = Finding(
    title="work_mem too small for the sorts",
    severities=(Severity.info,),
    reads=(settings, databases),
    limits=Limits(),
    judge=judge,
    unit="bytes",
    kind=FindingKind.review,
    history=(SPILLED,),
)
