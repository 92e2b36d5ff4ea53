"""An idle session keeps advisory locks: no other session can get them until it disconnects."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

from alerts._base import AlertedBy, Evidence, Finding, Outcome, Reach, Severity
from alerts.client_name import client_text, session_name
from alerts.connections import untold
from alerts.cure import ACTIVITY, remark, session_guard, since, terminate
from alerts.limits import BaseLimits
from alerts.plural import plural
from alerts.query_text import normalised
from alerts.snapshot import Snapshot
from alerts.units import Duration, duration_text
from collectors.advisory_locks import AdvisoryHolder, advisory_locks


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    idle: Duration = timedelta(minutes=10)
    """Time that a session with advisory locks is idle outside any transaction."""
    many: int = 10
    """Number of locks from which it is a warning: a leader election keeps one lock on purpose."""

    def relax(self) -> "Limits":
        return replace(self, idle=self.idle * 0.9, many=max(1, self.many - 2))


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    holders = snapshot.rows(advisory_locks)
    yield from untold(holders)
    for holder in holders:
        # Without a transaction, they can only be session-level locks.
        at_rest = holder.state == "idle" and not holder.in_transaction
        if at_rest and (holder.state_seconds or 0.0) >= limits.idle.total_seconds():
            leaks = holder.locks >= limits.many
            yield evidence(holder, Severity.warning if leaks else Severity.info)


def evidence(holder: AdvisoryHolder, severity: Severity) -> Evidence:
    who = session_name(holder.usename, holder.application_name)
    start, idle = holder.backend_start_text or "", holder.state_seconds or 0.0
    number = plural(holder.locks, "advisory lock")
    return Evidence(
        subject=f"{holder.datname}: {who}, key {holder.some_key}",
        severity=severity,
        value=holder.locks,
        message=(
            f"{who} in {holder.datname} has been idle for {duration_text(idle)} and holds"
            f" {number}, such as key {holder.some_key}."
        ),
        facts={
            "pid": holder.pid,
            "user": holder.usename,
            "application": holder.application_name,
            "client": client_text(holder.client_addr),
            "advisory_locks": holder.locks,
            "some_key": holder.some_key,
            "idle_seconds": idle,
            "last_statement": normalised(holder.query),
        },
        cure=(
            remark("Only the session can unlock; from outside you can only terminate it. Ask its"),
            remark("owner first: in a leader election, the lock is held on purpose."),
            terminate(holder.pid, start, None),
        ),
        check=(
            f"SELECT pid, state, {since('state_change')} AS idle FROM {ACTIVITY}"
            f" WHERE {session_guard(holder.pid, start, None)};"
        ),
        key=f"{holder.pid}@{start}",
        database=holder.datname,
    )


finding = Finding(
    title="Advisory locks kept by idle sessions",
    severities=(Severity.info, Severity.warning),
    reads=(advisory_locks,),
    limits=Limits(),
    judge=judge,
    unit="locks",
    scope=Reach.database,
    alerted_by=AlertedBy.subject,
    outlives_restart=False,
)
