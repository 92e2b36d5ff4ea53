"""A setting trades safety for speed: a crash can lose commits, or damage all data."""

from collections.abc import Iterator
from dataclasses import dataclass

from alerts._base import Evidence, Finding, FindingKind, Outcome, Severity, Unjudged
from alerts.cure import remark
from alerts.limits import BaseLimits
from alerts.setting_owner import change
from alerts.snapshot import Snapshot
from alerts.units import duration_text
from alerts.wal.server_settings import number_of, setting_of, writes_own_storage
from collectors.settings import Setting, settings


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    """Nothing to set: it is on or off."""


RISKS = {
    "fsync": (
        "a crash of the machine, such as a power failure, can damage the whole cluster so that"
        " only a backup helps"
    ),
    "full_page_writes": (
        "a crash of the machine can leave pages that are half old and half new, unless the file"
        " system writes them as a whole"
    ),
    "synchronous_commit": (
        "a crash loses the commits of the last {} although they were reported as done; nothing is"
        " damaged"
    ),
}
OF_PAGES = ("fsync", "full_page_writes")
"""Aurora writes no pages, so these mean nothing there."""

AFTERWARDS = {
    "fsync": (
        remark("What was written before is not on the disk for certain: run sync on the machine"),
        remark("afterwards, and take a new base backup."),
    ),
    "full_page_writes": (
        remark("Where the file system writes whole pages (ZFS), it may stay off: mute this."),
    ),
    "synchronous_commit": (
        remark("Sessions that may lose their commits can switch it off for themselves."),
    ),
}


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    for name in RISKS:
        if name in OF_PAGES and writes_own_storage(snapshot):
            continue
        row = setting_of(snapshot, name)
        if row is None or row.setting is None:
            yield Unjudged(f"the server's own {name} is not visible to our role", subject=name)
        elif row.setting == "off":
            yield evidence(snapshot, row)


def evidence(snapshot: Snapshot, row: Setting) -> Evidence:
    delay = 3 * (number_of(snapshot, "wal_writer_delay") or 0.2)
    risk = RISKS[row.name].format(duration_text(delay))
    return Evidence(
        subject=row.name,
        severity=Severity.info if row.name == "synchronous_commit" else Severity.warning,
        value=1,
        message=f"{row.name} is off: {risk}.",
        facts={"setting": row.name, "source": row.source},
        cure=(*change(snapshot, row.name, "on"), *AFTERWARDS[row.name]),
        check=f"SELECT name, setting, source, sourcefile FROM pg_catalog.pg_settings"
        f" WHERE name OPERATOR(pg_catalog.=) '{row.name}';",
    )


finding = Finding(
    title="Durability switched off",
    severities=(Severity.info, Severity.warning),
    reads=(settings,),
    limits=Limits(),
    judge=judge,
    kind=FindingKind.review,
)
