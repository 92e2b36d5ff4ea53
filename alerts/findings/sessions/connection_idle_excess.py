"""Most connections in use have been idle for long: pools are larger than what they are used for."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from alerts._base import Evidence, Finding, FindingKind, Outcome, Severity
from alerts.client_name import session_name
from alerts.connections import untold, usable_slots
from alerts.cure import ACTIVITY, equals, literal, remark, since
from alerts.limits import FIXED, BaseLimits
from alerts.pooler.pooled import Pooled
from alerts.snapshot import Snapshot
from alerts.units import Duration, Share, duration_text, share_text
from collectors.activity import UNTOLD
from collectors.pooled_sessions import pooled_sessions
from collectors.session_counts import CountedSession, session_counts
from collectors.settings import settings


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    idle: Annotated[Duration, FIXED] = timedelta(minutes=10)
    """Idle time from which a session counts; a busy pool uses each of its sessions sooner."""
    share: Share = 0.5
    """Share of the connections in use that are idle for so long."""
    taken: Share = 0.6
    """Share of the available connections that are in use; below it there is room for all."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    clients = [row for row in snapshot.rows(session_counts) if row.is_client]
    slots = usable_slots(snapshot)
    least = limits.idle.total_seconds()
    idle = [row for row in clients if row.state == "idle" and (row.state_seconds or 0.0) >= least]
    hidden = [row for row in clients if row.state == UNTOLD]
    if len(clients) < limits.taken * slots:
        return
    if len(idle) >= limits.share * len(clients):
        yield evidence(clients, idle, slots, limits, Pooled.among(snapshot, idle))
    elif len(idle) + len(hidden) >= limits.share * len(clients):
        yield from untold(hidden)


def evidence(
    clients: list[CountedSession],
    idle: list[CountedSession],
    slots: int,
    limits: Limits,
    pooled: Pooled,
) -> Evidence:
    groups = Counter((row.usename, row.application_name) for row in idle)
    (user, application), most = groups.most_common(1)[0]
    share = len(idle) / len(clients)
    return Evidence(
        subject="idle connections",
        severity=Severity.warning,
        value=share,
        message=(
            f"{len(idle)} of {len(clients)} connections in use ({share_text(share)}) have been idle"
            f" for {duration_text(limits.idle)} or longer, {most} of them by"
            f" {session_name(user, application)}; {slots} are available.{pooled.sentence()}"
        ),
        facts={
            "idle_connections": len(idle),
            "used_connections": len(clients),
            "limit_connections": slots,
            "largest_user": user,
            "largest_application": application,
            "largest_connections": most,
            "longest_idle_seconds": max(row.state_seconds or 0.0 for row in idle),
            **pooled.facts(),
        },
        cure=(
            remark("Make the pools of this application smaller, over all of its instances, or let"),
            remark("them close idle connections: min-idle, idle-timeout, server_idle_timeout."),
            remark("Each idle session needs 5 to 10 MB, and makes every snapshot a little slower."),
            *pooled.advice(),
        ),
        check=(
            f"SELECT usename, application_name, pg_catalog.count(*), pg_catalog.min("
            f"{since('state_change')}) FROM {ACTIVITY} WHERE {equals('state', literal('idle'))}"
            " GROUP BY 1, 2 ORDER BY 3 DESC LIMIT 10;"
        ),
    )


finding = Finding(
    title="Most connections are idle",
    severities=(Severity.warning,),
    reads=(session_counts, settings),
    consults=(pooled_sessions,),
    limits=Limits(),
    judge=judge,
    unit="share",
    kind=FindingKind.review,
    outlives_restart=False,
)
