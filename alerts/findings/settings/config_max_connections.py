"""Hundreds of sessions are open, and nearly all of them do nothing: a pooler is missing."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from typing import Annotated

from alerts._base import Evidence, Finding, FindingKind, Outcome, Severity
from alerts.cure import ACTIVITY, remark
from alerts.findings.settings._rows import by_name, hidden
from alerts.limits import FIXED, BaseLimits, Slack
from alerts.setting_owner import change
from alerts.snapshot import Snapshot
from alerts.units import Share, share_text
from collectors.session_counts import session_counts
from collectors.settings import settings

UNTOLD = "disabled"
ROOM = 2
"""Sessions of the pools that are advised, as a multiple of those that are busy."""
LEAST = 200
"""The limit that is advised for small pools; for others there are some slots beside them."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    allowed: Annotated[int, FIXED] = 500
    """max_connections from which it was raised instead of a pooler."""
    sessions: Annotated[int, Slack(0.8)] = 300
    """Sessions of clients that are open now."""
    active: Annotated[Share, Slack(1.5)] = 0.1
    """Share of them that are in a transaction."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    own = by_name(snapshot).get("max_connections")
    yield from hidden(own)
    if own is None or own.number is None or own.number < limits.allowed:
        return
    states = Counter(row.state for row in snapshot.rows(session_counts) if row.is_client)
    count, idle = states.total(), states["idle"]
    if count >= limits.sessions and not states[UNTOLD] and count - idle <= limits.active * count:
        yield evidence(snapshot, int(own.number), count, count - idle)


def evidence(snapshot: Snapshot, allowed: int, count: int, busy: int) -> Evidence:
    pools = max(20, ROOM * busy)
    enough = max(LEAST, 100 * ceil(1.2 * pools / 100))
    return Evidence(
        subject="max_connections",
        severity=Severity.info,
        value=count,
        message=(
            f"{count:,} sessions are open (max_connections is {allowed:,}), and {busy:,} of them"
            f" ({share_text(busy / count)}) are in a transaction: each idle one keeps its memory,"
            " and each snapshot of a transaction looks at all of them."
        ),
        facts={"sessions": count, "busy_sessions": busy, "max_connections": allowed},
        cure=(
            remark(
                "1. Put a pooler in transaction mode between applications and server, with pools of"
                f" about {pools} sessions in all; or make the pools of the"
                " applications smaller."
            ),
            remark(
                "2. When the sessions are gone, lower the limit, on the primary before its"
                " standbys: one whose limit is lower than the primary's does not start."
            ),
            *change(snapshot, "max_connections", str(enough)),
        ),
        check=(
            f"SELECT state, usename, pg_catalog.count(*) FROM {ACTIVITY}"
            " WHERE backend_type OPERATOR(pg_catalog.=) 'client backend' GROUP BY state, usename;"
        ),
    )


finding = Finding(
    title="Very many idle connections",
    severities=(Severity.info,),
    reads=(settings, session_counts),
    limits=Limits(),
    judge=judge,
    unit="sessions",
    kind=FindingKind.review,
    hold=timedelta(hours=1),
)
