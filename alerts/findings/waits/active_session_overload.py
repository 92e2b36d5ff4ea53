"""More sessions want to run than the server has cores: every statement becomes slower."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from alerts._base import Evidence, Finding, Outcome, Severity, Unjudged
from alerts.cure import ACTIVITY, cancel, equals, literal, remark
from alerts.limits import FIXED, BaseLimits, Slack
from alerts.long_work import is_on_purpose
from alerts.plural import plural
from alerts.snapshot import NOT_YET, Snapshot
from alerts.units import Duration, duration_text
from alerts.waits.culprit import MOST, Culprit, culprit
from alerts.waits.doing import NO_WAIT, Event, active
from alerts.waits.history import WAITS
from alerts.waits.load import WaitLoad, load_of, unwatched
from collectors.activity import Session, activity
from collectors.processors import processors
from collectors.wait_times import wait_times


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    cores: int = 0
    """Cores of the server. 0: those of pgvigil's own machine, if the server runs on it too; with
    a server elsewhere it can't be judged."""
    window: Annotated[Duration, FIXED] = timedelta(minutes=5)
    """Window over which sessions are averaged."""
    running: Annotated[float, Slack(0.8)] = 1.5
    """Average number of sessions for each core that run or want to."""
    running_critical: Annotated[float, Slack(0.8)] = 3.0
    """The same number from which it is critical: statements take three times as long."""
    working: Annotated[float, Slack(0.8)] = 5.0
    """Average number of sessions for each core that run, read or write files, or wait for memory
    that they share."""
    excess: Annotated[float, Slack(0.75)] = 4.0
    """Sessions beyond the cores; fewer may be the workers of one report."""


WORK = frozenset({"CPU", "IO", "LWLock", "BufferPin"})
"""Types of wait events at which a session uses the machine, or waits for others that do."""
AT_ONCE = 15
"""Sessions that are cancelled at once, at most."""


def is_running(event: Event) -> bool:
    return event == NO_WAIT


def is_working(event: Event) -> bool:
    return event[0] in WORK


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    snapshot.rows(wait_times)
    view = snapshot.of(WAITS)
    cores = limits.cores or cores_of(snapshot)
    if not cores:
        why = snapshot.absent.get(processors, NOT_YET)
        yield Unjudged(why.reason, subject="cores", setting=why.setting)
        return
    load = load_of(view, snapshot.at, limits.window)
    yield from unwatched(view, load, snapshot.at, limits.window)
    running, working = load.sessions(is_running), load.sessions(is_working)
    is_over = running >= limits.running * cores and running >= cores + limits.excess
    if is_over or working >= max(limits.working * cores, cores + 2 * limits.excess):
        blamed = culprit(view, load, is_running if is_over else is_working)
        yield evidence(snapshot, load, cores, blamed, limits)


def cores_of(snapshot: Snapshot) -> int:
    return snapshot.row(processors).count if snapshot.has(processors) else 0


def evidence(
    snapshot: Snapshot, load: WaitLoad, cores: int, blamed: Culprit, limits: Limits
) -> Evidence:
    running, working = load.sessions(is_running), load.sessions(is_working)
    critical = running >= limits.running_critical * cores
    return Evidence(
        subject="active sessions",
        severity=Severity.critical if critical else Severity.warning,
        value=running / cores,
        message=(
            f"Over {duration_text(limits.window)}, {running:.1f} sessions on average wanted to run"
            f" on {plural(cores, 'core')}, and {working:.1f} in all used the"
            f" machine.{blamed.sentence}"
        ),
        facts={
            "cores": cores,
            "running_sessions": running,
            "file_sessions": load.sessions(lambda event: event[0] == "IO"),
            "memory_lock_sessions": load.sessions(lambda event: event[0] == "LWLock"),
            "lock_sessions": load.sessions(lambda event: event[0] == "Lock"),
            "active_sessions": load.sessions(),
            "watched_seconds": load.watched,
            **blamed.facts,
        },
        cure=cure(snapshot, blamed),
        check=(
            "SELECT wait_event_type, wait_event, query_id, pg_catalog.count(*)"
            f" FROM {ACTIVITY} WHERE {equals('state', literal('active'))}"
            " GROUP BY 1, 2, 3 ORDER BY 4 DESC LIMIT 10;"
        ),
    )


def cure(snapshot: Snapshot, blamed: Culprit) -> tuple[str, ...]:
    """Cancel the statement that has most of the load, if there is one; then prevent it."""
    steps: list[str] = []
    sessions = culprits(snapshot, blamed)
    if blamed.text:
        steps.append(remark(f"Most of the load is in this statement: {blamed.text}"))
    if sessions:
        steps.append(remark("If it can be spared, this cancels it where it runs now:"))
        steps += [cancel(s.pid, s.backend_start_text or "", s.xact_start_text) for s in sessions]
    return (
        *steps,
        remark("Limit how many sessions work at once: a pooler in transaction mode with 10 to 20"),
        remark("server connections for each core, or smaller pools in the applications."),
        remark("Look for the statements with the most time, and index what they read."),
    )


def culprits(snapshot: Snapshot, blamed: Culprit) -> list[Session]:
    """Return the sessions that now run the statement with most of the load.

    Not those of builds, vacuums and backups: cancelled, their work is lost, and has to be repeated.
    """
    statement = blamed.statement
    if statement is None or statement.what is None or statement.share < MOST:
        return []
    rows = snapshot.rows(activity) if snapshot.has(activity) else ()
    here = [r for r in active(rows) if r.query_id == statement.what and r.leader_pid is None]
    here = [r for r in here if r.backend_type == "client backend" and not is_on_purpose(r)]
    return sorted(here, key=lambda row: row.query_seconds or 0.0, reverse=True)[:AT_ONCE]


finding = Finding(
    title="Too many active sessions",
    severities=(Severity.warning, Severity.critical),
    reads=(wait_times,),
    consults=(activity, processors),
    history=(WAITS,),
    limits=Limits(),
    judge=judge,
    unit="sessions per core",
    outlives_restart=False,
)
