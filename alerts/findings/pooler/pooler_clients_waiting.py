"""Clients wait for a server connection: all of their pool are in use."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

from alerts._base import AlertedBy, Evidence, Finding, Outcome, Severity
from alerts.cure import remark
from alerts.limits import BaseLimits
from alerts.plural import plural
from alerts.pooler.advice import IniLine, changed
from alerts.pooler.behind import sessions_of
from alerts.pooler.bottleneck import POOL, Reached, reached
from alerts.pooler.pools import KnownPool, number, pools_of
from alerts.snapshot import Snapshot
from alerts.units import Duration, duration_text
from collectors._base import Kind
from collectors.pooler_config import pooler_config
from collectors.pooler_databases import pooler_databases
from collectors.pooler_pools import pooler_pools
from collectors.pooler_servers import pooler_servers
from collectors.pooler_users import pooler_users
from collectors.pooler_version import pooler_version

IDLE = ("idle in transaction", "idle in transaction (aborted)")


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    wait: Duration = field(default=timedelta(seconds=5))
    """How long the first waiting client has waited; bursts are served within a second."""
    wait_critical: Duration = field(default=timedelta(seconds=30))
    """From this wait on it is critical: applications have given up by then."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    for pool in pools_of(snapshot):
        # Paused pools, and those without a server, are told by findings of their own.
        has_servers = pool.pool.established is None or pool.pool.established > 0
        long = pool.wait_seconds >= limits.wait.total_seconds()
        if pool.waiting and long and has_servers and not pool.is_held:
            yield evidence(snapshot, pool, limits)


def evidence(snapshot: Snapshot, pool: KnownPool, limits: Limits) -> Evidence:
    sessions = list(sessions_of(snapshot, pool.pool))
    idle = sum(session.state in IDLE for session in sessions)
    timeout = number(snapshot, "query_wait_timeout")
    is_critical = pool.wait_seconds >= limits.wait_critical.total_seconds()
    bounds = tuple(reached(snapshot, pool))
    return Evidence(
        subject=pool.name,
        severity=Severity.critical if is_critical else Severity.warning,
        value=pool.wait_seconds,
        message=(
            f"{plural(pool.waiting, 'client')} of pool {pool.name}"
            f" {'waits' if pool.waiting == 1 else 'wait'} for a server connection, the first for"
            f" {duration_text(pool.wait_seconds)}: {_state(pool, bounds)}."
        ),
        facts={
            "waiting_clients": pool.waiting,
            "wait_seconds": pool.wait_seconds,
            "server_connections": pool.pool.established,
            "active_connections": pool.pool.sv_active,
            "pool_size": pool.size,
            "idle_in_transaction": idle if sessions else None,
            # 0: they wait for ever.
            **({"dropped_after_seconds": timeout} if timeout else {}),
            "pool_mode": pool.pool.pool_mode,
        },
        cure=(*_holders(pool, idle), *_larger(pool, bounds)),
        check="",
    )


def _state(pool: KnownPool, bounds: tuple[Reached, ...]) -> str:
    """Say how many connections are in use, and of which limit."""
    size = "its server connections" if pool.size is None else plural(pool.size, "connection")
    active = pool.pool.sv_active or 0
    used = f"{active} of {size} {'is' if pool.size == active == 1 else 'are'} in use"
    others = [one for one in bounds if one.line.setting not in (POOL, "pool_size")]
    if others:
        narrow = others[0]
        return f"{used}, and {narrow.sentence}"
    is_known = pool.size is not None and pool.pool.established is not None
    return f"{used}, and it gets no more" if is_known and not bounds else used


def _holders(pool: KnownPool, idle: int) -> Iterator[str]:
    if idle:
        yield remark(
            f"First: {plural(idle, 'transaction')} of this pool on the server"
            f" {'does' if idle == 1 else 'do'} nothing and still"
            f" {'holds' if idle == 1 else 'hold'} a connection; see the finding"
            " idle_in_transaction there."
        )
    elif pool.pool.pool_mode == "session":
        yield remark("In session mode a client holds its connection until it disconnects: see the")
        yield remark("finding pooler_session_mode.")
    else:
        yield remark("First see what transactions of this pool wait for on the server: locks and")
        yield remark("slow queries fill any pool, and a larger one makes those worse.")


def _larger(pool: KnownPool, bounds: tuple[Reached, ...]) -> Iterator[str]:
    if pool.size is None:
        return
    if not bounds:
        yield remark("Its size is not what limits it: see whether logins to the server are slow or")
        yield remark(f"fail (pooler_login_failures), and what [users] says of {pool.pool.user}.")
        return
    yield remark("If the server has free CPU and slots (`pgvigil pool` calculates the size):")
    more = max(1, min(pool.waiting, pool.size // 2))
    yield from changed((one.line, one.allowed + more) for one in bounds)
    if any(one.line == IniLine(POOL) for one in bounds):
        yield remark(
            f"A pool_size of its own in [databases] counts before it: {pool.pool.database}."
        )


finding = Finding(
    title="Clients wait for the pool",
    severities=(Severity.warning, Severity.critical),
    reads=(pooler_pools,),
    consults=(pooler_databases, pooler_users, pooler_config, pooler_servers, pooler_version),
    limits=Limits(),
    judge=judge,
    of=Kind.pgbouncer,
    alerted_by=AlertedBy.subject,
    unit="seconds",
)
