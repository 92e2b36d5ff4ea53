"""Connections are opened in a storm, or all the time; each costs a process and a slot."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from alerts._base import Evidence, Finding, Outcome, Severity
from alerts.client_name import session_name
from alerts.connections import client_sessions, usable_slots
from alerts.cure import ACTIVITY, equals, literal, remark, since
from alerts.history.window import Delta, Window
from alerts.limits import FIXED, BaseLimits, Slack
from alerts.pooler.pooled import Pooled
from alerts.snapshot import Snapshot
from alerts.units import Duration, Share, duration_text, share_text
from collectors.activity import Session, activity
from collectors.databases import databases
from collectors.pooled_sessions import pooled_sessions
from collectors.settings import settings

WINDOW = timedelta(minutes=10)
COUNTED = ("sessions", "sessions_abandoned", "sessions_fatal", "sessions_killed")
SESSIONS = Window(databases, WINDOW, COUNTED)


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    storm: Annotated[Share, Slack(0.5)] = 0.2
    """Share of all available connections opened within ten seconds that is a storm."""
    storm_taken: Annotated[Share, Slack(0.9)] = 0.6
    """Share of the available connections in use from which a storm is a warning: the next one may
    be refused. Below, it is info."""
    opened: Annotated[float, Slack(0.8)] = 20.0
    """Connections opened each second, over ten minutes."""
    lost: Annotated[Share, Slack(0.8)] = 0.25
    """Share of the connections opened in ten minutes that ended because the client was lost, by a
    fatal error or by termination."""
    lost_least: int = 100
    """Number of those that ended so; fewer are a deploy."""
    window: Annotated[Duration, FIXED] = WINDOW
    """Window over which connections are counted; at most ten minutes."""


YOUNG = 10.0
"""Seconds of age up to which a session counts for a storm."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    clients = client_sessions(snapshot.rows(activity))
    slots = usable_slots(snapshot)
    young = [s for s in clients if (s.backend_seconds or YOUNG) < YOUNG and not s.is_self]
    if len(young) >= limits.storm * slots:
        yield storm(young, len(clients), slots, limits, Pooled.among(snapshot, young))
    if snapshot.has(databases):
        yield from over_time(snapshot, limits)


def over_time(snapshot: Snapshot, limits: Limits) -> Iterator[Evidence]:
    """Yield the databases to which too many connections are made, or lost."""
    deltas = snapshot.of(SESSIONS).delta(limits.window)
    for row in snapshot.rows(databases):
        delta = deltas.get(databases.key_of(row))
        if delta is None or not delta.full:
            continue
        if delta.increase["sessions"] >= limits.opened * delta.seconds:
            yield opened(row.datname, delta)
        lost = lost_of(delta)
        if lost >= max(limits.lost_least, limits.lost * delta.increase["sessions"]):
            yield abnormal(row.datname, lost, delta)


def lost_of(delta: Delta) -> float:
    return sum(delta.increase[name] for name in COUNTED[1:])


def storm(young: list[Session], used: int, slots: int, limits: Limits, pooled: Pooled) -> Evidence:
    groups = Counter((s.usename, s.application_name) for s in young)
    (user, application), most = groups.most_common(1)[0]
    is_narrow = used >= limits.storm_taken * slots
    return Evidence(
        subject="connection storm",
        severity=Severity.warning if is_narrow else Severity.info,
        value=len(young) / YOUNG,
        message=(
            f"{len(young)} connections were opened within ten seconds, {most} of them by"
            f" {session_name(user, application)}; {used} of {slots} are in use.{pooled.sentence()}"
        ),
        facts={
            "opened_connections": len(young),
            "largest_user": user,
            "largest_application": application,
            "largest_connections": most,
            "used_connections": used,
            "limit_connections": slots,
            **pooled.facts(),
        },
        cure=(
            remark("An application that restarts, or whose pool has no limit, opens them."),
            remark("Limit its pool, and let its instances start one after the other."),
            *pooled.advice(),
        ),
        check=NEWEST,
    )


NEWEST = (
    "SELECT usename, application_name, pg_catalog.count(*),"
    f" pg_catalog.max({since('backend_start')}) FROM {ACTIVITY}"
    f" WHERE {equals('backend_type', literal('client backend'))}"
    f" AND {since('backend_start')} OPERATOR(pg_catalog.<) interval '1 minute'"
    " GROUP BY 1, 2 ORDER BY 3 DESC LIMIT 10;"
)


def opened(database: str, delta: Delta) -> Evidence:
    rate = delta.increase["sessions"] / delta.seconds
    return Evidence(
        subject=f"connections to {database}",
        severity=Severity.warning,
        value=rate,
        message=(
            f"{rate:.0f} connections to {database} are opened each second, over"
            f" {duration_text(round(delta.seconds))}; each costs a process that is made for it."
        ),
        facts=_facts(delta),
        cure=(
            remark("Keep connections open in a pool: in the application, or a pooler before it."),
            remark("Health checks count too: let them use the pool."),
        ),
        check=NEWEST,
        database=database,
    )


def abnormal(database: str, lost: float, delta: Delta) -> Evidence:
    share = lost / max(lost, delta.increase["sessions"])
    return Evidence(
        subject=f"lost connections of {database}",
        severity=Severity.warning,
        value=lost / delta.seconds,
        message=(
            f"{lost:.0f} connections to {database} ended abnormally within"
            f" {duration_text(round(delta.seconds))} ({share_text(share)} of those opened)."
        ),
        facts=_facts(delta),
        cure=(
            remark("Abandoned: clients go away without a word, by time-outs of their own, a load"),
            remark(
                "balancer that cuts idle connections, or a lack of memory. Set TCP keep-alives."
            ),
            remark("Fatal: the log names the error. Killed: something terminates sessions."),
        ),
        check=(
            "SELECT datname, sessions, sessions_abandoned, sessions_fatal, sessions_killed"
            " FROM pg_catalog.pg_stat_database"
            f" WHERE {equals('datname', literal(database))};"
        ),
        database=database,
    )


def _facts(delta: Delta) -> dict[str, float | int | str | bool | None]:
    counts = {
        f"{name.removeprefix('sessions_')}_connections": n for name, n in delta.increase.items()
    }
    counts["opened_connections"] = counts.pop("sessions_connections")
    return {**counts, "within_seconds": delta.seconds}


finding = Finding(
    title="Connections come and go",
    severities=(Severity.info, Severity.warning),
    reads=(activity, settings),
    consults=(databases, pooled_sessions),
    history=(SESSIONS,),
    limits=Limits(),
    judge=judge,
    unit="connections per second",
    outlives_restart=False,
)
