"""The server was restarted, or another one answers: sessions, caches and plans are gone."""

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
        if start.kind is StartKind.another_cluster:
            yield moved(start, snapshot.node.system_identifier)
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


def moved(start: Start, now: str | None) -> Evidence:
    """Tell that the address leads to another cluster."""
    when = moment_text(start.at)
    return Evidence(
        subject=f"another cluster at {when}",
        severity=Severity.warning,
        value=1,
        message=(
            f"Another cluster answers at this address since {when}: its system identifier is"
            f" {now}, before it was {start.before}. What was learnt of the old one is not used"
            " for it: windows and baselines begin anew."
        ),
        facts={"system_identifier": now, "system_identifier_before": start.before},
        cure=(
            remark("After pg_upgrade, a restore into a new cluster or a planned move: nothing to"),
            remark("do. Otherwise the name or the virtual address leads to the wrong server:"),
            remark("compare the host and the identifier with those that you expect there."),
        ),
        check=(
            "SELECT system_identifier, pg_catalog.inet_server_addr(),"
            " pg_catalog.pg_postmaster_start_time() FROM pg_catalog.pg_control_system();"
        ),
        key=f"another@{start.at:.3f}",
    )


finding = Finding(
    title="Server restarted",
    severities=(Severity.info, Severity.warning),
    reads=(server,),
    consults=(activity,),
    history=(STARTS,),
    limits=Limits(),
    judge=judge,
    unit="restarts",
    shape=Shape.event,
    linger=timedelta(hours=1),
)
