"""Connections climb steadily, as from a leak, and will be used up within an hour."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from alerts._base import Evidence, Finding, Outcome, Severity, Unjudged
from alerts.client_name import session_name
from alerts.connections import usable_slots
from alerts.cure import ACTIVITY, equals, identifier, literal, remark, since
from alerts.limits import FIXED, BaseLimits, Slack
from alerts.pooler.pooled import Pooled
from alerts.runway.climb import WHOLE, last_hour
from alerts.runway.connection_trends import (
    ALL,
    CONNECTION_GROUPS,
    CONNECTIONS,
    Group,
    group_of,
    is_client,
    key_of,
)
from alerts.runway.exhaustion import Exhaustion, exhaustion
from alerts.runway.trends import Trend
from alerts.runway.wording import eta_text
from alerts.snapshot import Snapshot
from alerts.units import Duration, Share
from collectors.pooled_sessions import pooled_sessions
from collectors.session_counts import CountedSession, session_counts
from collectors.settings import settings

CERTAINLY = 3600.0
"""Seconds within which the climb alone, without bursts, must reach the wall to be critical."""
FIRST_DAY = 1.5
LATER = 3.0
"""Multiples of `left` within which it must reach it at all, so that not all is a burst's way."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    left: Annotated[Duration, Slack(2.0)] = timedelta(hours=1)
    """Time until the slots are used up, at the pace of the last hour."""
    left_critical: Annotated[Duration, Slack(1.5)] = timedelta(minutes=20)
    """Time left at the least slope that is certain, from which it is critical."""
    least_used: Share = 0.6
    """Used share below which a forecast alone is never critical."""
    least_rise: Annotated[Share, FIXED] = 0.05
    """Share of all slots by which the last hour must have risen; less is a wave."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    rows = snapshot.rows(session_counts)
    slots = usable_slots(snapshot)
    trend = snapshot.of(CONNECTIONS).get(ALL)
    if trend is None or not last_hour(trend.minutes):
        begun = trend.minutes[0].at if trend and trend.minutes else snapshot.at
        until = max(begun + WHOLE, snapshot.at + 60)
        yield Unjudged("an hour of connections without a gap", until=until)
        return
    if found := forecast(trend, slots, limits):
        most = growing(rows, snapshot.of(CONNECTION_GROUPS))
        pooled = Pooled.among(snapshot, most.sessions if most else ())
        yield evidence(*found, slots, trend, most, pooled)


def forecast(trend: Trend, slots: int, limits: Limits) -> tuple[Exhaustion, Severity] | None:
    """Return what the last hour foretells; None where nothing runs out soon."""
    found = exhaustion(trend.minutes, slots, trend.burst, limits.least_rise * slots)
    left = limits.left.total_seconds()
    if found is None or found.seconds >= left or is_usual(found, trend, left):
        return None
    soon = found.eta.within(limits.left_critical.total_seconds())
    is_used = found.climb.level >= limits.least_used * slots
    critical = soon and is_used and found.steady_seconds < CERTAINLY
    return found, Severity.critical if critical else Severity.warning


def is_usual(found: Exhaustion, trend: Trend, left: float) -> bool:
    """Whether it is a daily wave: the level was as high on earlier days, or the climb must go on
    for hours; on the first day, when no wave is known, that is sooner so."""
    if trend.usual_high is None:
        return found.steady_seconds >= FIRST_DAY * left
    return found.climb.level < trend.usual_high or found.steady_seconds >= LATER * left


@dataclass(frozen=True, slots=True)
class Growing:
    """The user and application whose sessions have grown most within the hour."""

    group: Group
    rise: float
    count: int
    states: Counter[str | None]
    sessions: Sequence[CountedSession] = ()

    @property
    def name(self) -> str:
        user, application = self.group
        return session_name(user, application)


def growing(rows: Sequence[CountedSession], trends: Mapping[str, Trend]) -> Growing | None:
    """Return the group that grew most; None where none did."""
    groups: dict[Group, list[CountedSession]] = {}
    for row in filter(is_client, rows):
        groups.setdefault(group_of(row), []).append(row)
    rises = {one: rise_of(trends.get(key_of(one)), len(many)) for one, many in groups.items()}
    most = max(rises, key=lambda one: rises[one], default=None)
    if most is None or rises[most] <= 0:
        return None
    many = groups[most]
    return Growing(most, rises[most], len(many), Counter(row.state for row in many), many)


def rise_of(trend: Trend | None, now: int) -> float:
    """Return by how much a group has grown; one that was not there is all new."""
    if trend is None or not trend.minutes:
        return now
    return now - (trend.newest.value - trend.rise)


def evidence(
    found: Exhaustion,
    severity: Severity,
    slots: int,
    trend: Trend,
    most: Growing | None,
    pooled: Pooled,
) -> Evidence:
    used = round(found.climb.level)
    grew = ""
    if most:
        state, count = most.states.most_common(1)[0]
        grew = (
            f" {most.name} has grown most: by {most.rise:.0f} to {most.count} sessions, {count} of"
            f" them {state or 'in an unknown state'}."
        )
    return Evidence(
        subject="connection slots",
        severity=severity,
        value=found.seconds,
        message=(
            f"{used} of {slots} connection slots are in use, {found.climb.rise:.0f} more than an"
            f" hour ago; they will be used up{eta_text(found.eta)}.{grew}{pooled.sentence()}"
        ),
        facts={
            "used_connections": used,
            "limit_connections": slots,
            "usual_burst_connections": round(trend.burst),
            "rise_connections": found.climb.rise,
            "usual_high_connections": trend.usual_high,
            "earliest_end_seconds": found.eta.early,
            "latest_end_seconds": found.eta.late,
            "growing_user": most.group[0] if most else None,
            "growing_application": most.group[1] if most else None,
            "growing_connections": most.count if most else None,
            **pooled.facts(),
        },
        cure=cure(most, pooled),
        check=(
            "SELECT usename, application_name, state, pg_catalog.count(*),"
            f" pg_catalog.max({since('state_change')}), pg_catalog.min(backend_start)"
            f" FROM {ACTIVITY} WHERE {equals('backend_type', literal('client backend'))}"
            " GROUP BY 1, 2, 3 ORDER BY 4 DESC LIMIT 10;"
        ),
    )


def cure(most: Growing | None, pooled: Pooled) -> tuple[str, ...]:
    if most is None:
        return (remark("Look for the application that opens sessions and does not close them."),)
    if pooled.is_most:
        return pooled.advice()
    user = most.group[0]
    steps = [
        remark(f"{most.name} opens sessions and does not close them, or its pool has no limit:"),
        remark("restart that application, or one instance of it, and see whether they go."),
    ]
    if user and most.states.most_common(1)[0][0] == "idle":
        limit = f"ALTER ROLE {identifier(user)} SET idle_session_timeout = '10min';"
        steps += [
            remark("Idle sessions of new connections end by themselves after this, unless a"),
            remark(f"pooler keeps them on purpose: {limit}"),
        ]
    if user:
        steps += [
            remark("So that others keep their slots, give the role a limit of its own:"),
            remark(f"ALTER ROLE {identifier(user)} CONNECTION LIMIT …;"),
        ]
    return tuple(steps)


finding = Finding(
    title="Connections will be exhausted",
    severities=(Severity.warning, Severity.critical),
    reads=(session_counts, settings),
    consults=(pooled_sessions,),
    history=(CONNECTIONS, CONNECTION_GROUPS),
    limits=Limits(),
    judge=judge,
    unit="seconds",
    hold=timedelta(minutes=3),
    outlives_restart=False,
    because=("connection_leak",),
)
