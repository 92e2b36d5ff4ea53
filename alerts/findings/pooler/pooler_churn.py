"""The pooler opens connections to the server all the time instead of using them again."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from alerts._base import Evidence, Finding, FindingKind, Outcome, Severity
from alerts.cure import remark
from alerts.limits import FIXED, BaseLimits
from alerts.pooler.advice import ini
from alerts.pooler.pools import number
from alerts.snapshot import Snapshot
from collectors._base import Kind
from collectors.pooler_config import pooler_config
from collectors.pooler_servers import PoolerServer, pooler_servers

WINDOW = 60.0
"""Seconds; connections that were opened within them are counted."""
LIFETIME, IDLE = 3600, 600
"""Defaults of server_lifetime and server_idle_timeout, in seconds."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    opened: Annotated[int, FIXED] = 60
    """Connections opened within a minute that still exist: each cost the server a new process."""
    share: Annotated[float, FIXED] = 0.5
    """Share of all connections that are that young; a pool that grows once is older soon."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    rows = snapshot.rows(pooler_servers)
    young = opened_lately(rows)
    if young >= limits.opened and young >= limits.share * len(rows):
        yield evidence(snapshot, young, len(rows))


def opened_lately(rows: Iterable[PoolerServer]) -> int:
    """Count the connections of the last minute, by the pooler's own clock.

    That clock is not known: the newest request is taken for now, which counts too many only where
    nothing was asked since they were opened.
    """
    times = [(_seconds(row.connect_time), _seconds(row.request_time)) for row in rows]
    now = max((moment for pair in times for moment in pair if moment), default=0.0)
    return sum(bool(opened) and now - (opened or 0.0) < WINDOW for opened, _ in times)


def _seconds(told: str | None) -> float | None:
    try:
        # Without the zone, which is the same for all.
        return datetime.fromisoformat(" ".join((told or "").split()[:2])).timestamp()
    except ValueError:
        return None


def evidence(snapshot: Snapshot, young: int, count: int) -> Evidence:
    lifetime, idle = number(snapshot, "server_lifetime"), number(snapshot, "server_idle_timeout")
    return Evidence(
        subject="server connections",
        severity=Severity.warning,
        value=young / WINDOW,
        message=(
            f"{young} of the {count} connections to the server were opened within the last minute:"
            " for each, the server starts a process and checks a login."
        ),
        facts={
            "opened_in_a_minute": young,
            "connections": count,
            "server_lifetime_seconds": lifetime,
            "server_idle_timeout_seconds": idle,
            "min_pool_size": number(snapshot, "min_pool_size"),
        },
        cure=_cure(lifetime, idle),
        check="",
    )


def _cure(lifetime: int | None, idle: int | None) -> tuple[str, ...]:
    lines = []
    if lifetime is not None and lifetime < LIFETIME:
        lines.append(f"server_lifetime = {LIFETIME}")
    if idle is not None and 0 < idle < IDLE:
        lines.append(f"server_idle_timeout = {IDLE}")
    if lines:
        return ini(*lines)
    return (
        remark("The timeouts are not the cause: see whether the server or a firewall ends the"),
        remark("connections (the pooler's log has a reason for each that closes), or whether many"),
        remark("pairs of database and user share max_db_connections and push each other out."),
    )


finding = Finding(
    title="Churn of server connections",
    severities=(Severity.warning,),
    reads=(pooler_servers,),
    consults=(pooler_config,),
    limits=Limits(),
    judge=judge,
    of=Kind.pgbouncer,
    kind=FindingKind.review,
    # After a restart or a switch-over all connections are new.
    hold=timedelta(minutes=5),
)
