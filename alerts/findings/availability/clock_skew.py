"""The clock of the server and that of pgvigil's machine disagree."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from alerts._base import Evidence, Finding, Outcome, Severity
from alerts.cure import remark
from alerts.limits import BaseLimits
from alerts.snapshot import Snapshot
from alerts.units import Duration, duration_text, moment_text
from collectors.rounds import rounds
from collectors.server import Server, server


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    skew: Duration = timedelta(seconds=10)
    """Difference between the clocks, beyond what the answer took; NTP keeps it in milliseconds."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    answer = snapshot.answer(server)
    for row in answer.rows:
        skew = row.postmaster_start + row.postmaster_seconds - answer.at
        if abs(skew) - took(snapshot) >= limits.skew.total_seconds():
            yield evidence(row, skew, answer.at)


def took(snapshot: Snapshot) -> float:
    """Return how long the answer was under way: that much of the difference is no skew."""
    known = snapshot.rows(rounds) if snapshot.has(rounds) else ()
    own = (row.duration_seconds for row in known if row.collector == server.name)
    return next(own, None) or 0.0


def evidence(row: Server, skew: float, at: float) -> Evidence:
    direction = "ahead of" if skew > 0 else "behind"
    return Evidence(
        subject="clock",
        severity=Severity.warning,
        value=abs(skew),
        message=(
            f"The clock of the server is {duration_text(abs(skew))} {direction} that of pgvigil's"
            " machine."
        ),
        facts={
            "skew_seconds": skew,
            "server_time": moment_text(at + skew),
            "our_time": moment_text(at),
            "standby": row.in_recovery,
        },
        cure=(
            remark("1. Compare both with a third clock: one of the two is wrong, or both are."),
            remark("2. On the wrong one, see whether NTP works: chronyc tracking, or timedatectl."),
            remark("3. Let NTP slew the clock instead of setting it: a jump back makes rows with"),
            remark("   the wrong time, and a lag that is negative."),
        ),
        check="SELECT pg_catalog.clock_timestamp();",
    )


finding = Finding(
    title="Clock skew",
    severities=(Severity.warning,),
    reads=(server,),
    consults=(rounds,),
    limits=Limits(),
    judge=judge,
    unit="seconds",
    hold=timedelta(minutes=5),
)
