"""A pool is in use nearly in full for minutes: the next burst waits."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from alerts._base import AlertedBy, Evidence, Finding, Outcome, Severity
from alerts.cure import remark
from alerts.limits import FIXED, BaseLimits
from alerts.pooler.advice import changed
from alerts.pooler.bottleneck import size_line
from alerts.pooler.pools import KnownPool, pools_of
from alerts.snapshot import Snapshot
from alerts.units import Share, share_text
from collectors._base import Kind
from collectors.pooler_config import pooler_config
from collectors.pooler_databases import pooler_databases
from collectors.pooler_pools import pooler_pools
from collectors.pooler_users import pooler_users


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    used: Share = 0.9
    """Share of the pool's size that is in use; beyond it clients queue at each burst."""
    smallest: Annotated[int, FIXED] = 4
    """Smaller pools are not judged: one connection more is a quarter of them."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    for pool in pools_of(snapshot):
        size, active = pool.size, pool.pool.sv_active
        if size is None or active is None or size < limits.smallest:
            continue
        if active / size >= limits.used:
            yield evidence(snapshot, pool, active, size)


def evidence(snapshot: Snapshot, pool: KnownPool, active: int, size: int) -> Evidence:
    return Evidence(
        subject=pool.name,
        severity=Severity.warning,
        value=active / size,
        message=(
            f"Pool {pool.name} is nearly used up: {active} of {size} server connections"
            f" ({share_text(active / size)}) are in use."
        ),
        facts={
            "active_connections": active,
            "pool_size": size,
            "reserve_size": pool.reserve,
            "waiting_clients": pool.waiting,
            "pool_mode": pool.pool.pool_mode,
        },
        cure=(
            remark("See what its transactions do on the server first; in session mode a client"),
            remark("holds its connection also while it does nothing (pooler_session_mode)."),
            remark("If the server has free CPU and slots (`pgvigil pool` calculates the size):"),
            *changed([(size_line(snapshot, pool), size + max(1, size // 4))]),
        ),
        check="",
    )


finding = Finding(
    title="Pool nearly used up",
    severities=(Severity.warning,),
    reads=(pooler_pools, pooler_databases),
    consults=(pooler_users, pooler_config),
    limits=Limits(),
    judge=judge,
    of=Kind.pgbouncer,
    alerted_by=AlertedBy.subject,
    unit="ratio",
    # Bursts and batches fill a pool for a minute or two, which is what it is for.
    hold=timedelta(minutes=5),
)
