"""A transaction whose client is silent keeps its locks, and holds back vacuum."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from alerts._base import AlertedBy, Evidence, Finding, Outcome, Reach, Severity
from alerts.client_name import client_text, session_name
from alerts.connections import client_sessions, untold
from alerts.cure import ACTIVITY, remark, session_guard, since, terminate
from alerts.limits import BaseLimits
from alerts.locks.graph import LockGraph
from alerts.long_work import is_tool
from alerts.plural import plural
from alerts.pooler.pooled import Pooled
from alerts.query_text import normalised
from alerts.snapshot import Snapshot
from alerts.units import Duration, duration_text
from collectors.activity import Session, activity
from collectors.locks import locks
from collectors.pooled_sessions import pooled_sessions


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    silent: Duration = timedelta(minutes=5)
    """Silence of a client inside a transaction from which it is reported."""
    silent_critical: Duration = timedelta(minutes=15)
    """Silence from which it is critical."""
    silent_harmful: Duration = timedelta(minutes=1)
    """Silence from which it is reported, if others wait for it or it holds back vacuum."""
    horizon: int = 100_000
    """Transactions since the oldest row version that it may need, from which it counts as holding
    back vacuum."""


@dataclass(frozen=True, slots=True)
class Harm:
    """Effects of the silent session on others."""

    victims: int
    holds_horizon: bool


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    shortest = min(limits.silent, limits.silent_harmful).total_seconds()
    quiet = [s for s in snapshot.rows(activity) if is_idle_in_transaction(s)]
    quiet = [s for s in quiet if (s.state_seconds or 0.0) >= shortest]
    quiet = [s for s in quiet if not is_led(s, snapshot.rows(activity))] if quiet else []
    yield from untold(s for s in client_sessions(snapshot.rows(activity)) if not s.is_self)
    waits = LockGraph.of(snapshot.rows(locks) if quiet and snapshot.has(locks) else ())
    for session in quiet:
        harm = Harm(len(waits.victims_of(session.pid)), (session.xmin_age or 0) >= limits.horizon)
        harmful = harm.victims > 0 or harm.holds_horizon
        limit = min(limits.silent, limits.silent_harmful) if harmful else limits.silent
        if (session.state_seconds or 0.0) >= limit.total_seconds():
            yield evidence(session, harm, limits, Pooled.among(snapshot, [session]))


def is_idle_in_transaction(session: Session) -> bool:
    return (session.state or "").startswith("idle in transaction")


def is_led(session: Session, others: Iterable[Session]) -> bool:
    """Whether it is the leader of a tool whose other sessions work, such as pg_dump --jobs: it only
    keeps the snapshot that they share."""
    if not is_tool(session):
        return False
    ours = session.datname, session.usename, session.application_name
    return any(
        other.state == "active" and (other.datname, other.usename, other.application_name) == ours
        for other in others
    )


def evidence(session: Session, harm: Harm, limits: Limits, pooled: Pooled) -> Evidence:
    silent, open_for = session.state_seconds or 0.0, session.xact_seconds or 0.0
    critical = silent >= limits.silent_critical.total_seconds()
    who = session_name(session.usename, session.application_name)
    start = session.backend_start_text or ""
    return Evidence(
        subject=f"{session.datname}: {who}, pid {session.pid}",
        severity=Severity.critical if critical else Severity.warning,
        value=silent,
        message=(
            f"{who} in {session.datname} has been silent for {duration_text(silent)}"
            f" inside a transaction open for {duration_text(open_for)}{_cost(session, harm)}."
            f"{pooled.sentence()}"
        ),
        facts={
            "pid": session.pid,
            "user": session.usename,
            "application": session.application_name,
            "client": client_text(session.client_addr),
            "state": session.state,
            "silent_seconds": silent,
            "transaction_seconds": open_for,
            "query_id": None if session.query_id is None else str(session.query_id),
            "last_statement": normalised(session.query),
            "wrote": session.has_xid,
            "waiting_sessions": harm.victims,
            "horizon_age_transactions": session.xmin_age,
            **({"pool": pooled.largest[0]} if pooled.largest else {}),
        },
        cure=(
            remark("Ask its owner first: the work of this transaction is rolled back."),
            remark("Cancelling has no effect on an idle session; it can only be terminated."),
            terminate(session.pid, start, session.xact_start_text),
        ),
        check=(
            f"SELECT pid, state, {since('state_change')} AS silent, {since('xact_start')} AS open"
            f" FROM {ACTIVITY} WHERE {session_guard(session.pid, start, None)};"
        ),
        key=session.key,
        database=session.datname,
        culprit=session.key,
    )


def _cost(session: Session, harm: Harm) -> str:
    costs = []
    if harm.victims:
        costs.append(f"{harm.victims} session{'s wait' if harm.victims > 1 else ' waits'} for it")
    if harm.holds_horizon:
        costs.append(f"it holds back vacuum by {plural(session.xmin_age or 0, 'transaction')}")
    return "; " + " and ".join(costs) if costs else ""


finding = Finding(
    title="Idle in transaction",
    severities=(Severity.warning, Severity.critical),
    reads=(activity,),
    consults=(locks, pooled_sessions),
    limits=Limits(),
    judge=judge,
    unit="seconds",
    scope=Reach.database,
    alerted_by=AlertedBy.subject,
    outlives_restart=False,
)
