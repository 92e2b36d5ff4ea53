"""The server was restarted: sessions ended, and caches and prepared plans are gone."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from alerts._base import Evidence, Finding, Outcome, Severity, Shape
from alerts.cure import remark
from alerts.limits import BaseLimits
from alerts.snapshot import Snapshot
from alerts.starts import STARTS, Start, StartKind
from alerts.units import moment_text
from collectors.activity import activity
from collectors.server import server

DAY = 86400.0


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    """Nothing to set: it was restarted or it was not."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    for start in snapshot.of(STARTS).within(DAY):
        rebuilt = start.kind is StartKind.unclean and start.standby
        if start.kind is StartKind.restart or rebuilt:
            yield evidence(start)


def evidence(start: Start) -> Evidence:
    when = moment_text(start.at)
    clean = start.kind is StartKind.restart
    how = "after a clean stop" if clean else "and had to recover, as after a rebuild or a rewind"
    return Evidence(
        subject=f"restart at {when}",
        severity=Severity.info,
        value=1,
        message=f"The server was started at {when}, {how}.",
        facts={"started_at": when, "clean": clean, "standby": start.standby},
        cure=(
            remark("Nothing to do if it was planned. Its caches are cold: queries that read from"),
            remark("disk are slower for a while. The server's log says who asked for it."),
        ),
        check="SELECT pg_catalog.pg_postmaster_start_time();",
        key=f"{start.at:.3f}",
    )


finding = Finding(
    title="Server restarted",
    severities=(Severity.info,),
    reads=(server,),
    consults=(activity,),
    history=(STARTS,),
    limits=Limits(),
    judge=judge,
    unit="restarts",
    shape=Shape.event,
    linger=timedelta(hours=1),
)
