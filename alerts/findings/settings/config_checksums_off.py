"""Without checksums, a page that the storage returns changed is read as if it were right."""

from collections.abc import Iterator
from dataclasses import dataclass

from alerts._base import Evidence, Finding, FindingKind, Outcome, Severity
from alerts.cure import remark
from alerts.findings.settings._rows import by_name
from alerts.limits import BaseLimits
from alerts.snapshot import Snapshot
from collectors.settings import settings

STEPS = (
    "On a standby first, one node after the other, so that the service goes on:",
    "1. Stop the server cleanly: pg_ctl stop -m fast",
    "2. pg_checksums --enable --progress -D the data directory (it reads and writes every page)",
    "3. Start it; then switch over, and do the same on the former primary.",
)


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    """Nothing to set: pages have checksums or they have not."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    row = by_name(snapshot).get("data_checksums")
    if row is not None and row.setting == "off":
        yield Evidence(
            subject="data checksums",
            severity=Severity.info,
            value=1,
            message=(
                "Data checksums are off: a page that the storage damages is not noticed when it is"
                " read, and goes into backups and standbys."
            ),
            facts={"data_checksums": "off"},
            cure=tuple(map(remark, STEPS)),
            check="SHOW data_checksums;",
        )


finding = Finding(
    title="No data checksums",
    severities=(Severity.info,),
    reads=(settings,),
    limits=Limits(),
    judge=judge,
    kind=FindingKind.review,
)
