"""Series as pgvigil watches them: the same recorder, forecast, hold and hysteresis."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from alerts._base import Severity
from alerts.findings.runway import connection_exhaustion_eta, sequence_exhaustion
from alerts.history.memory import Memory, Namespace
from alerts.history.samples import DAY, HOUR, MINUTE, Sample
from alerts.runway.climb import last_hour
from alerts.runway.rate import daily_rate, eta
from alerts.runway.trends import Point, Trend, Trends
from bench.runway import slow
from bench.runway.series import Shape, connections
from collectors._base import Answer
from collectors.session_counts import session_counts

CONNECTIONS = Trends(
    session_counts,
    "connections",
    lambda answer: (Point("", value) for value in answer.rows),
    has_waves=True,
)
PLACE = Namespace("bench", "bench", "")
Forecast = Callable[[Trend, bool], Severity | None]


@dataclass(frozen=True, slots=True)
class Episode:
    """One forecast that was told."""

    at: float
    severity: Severity
    """The worst that it became."""


@dataclass(frozen=True, slots=True)
class Watched:
    """One series: the forecasts, and when it was full."""

    episodes: tuple[Episode, ...]
    days: float
    full: float | None


def connections_of(shape: Shape, days: float) -> Watched:
    """Watch one server; a reading every 15 s, a judgement every minute."""
    finding = connection_exhaustion_eta.finding
    limits, relaxed = finding.limits, finding.limits.relax()
    memory = Memory()
    memory.samples.read_file = lambda *_: ()
    recorder = CONNECTIONS.recorder(memory, PLACE)
    episodes: list[Episode] = []
    ill_since: float | None = None
    is_told, at, value, judged = False, 0.0, 0.0, -float(MINUTE)
    for at, value in connections(shape, days):
        recorder.learn(session_counts, Answer((value,), at))
        if value >= shape.slots or at - judged < MINUTE:
            continue
        judged = at
        trend = recorder.view(at)[""]
        if not last_hour(trend.minutes):
            continue
        known = connection_exhaustion_eta.forecast(
            trend, shape.slots, relaxed if is_told else limits
        )
        if known is None:
            ill_since, is_told = None, False
            continue
        ill_since = at if ill_since is None else ill_since
        severity = known[1]
        if is_told:
            worst = max(episodes[-1].severity, severity, key=lambda one: one.rank)
            episodes[-1] = Episode(episodes[-1].at, worst)
        elif at - ill_since >= finding.hold.total_seconds():
            is_told = True
            episodes.append(Episode(at, severity))
    full = at if value >= shape.slots else None
    return Watched(tuple(episodes), at / DAY, full)


def slow_of(growth: slow.Growth) -> Watched:
    """Watch one number for months; a judgement every day, as of a sequence."""
    finding = sequence_exhaustion.finding
    limits = finding.limits
    hours: list[Sample] = []
    days: list[Sample] = []
    episodes: list[Episode] = []
    is_told, at = False, 0.0
    for at, value in slow.hours(growth):
        hours.append(Sample(at, value))
        if at % DAY:
            continue
        days.append(hours[-1])
        hours = [one for one in hours if one.at > at - 15 * DAY]
        rate = daily_rate(hours, days)
        left = eta(1 - value, rate) if rate else None
        horizon = (finding.limits.relax() if is_told else limits).left.total_seconds()
        soon = left is not None and left.within(horizon)
        if soon and not is_told:
            assert left is not None
            is_near = left.within(limits.left_critical.total_seconds())
            critical = is_near and value >= limits.least_used
            episodes.append(Episode(at, Severity.critical if critical else Severity.warning))
        is_told = soon
    full = at if at < slow.DAYS * DAY - HOUR else None
    return Watched(tuple(episodes), at / DAY, full)


def told_before(watched: Iterable[Watched], lead: float) -> int:
    """Count the full ones that were told at least that many seconds before."""
    return sum(
        any(one.at <= each.full - lead for one in each.episodes)
        for each in watched
        if each.full is not None
    )
