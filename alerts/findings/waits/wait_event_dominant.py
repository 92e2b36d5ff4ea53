"""One wait event takes much of the load: active sessions stand in line for the same thing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from alerts._base import Evidence, Finding, Outcome, Severity
from alerts.cure import ACTIVITY, equals, literal, remark
from alerts.limits import FIXED, BaseLimits, Slack
from alerts.snapshot import Snapshot
from alerts.units import Duration, Share, duration_text, share_text
from alerts.waits.culprit import culprit
from alerts.waits.doing import OTHERS, Event
from alerts.waits.events import Meaning, Trouble, meaning
from alerts.waits.history import WAITS, WaitsView
from alerts.waits.load import WaitLoad, load_of, unwatched
from collectors._base import Role
from collectors.activity import activity
from collectors.wait_times import wait_times


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    window: Annotated[Duration, FIXED] = timedelta(minutes=5)
    """Window over which sessions are averaged."""
    share: Annotated[Share, Slack(0.75)] = 0.4
    """Share of all active sessions, apart from those in pg_sleep, that wait for it."""
    share_grave: Annotated[Share, Slack(0.75)] = 0.2
    """The same for events at which throughput collapses soon, such as LockManager."""
    sessions: Annotated[float, Slack(0.75)] = 3.0
    """Average number of sessions that wait for a structure in memory."""
    sessions_storage: Annotated[float, Slack(0.75)] = 6.0
    """Average number of sessions that wait for files; a few are common on large databases."""
    sessions_critical: Annotated[float, Slack(0.75)] = 12.0
    """Average number of sessions in line for a structure in memory from which it is critical, if
    they are most of all that are active."""


SLEEPS = ("Timeout", "PgSleep")
"""Sessions that were told to wait: pollers, which hide no line of others."""
CRITICAL_SHARE = 0.6
"""Share of all active sessions below which it is never critical."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    snapshot.rows(wait_times)
    view = snapshot.of(WAITS)
    load = load_of(view, snapshot.at, limits.window)
    yield from unwatched(view, load, snapshot.at, limits.window)
    if not load.watched:
        return
    for events in lines(load):
        known = meaning(events[0])
        if is_dominant(load, events, known, limits):
            yield evidence(snapshot, view, load, events, known, limits)


def lines(load: WaitLoad) -> Iterator[Sequence[Event]]:
    """Yield the events that are waited at, the one with the most sessions first.

    What reads or writes the same files has several names, such as one for each way to read since
    18: these are one line.
    """
    found: dict[object, list[Event]] = {}
    for event in sorted(load.seconds, key=lambda one: load.seconds[one], reverse=True):
        known = meaning(event)
        if event != OTHERS:
            line = known.names if known.trouble is Trouble.storage else event
            found.setdefault((event[0], line), []).append(event)
    yield from found.values()


def is_dominant(load: WaitLoad, events: Sequence[Event], known: Meaning, limits: Limits) -> bool:
    """Whether events that mean trouble take much of the load."""
    if known.trouble in (Trouble.none, Trouble.elsewhere):
        return False
    least = limits.sessions_storage if known.trouble is Trouble.storage else limits.sessions
    share = limits.share_grave if known.is_grave else limits.share
    here = load.sessions(lambda one: one in events)
    return here >= least and here >= share * awake(load)


def awake(load: WaitLoad) -> float:
    """Return the average number of active sessions that do not sleep."""
    return load.sessions(lambda one: one != SLEEPS)


def severity_of(known: Meaning, here: float, share: float, limits: Limits) -> Severity:
    if known.trouble is Trouble.storage:
        return Severity.info
    if here >= limits.sessions_critical and share >= CRITICAL_SHARE:
        return Severity.critical
    return Severity.warning


def evidence(
    snapshot: Snapshot,
    view: WaitsView,
    load: WaitLoad,
    events: Sequence[Event],
    known: Meaning,
    limits: Limits,
) -> Evidence:
    here, active = load.sessions(lambda one: one in events), awake(load)
    blamed = culprit(view, load, lambda one: one in events)
    kind, first = events[0]
    names = [name for _, name in events]
    any_name = f"ANY (ARRAY[{', '.join(map(literal, names))}])"
    of_event = f"{equals('wait_event_type', literal(kind))} AND {equals('wait_event', any_name)}"
    return Evidence(
        subject=f"{kind} {first}",
        severity=severity_of(known, here, here / active, limits),
        value=here,
        message=(
            f"Over {duration_text(limits.window)}, {here:.1f} of {active:.1f} active sessions"
            f" ({share_text(here / active)}) were at {kind} {', '.join(names)}: they"
            f" {known.means}.{blamed.sentence}"
        ),
        facts={
            "sessions": here,
            "active_sessions": active,
            "share": here / active,
            "watched_seconds": load.watched,
            **blamed.facts,
        },
        cure=cure(snapshot, known, blamed.text),
        check=(
            "SELECT usename, application_name, datname, query_id, pg_catalog.count(*)"
            f" FROM {ACTIVITY} WHERE {of_event} GROUP BY 1, 2, 3, 4 ORDER BY 5 DESC LIMIT 10;"
        ),
        key=f"{kind} {known.names[0]}",
    )


def cure(snapshot: Snapshot, known: Meaning, statement: str | None) -> tuple[str, ...]:
    advice = known.advice
    if snapshot.node.role is Role.standby and known.on_standby:
        advice = known.on_standby
    steps = [remark(advice)]
    if statement:
        steps.append(remark(f"Most of it in this statement: {statement}"))
    return tuple(steps)


finding = Finding(
    title="One wait event dominates",
    severities=(Severity.info, Severity.warning, Severity.critical),
    reads=(wait_times,),
    consults=(activity,),
    history=(WAITS,),
    limits=Limits(),
    judge=judge,
    unit="sessions",
    outlives_restart=False,
)
