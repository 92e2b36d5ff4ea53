"""Fewer synchronous standbys than commits wait for: they hang until one is back."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from alerts._base import Evidence, Finding, Outcome, Severity
from alerts.cure import ACTIVITY, equals, literal, remark
from alerts.limits import FIXED, BaseLimits
from alerts.plural import plural
from alerts.replication.leftovers import without_leftovers
from alerts.replication.role_changes import ROLES, since_promotion
from alerts.replication.synchronous import Rule, rule_of
from alerts.replication.watched import own_cluster_name
from alerts.setting_owner import change
from alerts.snapshot import Snapshot
from alerts.units import Duration, duration_text
from collectors._base import Role
from collectors.activity import Session, activity
from collectors.replication import Receiver, replication
from collectors.settings import settings
from collectors.wal_position import wal_position

CONFIRMED = ("sync", "quorum")
UNSYNCHRONOUS = ("off", "local")
"""Values of synchronous_commit with which a commit waits for no standby."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    slow: Annotated[Duration, FIXED] = timedelta(seconds=30)
    """Time that a commit waits for a standby which is connected, from which that hangs."""
    promoted: Annotated[Duration, FIXED] = timedelta(seconds=60)
    """After the promotion of a server it is only a warning for that long: in a switchover the old
    primary comes back as its standby."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    rule = rule_of(_text(snapshot, "synchronous_standby_names"))
    if rule is None:
        return
    receivers = without_leftovers(snapshot.rows(replication))
    confirming = [row for row in receivers if row.sync_state in CONFIRMED]
    waiting = [s for s in snapshot.rows(activity) if s.wait_event == "SyncRep"]
    longest = max((s.query_seconds or 0.0 for s in waiting), default=0.0)
    if len(confirming) < rule.number:
        waits = _text(snapshot, "synchronous_commit") not in UNSYNCHRONOUS or bool(waiting)
        severity = _gravity(snapshot, limits) if waits else Severity.info
        yield evidence(snapshot, rule, receivers, waiting, severity, longest)
    elif waiting and longest >= limits.slow.total_seconds():
        yield evidence(snapshot, rule, receivers, waiting, Severity.critical, longest)


def _gravity(snapshot: Snapshot, limits: Limits) -> Severity:
    since = since_promotion(snapshot)
    is_new = since is not None and since < limits.promoted.total_seconds()
    return Severity.warning if is_new else Severity.critical


def _text(snapshot: Snapshot, name: str) -> str:
    row = snapshot.answer(settings).by("name").get(name)
    return (row.setting or "") if row else ""


def evidence(
    snapshot: Snapshot,
    rule: Rule,
    receivers: Sequence[Receiver],
    waiting: Sequence[Session],
    severity: Severity,
    longest: float,
) -> Evidence:
    present = [row.name for row in receivers if row.sync_state in CONFIRMED]
    itself = own_cluster_name(snapshot) or ""  # it would be one of them as a standby
    absent = rule.absent([itself, *(row.application_name or "" for row in receivers)])
    lost = _leftover(snapshot)
    return Evidence(
        subject=snapshot.node.server,
        severity=severity,
        value=len(waiting),
        message=(
            f"{_state(rule, present, lost)}{_missing(absent)};"
            f" {_effect(waiting, longest, severity)}."
        ),
        facts={
            "required": rule.number,
            "present": len(present),
            "confirming": ", ".join(present) or None,
            "missing": ", ".join(absent) or None,
            "waiting_sessions": len(waiting),
            "longest_wait_seconds": longest,
            "synchronous_standby_names": rule.text,
            "lost_walsender_pid": lost.pid if lost else None,
        },
        cure=(*(ending(lost.pid) if lost else ()), *steps(snapshot, absent)),
        check=(
            "SELECT pid, usename, application_name, query_start, query"
            f" FROM {ACTIVITY} WHERE {equals('wait_event', literal('SyncRep'))};"
        ),
    )


def _leftover(snapshot: Snapshot) -> Receiver | None:
    """Return a lost connection that counts before the new one of the same standby."""
    rows = snapshot.rows(replication)
    there = {row.pid for row in without_leftovers(rows)}
    lost = (row for row in rows if row.sync_state in CONFIRMED and row.pid not in there)
    return next(lost, None)


def _state(rule: Rule, present: Sequence[str], lost: Receiver | None) -> str:
    if lost and len(present) < rule.number:
        return (
            f"Commits wait for the walsender {lost.pid} of a lost connection of {lost.name}, which"
            " has connected again"
        )
    if len(present) >= rule.number:
        return f"The synchronous standby {', '.join(present)} is connected but does not confirm"
    needed = plural(rule.number, "synchronous standby", "synchronous standbys")
    there = (
        f"{len(present)} are there" if len(present) > 1 else f"{len(present) or 'none'} is there"
    )
    return f"Commits need {needed}, {there}"


def _missing(absent: Sequence[str]) -> str:
    return f" (missing: {', '.join(absent)})" if absent else ""


def _effect(waiting: Sequence[Session], longest: float, severity: Severity) -> str:
    if waiting:
        longest_text = duration_text(longest)
        wait = "commit waits" if len(waiting) == 1 else "commits wait"
        return f"{len(waiting)} {wait} for it now, the longest for {longest_text}"
    if severity is Severity.info:
        return "synchronous_commit lets commits pass without it"
    return "the next commit that writes will wait until it is back"


def ending(pid: int) -> tuple[str, ...]:
    """Return how to end a walsender that has not noticed that its connection is lost."""
    return (
        remark("0. End the walsender of the lost connection; commits go on at once:"),
        remark(f"SELECT pg_catalog.pg_terminate_backend({pid});"),
        remark(f"   If that has no effect: is process {pid} on this server stopped (state T in"),
        remark(f"   ps)? Then run kill -CONT {pid}. Never kill -9: that restarts the server."),
    )


def steps(snapshot: Snapshot, absent: Sequence[str]) -> tuple[str, ...]:
    """Return steps as comments: to switch it off gives up what it was set up for."""
    names = ", ".join(absent) or "the standbys in synchronous_standby_names"
    return (
        remark(
            f"1. Check {names}: does it run, and does its log name a reason? Start or repair it:"
        ),
        remark("   commits go on as soon as it has caught up."),
        remark(
            "2. If that takes too long: decide whether commits may go on with fewer copies. Then"
        ),
        remark("   name other standbys, or a smaller number (FIRST 1, ANY 1), or none:"),
        *change(snapshot, "synchronous_standby_names", "'...'"),
        remark("3. Set it back once the standby is there again."),
        remark("Don't cancel or terminate the waiting sessions: their transactions are committed"),
        remark("here, and are lost if this server fails. Don't restart it: that does the same."),
    )


finding = Finding(
    title="Synchronous standby missing",
    severities=tuple(Severity),
    reads=(replication, settings, activity),
    consults=(wal_position,),
    history=(ROLES,),
    limits=Limits(),
    judge=judge,
    on=Role.primary,
    unit="sessions",
    hold=timedelta(seconds=10),
)
