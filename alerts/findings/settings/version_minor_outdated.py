"""Minor releases with repaired defects that this server does not have."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from alerts._base import Evidence, Finding, FindingKind, Outcome, Severity
from alerts.cure import remark
from alerts.findings.settings._releases import AS_OF, LATEST, day_of, missed
from alerts.limits import BaseLimits
from alerts.plural import plural
from alerts.snapshot import Snapshot
from alerts.units import Duration
from collectors.server import server


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    releases: int = 2
    """Number of missed releases."""
    after: Duration = timedelta(days=90)
    """Or time since the first missed one."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    row = snapshot.row(server)
    behind = missed(row.version_num)
    if not behind:
        return
    since = day_of(snapshot.at) - behind[0]
    if len(behind) >= limits.releases or since >= limits.after:
        major = row.version_num // 10_000
        yield Evidence(
            subject=f"PostgreSQL {row.short_version}",
            severity=Severity.info,
            value=len(behind),
            message=(
                f"{plural(len(behind), 'minor release')} behind: this is {row.short_version}, and"
                f" {major}.{LATEST[major]} was the newest on {AS_OF}, the date of pgvigil's list."
            ),
            facts={"behind_releases": len(behind), "behind_seconds": since.total_seconds()},
            cure=(
                remark("Read the release notes of each missed version for steps after the update;"),
                remark("install the packages on the standbys, then on the primary, and restart."),
            ),
            check="SHOW server_version;",
        )


finding = Finding(
    title="Minor version outdated",
    severities=(Severity.info,),
    reads=(server,),
    limits=Limits(),
    judge=judge,
    unit="releases",
    kind=FindingKind.review,
)
