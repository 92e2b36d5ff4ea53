"""The major version no longer gets repairs, or soon will not."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from alerts._base import Evidence, Finding, FindingKind, Outcome, Severity
from alerts.cure import remark
from alerts.findings.settings._releases import END_OF_LIFE, day_of
from alerts.limits import FIXED, BaseLimits
from alerts.plural import plural
from alerts.snapshot import Snapshot
from alerts.units import Duration
from collectors.server import server


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    info: Annotated[Duration, FIXED] = timedelta(days=365)
    """Time before the last release from which an upgrade should be planned."""
    warning: Annotated[Duration, FIXED] = timedelta(days=90)
    """Time before the last release from which it is a warning."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    row = snapshot.row(server)
    major = row.version_num // 10_000
    end = END_OF_LIFE.get(major)
    if end is None:
        return  # newer than the table; older ones are refused at the login
    left = end - day_of(snapshot.at)
    if left > limits.info:
        return
    days = left.days
    when = f"ends on {end}, in {plural(days, 'day')}" if days > 0 else f"ended on {end}"
    yield Evidence(
        subject=f"PostgreSQL {major}",
        severity=Severity.warning if left <= limits.warning else Severity.info,
        value=left.total_seconds(),
        message=f"The support of PostgreSQL {major} {when}: after that no hole is closed.",
        facts={"left_seconds": left.total_seconds(), "version": row.server_version},
        cure=(
            remark("Plan the upgrade: pg_upgrade --check on a copy; extensions first; then"),
            remark("pg_upgrade --link with a fresh backup, or logical replication to a new one."),
        ),
        check="SHOW server_version;",
    )


finding = Finding(
    title="Major version near its end",
    severities=(Severity.info, Severity.warning),
    reads=(server,),
    limits=Limits(),
    judge=judge,
    unit="seconds",
    kind=FindingKind.review,
)
