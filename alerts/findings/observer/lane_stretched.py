"""pgvigil queries a server less often than is set, because its queries cost too much there."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from alerts._base import Evidence, Finding, Outcome, Severity
from alerts.cure import remark
from alerts.limits import BaseLimits, Slack
from alerts.snapshot import Snapshot
from alerts.units import duration_text
from collectors._base import Lane
from collectors.rounds import Round, rounds

UNHURRIED = {Lane.slow, Lane.daily}
"""Lanes that wait for the others: hours later they tell the same."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    ratio: Annotated[float, Slack(0.75)] = 2.0
    """Current time between two queries by the set pace of their lane. Twice is half the chance to
    see what is short; four times is the most for the fast, normal and table lanes."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    slowest: dict[str, Round] = {}
    for one in snapshot.rows(rounds):
        if one.stretch > (slowest[one.lane].stretch if one.lane in slowest else 1.0):
            slowest[one.lane] = one
    for lane, one in slowest.items():
        if one.stretch >= limits.ratio:
            yield stretched(lane, one)


def stretched(lane: str, one: Round) -> Evidence:
    now, wanted = (duration_text(s) for s in (one.pace_seconds, one.set_seconds or 0.0))
    return Evidence(
        subject=f"{lane} lane",
        severity=Severity.info if lane in UNHURRIED else Severity.warning,
        value=one.stretch,
        message=(
            f"pgvigil queries {one.collector} every {now} instead of every {wanted}: its queries"
            " cost this server more than the budget allows, or are not answered in time. What is"
            " short may be missed, and what is shown is older."
        ),
        facts={
            "lane": lane,
            "collector": one.collector,
            "pace_seconds": one.pace_seconds,
            "set_seconds": one.set_seconds,
            "duration_seconds": one.duration_seconds,
        },
        cure=(
            remark("Give pgvigil a larger `budget` (a share of one core; 0.01 by default), or a"),
            remark(f"longer `paces.{lane}`. In Prometheus, what it costs the server:"),
            remark("rate(pgvigil_server_work_seconds_total[5m])"),
        ),
        check=remark(
            "In Prometheus: pgvigil_collector_pace_seconds, and pgvigil_collector_duration_seconds."
        ),
    )


finding = Finding(
    title="pgvigil queries less often than set",
    severities=(Severity.info, Severity.warning),
    reads=(rounds,),
    limits=Limits(),
    judge=judge,
    unit="ratio",
    hold=timedelta(minutes=5),
    because=("server_unreachable",),
)
