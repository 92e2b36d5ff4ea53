"""An application opens sessions and does not use them again: a leak, long before slots run out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from alerts._base import Evidence, Finding, Outcome, Severity, Unjudged
from alerts.client_name import session_name
from alerts.connections import terminate_idle, untold, usable_slots
from alerts.cure import ACTIVITY, equals, identifier, literal, remark, since
from alerts.history.samples import HOUR
from alerts.limits import FIXED, BaseLimits, Slack
from alerts.plural import plural
from alerts.pooler.pooled import Pooled
from alerts.runway.climb import WHOLE, last_hour
from alerts.runway.connection_trends import CONNECTION_GROUPS, Group, group_of, key_of
from alerts.runway.exhaustion import Exhaustion, exhaustion
from alerts.runway.trends import Trend
from alerts.runway.wording import eta_text
from alerts.snapshot import Snapshot
from alerts.units import Duration, Share, duration_text
from collectors.activity import UNTOLD, Session, activity
from collectors.pooled_sessions import pooled_sessions
from collectors.session_counts import CountedSession, session_counts
from collectors.settings import settings


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    unused: Annotated[Duration, FIXED] = timedelta(minutes=20)
    """Idle time from which a session counts as one that is not used again."""
    unused_share: Annotated[Share, Slack(0.8)] = 0.7
    """Share of the sessions opened within the hour, and not closed, that are unused."""
    rise: Annotated[Share, Slack(0.7)] = 0.05
    """Share of all slots by which the sessions of one application must have risen in an hour."""
    left: Annotated[Duration, Slack(2.0)] = timedelta(days=1)
    """Time until all slots are used up, if that goes on; a slower rise is growth."""


AT_ONCE = 15
"""Sessions that are ended at once, at most."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    clients = [row for row in snapshot.rows(session_counts) if row.is_client]
    slots, trends = usable_slots(snapshot), snapshot.of(CONNECTION_GROUPS)
    oldest = max((t.minutes for t in trends.values() if t.minutes), key=len, default=())
    if not last_hour(oldest):
        begun = oldest[0].at if oldest else snapshot.at
        until = max(begun + WHOLE, snapshot.at + 60)
        yield Unjudged("an hour of connections by application", until=until)
    for group, rows in by_group(clients).items():
        trend = trends.get(key_of(group))
        found = forecast(trend, slots, slots - len(clients), limits) if trend else None
        if not found:
            continue
        lately = [row for row in rows if is_of_the_hour(row)]
        idle, hidden = unused(lately, limits), [row for row in lately if row.state == UNTOLD]
        least = limits.unused_share * told_by_now(found.climb.rise, limits)
        if len(idle) >= least:
            yield evidence(snapshot, group, rows, found, limits)
        elif len(idle) + len(hidden) >= least:
            yield from untold(hidden)


def is_of_the_hour(row: CountedSession) -> bool:
    """Whether it is one of those by which the sessions have risen; a large pool is idle for long in
    its older ones."""
    return row.backend_seconds is None or row.backend_seconds <= HOUR


def told_by_now(rise: float, limits: Limits) -> float:
    """Return how many of the sessions that came within the hour can be known to be unused."""
    return rise * max(0.0, 1 - limits.unused.total_seconds() / HOUR)


def by_group(clients: Sequence[CountedSession]) -> dict[Group, list[CountedSession]]:
    found: dict[Group, list[CountedSession]] = {}
    for row in clients:
        found.setdefault(group_of(row), []).append(row)
    return found


def forecast(trend: Trend, slots: int, free: int, limits: Limits) -> Exhaustion | None:
    """Return how an application's sessions climb; None where they do not, or it takes days."""
    wall = trend.newest.value + free
    found = exhaustion(trend.minutes, wall, 0.0, limits.rise * slots)
    return found if found and found.seconds < limits.left.total_seconds() else None


def unused(rows: Sequence[CountedSession], limits: Limits) -> list[CountedSession]:
    least = limits.unused.total_seconds()
    return [row for row in rows if row.state == "idle" and (row.state_seconds or 0.0) >= least]


def evidence(
    snapshot: Snapshot,
    group: Group,
    rows: Sequence[CountedSession],
    found: Exhaustion,
    limits: Limits,
) -> Evidence:
    user, application = group
    name = session_name(user, application)
    idle = unused(rows, limits)
    longest = max(row.state_seconds or 0.0 for row in idle)
    pooled = Pooled.among(snapshot, rows)
    return Evidence(
        subject=name,
        severity=Severity.warning,
        value=found.climb.rise,
        message=(
            f"{name} has {plural(len(rows), 'session')}, {found.climb.rise:.0f} more than an hour"
            f" ago; {len(idle)} of them have not been used for {duration_text(limits.unused)} or"
            f" longer. All slots will be used up{eta_text(found.eta)}.{pooled.sentence()}"
        ),
        facts={
            "user": user,
            "application": application,
            "connections": len(rows),
            "rise_connections": found.climb.rise,
            "unused_connections": len(idle),
            "longest_idle_seconds": longest,
            "earliest_end_seconds": found.eta.early,
            "latest_end_seconds": found.eta.late,
            **pooled.facts(),
        },
        cure=cure(group, leaked(snapshot, group, limits), pooled),
        check=(
            "SELECT pid, datname, client_addr, backend_start,"
            f" {since('state_change')} AS idle FROM {ACTIVITY}"
            f" WHERE {equals('usename', literal(user or ''))}"
            f" AND {equals('application_name', literal(application or ''))}"
            f" AND {equals('state', literal('idle'))} ORDER BY state_change LIMIT 20;"
        ),
    )


def leaked(snapshot: Snapshot, group: Group, limits: Limits) -> list[Session]:
    """Return the sessions of the group that are idle for longest."""
    least = limits.unused.total_seconds()
    rows = snapshot.rows(activity) if snapshot.has(activity) else ()
    idle = [
        row
        for row in rows
        if (row.usename, row.application_name) == group
        and row.state == "idle"
        and (row.state_seconds or 0.0) >= least
    ]
    return sorted(idle, key=lambda row: row.state_seconds or 0.0, reverse=True)[:AT_ONCE]


def cure(group: Group, sessions: Sequence[Session], pooled: Pooled) -> tuple[str, ...]:
    user = group[0]
    steps = [remark("Restart that application, or one instance of it: its leaked sessions go.")]
    if sessions:
        steps.append(remark("This ends those that are idle for longest, if they still are:"))
        steps.append(terminate_idle(sessions))
    steps += [
        remark(
            "In its code, look for a way out that does not give a connection back: an exception,"
        ),
        remark("a return before close, a pool that is made for each request."),
    ]
    if pooled.is_most:
        steps += pooled.advice()
    elif user:
        limit = f"ALTER ROLE {identifier(user)} SET idle_session_timeout = '30min';"
        steps.append(remark(f"Until then, unless a pooler keeps sessions on purpose: {limit}"))
    return tuple(steps)


finding = Finding(
    title="Application leaks connections",
    severities=(Severity.warning,),
    reads=(session_counts, settings),
    consults=(activity, pooled_sessions),
    history=(CONNECTION_GROUPS,),
    limits=Limits(),
    judge=judge,
    unit="connections",
    outlives_restart=False,
)
