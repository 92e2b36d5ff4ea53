"""A pool needs its reserve: the regular connections were not enough for clients that waited."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from alerts._base import AlertedBy, Evidence, Finding, Outcome, Severity
from alerts.cure import remark
from alerts.limits import BaseLimits
from alerts.plural import plural
from alerts.pooler.advice import changed
from alerts.pooler.bottleneck import size_line
from alerts.pooler.pools import KnownPool, number, pools_of
from alerts.snapshot import Snapshot
from collectors._base import Kind
from collectors.pooler_config import pooler_config
from collectors.pooler_databases import pooler_databases
from collectors.pooler_pools import pooler_pools
from collectors.pooler_users import pooler_users


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    """No limits: the reserve is in use, or it is not."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    for pool in pools_of(snapshot):
        size, established = pool.size, pool.pool.established
        if size is None or established is None or not pool.reserve:
            continue
        # Idle ones are left over from a burst and are closed soon.
        if min(established, pool.pool.sv_active or 0) > size:
            yield evidence(snapshot, pool, pool.pool.sv_active or 0, size)


def evidence(snapshot: Snapshot, pool: KnownPool, active: int, size: int) -> Evidence:
    beyond = active - size
    return Evidence(
        subject=pool.name,
        severity=Severity.warning,
        value=beyond,
        message=(
            f"Pool {pool.name} uses {beyond} of the {plural(pool.reserve, 'connection')} of its"
            f" reserve, beyond its size of {size}."
        ),
        facts={
            "active_connections": active,
            "pool_size": size,
            "reserve_size": pool.reserve,
            "reserve_after_seconds": number(snapshot, "reserve_pool_timeout"),
            "waiting_clients": pool.waiting,
        },
        cure=(
            remark("The reserve opens once a client has waited for reserve_pool_timeout. See what"),
            remark("the transactions of the pool do on the server, then give it that size:"),
            *changed([(size_line(snapshot, pool), active)]),
        ),
        check="",
    )


finding = Finding(
    title="Reserve of a pool in use",
    severities=(Severity.warning,),
    reads=(pooler_pools, pooler_databases),
    consults=(pooler_users, pooler_config),
    limits=Limits(),
    judge=judge,
    of=Kind.pgbouncer,
    alerted_by=AlertedBy.subject,
    # A burst is what the reserve is for.
    hold=timedelta(minutes=2),
)
