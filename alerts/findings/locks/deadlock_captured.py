"""Transactions wait for each other in a deadlock; captured with the statements of all parties."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Annotated

from alerts._base import AlertedBy, Evidence, Finding, Outcome, Reach, Severity, Shape
from alerts.cure import cancel, equals, literal, remark
from alerts.history.window import Window
from alerts.limits import FIXED, BaseLimits
from alerts.locks.cures import applies_changes, may_prevent_wraparound
from alerts.locks.order import LOCK_ORDER, Captive, Capture
from alerts.locks.parties import listed, party_facts, row_text, who
from alerts.snapshot import Snapshot
from alerts.units import Duration, duration_text
from collectors.activity import activity
from collectors.databases import databases
from collectors.locks import locks
from collectors.server_log import LogDeadlock, server_log

KEPT = timedelta(minutes=10)
COUNTS = Window(databases, KEPT)
LOGGED_WITHIN = 120.0
"""Seconds from a capture until its deadlock is read from the log."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    shown: Annotated[Duration, FIXED] = KEPT
    """How long a deadlock is shown after it happened."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    for capture in snapshot.of(LOCK_ORDER).captures:
        if snapshot.at - capture.at <= limits.shown.total_seconds():
            yield evidence(snapshot, capture)


def evidence(snapshot: Snapshot, capture: Capture) -> Evidence:
    names = (captive.session.datname for captive in capture.captives)
    database = next(filter(None, names), "")
    tables = sorted({captive.relation or _kind(captive) for captive in capture.captives})
    logged = _logged(snapshot, capture)
    if logged is not None and logged.victim is not None:
        capture = replace(capture, victim=logged.victim, victim_is_sure=True)
    facts: dict[str, float | int | str | bool | None] = {
        "parties": len(capture.captives),
        "victim_pid": capture.victim,
        "victim_is_sure": capture.victim_is_sure if capture.victim else None,
        "deadlocks_counted": _counted(snapshot, database),
        **_log_facts(logged),
    }
    for number, captive in enumerate(capture.captives, 1):
        facts |= _facts(f"party_{number}", captive)
    return Evidence(
        subject=f"{database}: {listed(tables)}",
        severity=Severity.critical,
        value=1,
        message=(
            f"Deadlock in {database}: {listed(who(c.party) for c in capture.captives)} wait for"
            f" each other over {listed(tables)}; {_outcome(capture, logged)}."
        ),
        facts=facts,
        cure=cure(capture),
        check=(
            "SELECT datname, deadlocks, stats_reset FROM pg_catalog.pg_stat_database"
            f" WHERE {equals('datname', literal(database))};"
        ),
        key=capture.key,
        database=database,
    )


def cure(capture: Capture) -> tuple[str, ...]:
    order = sorted({c.relation for c in capture.captives if c.relation})
    advice = (
        remark("Use the same lock order in both places of the code: rows by key, tables by name."),
        *((remark(f"Here: {', then '.join(order)}."),) if len(order) > 1 else ()),
        remark("Retry the transaction that was rolled back: SQLSTATE 40P01."),
    )
    if capture.victim is not None:
        return (remark("It is over: PostgreSQL has rolled one of them back."), *advice)
    # An autovacuum against wraparound, and a worker of a subscription, start again at once.
    sessions = [captive.session for captive in capture.captives]
    needed = (may_prevent_wraparound, applies_changes)
    expendable = [one for one in sessions if not any(is_needed(one) for is_needed in needed)]
    if not expendable:
        return advice
    session = min(expendable, key=lambda one: one.xact_seconds or 0.0)
    start, began = session.backend_start_text or "", session.xact_start_text
    return (
        remark(
            "PostgreSQL resolves it after deadlock_timeout, with an arbitrary victim. To end it"
        ),
        remark("sooner, with the least work lost, cancel the youngest transaction."),
        cancel(session.pid, start, began),
        *advice,
    )


def _logged(snapshot: Snapshot, capture: Capture) -> LogDeadlock | None:
    """Return what the server's log says of this deadlock; None where it is not read, or silent."""
    pids = {captive.party.pid for captive in capture.captives}
    rows = snapshot.rows(server_log) if snapshot.has(server_log) else ()
    for logged in (one for row in rows for one in row.deadlocks):
        if logged.pids == pids and abs(logged.at - capture.at) <= LOGGED_WITHIN:
            return logged
    return None


def _log_facts(logged: LogDeadlock | None) -> dict[str, float | int | str | bool | None]:
    if logged is None:
        return {}
    return {"is_in_log": True, "victim_pid_in_log": logged.victim}


def _facts(name: str, captive: Captive) -> dict[str, float | int | str | bool | None]:
    return {
        **party_facts(name, captive.party),
        f"{name}_wants": row_text(captive.relation, captive.ctid) or captive.locktype,
        f"{name}_mode": captive.mode,
        f"{name}_waited_seconds": captive.waited_seconds,
        f"{name}_transaction_seconds": captive.session.xact_seconds,
    }


def _kind(captive: Captive) -> str:
    """What it waits for, where it has no name."""
    return "advisory locks" if captive.locktype == "advisory" else "rows"


def _outcome(capture: Capture, logged: LogDeadlock | None) -> str:
    if capture.victim is None:
        return f"it began {duration_text(min(c.waited_seconds for c in capture.captives))} ago"
    sure = "has" if capture.victim_is_sure else "has probably"
    confirmed = ", as its log confirms" if logged and logged.victim else ""
    return f"PostgreSQL {sure} rolled back pid {capture.victim}{confirmed}"


def _counted(snapshot: Snapshot, database: str) -> float | None:
    """Return True if the server's counter has grown; it is updated later than our query."""
    if not snapshot.has(databases):
        return None
    change = snapshot.of(COUNTS).delta(KEPT).get((database,))
    return change.increase["deadlocks"] if change else None


finding = Finding(
    title="Deadlock captured",
    severities=(Severity.critical,),
    reads=(locks, activity),
    consults=(databases, server_log),
    history=(LOCK_ORDER, COUNTS),
    limits=Limits(),
    judge=judge,
    unit="deadlocks",
    shape=Shape.event,
    scope=Reach.database,
    alerted_by=AlertedBy.subject,
    linger=KEPT,
)
